import { useTitle } from "@/hooks/use-title";
import { usePortfolio } from "@/stores/live/stores";
import { AgentPanel } from "./agent-panel";
import { DecisionsPanel } from "./decisions-panel";
import { EquityPanel } from "./equity-panel";
import { KpiPanel } from "./kpi-panel";
import styles from "./overview.module.css";
import { PositionsPanel } from "./positions-panel";
import { RefusalsPanel } from "./refusals-panel";
import { RiskPanel } from "./risk-panel";

export default function OverviewPage() {
  useTitle("Overview");
  const isLoaded = usePortfolio((state) => state.value !== null);
  return (
    <>
      <h1 className="sr-only">Overview</h1>
      <div className={styles["grid"]} data-loaded={isLoaded}>
        <div className={styles["main"]}>
          <EquityPanel />
          <KpiPanel />
          <PositionsPanel />
          <DecisionsPanel />
        </div>
        <div className={styles["side"]}>
          <AgentPanel />
          <RiskPanel />
          <RefusalsPanel />
        </div>
      </div>
    </>
  );
}
