// src/types/generated/api.ts from the committed OpenAPI document. `--check` fails on drift.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../trading_api/openapi.json", import.meta.url);
const target = fileURLToPath(new URL("../src/types/generated/api.ts", import.meta.url));
const HEAD =
    "// Generated from apps/trading_api/openapi.json by `npm run generate`. Do not edit.\n";

const text = HEAD + astToString(await openapiTS(source, { alphabetize: true, immutable: true }));
if (process.argv.includes("--check")) {
    const known = await readFile(target, "utf8").catch(() => "");
    if (known !== text) {
        process.stderr.write("src/types/generated/api.ts is out of date; run: npm run generate\n");
        process.exit(1);
    }
} else {
    await writeFile(target, text);
}
