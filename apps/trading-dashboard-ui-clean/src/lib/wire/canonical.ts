/** Canonical JSON: keys sorted, no spaces, no floats; the bytes Rust and Python print. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Throws on a fraction: canonical messages carry decimals as strings. */
export function canonicalJson(value: Json): string {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(
        `canonical JSON has no floats, got ${String(value)}; send a decimal string`,
      );
    }
    return String(value);
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const fields = Object.keys(value)
    .sort(byCodePoint)
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${fields.join(",")}}`;
}

const isList = (value: object): value is readonly Json[] => Array.isArray(value);

const byCodePoint = (left: string, right: string): number => {
  if (left === right) return 0;
  return left < right ? -1 : 1;
};
