import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { DecisionList } from "@/components/data/decision-list";
import { Panel } from "@/components/ui/panel";
import { Empty, ErrorNotice, Skeleton } from "@/components/ui/states";
import { recentCandidatesQuery } from "@/lib/api/queries";
import { useDecisions } from "@/stores/live/stores";
import type { DecisionRow } from "@/types/api";

const SHOWN = 8;
const HEIGHT = SHOWN * 34;

/** History and live rows as one list: newest first, each decision once. */
export function newestCandidates(
  history: readonly DecisionRow[],
  live: Readonly<Record<string, DecisionRow>>,
): DecisionRow[] {
  const byId = new Map(history.map((row) => [row.decision_id, row]));
  for (const row of Object.values(live)) {
    if (row.outcome !== "no_candidate") byId.set(row.decision_id, row);
  }
  return [...byId.values()]
    .sort((left, right) => right.closed_at.localeCompare(left.closed_at))
    .slice(0, SHOWN);
}

export function DecisionsPanel() {
  return (
    <Panel
      title="Last decisions"
      isLive
      aside={
        <Link to="/decisions" search={{ outcome: "candidate" }}>
          All decisions
        </Link>
      }
    >
      <DecisionsBody />
    </Panel>
  );
}

function DecisionsBody() {
  const history = useQuery(recentCandidatesQuery);
  const live = useDecisions((state) => state.rows);
  const rows = newestCandidates(history.data ?? [], live);
  if (rows.length > 0) return <DecisionList rows={rows} label="Last decisions" />;
  if (history.isPending) return <Skeleton height={HEIGHT} label="Loading decisions" />;
  if (history.isError) {
    return <ErrorNotice error={history.error} onRetry={() => void history.refetch()} />;
  }
  return (
    <Empty
      what="No candidate yet"
      why="So far no bar scored high enough to be a candidate."
      next={
        <Link to="/decisions" search={{ outcome: "all" }}>
          See every bar and why nothing was done
        </Link>
      }
    />
  );
}
