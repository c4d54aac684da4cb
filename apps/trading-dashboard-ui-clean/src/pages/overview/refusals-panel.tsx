import { Link } from "@tanstack/react-router";
import { Panel } from "@/components/ui/panel";
import { Empty, Skeleton } from "@/components/ui/states";
import { count, words } from "@/lib/format/format";
import { usePortfolio } from "@/stores/live/stores";
import styles from "./overview.module.css";

const HEIGHT = 120;

export function RefusalsPanel() {
  const refusals = usePortfolio((state) => state.value?.refusals ?? null);
  return (
    <Panel
      title="Refused by rule"
      isLive
      aside={
        <Link to="/decisions" search={{ outcome: "refused" }}>
          Show
        </Link>
      }
    >
      {refusals === null ? (
        <Skeleton height={HEIGHT} label="Loading refusals" />
      ) : (
        <Refusals refusals={refusals} />
      )}
    </Panel>
  );
}

function Refusals({ refusals }: { refusals: Readonly<Record<string, number>> }) {
  const rows = Object.entries(refusals).sort(([, left], [, right]) => right - left);
  const most = rows[0]?.[1] ?? 0;
  if (rows.length === 0) {
    return <Empty what="Nothing refused" why="No risk rule has stopped a signal so far." />;
  }
  return (
    <ul className={styles["stack"]}>
      {rows.map(([rule, times]) => (
        <li key={rule} className={styles["refusal"]}>
          <span>{words(rule)}</span>
          <span className="num">{count(times)}</span>
          <div aria-hidden="true" style={{ width: `${(100 * times) / Math.max(1, most)}%` }} />
        </li>
      ))}
    </ul>
  );
}
