// @vitest-environment node
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const src = join(root, "src");

const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => relative(src, join(entry.parentPath, entry.name)))
  .filter((name) => !name.startsWith("types/generated"));

const textOf = (name: string): string => readFileSync(join(src, name), "utf8");

function importsOf(name: string): string[] {
  const found = textOf(name).matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from "([^"]+)";/gms);
  const folder = join(name, "..");
  return [...found].flatMap(([, target = ""]) => {
    if (!target.startsWith("@/") && !target.startsWith("./")) return [];
    const path = target.startsWith("@/") ? target.slice(2) : join(folder, target);
    return [".ts", ".tsx"].map((end) => path + end).filter((item) => files.includes(item));
  });
}

function cycleFrom(name: string, trail: readonly string[], done: Set<string>): string[] | null {
  if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
  if (done.has(name)) return null;
  for (const next of importsOf(name)) {
    const cycle = cycleFrom(next, [...trail, name], done);
    if (cycle) return cycle;
  }
  done.add(name);
  return null;
}

describe("the house", () => {
  it("has no import cycle", () => {
    const done = new Set<string>();
    for (const name of files) expect(cycleFrom(name, [], done), name).toBeNull();
    expect(done.size).toBe(files.length);
  });

  it("has no file over its cap and no barrel", () => {
    for (const name of files) {
      const hook = name.startsWith("hooks/") ? 80 : 300;
      expect(textOf(name).split("\n").length, name).toBeLessThanOrEqual(hook);
      expect(name).not.toMatch(/(^|\/)index\.tsx?$/);
    }
  });

  it("names no foreign origin but the attribution link and the SVG namespace", () => {
    const known = ["https://www.tradingview.com/"];
    for (const name of files) {
      const found = textOf(name).match(/https?:\/\/[^"'`\s]+/g) ?? [];
      expect(
        found.filter((url) => !known.includes(url)),
        name,
      ).toEqual([]);
    }
  });

  it("has types that match the committed OpenAPI document", { timeout: 120_000 }, () => {
    expect(existsSync(join(root, "../trading_api/openapi.json"))).toBe(true);
    execFileSync(process.execPath, ["scripts/generate.mjs", "--check"], { cwd: root });
  });

  it("keeps registry hosts and banned packages out of the lock file", () => {
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    expect(lock).not.toContain('"resolved"');
    for (const banned of ["axios", "moment", "@biomejs/biome", "oxlint", "msgpackr", "knip"]) {
      expect(lock).not.toContain(`"node_modules/${banned}"`);
    }
  });
});
