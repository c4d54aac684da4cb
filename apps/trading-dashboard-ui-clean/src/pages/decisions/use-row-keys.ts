import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useHotkeys } from "@/hooks/use-hotkeys";
import type { DecisionRow } from "@/types/api";

/** j and k move through the rows, Enter opens; returns the row the keyboard is on. */
export function useRowKeys(rows: readonly DecisionRow[]): number | null {
  const [cursor, setCursor] = useState<number | null>(null);
  const navigate = useNavigate();
  const move = (step: number) => () => {
    const from = cursor ?? (step > 0 ? -1 : 0);
    const next = Math.min(rows.length - 1, Math.max(0, from + step));
    setCursor(next);
    document.querySelector<HTMLElement>(`[data-row="${String(next)}"]`)?.focus();
  };
  useHotkeys({
    j: move(1),
    k: move(-1),
    Enter: () => {
      // A focused link or button answers Enter itself; here it is the remembered row's turn.
      const focused = document.activeElement;
      if (focused instanceof HTMLAnchorElement || focused instanceof HTMLButtonElement) {
        focused.click();
        return;
      }
      const row = cursor === null ? undefined : rows[cursor];
      if (!row) return;
      void navigate({ to: "/decisions/$decisionId", params: { decisionId: row.decision_id } });
    },
  });
  return cursor;
}
