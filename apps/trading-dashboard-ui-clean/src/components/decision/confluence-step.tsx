import { Table } from "@/components/ui/table";
import { absolute, add } from "@/lib/format/decimal";
import { analysis, score, share, signedAnalysis } from "@/lib/format/format";
import type { Contribution, DecisionRecord } from "@/types/api";
import { Absent, Step } from "./step";
import styles from "./decision.module.css";

const COLUMNS = [
  { key: "factor", label: "Factor" },
  { key: "raw", label: "Raw", isNumber: true },
  { key: "weight", label: "Weight", isNumber: true },
  { key: "bar", label: <span className="sr-only">Share</span> },
  { key: "points", label: "Points", isNumber: true },
];

/** Base plus contributions, exact; the record promises the score within 1e-6. */
function sumOf(base: string, rows: readonly Contribution[]): string {
  return rows.reduce((total, row) => add(total, row.contribution) ?? total, base);
}

function addsUp(sum: string, value: string): boolean {
  const difference = add(sum, value.startsWith("-") ? absolute(value) : `-${value}`);
  return difference !== null && Number(absolute(difference)) <= 1e-6;
}

const byWeightThenName = (left: Contribution, right: Contribution): number =>
  Math.abs(Number(right.contribution)) - Math.abs(Number(left.contribution)) ||
  left.factor.localeCompare(right.factor);

export function ConfluenceStep({ record }: { record: DecisionRecord }) {
  const parts = record.score;
  if (!parts || parts.value === null) {
    return (
      <Step number={2} title="Confluence">
        <Absent>No score: the two lowest timeframes were not warm at this bar.</Absent>
      </Step>
    );
  }
  const sum = sumOf(parts.base ?? "0", parts.contributions);
  const isWhole = addsUp(sum, parts.value);
  const rows = [...parts.contributions].sort(byWeightThenName);
  const largest = Math.max(...rows.map((row) => Number(absolute(row.contribution))), 1e-9);
  return (
    <Step
      number={2}
      title="Confluence"
      aside={`score ${score(parts.value)} of 100, entry from ${score(parts.entry_threshold)}`}
    >
      <ScoreScale record={record} />
      <Table caption="Contributions to the score" columns={COLUMNS}>
        <tr>
          <td>base</td>
          <td />
          <td />
          <td />
          <td className="num">{signedAnalysis(parts.base)}</td>
        </tr>
        {rows.map((row) => (
          <ContributionRow key={row.factor} row={row} largest={largest} />
        ))}
      </Table>
      <p className="muted">
        Base and parts add up to <span className="num">{analysis(sum, 6)}</span>
        {isWhole ? ", the score." : `, but the score says ${analysis(parts.value, 6)}.`}
      </p>
    </Step>
  );
}

interface RowProps {
  row: Contribution;
  largest: number;
}

/** The bar is drawn against the largest part; the figure beside it is the exact one. */
function ContributionRow({ row, largest }: RowProps) {
  const isUp = !row.contribution.startsWith("-");
  const width = (50 * Number(absolute(row.contribution))) / largest;
  return (
    <tr>
      <td>{row.factor}</td>
      <td className="num">{signedAnalysis(row.raw)}</td>
      <td className="num">{analysis(row.weight, 3)}</td>
      <td className={styles["barCell"]}>
        <div className={styles["diverging"]} aria-hidden="true">
          <div data-up={isUp} style={{ width: `${width}%`, [isUp ? "left" : "right"]: "50%" }} />
        </div>
      </td>
      <td className="num">{signedAnalysis(row.contribution)}</td>
    </tr>
  );
}

function ScoreScale({ record }: { record: DecisionRecord }) {
  const parts = record.score;
  if (!parts) return null;
  const ticks = [
    { label: "exit", at: parts.exit_threshold },
    { label: "entry", at: parts.entry_threshold },
  ].filter((tick) => tick.at !== null);
  return (
    <div
      className={styles["scale"]}
      role="img"
      aria-label={`Score ${score(parts.value)}; exit ${score(parts.exit_threshold)}, entry ${score(parts.entry_threshold)}`}
    >
      <div className={styles["scaleFill"]} style={{ width: `${share(parts.value)}%` }} />
      {ticks.map((tick) => (
        <span key={tick.label} style={{ left: `${share(tick.at)}%` }}>
          {tick.label}
        </span>
      ))}
    </div>
  );
}
