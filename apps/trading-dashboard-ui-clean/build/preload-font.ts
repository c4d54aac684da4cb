import type { Plugin } from "vite";

/** Asks for the one font file with the page instead of after its style sheet. */
export function preloadFont(): Plugin {
  return {
    name: "preload-font",
    apply: "build",
    transformIndexHtml(_html, context) {
      const fonts = Object.keys(context.bundle ?? {}).filter((name) => name.endsWith(".woff2"));
      return fonts.map((name) => ({
        tag: "link",
        injectTo: "head" as const,
        attrs: {
          rel: "preload",
          as: "font",
          type: "font/woff2",
          href: `/${name}`,
          crossorigin: "",
        },
      }));
    },
  };
}
