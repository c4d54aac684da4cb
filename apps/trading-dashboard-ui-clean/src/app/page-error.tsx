import type { ErrorComponentProps } from "@tanstack/react-router";
import { ErrorNotice } from "@/components/ui/states";
import styles from "./page-error.module.css";

/** A page that crashed or could not load; the shell around it stays. */
export function PageError({ error, reset }: ErrorComponentProps) {
  return (
    <div className={styles["page"]}>
      <h1>This page could not be shown</h1>
      <ErrorNotice error={error} onRetry={reset} />
    </div>
  );
}
