import { Chip } from "@/components/ui/chip";
import { Facts } from "@/components/ui/facts";
import { Table } from "@/components/ui/table";
import { analysis, count, decimal, MISSING, score, words } from "@/lib/format/format";
import type { DecisionRecord, Opinion } from "@/types/api";
import { Absent, Step } from "./step";
import styles from "./decision.module.css";

const COLUMNS = [
  { key: "analyst", label: "Analyst" },
  { key: "stance", label: "Stance" },
  { key: "p", label: "P(up)", isNumber: true },
  { key: "confidence", label: "Confidence", isNumber: true },
  { key: "weight", label: "Weight", isNumber: true },
  { key: "latency", label: "Latency ms", isNumber: true },
  { key: "cost", label: "Cost USD", isNumber: true },
  { key: "tape", label: "Source" },
];

function NoOpinions({ record }: { record: DecisionRecord }) {
  return (
    <Absent>
      {record.outcome === "no_candidate"
        ? "No analyst was asked: the score before opinions was outside the band where one could matter."
        : "No analyst answered; the decision stands on the score alone."}
    </Absent>
  );
}

export function OpinionsStep({ record }: { record: DecisionRecord }) {
  const direction = record.signal?.direction ?? null;
  const opinions = record.opinions;
  return (
    <Step number={3} title="Opinions" aside={opinions.length > 0 ? count(opinions.length) : null}>
      {opinions.length === 0 ? (
        <NoOpinions record={record} />
      ) : (
        <>
          <Table caption="Opinions" columns={COLUMNS}>
            {opinions.map((opinion) => (
              <OpinionRow key={opinion.analyst} opinion={opinion} direction={direction} />
            ))}
          </Table>
          {opinions.map((opinion) => (
            <Words key={opinion.analyst} opinion={opinion} />
          ))}
        </>
      )}
    </Step>
  );
}

interface RowProps {
  opinion: Opinion;
  direction: string | null;
}

function OpinionRow({ opinion, direction }: RowProps) {
  const isDissent = direction !== null && opinion.direction !== direction;
  return (
    <tr>
      <td>{opinion.label ?? opinion.analyst}</td>
      <td>
        {opinion.direction} {isDissent ? <Chip tone="warn">dissent</Chip> : null}
      </td>
      <td className="num">{analysis(opinion.p_up, 3)}</td>
      <td className="num">{analysis(opinion.confidence, 3)}</td>
      <td className="num">{analysis(opinion.weight, 3)}</td>
      <td className="num">{count(opinion.latency_ms)}</td>
      <td className="num">{decimal(opinion.cost_usd)}</td>
      <td>{[opinion.source, opinion.tape].filter(Boolean).map(words).join(", ") || MISSING}</td>
    </tr>
  );
}

/** An analyst's words are data: shown as text in a marked frame, never as markup. */
function Words({ opinion }: { opinion: Opinion }) {
  if (opinion.reasons.length === 0) return null;
  return (
    <figure className={styles["words"]}>
      <figcaption className="meta faint">{opinion.analyst} said</figcaption>
      <ul>
        {opinion.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </figure>
  );
}

export function AggregateStep({ record }: { record: DecisionRecord }) {
  const { aggregate, signal } = record;
  return (
    <Step number={4} title="Aggregate">
      {aggregate ? (
        <Facts
          rows={[
            ["P(up), pooled", analysis(aggregate.p_up, 3)],
            ["Agreement", analysis(aggregate.agreement, 3)],
            ["Score without opinions", score(aggregate.no_opinion_score)],
            ["Score with opinions", score(signal?.score ?? record.score?.value)],
            ["Direction", signal?.direction ?? "none"],
          ]}
        />
      ) : (
        <Absent>Nothing to pool: there was no opinion.</Absent>
      )}
      {signal ? null : <Absent>No signal came out of this bar.</Absent>}
    </Step>
  );
}
