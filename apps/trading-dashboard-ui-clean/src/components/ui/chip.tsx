import type { ReactNode } from "react";
import styles from "./chip.module.css";

export type ChipTone = "plain" | "profit" | "loss" | "warn" | "danger" | "info" | "accent" | "mode";

interface Props {
  tone?: ChipTone;
  children: ReactNode;
}

export function Chip({ tone = "plain", children }: Props) {
  return (
    <span className={styles["chip"]} data-tone={tone}>
      {children}
    </span>
  );
}
