// Debian's Chromium driven by playwright-core: launch, console watch, axe, screenshots.
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/** The browser to use; null when there is none (the caller says so and skips or fails). */
export function findChromium() {
    const wanted = process.env.CHROMIUM;
    if (wanted) return existsSync(wanted) ? wanted : null;
    return CANDIDATES.find((path) => existsSync(path)) ?? null;
}

/** One page in a fresh profile; `problems` gathers console errors, crashes, foreign requests. */
export async function openBrowser(executablePath, baseUrl) {
    const profile = await mkdtemp(join(tmpdir(), "ats-e2e-"));
    const context = await chromium.launchPersistentContext(profile, {
        executablePath,
        args: ARGS,
        viewport: WIDE,
        colorScheme: "dark",
        bypassCSP: false,
    });
    const page = context.pages()[0] ?? (await context.newPage());
    const problems = [];
    const host = new URL(baseUrl).host;
    page.on("console", (message) => {
        if (message.type() === "error") problems.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
    page.on("request", (request) => {
        const url = new URL(request.url());
        if (url.protocol.startsWith("http") && url.host !== host) {
            problems.push(`foreign request: ${request.url()}`);
        }
    });
    return {
        page,
        problems,
        close: async () => {
            await context.close();
            await rm(profile, { recursive: true, force: true });
        },
    };
}

const axeSource = () =>
    readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Violations of the page as it stands, as short lines with their impact. */
export async function runAxe(page) {
    // Evaluated by the debugger protocol, which the page's content policy does not govern.
    await page.evaluate(`${await axeSource()}; undefined`);
    const found = await page.evaluate(() =>
        globalThis.axe.run(document, {
            runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        }),
    );
    return found.violations.map((item) => ({
        impact: item.impact ?? "minor",
        rule: item.id,
        nodes: item.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`),
    }));
}

export const isSerious = (violation) =>
    violation.impact === "serious" || violation.impact === "critical";

/** True when the page itself scrolls sideways at its present width. */
export const scrollsSideways = (page) =>
    page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1,
    );
