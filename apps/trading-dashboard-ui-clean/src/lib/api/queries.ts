import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type {
  Bar,
  DecisionRecord,
  DecisionRow,
  EquityPoint,
  Fill,
  IndicatorValues,
  Instrument,
  OutcomeFilter,
  SignalMark,
  Timeframe,
  User,
} from "@/types/api";
import { get, withQuery } from "./request";

/** History and reference data. Live figures come by the socket, never from here too. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => get<User>("/me", signal),
  staleTime: 60_000,
  retry: false,
});

export const instrumentsQuery = queryOptions({
  queryKey: ["instruments"],
  queryFn: async ({ signal }) =>
    (await get<{ instruments: Instrument[] }>("/instruments", signal)).instruments,
  staleTime: Infinity,
});

export const equityQuery = queryOptions({
  queryKey: ["equity"],
  queryFn: async ({ signal }) =>
    (await get<{ points: EquityPoint[] }>("/portfolio/equity?limit=2000", signal)).points,
  staleTime: 60_000,
});

export interface DecisionPage {
  decisions: DecisionRow[];
  next_cursor: string | null;
}

const DECISION_PAGE = 50;

export const decisionsQuery = (outcome: OutcomeFilter) =>
  infiniteQueryOptions({
    queryKey: ["decisions", outcome],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      get<DecisionPage>(
        withQuery("/decisions", { outcome, limit: DECISION_PAGE, cursor: pageParam }),
        signal,
      ),
    getNextPageParam: (page) => page.next_cursor,
    staleTime: 5_000,
  });

export const recentCandidatesQuery = queryOptions({
  queryKey: ["decisions", "recent"],
  queryFn: async ({ signal }) =>
    (await get<DecisionPage>("/decisions?outcome=candidate&limit=12", signal)).decisions,
  staleTime: 30_000,
});

export const decisionQuery = (decisionId: string) =>
  queryOptions({
    queryKey: ["decision", decisionId],
    queryFn: ({ signal }) =>
      get<DecisionRecord>(`/decisions/${encodeURIComponent(decisionId)}`, signal),
    staleTime: 5_000,
  });

export interface ChartPage {
  bars: Bar[];
  indicators: IndicatorValues;
}

export const CHART_LIMIT = 1000;

export async function fetchChartPage(
  instrumentId: string,
  timeframe: Timeframe,
  range: { before?: string | null; limit: number },
  names: readonly string[],
  signal?: AbortSignal,
): Promise<ChartPage> {
  const common = { instrument_id: instrumentId, timeframe, ...range };
  const [bars, indicators] = await Promise.all([
    get<{ bars: Bar[] }>(withQuery("/bars", common), signal),
    get<IndicatorValues>(withQuery("/indicators", { ...common, names: names.join(",") }), signal),
  ]);
  return { bars: bars.bars, indicators };
}

export const chartQuery = (instrumentId: string, timeframe: Timeframe, names: readonly string[]) =>
  infiniteQueryOptions({
    queryKey: ["chart", instrumentId, timeframe],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      fetchChartPage(
        instrumentId,
        timeframe,
        { before: pageParam, limit: CHART_LIMIT },
        names,
        signal,
      ),
    getNextPageParam: (page) =>
      page.bars.length < CHART_LIMIT ? null : (page.bars[0]?.opened_at ?? null),
    staleTime: 3_000,
  });

export const signalsQuery = (instrumentId: string, fromAt: string) =>
  queryOptions({
    queryKey: ["signals", instrumentId, fromAt],
    queryFn: async ({ signal }) =>
      (
        await get<{ signals: SignalMark[] }>(
          withQuery("/signals", { instrument_id: instrumentId, from_at: fromAt, limit: 2000 }),
          signal,
        )
      ).signals,
  });

export const fillsQuery = (instrumentId: string, fromAt: string) =>
  queryOptions({
    queryKey: ["fills", instrumentId, fromAt],
    queryFn: async ({ signal }) =>
      (
        await get<{ fills: Fill[] }>(
          withQuery("/fills", { instrument_id: instrumentId, from_at: fromAt, limit: 2000 }),
          signal,
        )
      ).fills,
  });
