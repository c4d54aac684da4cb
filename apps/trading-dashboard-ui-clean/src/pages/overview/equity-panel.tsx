import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Attribution } from "@/components/chart/attribution";
import { Panel } from "@/components/ui/panel";
import { Signed } from "@/components/ui/signed";
import { Empty, ErrorNotice, Skeleton } from "@/components/ui/states";
import { equityQuery } from "@/lib/api/queries";
import { absolute } from "@/lib/format/decimal";
import { count, percent, shortTime } from "@/lib/format/format";
import { usePortfolio } from "@/stores/live/stores";
import type { EquityPoint } from "@/types/api";

const EquityView = lazy(() => import("@/components/chart/equity-view"));
const HEIGHT = 300;

export function EquityPanel() {
  const total = usePortfolio((state) => state.value?.total_return_pct ?? null);
  const drawdown = usePortfolio((state) => state.value?.max_drawdown_pct ?? null);
  return (
    <Panel
      title="Equity"
      isLive
      aside={
        <>
          <span>
            return <Signed value={total} kind="percent" />
          </span>
          <span>
            max drawdown{" "}
            <span className="num">{percent(drawdown === null ? null : absolute(drawdown))}</span>
          </span>
          <span>net of costs</span>
        </>
      }
    >
      <EquityBody />
    </Panel>
  );
}

function EquityBody() {
  const equity = useQuery(equityQuery);
  const hasLive = usePortfolio((state) => (state.value?.equity_point ?? null) !== null);
  if (equity.isPending) return <Skeleton height={HEIGHT} label="Loading equity" />;
  if (equity.isError) {
    return <ErrorNotice error={equity.error} onRetry={() => void equity.refetch()} />;
  }
  if (equity.data.length === 0 && !hasLive) {
    return (
      <Empty
        what="No equity yet"
        why="The first bar has not been decided."
        next="The curve begins with the first decision; it needs no reload."
      />
    );
  }
  return (
    <figure>
      <Suspense fallback={<Skeleton height={HEIGHT} label="Loading the chart" />}>
        <EquityView points={equity.data} height={HEIGHT} />
      </Suspense>
      <figcaption>
        <span className="sr-only">{spoken(equity.data)}</span>
        <Attribution />
      </figcaption>
    </figure>
  );
}

function spoken(points: readonly EquityPoint[]): string {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return "Equity curve, filling as bars are decided.";
  return (
    `Equity curve with ${count(points.length)} points, from ${first.equity} on ` +
    `${shortTime(first.at)} to ${last.equity} on ${shortTime(last.at)}; drawdown below it.`
  );
}
