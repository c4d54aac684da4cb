// Screenshots and axe of every page against the made-up system: npm run look -- OUT_DIR
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findChromium, NARROW, openBrowser, runAxe, scrollsSideways, WIDE } from "./browser.mjs";
import { startMock } from "./mock-server.mjs";

const out = process.argv[2] ?? "look";
const executable = findChromium();
if (!executable) throw new Error("no Chromium found; set CHROMIUM=/path/to/chromium");
await mkdir(out, { recursive: true });

const mock = await startMock();
const browser = await openBrowser(executable, mock.url);
const { page, problems } = browser;
let violations = 0;

async function shoot(name) {
    for (const theme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme: theme });
        for (const [suffix, size] of [
            ["1440", WIDE],
            ["390", NARROW],
        ]) {
            await page.setViewportSize(size);
            await page.waitForTimeout(500);
            const label = `${name}-${theme}-${suffix}`;
            await page.screenshot({ path: join(out, `${label}.png`) });
            if (await scrollsSideways(page)) problems.push(`${label}: the page scrolls sideways`);
            for (const item of await runAxe(page)) {
                violations += 1;
                process.stdout.write(
                    `axe ${label} ${item.impact} ${item.rule}\n  ${item.nodes.join("\n  ")}\n`,
                );
            }
        }
    }
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize(WIDE);
}

try {
    await page.goto(`${mock.url}/login`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await shoot("login");
    await page.goto(`${mock.url}/login#token=mock`);
    await page.getByTestId("equity-chart").waitFor();
    await page.waitForTimeout(1_500);
    await shoot("overview");
    await page.goto(`${mock.url}/charts`);
    await page.getByTestId("price-chart").waitFor();
    await page.waitForTimeout(1_500);
    await shoot("chart");
    await page.getByRole("tab", { name: "Table" }).click();
    await shoot("chart-table");
    await page.goto(`${mock.url}/decisions`);
    await page.getByRole("list", { name: "Decisions" }).waitFor();
    await shoot("decisions");
    await page.getByText("approved").nth(1).click();
    await page.getByTestId("decision").waitFor();
    await shoot("decision");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").waitFor();
    await shoot("pause");
    await page.keyboard.press("Escape");
    await page.goto(`${mock.url}/`);
    await page.getByTestId("equity-chart").waitFor();
    mock.freeze(true);
    await page.waitForTimeout(9_500);
    await shoot("stale");
} finally {
    await browser.close();
    mock.close();
}
process.stdout.write(`${violations} axe violations, ${problems.length} problems\n`);
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exit(violations + problems.length > 0 ? 1 : 0);
