import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

// Layers, upper imports lower: app > pages > components > hooks > stores > lib > types.
const LAYERS = ["app", "pages", "components", "hooks", "stores", "lib", "utils", "types"];

const relative = {
    group: ["../*"],
    message: "Import other folders by @/…, so that the layer rules can see them.",
};

const layerRule = (layer) => {
    const above = LAYERS.slice(0, LAYERS.indexOf(layer)).map((name) => `@/${name}/**`);
    const patterns = [relative];
    if (above.length > 0) {
        patterns.push({ group: above, message: `${layer}/ may not import an upper layer.` });
    }
    return {
        files: [`src/${layer}/**/*.{ts,tsx}`],
        rules: { "no-restricted-imports": ["error", { patterns }] },
    };
};

const pageRule = (page, pages) => ({
    files: [`src/pages/${page}/**/*.{ts,tsx}`],
    rules: {
        "no-restricted-imports": [
            "error",
            {
                patterns: [
                    relative,
                    { group: ["@/app/**"], message: "pages/ may not import app/." },
                    {
                        group: pages
                            .filter((name) => name !== page)
                            .map((name) => `@/pages/${name}/**`),
                        message: "A page may not import another page.",
                    },
                ],
            },
        ],
    },
});

const PAGES = ["login", "overview", "charts", "decisions"];

const restricted = (name, message) => ({ selector: name, message });
const clock = restricted(
    "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    "Read the clock through lib/time.",
);
const formatting = ["toFixed", "toLocaleString", "toPrecision"].map((name) =>
    restricted(`CallExpression[callee.property.name='${name}']`, "Format through lib/format."),
);
const html = restricted(
    "JSXAttribute[name.name='dangerouslySetInnerHTML']",
    "Model text and server text are rendered as text.",
);

export default ts.config(
    { ignores: ["dist", "node_modules", "src/types/generated"] },
    js.configs.recommended,
    ...ts.configs.strict,
    ...ts.configs.stylistic,
    {
        files: ["src/**/*.{ts,tsx}"],
        plugins: { "react-hooks": hooks, "jsx-a11y": a11y },
        languageOptions: { globals: globals.browser },
        rules: {
            ...hooks.configs.recommended.rules,
            ...a11y.flatConfigs.strict.rules,
            complexity: ["error", 12],
            "max-lines": ["error", 400],
            "max-depth": ["error", 3],
            "max-params": ["error", 6],
            "no-console": "error",
            "no-restricted-syntax": ["error", clock, ...formatting, html],
            "@typescript-eslint/consistent-type-imports": "error",
        },
    },
    {
        files: ["src/lib/time/**"],
        rules: { "no-restricted-syntax": ["error", ...formatting, html] },
    },
    { files: ["src/lib/format/**"], rules: { "no-restricted-syntax": ["error", clock, html] } },
    { files: ["src/**/*.tsx"], rules: { "max-lines": ["error", 300] } },
    ...LAYERS.map(layerRule),
    ...PAGES.map((page) => pageRule(page, PAGES)),
    {
        files: ["**/*.{mjs,js}", "build/**", "vite.config.ts"],
        languageOptions: { globals: { ...globals.node, ...globals.browser } },
    },
    { files: ["tests/**"], languageOptions: { globals: { ...globals.browser, ...globals.node } } },
);
