import { Chip } from "@/components/ui/chip";
import { Meter } from "@/components/ui/meter";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/states";
import { analysis, words } from "@/lib/format/format";
import { useRisk } from "@/stores/live/stores";
import styles from "./overview.module.css";

const HEIGHT = 160;

export function RiskPanel() {
  const risk = useRisk((state) => state.value);
  return (
    <Panel
      title="Risk budget"
      isLive
      aside={risk?.safe_mode ? <Chip tone="danger">SAFE MODE</Chip> : null}
    >
      {risk ? (
        <div className={styles["stack"]}>
          {risk.limits.map((limit) => (
            <Meter key={limit.name} label={words(limit.name)} usedPct={limit.used_pct}>
              {analysis(limit.value, 2)} of {analysis(limit.limit, 2)}
            </Meter>
          ))}
          {risk.reason ? <p className="muted">Reason: {risk.reason}</p> : null}
        </div>
      ) : (
        <Skeleton height={HEIGHT} label="Loading risk" />
      )}
    </Panel>
  );
}
