import type { ReactNode } from "react";
import { ControlButtons } from "@/components/safety/control-buttons";
import { Chip } from "@/components/ui/chip";
import { Signed } from "@/components/ui/signed";
import { MISSING, money, percent, words } from "@/lib/format/format";
import { useMode, usePortfolio, useRisk } from "@/stores/live/stores";
import { LinkDot } from "./link-dot";
import styles from "./top-bar.module.css";

function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={styles["figure"]}>
      <span className="faint meta">{label}</span>
      <span className={styles["value"]}>{children}</span>
    </div>
  );
}

export function TopBar() {
  const mode = useMode((state) => state.value);
  const equity = usePortfolio((state) => state.value?.equity ?? null);
  const openPnl = usePortfolio((state) => state.value?.unrealized_pnl ?? null);
  const riskPct = usePortfolio((state) => state.value?.open_risk_pct ?? null);
  return (
    <header className={styles["bar"]}>
      <div className={styles["identity"]}>
        <Chip tone="mode">
          {mode?.label ?? MISSING} {mode?.account ?? ""}
        </Chip>
        <StopChip />
        <LinkDot />
      </div>
      <div className={styles["figures"]}>
        <Figure label="Equity">
          <span className="num" data-testid="equity" title={equity ?? ""}>
            {money(equity)}
          </span>
        </Figure>
        <Figure label="Open P&L">
          <Signed value={openPnl} />
        </Figure>
        <Figure label="Open risk">
          <span className="num">{percent(riskPct)}</span>
        </Figure>
        <Figure label="Opinions">
          <span data-testid="llm-label">{mode?.llm_label ?? MISSING}</span>
        </Figure>
      </div>
      <ControlButtons />
    </header>
  );
}

function StopChip() {
  const level = useRisk((state) => state.value?.level ?? null);
  const reason = useRisk((state) => state.value?.reason ?? null);
  if (level === null) return null;
  return (
    <span title={reason ?? ""} data-testid="stop-chip">
      <Chip tone="warn">{level === "no_entries" ? "PAUSED" : words(level).toUpperCase()}</Chip>
    </span>
  );
}
