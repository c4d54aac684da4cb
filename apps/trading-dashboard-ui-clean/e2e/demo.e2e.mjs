// The main job seen through a real browser, against the running system.
// BASE_URL   http://127.0.0.1:PORT        LOGIN_URL  the one-time link (BASE_URL/login#token=...)
// OUT_DIR    folder for screenshots       CHROMIUM   browser to use (default: Debian's)
// Exit code: 0 all held, 1 something did not, 77 no Chromium. The last line of stdout is JSON.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
    findChromium,
    isSerious,
    NARROW,
    openBrowser,
    runAxe,
    scrollsSideways,
    WIDE,
} from "./browser.mjs";

const NO_BROWSER = 77;
const STEP_MS = 30_000;
const EQUITY_MS = Number(process.env.EQUITY_TIMEOUT_MS ?? 120_000);
const STEPS = [
    "Input",
    "Confluence",
    "Opinions",
    "Aggregate",
    "Risk verdict",
    "Orders and fills",
    "Outcome",
];

const baseUrl = process.env.BASE_URL;
const loginUrl = process.env.LOGIN_URL;
const outDir = process.env.OUT_DIR ?? "e2e-out";
if (!baseUrl || !loginUrl) {
    process.stderr.write(
        "demo.e2e: set BASE_URL and LOGIN_URL (the one-time link of ./ats demo)\n",
    );
    process.exit(1);
}
const executable = findChromium();
if (!executable) {
    process.stderr.write("demo.e2e: no Chromium; install Debian's chromium or set CHROMIUM\n");
    process.exit(NO_BROWSER);
}

await mkdir(outDir, { recursive: true });
const browser = await openBrowser(executable, baseUrl);
const { page, problems } = browser;
page.setDefaultTimeout(STEP_MS);
const failures = [];
const passed = [];
const seen = {};
const minor = new Set();

const check = (isTrue, text) => {
    if (!isTrue) throw new Error(text);
};

async function step(name, run) {
    try {
        await run();
        passed.push(name);
        process.stdout.write(`ok    ${name}\n`);
    } catch (error) {
        failures.push(`${name}: ${error.message.split("\n")[0]}`);
        process.stdout.write(`FAIL  ${name}: ${error.message}\n`);
        await page
            .screenshot({ path: join(outDir, `failed-${failures.length}.png`) })
            .catch(() => undefined);
    }
}

/** Screenshots at both widths; axe and the sideways check on each. */
async function inspect(name) {
    for (const [suffix, size] of [
        ["1440", WIDE],
        ["390", NARROW],
    ]) {
        await page.setViewportSize(size);
        await page.waitForTimeout(400);
        await page.screenshot({ path: join(outDir, `${name}-${suffix}.png`) });
        if (await scrollsSideways(page))
            failures.push(`${name} ${suffix}: the page scrolls sideways`);
        for (const item of await runAxe(page)) {
            const text = `${name} ${suffix} axe ${item.impact} ${item.rule}: ${item.nodes[0]}`;
            if (isSerious(item)) failures.push(text);
            else minor.add(text);
        }
    }
    await page.setViewportSize(WIDE);
}

const nav = (label) =>
    page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: label });
const equityText = () => page.getByTestId("equity").innerText();

/** Presses until the server has answered, by mouse. */
async function hold(button) {
    await button.hover();
    await page.mouse.down();
    await page.getByText("The server answered").waitFor();
    await page.mouse.up();
}

try {
    await step("log in by the one-time link", async () => {
        await page.goto(loginUrl);
        await page.getByTestId("equity").waitFor();
        check(new URL(page.url()).pathname === "/", `landed on ${page.url()}`);
        check(!page.url().includes("token"), "the token stayed in the address");
        await page.waitForFunction(() => document.documentElement.dataset.mode !== "unknown");
        seen.title = await page.title();
        check(
            /DEMO|PAPER|LIVE/.test(seen.title),
            `the title does not tell the mode: ${seen.title}`,
        );
        seen.llm = await page.getByTestId("llm-label").innerText();
        check(seen.llm.length > 1, "the opinion source is not labelled");
    });

    await step("equity moves while the run goes on", async () => {
        await page.waitForFunction(() =>
            /\d/.test(document.querySelector("[data-testid=equity]")?.textContent ?? ""),
        );
        const before = await equityText();
        const bars = await page.getByTestId("bars-done").innerText();
        await page.waitForFunction(
            ([oldEquity, oldBars]) => {
                const read = (id) => document.querySelector(`[data-testid=${id}]`)?.textContent;
                return read("equity") !== oldEquity && read("bars-done") !== oldBars;
            },
            [before, bars],
            { timeout: EQUITY_MS },
        );
        seen.equity = [before, await equityText()];
        await page.getByTestId("equity-chart").waitFor();
    });
    await step("overview at both widths", () => inspect("overview"));

    await step("open a chart", async () => {
        await nav("Charts").click();
        await page.getByTestId("price-chart").locator("canvas").first().waitFor();
        await page.getByRole("link", { name: "1h", exact: true }).click();
        await page.waitForURL(/tf=1h/);
        await page.getByTestId("price-chart").locator("canvas").first().waitFor();
        await page.getByRole("link", { name: "15m", exact: true }).click();
        await page.waitForURL(/tf=15m/);
        const legend = page.getByText("RSI 14").first();
        await legend.waitFor();
        await page.waitForFunction(() => /RSI 14\s*\d/.test(document.body.textContent ?? ""));
        seen.chart = await legend.innerText();
    });
    await step("chart at both widths", () => inspect("chart"));
    await step("chart as a table", async () => {
        await page.getByRole("tab", { name: "Table" }).click();
        await page.getByRole("row").nth(5).waitFor();
        await inspect("chart-table");
    });

    await step("open a decision and read why", async () => {
        await nav("Decisions").click();
        const rows = page.getByRole("list", { name: "Decisions" }).getByRole("listitem");
        await rows.first().waitFor();
        await inspect("decisions");
        await rows.first().getByRole("link").click();
        await page.waitForURL(/\/decisions\/[0-9a-f]{64}/);
        const decision = page.getByTestId("decision");
        await decision.waitFor();
        const titles = await decision.getByRole("heading", { level: 2 }).allInnerTexts();
        check(titles.join() === STEPS.join(), `the steps are ${titles.join()}`);
        const why = await decision.innerText();
        check(/add up to .* the score\./.test(why), "the contributions do not add up to the score");
        check(/Nearest flip/i.test(why), "the nearest flip is not told");
        seen.why = (await decision.locator("p").first().innerText()).replaceAll("\n", " ");
        await inspect("decision");
    });

    await step("pause", async () => {
        await page.getByRole("button", { name: "Pause", exact: true }).click();
        await page.getByRole("dialog").waitFor();
        await inspect("pause-dialog");
        await hold(page.getByRole("button", { name: "Hold to pause" }));
        await page.getByText("Confirmed by the live feed").waitFor();
        await page.getByRole("button", { name: "Done" }).click();
        await page.getByTestId("stop-chip").waitFor();
        seen.paused = await page.getByTestId("stop-chip").innerText();
    });
    await step("resume", async () => {
        await page.getByRole("button", { name: "Resume", exact: true }).click();
        const dialog = page.getByRole("dialog");
        await dialog.getByRole("button", { name: "Resume trading" }).click();
        await dialog.getByText("Confirmed by the live feed").waitFor();
        await dialog.getByRole("button", { name: "Done" }).click();
        await page.getByTestId("stop-chip").waitFor({ state: "detached" });
    });

    await step("no console error, no foreign request", async () => {
        check(problems.length === 0, problems.join(" | "));
    });
} finally {
    await browser.close();
}

for (const text of minor) process.stdout.write(`note  ${text}\n`);
for (const text of failures) process.stdout.write(`FAIL  ${text}\n`);
const isGood = failures.length === 0;
process.stdout.write(`${JSON.stringify({ ok: isGood, passed, failures, seen })}\n`);
process.exit(isGood ? 0 : 1);
