import * as Tabs from "@radix-ui/react-tabs";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { GROUPS, type StudyGroup } from "@/components/chart/studies";
import { DecisionView } from "@/components/decision/decision-view";
import { Dialog } from "@/components/ui/dialog";
import { Empty, ErrorNotice, Skeleton } from "@/components/ui/states";
import { useHotkeys } from "@/hooks/use-hotkeys";
import { useTitle } from "@/hooks/use-title";
import { instrumentsQuery } from "@/lib/api/queries";
import type { Timeframe } from "@/types/api";
import { ChartTable } from "./chart-table";
import { ChartToolbar } from "./chart-toolbar";
import { type ChartSearch, TIMEFRAMES } from "./chart-search";
import styles from "./charts.module.css";
import PriceView from "./price-view";
import { useChartData } from "./use-chart-data";

const route = getRouteApi("/app/charts/$instrument");
const DEFAULT_SCALE = 2;
const CHART_HEIGHT = 620;

export default function ChartsPage() {
  const { instrument } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  useTitle(instrument);

  const change = (patch: Partial<ChartSearch>): void => {
    void navigate({ search: (before) => ({ ...before, ...patch }), replace: true });
  };
  useHotkeys(
    Object.fromEntries(
      TIMEFRAMES.map((tf, index) => [
        String(index + 1),
        () => {
          change({ tf });
        },
      ]),
    ),
  );

  return (
    <>
      <h1 className="sr-only">Chart of {instrument}</h1>
      <Tabs.Root
        value={search.view}
        onValueChange={(view) => {
          change({ view: view === "table" ? "table" : "chart" });
        }}
        className={styles["page"]}
      >
        <ChartBody
          key={`${instrument}/${search.tf}`}
          instrumentId={instrument}
          timeframe={search.tf}
          onMark={(decision) => {
            change({ decision });
          }}
        />
      </Tabs.Root>
      {search.decision === undefined ? null : (
        <Dialog
          title="Decision"
          side="right"
          onClose={() => {
            void navigate({ search: ({ tf, view }) => ({ tf, view }), replace: true });
          }}
        >
          <DecisionView decisionId={search.decision} />
        </Dialog>
      )}
    </>
  );
}

interface BodyProps {
  instrumentId: string;
  timeframe: Timeframe;
  onMark: (decisionId: string) => void;
}

function ChartBody({ instrumentId, timeframe, onMark }: BodyProps) {
  const [groups, setGroups] = useState<ReadonlySet<StudyGroup>>(() => new Set(GROUPS));
  const instruments = useQuery(instrumentsQuery);
  const data = useChartData(instrumentId, timeframe);
  const known = instruments.data?.find((item) => item.instrument_id === instrumentId);
  const priceScale = known?.price_scale ?? DEFAULT_SCALE;
  return (
    <>
      <ChartToolbar
        instrumentId={instrumentId}
        instruments={instruments.data ?? []}
        groups={groups}
        onGroups={setGroups}
      />
      <ChartStates data={data} instrumentId={instrumentId}>
        <Tabs.Content value="chart" tabIndex={-1}>
          {instruments.isPending ? null : (
            <PriceView
              instrumentId={instrumentId}
              timeframe={timeframe}
              priceScale={priceScale}
              groups={groups}
              data={data}
              onMark={onMark}
            />
          )}
        </Tabs.Content>
        <Tabs.Content value="table" tabIndex={-1}>
          <ChartTable data={data} timeframe={timeframe} priceScale={priceScale} />
        </Tabs.Content>
      </ChartStates>
    </>
  );
}

interface StatesProps {
  data: ReturnType<typeof useChartData>;
  instrumentId: string;
  children: React.ReactNode;
}

function ChartStates({ data, instrumentId, children }: StatesProps) {
  const { chart, bars } = data;
  if (chart.isPending) return <Skeleton height={CHART_HEIGHT} label="Loading the chart" />;
  if (chart.isError && bars.length === 0) {
    return <ErrorNotice error={chart.error} onRetry={() => void chart.refetch()} />;
  }
  if (bars.length === 0) {
    return (
      <Empty
        what={`No bars of ${instrumentId} yet`}
        why="The first bar of this timeframe has not closed."
        next="Choose a lower timeframe, or wait: the chart fills by itself."
      />
    );
  }
  return (
    <>
      {chart.isError ? (
        <ErrorNotice error={chart.error} onRetry={() => void chart.refetch()} />
      ) : null}
      {children}
    </>
  );
}
