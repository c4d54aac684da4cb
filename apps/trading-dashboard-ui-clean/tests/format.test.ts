import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { add, multiply, parse, print, rescale, sign } from "@/lib/format/decimal";
import {
  age,
  analysis,
  compactMoney,
  dateTime,
  decimal,
  figure,
  MISSING,
  money,
  percent,
  quantity,
  share,
  signedMoney,
  words,
} from "@/lib/format/format";

const decimalText = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat(12))
  .map(([digits, scale]) =>
    print({ negative: digits < 0n, digits: digits < 0n ? -digits : digits, scale }),
  );

describe("decimal strings", () => {
  it("print what they parsed", () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        const parts = parse(text);
        expect(parts && print(parts)).toBe(text.replace(/^-(0(\.0+)?)$/, "$1"));
      }),
    );
  });

  it("add and multiply exactly, where floats would not", () => {
    expect(add("0.1", "0.2")).toBe("0.3");
    expect(add("123456789012345678901.00000001", "-0.00000001")).toBe(
      "123456789012345678901.00000000",
    );
    expect(multiply("-0.04196", "43557.48")).toBe("-1827.6718608");
    expect(add("1", "x")).toBeNull();
  });

  it("add in any order, and a sum less one part is the other", () => {
    fc.assert(
      fc.property(decimalText, decimalText, (left, right) => {
        const sum = add(left, right);
        expect(sum).toBe(add(right, left));
        const back = add(sum ?? "", right.startsWith("-") ? right.slice(1) : `-${right}`);
        expect(sign(add(back ?? "", left.startsWith("-") ? left.slice(1) : `-${left}`) ?? "")).toBe(
          0,
        );
      }),
    );
  });

  it.each([
    ["0.125", 2, "0.12"],
    ["0.135", 2, "0.14"],
    ["-2.5", 0, "-2"],
    ["-0.004", 2, "0.00"],
    ["1", 3, "1.000"],
  ])("rounds %s to %i places half-even: %s", (text, scale, expected) => {
    const parts = parse(text);
    expect(parts && print(rescale(parts, scale))).toBe(expected);
  });
});

describe("format", () => {
  it("groups, signs with a true minus, never loses digits", () => {
    expect(money("24318.42000000")).toBe("24,318.42");
    expect(signedMoney("182.1")).toBe("+182.10");
    expect(signedMoney("-41.77")).toBe("\u221241.77");
    expect(signedMoney("-0.001")).toBe("0.00");
    expect(decimal("123456789012345678.12345678")).toBe("123,456,789,012,345,678.12345678");
    expect(quantity("0.04200")).toBe("0.042");
    expect(quantity("1200")).toBe("1,200");
    expect(percent("0.75")).toBe("0.75\u00A0%");
    expect(compactMoney("1234567.89")).toBe("1.23\u00A0M");
    expect(compactMoney("999999.99")).toBe("999,999.99");
    expect(analysis("55.120000")).toBe("55.12");
  });

  it("shows what is missing as a dash, never as zero", () => {
    for (const shown of [money(null), money(undefined), money("abc"), percent(null), figure(NaN)]) {
      expect(shown).toBe(MISSING);
    }
    expect(dateTime("not a time")).toBe(MISSING);
    expect(age(null)).toBe(MISSING);
    expect(words(null)).toBe(MISSING);
  });

  it("formats times in UTC, whatever the machine's zone", () => {
    expect(dateTime("2021-09-27T13:45:00.000Z")).toBe("27 Sept 2021 13:45 UTC");
    expect(dateTime("2021-09-27T00:00:00.000Z")).toContain("00:00");
  });

  it("formats ages and wire words", () => {
    expect(age(400)).toBe("0.4\u00A0s");
    expect(age(42_000)).toBe("42\u00A0s");
    expect(age(600_000)).toBe("10\u00A0min");
    expect(words("no_entries")).toBe("no entries");
    expect(words("daily_drawdown_pct")).toBe("daily drawdown %");
    expect(figure(-3.456)).toBe("\u22123.46");
  });

  it("keeps bar widths inside the bar", () => {
    expect([share("-5"), share("55.5"), share("140"), share(null)]).toEqual([0, 55.5, 100, 0]);
  });
});
