import { describe, expect, it } from "vitest";
import { addValues, barIndexAt, BarSeries, type Values } from "@/components/chart/bar-series";
import {
  cluster,
  fillMarks,
  MAX_MARKS,
  type PlacedMark,
  signalMarks,
} from "@/components/chart/marks";
import { readChartSearch } from "@/pages/charts/chart-search";
import { readDecisionSearch } from "@/pages/decisions/decision-search";
import type { Bar, Fill } from "@/types/api";

const STEP = 15 * 60_000;
const START = Date.parse("2021-01-01T00:00:00.000Z");
const at = (index: number): string => new Date(START + index * STEP).toISOString();

const bar = (index: number, patch: Partial<Bar> = {}): Bar => ({
  opened_at: at(index),
  open: "100.00",
  high: "110.00",
  low: "90.00",
  close: "105.00",
  volume: "1",
  flags: [],
  missing: 0,
  ...patch,
});

const series = (...indexes: number[]): BarSeries => {
  const made = new BarSeries(900);
  made.add(indexes.map((index) => bar(index)));
  return made;
};

describe("bar series", () => {
  it("appends a tail and tells what is new", () => {
    const made = series(0, 1);
    expect(made.add([bar(1), bar(3), bar(2)])?.map((item) => item.opened_at)).toEqual([
      at(2),
      at(3),
    ]);
    expect(made.openedAt).toHaveLength(4);
  });

  it("merges what a lost connection left out, without a duplicate", () => {
    const made = series(0, 1, 5);
    expect(made.add([bar(1), bar(2), bar(3), bar(4), bar(5)])).toBeNull();
    expect(made.bars.map((item) => item.opened_at)).toEqual([0, 1, 2, 3, 4, 5].map(at));
  });

  it("knows its gaps", () => {
    const made = new BarSeries(900);
    made.add([bar(0), bar(4, { missing: 3 }), bar(5, { flags: ["after_gap"] })]);
    expect(made.gaps.map((gap) => gap.label)).toEqual(["gap 3", "gap"]);
  });

  it("keeps a cold value as a hole", () => {
    const values: Values = new Map();
    const page = { opened_at: [at(0), at(1)], values: { rsi_14: [null, 51.5] } };
    expect(addValues(values, page)).toHaveLength(2);
    expect(addValues(values, page)).toEqual([]);
    expect([...values.values()]).toEqual([{ rsi_14: null }, { rsi_14: 51.5 }]);
  });
});

describe("marks", () => {
  it("finds the last bar at or before a time", () => {
    expect([9, 10, 15, 20, 99].map((time) => barIndexAt([10, 20, 30], time))).toEqual([
      -1, 0, 0, 1, 2,
    ]);
  });

  it("puts a signal on the bar that closed, hollow unless approved", () => {
    const signal = {
      decision_id: "d",
      closed_at: at(2),
      direction: "long" as const,
      score: "70.000000",
      outcome: "refused" as const,
      refused_by: "exposure",
    };
    const [mark] = signalMarks(series(0, 1, 2), [signal]);
    expect(mark).toMatchObject({ time: Date.parse(at(1)) / 1000, isHollow: true, price: 90 });
    expect(mark?.label).toContain("refused by exposure");
    const [taken] = signalMarks(series(0, 1, 2), [
      { ...signal, outcome: "approved", refused_by: null },
    ]);
    expect(taken?.isHollow).toBe(false);
    expect(signalMarks(series(5), [signal])).toEqual([]);
    expect(signalMarks(series(0), [signal]), "newer than the newest bar").toEqual([]);
  });

  it("puts an entry on the bar it opened, a stop inside the bar it closed", () => {
    const fill = {
      client_order_id: "c",
      trade_id: "1",
      leg: "entry",
      order_side: "BUY",
      price: "101.00",
      market_time: at(2),
      reason: "entry",
      decision_id: "d",
    } as Fill;
    const marks = fillMarks(series(0, 1, 2), [fill, { ...fill, leg: "entry.stop" }]);
    expect(marks.map((mark) => mark.time * 1000)).toEqual([Date.parse(at(2)), Date.parse(at(1))]);
  });

  const placed = (x: number): PlacedMark => ({
    id: String(x),
    kind: "signal",
    time: x,
    price: 1,
    isUp: true,
    isHollow: false,
    decisionId: null,
    label: "",
    x,
    y: 0,
  });

  it("shows twelve marks alone and groups more, losing none", () => {
    const few = Array.from({ length: MAX_MARKS }, (_, index) => placed(index));
    expect(cluster(few, 600)).toHaveLength(MAX_MARKS);
    const many = Array.from({ length: 90 }, (_, index) => placed(index * 6));
    const groups = cluster(many, 540);
    expect(groups.length).toBeLessThanOrEqual(MAX_MARKS);
    expect(groups.flatMap((group) => group.marks)).toHaveLength(90);
  });
});

describe("the URL as state", () => {
  it("falls back where the address means nothing", () => {
    expect(readChartSearch({ tf: "7m", view: 3 })).toEqual({ tf: "15m", view: "chart" });
    expect(readChartSearch({ tf: "4h", view: "table", decision: "d" })).toEqual({
      tf: "4h",
      view: "table",
      decision: "d",
    });
    expect(readDecisionSearch({ outcome: "weird" })).toEqual({ outcome: "candidate" });
    expect(readDecisionSearch({ outcome: "refused" })).toEqual({ outcome: "refused" });
  });
});
