import { useCallback, useEffect } from "react";
import { spanSeconds } from "@/components/chart/bar-series";
import type { PriceChart } from "@/components/chart/price-chart";
import { useOnChange } from "@/hooks/use-channel";
import { fetchChartPage } from "@/lib/api/queries";
import { toSeconds } from "@/lib/time/clock";
import { useBars } from "@/stores/live/stores";
import type { Timeframe } from "@/types/api";
import { STUDY_NAMES } from "./use-chart-data";

const TAIL_EVERY_MS = 2_500;
const TAIL_LEAST = 50;
const TAIL_MOST = 5_000;

/** As many bars as closed since the newest known figures, and a few to overlap. */
function tailLimit(newestValueAt: number, span: number): number {
  const times = Object.keys(useBars.getState().rows).map(toSeconds);
  const newest = times.reduce((most, time) => Math.max(most, time), newestValueAt);
  const missing = Math.ceil((newest - newestValueAt) / span);
  return Math.min(TAIL_MOST, TAIL_LEAST + missing);
}

function refreshTail(
  chart: React.RefObject<PriceChart | null>,
  instrumentId: string,
  timeframe: Timeframe,
): void {
  const shown = chart.current;
  if (!shown || shown.newestValueAt === 0) return;
  const range = { limit: tailLimit(shown.newestValueAt, spanSeconds(timeframe)) };
  void fetchChartPage(instrumentId, timeframe, range, STUDY_NAMES).then(
    (page) => {
      // The chart may have been replaced while the answer was on its way.
      if (chart.current !== shown) return;
      shown.append(page.bars);
      shown.appendValues(page.indicators);
    },
    // The next change asks again; the link state already tells that the server is away.
    () => undefined,
  );
}

/**
 * Closed bars go straight from the store to the chart. Indicators are the server's figures, so a
 * short tail is fetched now and then; it also fills what a lost connection left out.
 */
export function useLiveBars(
  chart: React.RefObject<PriceChart | null>,
  channel: string,
  instrumentId: string,
  timeframe: Timeframe,
): void {
  useEffect(() => {
    const push = (): void => {
      const last = chart.current?.lastOpenedAt ?? 0;
      if (last === 0) return;
      const rows = Object.values(useBars.getState().rows);
      chart.current?.append(rows.filter((bar) => toSeconds(bar.opened_at) > last));
    };
    push();
    return useBars.subscribe(push);
  }, [chart, channel]);

  const fetchTail = useCallback(() => {
    refreshTail(chart, instrumentId, timeframe);
  }, [chart, instrumentId, timeframe]);
  useOnChange([channel], TAIL_EVERY_MS, fetchTail);
}
