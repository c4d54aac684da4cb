import * as Tabs from "@radix-ui/react-tabs";
import { Link, useNavigate } from "@tanstack/react-router";
import { GROUPS, type StudyGroup } from "@/components/chart/studies";
import type { Instrument } from "@/types/api";
import { TIMEFRAMES } from "./chart-search";
import styles from "./charts.module.css";

interface Props {
  instrumentId: string;
  instruments: readonly Instrument[];
  groups: ReadonlySet<StudyGroup>;
  onGroups: (groups: ReadonlySet<StudyGroup>) => void;
}

export function ChartToolbar({ instrumentId, instruments, groups, onGroups }: Props) {
  const toggle = (group: StudyGroup): void => {
    const next = new Set(groups);
    if (!next.delete(group)) next.add(group);
    onGroups(next);
  };
  return (
    <div className={styles["toolbar"]}>
      <InstrumentChoice instrumentId={instrumentId} instruments={instruments} />
      <nav aria-label="Timeframe" className={styles["pills"]}>
        {TIMEFRAMES.map((tf) => (
          <Link
            key={tf}
            to="/charts/$instrument"
            params={{ instrument: instrumentId }}
            search={(before) => ({ ...before, tf })}
            from="/charts/$instrument"
            replace
            activeOptions={{ includeSearch: true }}
          >
            {tf}
          </Link>
        ))}
      </nav>
      <div className={styles["pills"]} role="group" aria-label="Studies">
        {GROUPS.map((group) => (
          <button
            key={group}
            type="button"
            aria-pressed={groups.has(group)}
            onClick={() => {
              toggle(group);
            }}
          >
            {group}
          </button>
        ))}
      </div>
      <Tabs.List className={`${styles["pills"] ?? ""} ${styles["views"] ?? ""}`} aria-label="View">
        <Tabs.Trigger value="chart">Chart</Tabs.Trigger>
        <Tabs.Trigger value="table">Table</Tabs.Trigger>
      </Tabs.List>
    </div>
  );
}

type ChoiceProps = Pick<Props, "instrumentId" | "instruments">;

function InstrumentChoice({ instrumentId, instruments }: ChoiceProps) {
  const navigate = useNavigate();
  if (instruments.length <= 1) {
    return <span className={styles["instrument"]}>{instrumentId}</span>;
  }
  return (
    <select
      aria-label="Instrument"
      value={instrumentId}
      onChange={(event) => {
        const instrument = event.target.value;
        void navigate({ to: "/charts/$instrument", params: { instrument }, search: {} });
      }}
    >
      {instruments.map((item) => (
        <option key={item.instrument_id}>{item.instrument_id}</option>
      ))}
    </select>
  );
}
