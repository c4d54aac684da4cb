import { Chip, type ChipTone } from "@/components/ui/chip";
import { Facts } from "@/components/ui/facts";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/states";
import { count, dateTime, MISSING, words } from "@/lib/format/format";
import { useHealth, useMode, usePortfolio } from "@/stores/live/stores";
import type { AgentState } from "@/types/api";
import styles from "./overview.module.css";

const TONES: Readonly<Record<AgentState, ChipTone>> = {
  starting: "info",
  running: "profit",
  paused: "warn",
  finished: "accent",
  failed: "danger",
};

const HEIGHT = 180;

export function AgentPanel() {
  const mode = useMode((state) => state.value);
  return (
    <Panel
      title="Agent"
      isLive
      aside={
        mode ? <Chip tone={TONES[mode.agent_state]}>{mode.agent_state.toUpperCase()}</Chip> : null
      }
    >
      {mode ? (
        <div className={styles["stack"]}>
          <Progress />
          <Facts
            rows={[
              ["Data", mode.data_name],
              ["Venue", mode.venue],
              ["Opinions", mode.llm_label],
              ["Trading", mode.trading_state],
            ]}
          />
          {mode.agent_state === "finished" ? (
            <a href="/api/v1/report">Open the report of this run</a>
          ) : null}
          <Services />
        </div>
      ) : (
        <Skeleton height={HEIGHT} label="Loading the agent" />
      )}
    </Panel>
  );
}

function Progress() {
  const done = usePortfolio((state) => state.value?.bars_done ?? null);
  const total = usePortfolio((state) => state.value?.bars_total ?? null);
  const decisions = usePortfolio((state) => state.value?.decisions ?? null);
  const at = usePortfolio((state) => state.value?.market_time ?? null);
  return (
    <div className={styles["progress"]}>
      {total === null ? null : (
        <progress value={done ?? 0} max={Math.max(1, total)} aria-label="Bars decided" />
      )}
      <p className="num muted">
        <span data-testid="bars-done">{count(done)}</span>
        {total === null ? "" : ` of ${count(total)}`} bars, {count(decisions)} decisions
      </p>
      <p className="num muted">market time {dateTime(at)}</p>
    </div>
  );
}

function Services() {
  const health = useHealth((state) => state.value);
  if (!health) return <p className="muted">Health: {MISSING}</p>;
  return (
    <ul className={styles["services"]} aria-label="Services">
      {health.services.map((service) => (
        <li key={service.name} title={service.detail}>
          <Chip tone={service.status === "ok" ? "profit" : "danger"}>
            {words(service.name)} {service.status}
          </Chip>
        </li>
      ))}
    </ul>
  );
}
