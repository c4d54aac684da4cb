import { parseTime } from "@/lib/time/clock";
import { plotted } from "@/lib/format/format";
import type { Fill, SignalMark } from "@/types/api";
import type { BarSeries } from "./bar-series";

/** A signal or a fill at its place on the chart. */
export interface Mark {
  id: string;
  kind: "signal" | "fill";
  /** Opening time of the bar it belongs to, in seconds. */
  time: number;
  price: number;
  isUp: boolean;
  isHollow: boolean;
  decisionId: string | null;
  label: string;
}

export interface PlacedMark extends Mark {
  x: number;
  y: number;
}

export interface Cluster {
  x: number;
  y: number;
  marks: readonly PlacedMark[];
}

/** A signal is known at the close of its bar: it sits on the bar that ends then. */
export function signalMarks(series: BarSeries, signals: readonly SignalMark[]): Mark[] {
  return signals.flatMap((signal): Mark[] => {
    const time = series.covering((parseTime(signal.closed_at) - 1) / 1000);
    const bar = time === null ? null : series.at(time);
    if (time === null || !bar) return [];
    const isUp = signal.direction === "long";
    const isHollow = signal.outcome !== "approved";
    const why = signal.refused_by ? `refused by ${signal.refused_by}` : signal.outcome;
    return [
      {
        id: `signal/${signal.decision_id}`,
        kind: "signal",
        time,
        price: plotted(isUp ? bar.low : bar.high),
        isUp,
        isHollow,
        decisionId: signal.decision_id,
        label: `signal ${signal.direction}, ${why}`,
      },
    ];
  });
}

/**
 * A protective leg runs inside the bar that closes at its time; anything else runs at the open of
 * the bar that begins then.
 */
export function fillMarks(series: BarSeries, fills: readonly Fill[]): Mark[] {
  return fills.flatMap((fill): Mark[] => {
    const isProtective = fill.leg.includes(".");
    const at = parseTime(fill.market_time) - (isProtective ? 1 : 0);
    const time = series.covering(at / 1000);
    if (time === null) return [];
    return [
      {
        id: `fill/${fill.client_order_id}/${fill.trade_id}`,
        kind: "fill",
        time,
        price: plotted(fill.price),
        isUp: fill.order_side === "BUY",
        isHollow: false,
        decisionId: fill.decision_id ?? null,
        label: `${fill.order_side} ${fill.reason ?? fill.leg}`,
      },
    ];
  });
}

export const MAX_MARKS = 12;

/** Up to twelve marks stand alone; more are grouped by place, with a count. */
export function cluster(marks: readonly PlacedMark[], width: number): Cluster[] {
  if (marks.length <= MAX_MARKS) {
    return marks.map((mark) => ({ x: mark.x, y: mark.y, marks: [mark] }));
  }
  const size = Math.max(1, width / MAX_MARKS);
  const buckets = new Map<number, PlacedMark[]>();
  for (const mark of marks) {
    const slot = Math.floor(mark.x / size);
    buckets.set(slot, [...(buckets.get(slot) ?? []), mark]);
  }
  return [...buckets.values()].map((group) => {
    const middle = group[group.length >>> 1] ?? group[0];
    return { x: middle?.x ?? 0, y: middle?.y ?? 0, marks: group };
  });
}
