import { Link } from "@tanstack/react-router";
import { OutcomeChip } from "@/components/decision/outcome-chip";
import { score, shortTime } from "@/lib/format/format";
import type { DecisionRow } from "@/types/api";
import styles from "./decision-list.module.css";

interface Props {
  rows: readonly DecisionRow[];
  label: string;
  /** Index of the row the keyboard is on. */
  cursor?: number | null;
}

/** Decisions, one line each; the whole line is the link to its "why". */
export function DecisionList({ rows, label, cursor = null }: Props) {
  return (
    <ol className={styles["list"]} aria-label={label}>
      {rows.map((row, index) => (
        <li key={row.decision_id}>
          <Link
            to="/decisions/$decisionId"
            params={{ decisionId: row.decision_id }}
            className={styles["row"] ?? ""}
            data-row={index}
            data-cursor={cursor === index}
          >
            <span className={`num faint ${styles["time"] ?? ""}`}>{shortTime(row.closed_at)}</span>
            <OutcomeChip outcome={row.outcome} />
            <span className={styles["headline"]}>{row.headline}</span>
            <span className={`num ${styles["score"] ?? ""}`}>{score(row.score)}</span>
          </Link>
        </li>
      ))}
    </ol>
  );
}
