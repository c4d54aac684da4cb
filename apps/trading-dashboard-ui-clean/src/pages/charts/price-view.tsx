import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { Attribution } from "@/components/chart/attribution";
import { spanSeconds } from "@/components/chart/bar-series";
import { PriceChart, type PriceLineSpec, type Reading } from "@/components/chart/price-chart";
import type { StudyGroup } from "@/components/chart/studies";
import { usePositions } from "@/stores/live/stores";
import type { Position, Timeframe } from "@/types/api";
import { Legend } from "./legend";
import styles from "./charts.module.css";
import type { ChartData } from "./use-chart-data";
import { useLiveBars } from "./use-live-bars";

interface Props {
  instrumentId: string;
  timeframe: Timeframe;
  priceScale: number;
  groups: ReadonlySet<StudyGroup>;
  data: ChartData;
  onMark: (decisionId: string) => void;
}

function linesOf(position: Position | null): PriceLineSpec[] {
  if (!position || position.position_side === "FLAT") return [];
  const specs: PriceLineSpec[] = [];
  const add = (kind: PriceLineSpec["kind"], price: string | null, label: string): void => {
    if (price !== null) specs.push({ kind, price, label });
  };
  add("entry", position.average_entry_price, position.position_side);
  add("stop", position.stop_price, "SL");
  add("target", position.target_price, "TP");
  return specs;
}

/** Mounted once per instrument and timeframe; data flows into the controller by effects. */
export default function PriceView(props: Props) {
  const { instrumentId, timeframe, priceScale, groups, data } = props;
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<PriceChart | null>(null);
  const [reading, setReading] = useState<Reading | null>(null);
  const position = usePositions((state) => state.rows[instrumentId] ?? null);
  const span = spanSeconds(timeframe);
  const lines = useMemo(() => linesOf(position), [position]);

  const onMark = useEffectEvent(props.onMark);
  const onNeedOlder = useEffectEvent(() => {
    if (data.chart.hasNextPage && !data.chart.isFetchingNextPage) void data.chart.fetchNextPage();
  });

  useEffect(() => {
    if (!host.current) return;
    const events = {
      onMark: (id: string) => {
        onMark(id);
      },
      onNeedOlder: () => {
        onNeedOlder();
      },
      onRead: setReading,
    };
    const made = new PriceChart(host.current, events, { priceScale, span });
    chart.current = made;
    const repaint = (): void => {
      made.repaint();
    };
    window.addEventListener("ats-appearance", repaint);
    return () => {
      window.removeEventListener("ats-appearance", repaint);
      made.dispose();
      chart.current = null;
    };
  }, [priceScale, span]);

  useEffect(() => {
    if (data.bars.length === 0) return;
    chart.current?.load(data.bars, data.pages?.map((page) => page.indicators) ?? []);
  }, [data.bars, data.pages]);
  useEffect(() => {
    chart.current?.setMarks(data.signals ?? [], data.fills ?? []);
  }, [data.signals, data.fills]);
  useEffect(() => {
    chart.current?.setLines(lines);
  }, [lines]);
  useEffect(() => {
    chart.current?.show(groups);
  }, [groups]);
  useLiveBars(chart, data.channel, instrumentId, timeframe);

  return (
    <figure className={styles["figure"]}>
      <Legend reading={reading} priceScale={priceScale} groups={groups} />
      <div ref={host} className={styles["canvas"]} data-testid="price-chart" aria-hidden="true" />
      <figcaption className={styles["caption"]}>
        <span className="meta muted">
          Triangles are signals (hollow: refused), discs are fills; click one for its decision.
          Shaded bars follow a gap in the data. The table view holds the same for the keyboard.
        </span>
        <Attribution />
      </figcaption>
    </figure>
  );
}
