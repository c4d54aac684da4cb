import { Chip, type ChipTone } from "@/components/ui/chip";
import { Icon, type IconName } from "@/components/ui/icon";
import { Table } from "@/components/ui/table";
import { decimal, percent, quantity, words } from "@/lib/format/format";
import type { DecisionRecord, RiskVerdict } from "@/types/api";
import { Absent, Step } from "./step";
import styles from "./decision.module.css";

const COLUMNS = [
  { key: "rule", label: "Rule" },
  { key: "verdict", label: "Verdict" },
  { key: "observed", label: "Observed", isNumber: true },
  { key: "limit", label: "Limit", isNumber: true },
];

const LOOK: Readonly<Record<RiskVerdict["verdict"], readonly [ChipTone, IconName]>> = {
  pass: ["profit", "check"],
  shrink: ["warn", "shrink"],
  refuse: ["danger", "cross"],
};

/** Limits may be words (a state) as well as figures. */
const shown = (text: string | null): string => {
  const figure = decimal(text, { trim: true });
  return text !== null && figure === decimal(null) ? text : figure;
};

function summary(record: DecisionRecord): string | null {
  const risk = record.risk;
  if (!risk) return null;
  if (risk.outcome !== "approved") return `refused by ${words(risk.refused_by)}`;
  return `approved ${quantity(risk.quantity)}, risking ${percent(risk.risk_pct)} of equity`;
}

export function RiskStep({ record }: { record: DecisionRecord }) {
  const { risk, nearest_flip: flip } = record;
  return (
    <Step number={5} title="Risk verdict" aside={summary(record)}>
      {risk ? (
        <Table caption="Risk rules" columns={COLUMNS}>
          {risk.verdicts.map((row) => (
            <VerdictRow key={row.rule} row={row} />
          ))}
        </Table>
      ) : (
        <Absent>The risk rules were not asked: there was no signal to judge.</Absent>
      )}
      {flip ? (
        <p className={styles["flip"]}>
          <strong>Nearest flip:</strong> {flip.text}
        </p>
      ) : (
        <Absent>No nearest flip was recorded for this bar.</Absent>
      )}
    </Step>
  );
}

function VerdictRow({ row }: { row: RiskVerdict }) {
  const [tone, icon] = LOOK[row.verdict];
  return (
    <tr>
      <td>{words(row.rule)}</td>
      <td>
        <Chip tone={tone}>
          <Icon name={icon} size={10} />
          {row.verdict}
        </Chip>
      </td>
      <td className="num">{shown(row.observed)}</td>
      <td className="num">{shown(row.limit)}</td>
    </tr>
  );
}
