import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { STUDIES } from "@/components/chart/studies";
import { useChannel, useOnChange } from "@/hooks/use-channel";
import { chartQuery, fillsQuery, signalsQuery } from "@/lib/api/queries";
import { BARS_PREFIX, clearBars } from "@/stores/live/stores";
import type { Bar, Timeframe } from "@/types/api";

const MARKS_EVERY_MS = 4_000;
const NAMES = STUDIES.map((study) => study.output);

/** History of one chart: bars and indicators page by page, and the marks over all of them. */
export function useChartData(instrumentId: string, timeframe: Timeframe) {
  const channel = `${BARS_PREFIX}${instrumentId}.${timeframe}`;
  useChannel(channel);
  // Rows of the channel before must not be read as this one's.
  useEffect(() => clearBars, [channel]);
  const chart = useInfiniteQuery(chartQuery(instrumentId, timeframe, NAMES));
  const pages = chart.data?.pages;
  const bars = useMemo<Bar[]>(
    () => [...(pages ?? [])].reverse().flatMap((page) => page.bars),
    [pages],
  );
  const fromAt = bars[0]?.opened_at ?? "";
  const hasBars = fromAt !== "";
  const signals = useQuery({ ...signalsQuery(instrumentId, fromAt), enabled: hasBars });
  const fills = useQuery({ ...fillsQuery(instrumentId, fromAt), enabled: hasBars });

  const { refetch: refetchSignals } = signals;
  const { refetch: refetchFills } = fills;
  const refresh = useCallback(() => {
    if (!hasBars) return;
    void refetchSignals();
    void refetchFills();
  }, [hasBars, refetchSignals, refetchFills]);
  useOnChange(["decisions", "positions"], MARKS_EVERY_MS, refresh);

  return { channel, chart, pages, bars, signals: signals.data, fills: fills.data };
}

export type ChartData = ReturnType<typeof useChartData>;
export { NAMES as STUDY_NAMES };
