import { toSeconds } from "@/lib/time/clock";
import type { Bar, IndicatorValues, Timeframe } from "@/types/api";
import type { Gap } from "./gaps-primitive";

const SPANS: Readonly<Record<Timeframe, number>> = {
  "15m": 900,
  "1h": 3_600,
  "4h": 14_400,
  "1d": 86_400,
};

export const spanSeconds = (timeframe: Timeframe): number => SPANS[timeframe];

/** Index of the last bar opened at or before `time`; -1 when there is none. */
export function barIndexAt(openedAt: readonly number[], time: number): number {
  let low = 0;
  let high = openedAt.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((openedAt[middle] ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Bars in time order, each time once, whatever order they arrive in. Appending is cheap. */
export class BarSeries {
  bars: Bar[] = [];
  openedAt: number[] = [];
  gaps: Gap[] = [];

  constructor(readonly span: number) {}

  get last(): number {
    return this.openedAt.at(-1) ?? 0;
  }

  /** The bar opened at exactly `time`. */
  at(time: number): Bar | null {
    const index = barIndexAt(this.openedAt, time);
    return this.openedAt[index] === time ? (this.bars[index] ?? null) : null;
  }

  /** The opening time of the bar that spans `time`; null in a gap or outside the series. */
  covering(time: number): number | null {
    const opened = this.openedAt[barIndexAt(this.openedAt, time)];
    return opened !== undefined && time < opened + this.span ? opened : null;
  }

  /** Returns the new tail when all new bars are later than the last, null after a merge. */
  add(incoming: readonly Bar[]): Bar[] | null {
    const fresh = incoming.filter((bar) => this.at(toSeconds(bar.opened_at)) === null);
    if (fresh.some((bar) => toSeconds(bar.opened_at) < this.last)) {
      this.replace([...this.bars, ...fresh]);
      return null;
    }
    const tail = [...fresh].sort((left, right) => (left.opened_at < right.opened_at ? -1 : 1));
    for (const bar of tail) this.push(bar);
    return tail;
  }

  private replace(bars: readonly Bar[]): void {
    const ordered = [...bars].sort((left, right) => (left.opened_at < right.opened_at ? -1 : 1));
    this.bars = [];
    this.openedAt = [];
    this.gaps = [];
    for (const bar of ordered) this.push(bar);
  }

  private push(bar: Bar): void {
    const time = toSeconds(bar.opened_at);
    if (time === this.last) return;
    this.bars.push(bar);
    this.openedAt.push(time);
    if (bar.missing === 0 && !bar.flags.includes("after_gap")) return;
    this.gaps.push({ time, label: bar.missing > 0 ? `gap ${bar.missing}` : "gap" });
  }
}

/** Indicator values by opening time; a null (still warming up) is kept as a hole. */
export type Values = Map<number, Readonly<Record<string, number | null>>>;

/** Returns the times that were not known before, in the order of the page. */
export function addValues(into: Values, page: IndicatorValues): number[] {
  const names = Object.keys(page.values);
  const fresh: number[] = [];
  page.opened_at.forEach((text, index) => {
    const time = toSeconds(text);
    const row = names.map((name) => [name, page.values[name]?.[index] ?? null] as const);
    if (!into.has(time)) fresh.push(time);
    into.set(time, Object.fromEntries(row));
  });
  return fresh;
}
