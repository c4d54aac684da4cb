import { useQuery } from "@tanstack/react-query";
import { ErrorNotice, Skeleton } from "@/components/ui/states";
import { decisionQuery } from "@/lib/api/queries";
import type { DecisionRecord } from "@/types/api";
import { ConfluenceStep } from "./confluence-step";
import styles from "./decision.module.css";
import { ExecutionStep, OutcomeStep } from "./execution-steps";
import { InputStep } from "./input-step";
import { AggregateStep, OpinionsStep } from "./opinion-steps";
import { OutcomeChip } from "./outcome-chip";
import { RiskStep } from "./risk-step";

const SKELETON_HEIGHT = 720;

/** The full "why" of one decision, on its page and in the chart's drawer. */
export function DecisionView({ decisionId }: { decisionId: string }) {
  const query = useQuery(decisionQuery(decisionId));
  if (query.isPending) return <Skeleton height={SKELETON_HEIGHT} label="Loading the decision" />;
  if (query.isError && !query.data) {
    return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  }
  return <Timeline record={query.data} />;
}

export function Timeline({ record }: { record: DecisionRecord }) {
  return (
    <div className={styles["timeline"]} data-testid="decision">
      <p className={styles["headline"]}>
        <OutcomeChip outcome={record.outcome} />
        <span>{record.headline}</span>
      </p>
      <ol className={styles["steps"]}>
        <InputStep record={record} />
        <ConfluenceStep record={record} />
        <OpinionsStep record={record} />
        <AggregateStep record={record} />
        <RiskStep record={record} />
        <ExecutionStep record={record} />
        <OutcomeStep record={record} />
      </ol>
      <p className={`mono meta ${styles["id"] ?? ""}`}>
        decision {record.decision_id} · config {record.config_hash}
      </p>
    </div>
  );
}
