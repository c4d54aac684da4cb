import type { Reading } from "@/components/chart/price-chart";
import { STUDIES, type StudyGroup } from "@/components/chart/studies";
import { figure, price, quantity, shortTime } from "@/lib/format/format";
import styles from "./charts.module.css";

interface Props {
  reading: Reading | null;
  priceScale: number;
  groups: ReadonlySet<StudyGroup>;
}

/** The figures under the crosshair, or of the newest bar. */
export function Legend({ reading, priceScale, groups }: Props) {
  if (!reading) return <div className={styles["legend"]} />;
  const { bar, values } = reading;
  const parts: readonly (readonly [string, string])[] = [
    ["O", price(bar.open, priceScale)],
    ["H", price(bar.high, priceScale)],
    ["L", price(bar.low, priceScale)],
    ["C", price(bar.close, priceScale)],
    ["Vol", quantity(bar.volume)],
  ];
  const studies = STUDIES.filter((study) => groups.has(study.group) && study.kind === "line");
  return (
    <div className={styles["legend"]}>
      <span className="muted">{shortTime(bar.opened_at)}</span>
      {parts.map(([label, text]) => (
        <span key={label}>
          <span className="faint">{label}</span> <span className="num">{text}</span>
        </span>
      ))}
      {studies.map((study) => (
        <span key={study.output} data-series={study.colour} className={styles["study"]}>
          {study.label} <span className="num">{figure(values[study.output], 2)}</span>
        </span>
      ))}
    </div>
  );
}
