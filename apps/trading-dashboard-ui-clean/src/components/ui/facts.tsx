import type { ReactNode } from "react";
import styles from "./facts.module.css";

export type FactRow = readonly [label: string, value: ReactNode];

/** Label and value pairs in as many columns as fit. */
export function Facts({ rows }: { rows: readonly FactRow[] }) {
  return (
    <dl className={styles["facts"]}>
      {rows.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className="num">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
