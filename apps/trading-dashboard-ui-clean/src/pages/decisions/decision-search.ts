import type { OutcomeFilter } from "@/types/api";

export interface DecisionSearch {
  outcome: OutcomeFilter;
}

export const FILTERS: readonly { value: OutcomeFilter; label: string }[] = [
  { value: "candidate", label: "Candidates" },
  { value: "approved", label: "Approved" },
  { value: "refused", label: "Refused" },
  { value: "all", label: "Every bar" },
];

export function readDecisionSearch(search: Readonly<Record<string, unknown>>): DecisionSearch {
  const known = FILTERS.find((item) => item.value === search["outcome"]);
  return { outcome: known?.value ?? "candidate" };
}
