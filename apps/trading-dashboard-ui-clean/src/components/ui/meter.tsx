import type { ReactNode } from "react";
import { share } from "@/lib/format/format";
import styles from "./meter.module.css";

interface Props {
  label: string;
  usedPct: string | null;
  children: ReactNode;
}

const WARN_AT = 70;
const DANGER_AT = 90;

const toneOf = (used: number): string => {
  if (used >= DANGER_AT) return "danger";
  return used >= WARN_AT ? "warn" : "plain";
};

/** A labelled share of a limit. */
export function Meter({ label, usedPct, children }: Props) {
  const used = share(usedPct);
  return (
    <div className={styles["meter"]}>
      <span>{label}</span>
      <span className="num muted">{children}</span>
      <div
        className={styles["track"]}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(used)}
      >
        <div className={styles["fill"]} data-tone={toneOf(used)} style={{ width: `${used}%` }} />
      </div>
    </div>
  );
}
