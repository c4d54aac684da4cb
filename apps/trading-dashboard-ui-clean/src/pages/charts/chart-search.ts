import type { Timeframe } from "@/types/api";

export const TIMEFRAMES: readonly Timeframe[] = ["15m", "1h", "4h", "1d"];

export interface ChartSearch {
  tf: Timeframe;
  view: "chart" | "table";
  decision?: string;
}

const isTimeframe = (value: unknown): value is Timeframe =>
  TIMEFRAMES.some((timeframe) => timeframe === value);

/** The URL is the state; anything it cannot mean falls back to the default. */
export function readChartSearch(search: Readonly<Record<string, unknown>>): ChartSearch {
  const decision = search["decision"];
  return {
    tf: isTimeframe(search["tf"]) ? search["tf"] : "15m",
    view: search["view"] === "table" ? "table" : "chart",
    ...(typeof decision === "string" ? { decision } : {}),
  };
}
