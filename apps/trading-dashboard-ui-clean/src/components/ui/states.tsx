import type { ReactNode } from "react";
import { ApiError } from "@/lib/api/request";
import { Button } from "./button";
import styles from "./states.module.css";

/** Skeleton of the final size; it fades in after 150 ms, so a quick answer shows nothing. */
export function Skeleton({ height, label }: { height: number; label: string }) {
  return (
    <div className={styles["skeleton"]} style={{ height }} role="status">
      <span className="sr-only">{label}</span>
    </div>
  );
}

interface EmptyProps {
  what: string;
  why: string;
  next?: ReactNode;
}

export function Empty({ what, why, next }: EmptyProps) {
  return (
    <div className={styles["notice"]}>
      <p className={styles["what"]}>{what}</p>
      <p>{why}</p>
      {next ? <p>{next}</p> : null}
    </div>
  );
}

interface ErrorProps {
  error: unknown;
  onRetry?: () => void;
}

export function ErrorNotice({ error, onRetry }: ErrorProps) {
  const problem = error instanceof ApiError ? error.problem : null;
  const text = error instanceof Error ? error.message : "Something failed.";
  return (
    <div className={styles["notice"]} role="alert" data-tone="danger">
      <p className={styles["what"]}>{problem?.title ?? "This part failed"}</p>
      <p>{text}</p>
      {problem?.next_step ? <p>{problem.next_step}</p> : null}
      {problem?.request_id ? <p className="mono">request {problem.request_id}</p> : null}
      {onRetry ? <Button onClick={onRetry}>Retry</Button> : null}
    </div>
  );
}
