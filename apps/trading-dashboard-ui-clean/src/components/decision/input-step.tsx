import { Chip } from "@/components/ui/chip";
import { Facts, type FactRow } from "@/components/ui/facts";
import { Table } from "@/components/ui/table";
import { analysis, count, dateTime, price, quantity, shortTime, words } from "@/lib/format/format";
import type { DecisionRecord } from "@/types/api";
import { Absent, Step } from "./step";
import styles from "./decision.module.css";

const COLUMNS = [
  { key: "timeframe", label: "Timeframe" },
  { key: "state", label: "State" },
  { key: "closed", label: "Closed (UTC)" },
  { key: "missing", label: "Missing bars", isNumber: true },
  { key: "weight", label: "Weight", isNumber: true },
];

export function InputStep({ record }: { record: DecisionRecord }) {
  const { bar, timeframes, regime, features } = record.inputs;
  return (
    <Step number={1} title="Input" aside={`as of ${dateTime(record.closed_at)}`}>
      {bar ? <Facts rows={barRows(bar)} /> : <Absent>The bar was not recorded.</Absent>}
      <Table caption="Timeframes read" columns={COLUMNS}>
        {timeframes.map((row) => (
          <tr key={row.timeframe}>
            <td>{row.timeframe}</td>
            <td>{row.warm ? "warm" : <Chip tone="warn">cold, weight 0</Chip>}</td>
            <td className={styles["left"]}>{shortTime(row.closed_at)}</td>
            <td className="num">{count(row.missing)}</td>
            <td className="num">{analysis(row.weight)}</td>
          </tr>
        ))}
      </Table>
      {regime ? (
        <p className="muted">
          Regime: {words(regime.trend)} trend, {words(regime.volatility)} volatility.
        </p>
      ) : (
        <Absent>No regime yet: the timeframe it is read from is still cold.</Absent>
      )}
      <FeatureList features={features} />
    </Step>
  );
}

function barRows(bar: NonNullable<DecisionRecord["inputs"]["bar"]>): FactRow[] {
  const rows: FactRow[] = [
    ["Open", price(bar.open)],
    ["High", price(bar.high)],
    ["Low", price(bar.low)],
    ["Close", price(bar.close)],
    ["Volume", quantity(bar.volume)],
  ];
  if (bar.flags.length > 0) rows.push(["Flags", bar.flags.map(words).join(", ")]);
  if (bar.missing > 0) rows.push(["Missing before", count(bar.missing)]);
  return rows;
}

function FeatureList({ features }: { features: DecisionRecord["inputs"]["features"] }) {
  const names = Object.keys(features).sort();
  if (names.length === 0) return <Absent>No features: every study is still warming up.</Absent>;
  const rows = names.map((name): FactRow => [name, analysis(features[name])]);
  return (
    <details className={styles["details"]}>
      <summary>{count(names.length)} features of this bar</summary>
      <Facts rows={rows} />
    </details>
  );
}
