// Size gates over dist/: what a page loads before it can paint, gzip -9, from vite's manifest.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
const KB = 1024;

const gz = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

function closure(keys) {
    const seen = new Set();
    const visit = (key) => {
        if (seen.has(key)) return;
        seen.add(key);
        for (const next of manifest[key].imports ?? []) visit(next);
    };
    keys.forEach(visit);
    return [...seen];
}

const keyOf = (part) => {
    const key = Object.keys(manifest).find((name) => name.includes(part));
    if (!key) throw new Error(`size: no chunk ${part} in the manifest; build first: npm run build`);
    return key;
};

const jsOf = (keys) => keys.map((key) => manifest[key].file).filter((name) => name.endsWith(".js"));
const sum = (files) => [...new Set(files)].reduce((total, file) => total + gz(file), 0);

const entry = keyOf("index.html");
const base = closure([entry]);
const page = (...parts) => sum(jsOf(closure([entry, ...parts.map(keyOf)])));
const allJs = jsOf(Object.keys(manifest));
const library = allJs.find(
    (file) =>
        readFileSync(join(dist, file), "utf8").includes("CandlestickSeries") ||
        (gz(file) > 50 * KB && !jsOf(base).includes(file)),
);
const css = Object.values(manifest).flatMap((chunk) => [...(chunk.css ?? []), chunk.file]);
const fonts = Object.values(manifest)
    .map((chunk) => chunk.file)
    .filter((name) => name.endsWith(".woff2"));
const raw = (files) =>
    [...new Set(files)].reduce((n, file) => n + readFileSync(join(dist, file)).length, 0);

const isLazy = library !== undefined && !jsOf(base).includes(library);
const gates = [
    ["initial JS of /", page("live-shell", "overview-page"), 190],
    ["initial JS of /login", page("login-page"), 110],
    ["chart library chunk, lazy", isLazy ? gz(library) : Infinity, 75],
    ["all JS", sum(allJs), 480],
    ["CSS", sum(css.filter((name) => name.endsWith(".css"))), 18],
    ["fonts, woff2", raw(fonts), 90],
];

let isOver = false;
for (const [name, bytes, limit] of gates) {
    const fits = bytes <= limit * KB;
    isOver ||= !fits;
    const size = Number.isFinite(bytes) ? (bytes / KB).toFixed(1) : "not lazy";
    process.stdout.write(`${fits ? "ok  " : "OVER"} ${name}: ${size} KB gz of ${limit}\n`);
}
process.exit(isOver ? 1 : 0);
