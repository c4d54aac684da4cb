import type { ReactNode } from "react";
import styles from "./kpi.module.css";

interface Props {
  label: string;
  note?: ReactNode;
  children: ReactNode;
}

export function Kpi({ label, note, children }: Props) {
  return (
    <div className={styles["kpi"]}>
      <dt className="meta faint">{label}</dt>
      <dd className={styles["value"]}>{children}</dd>
      {note ? <dd className="meta muted">{note}</dd> : null}
    </div>
  );
}

export function KpiRow({ children }: { children: ReactNode }) {
  return <dl className={styles["row"]}>{children}</dl>;
}
