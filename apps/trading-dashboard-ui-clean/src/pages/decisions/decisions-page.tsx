import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { DecisionList } from "@/components/data/decision-list";
import { Button } from "@/components/ui/button";
import { Empty, ErrorNotice, Skeleton } from "@/components/ui/states";
import { useTitle } from "@/hooks/use-title";
import { decisionsQuery } from "@/lib/api/queries";
import { count } from "@/lib/format/format";
import { useDecisions } from "@/stores/live/stores";
import type { DecisionRow, OutcomeFilter } from "@/types/api";
import { FILTERS } from "./decision-search";
import styles from "./decisions.module.css";
import { useRowKeys } from "./use-row-keys";

const route = getRouteApi("/app/decisions");
const HEIGHT = 640;

export default function DecisionsPage() {
  const { outcome } = route.useSearch();
  useTitle("Decisions");
  return (
    <>
      <header className={styles["header"]}>
        <h1>Decisions</h1>
        <nav aria-label="Outcome" className={styles["filters"]}>
          {FILTERS.map((item) => (
            <Link
              key={item.value}
              to="/decisions"
              search={{ outcome: item.value }}
              activeOptions={{ includeSearch: true }}
            >
              {item.label}
            </Link>
          ))}
        </nav>
      </header>
      <Decisions key={outcome} outcome={outcome} />
    </>
  );
}

const matches = (row: DecisionRow, outcome: OutcomeFilter): boolean => {
  if (outcome === "all") return true;
  if (outcome !== "candidate") return row.outcome === outcome;
  return row.outcome === "approved" || row.outcome === "refused";
};

function Decisions({ outcome }: { outcome: OutcomeFilter }) {
  const query = useInfiniteQuery(decisionsQuery(outcome));
  const rows = query.data?.pages.flatMap((page) => page.decisions) ?? [];
  const cursor = useRowKeys(rows);
  if (query.isPending) return <Skeleton height={HEIGHT} label="Loading decisions" />;
  if (query.isError && rows.length === 0) {
    return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (rows.length === 0) return <NoRows outcome={outcome} onRetry={() => void query.refetch()} />;
  return (
    <section className={styles["panel"]} aria-label="Decisions found">
      <Newer rows={rows} outcome={outcome} onShow={() => void query.refetch()} />
      <DecisionList rows={rows} label="Decisions" cursor={cursor} />
      {query.isError ? <ErrorNotice error={query.error} /> : null}
      {query.hasNextPage ? (
        <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {query.isFetchingNextPage ? "Loading…" : "Load older"}
        </Button>
      ) : null}
    </section>
  );
}

interface NewerProps {
  rows: readonly DecisionRow[];
  outcome: OutcomeFilter;
  onShow: () => void;
}

/** The list stands still while it is read; what arrived since is one click away. */
function Newer({ rows, outcome, onShow }: NewerProps) {
  const live = useDecisions((state) => state.rows);
  const newest = rows[0]?.closed_at ?? "";
  const newer = Object.values(live).filter(
    (row) => row.closed_at > newest && matches(row, outcome),
  ).length;
  return (
    <p className={styles["newer"]}>
      <span className="muted">{count(rows.length)} shown, newest first. Keys: j, k, Enter.</span>
      {newer > 0 ? <Button onClick={onShow}>Show {count(newer)} newer</Button> : null}
    </p>
  );
}

function NoRows({ outcome, onRetry }: { outcome: OutcomeFilter; onRetry: () => void }) {
  return (
    <Empty
      what="No decision matches"
      why={
        outcome === "all"
          ? "No bar has closed yet; every closed bar gets a record, trade or no trade."
          : "No bar has had this outcome so far."
      }
      next={<Button onClick={onRetry}>Look again</Button>}
    />
  );
}
