import { useEffect } from "react";
import { useMode } from "@/stores/live/stores";

const SLUGS = { DEMO: "demo", PAPER: "paper", LIVE: "live" } as const;

/** Paints the mode on the root element and the favicon; every page inherits it. */
export function ModeFrame() {
  const label = useMode((state) => state.value?.label ?? null);
  useEffect(() => {
    const slug = label ? SLUGS[label] : "unknown";
    document.documentElement.dataset["mode"] = slug;
    document.querySelector("link[rel=icon]")?.setAttribute("href", `/favicon-${slug}.svg`);
  }, [label]);
  return null;
}
