import { Link } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { BarSeries, spanSeconds } from "@/components/chart/bar-series";
import { fillMarks, type Mark, signalMarks } from "@/components/chart/marks";
import { Table } from "@/components/ui/table";
import { price, quantity, shortTime, words } from "@/lib/format/format";
import { useOnChange } from "@/hooks/use-channel";
import { useBars } from "@/stores/live/stores";
import type { Bar, Timeframe } from "@/types/api";
import styles from "./charts.module.css";
import type { ChartData } from "./use-chart-data";

const SHOWN = 100;
const REFRESH_MS = 1_000;

const COLUMNS = [
  { key: "time", label: "Opened (UTC)" },
  { key: "open", label: "Open", isNumber: true },
  { key: "high", label: "High", isNumber: true },
  { key: "low", label: "Low", isNumber: true },
  { key: "close", label: "Close", isNumber: true },
  { key: "volume", label: "Volume", isNumber: true },
  { key: "marks", label: "Marks" },
];

interface Props {
  data: ChartData;
  timeframe: Timeframe;
  priceScale: number;
}

/** The chart as a table: the newest hundred bars, their gaps, signals and fills. */
export function ChartTable({ data, timeframe, priceScale }: Props) {
  const { bars, channel, signals, fills } = data;
  const [live, setLive] = useState<readonly Bar[]>([]);
  const takeLive = useCallback(() => {
    setLive(Object.values(useBars.getState().rows));
  }, []);
  useOnChange([channel], REFRESH_MS, takeLive);
  const rows = useMemo(() => {
    const series = new BarSeries(spanSeconds(timeframe));
    series.add([...bars, ...live]);
    const marks = Map.groupBy(
      [...signalMarks(series, signals ?? []), ...fillMarks(series, fills ?? [])],
      (mark) => mark.time,
    );
    const all = series.bars.map((bar, index) => ({
      bar,
      marks: marks.get(series.openedAt[index] ?? 0) ?? [],
    }));
    return all.slice(-SHOWN).reverse();
  }, [bars, live, signals, fills, timeframe]);
  return (
    <Table caption={`The newest ${rows.length} bars`} columns={COLUMNS}>
      {rows.map(({ bar, marks }) => (
        <BarRow key={bar.opened_at} bar={bar} marks={marks} priceScale={priceScale} />
      ))}
    </Table>
  );
}

interface RowProps {
  bar: Bar;
  marks: readonly Mark[];
  priceScale: number;
}

function BarRow({ bar, marks, priceScale }: RowProps) {
  return (
    <tr>
      <td style={{ whiteSpace: "nowrap" }}>{shortTime(bar.opened_at)}</td>
      {[bar.open, bar.high, bar.low, bar.close].map((value, index) => (
        <td key={index} className="num">
          {price(value, priceScale)}
        </td>
      ))}
      <td className="num">{quantity(bar.volume)}</td>
      <td>
        {bar.missing > 0 ? <span className="muted">gap of {bar.missing} </span> : null}
        {bar.flags.length > 0 ? (
          <span className="faint">{bar.flags.map(words).join(", ")} </span>
        ) : null}
        {marks.map((mark) => (
          <MarkLink key={mark.id} mark={mark} />
        ))}
      </td>
    </tr>
  );
}

function MarkLink({ mark }: { mark: Mark }) {
  if (mark.decisionId === null) return <span>{words(mark.label)} </span>;
  return (
    <Link
      to="/decisions/$decisionId"
      params={{ decisionId: mark.decisionId }}
      className={styles["mark"] ?? ""}
    >
      {words(mark.label)}
    </Link>
  );
}
