// @vitest-environment node
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { canonicalJson, type Json } from "@/lib/wire/canonical";
import {
  approvedOrder,
  bar,
  fill,
  instrument,
  order,
  orderEvent,
  position,
  riskDecision,
  signal,
} from "@/lib/wire/messages";

const SCHEMAS: Readonly<Record<string, v.GenericSchema>> = {
  approved_order: approvedOrder,
  bar,
  fill,
  instrument,
  order,
  order_event: orderEvent,
  position,
  risk_decision: riskDecision,
  signal,
};

const folder = new URL("../../../tests/fixtures/wire/", import.meta.url);
const fixture = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`${name}.json`, folder)), "utf8");

describe.each(Object.entries(SCHEMAS))("wire message %s", (name, schema) => {
  const text = fixture(name);
  const lines = text.trim().split("\n").slice(1, -1);

  it("is parsed and printed again byte for byte", () => {
    expect(lines.length).toBeGreaterThan(0);
    const printed = lines.map((line) => {
      const known = v.parse(schema, JSON.parse(line.replace(/,$/, ""))) as Json;
      return canonicalJson(known);
    });
    expect(`[\n${printed.join(",\n")}\n]\n`).toBe(text);
  });

  it("refuses a missing field, an unknown field and a number for a decimal", () => {
    const message = JSON.parse((lines[0] ?? "").replace(/,$/, "")) as Record<string, Json>;
    for (const key of Object.keys(message)) {
      const rest = Object.entries(message).filter(([name]) => name !== key);
      expect(v.is(schema, Object.fromEntries(rest)), `without ${key}`).toBe(false);
    }
    expect(v.is(schema, { ...message, extra: "1" })).toBe(false);
    const decimals = Object.entries(message).filter(([, value]) =>
      /^\d+\.\d+$/.test(String(value)),
    );
    for (const [key, value] of decimals) {
      expect(v.is(schema, { ...message, [key]: Number(value) }), `number in ${key}`).toBe(false);
    }
  });
});

describe("canonical JSON", () => {
  it("sorts keys at every depth and has no spaces", () => {
    expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: true })).toBe(
      '{"a":true,"b":[1,{"c":"x","d":null}]}',
    );
  });

  it("refuses a float and says what to send", () => {
    expect(() => canonicalJson({ price: 1.5 })).toThrow(/decimal string/);
  });
});
