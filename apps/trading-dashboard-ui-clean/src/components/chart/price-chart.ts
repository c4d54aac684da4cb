import {
  CandlestickSeries,
  createChart,
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  LineStyle,
  type LogicalRange,
  type MouseEventParams,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { plotted } from "@/lib/format/format";
import type { Bar, Fill, IndicatorValues, SignalMark } from "@/types/api";
import { addValues, BarSeries, type Values } from "./bar-series";
import { type Colours, faded, readColours } from "./colours";
import { GapsPrimitive } from "./gaps-primitive";
import { fillMarks, type Mark, signalMarks } from "./marks";
import { MarksPrimitive } from "./marks-primitive";
import { chartOptions } from "./options";
import { StudyLines } from "./study-lines";
import type { StudyGroup } from "./studies";

export interface PriceLineSpec {
  kind: "entry" | "stop" | "target";
  price: string;
  label: string;
}

export interface Reading {
  bar: Bar;
  values: Readonly<Record<string, number | null>>;
}

export interface PriceChartEvents {
  onMark: (decisionId: string) => void;
  onNeedOlder: () => void;
  onRead: (reading: Reading | null) => void;
}

const OLDER_FROM_BAR = 20;
const START_BARS = 160;
const PANE_STRETCH = [6, 1.6, 1.6] as const;

/** The price chart, driven imperatively: React never renders a candle. */
export class PriceChart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly studies: StudyLines;
  private readonly marks: MarksPrimitive;
  private readonly gaps: GapsPrimitive;
  private readonly series: BarSeries;
  private readonly values: Values = new Map();
  private colours: Colours = readColours();
  private lines: IPriceLine[] = [];
  private lineSpecs: readonly PriceLineSpec[] = [];
  private signals: readonly SignalMark[] = [];
  private fills: readonly Fill[] = [];
  private newestValue = 0;

  constructor(
    container: HTMLElement,
    private readonly events: PriceChartEvents,
    shape: { priceScale: number; span: number },
  ) {
    const { priceScale } = shape;
    const colours = this.colours;
    this.series = new BarSeries(shape.span);
    this.chart = createChart(container, chartOptions(colours));
    this.candles = this.chart.addSeries(CandlestickSeries, {
      ...candleColours(colours),
      priceFormat: { type: "price", precision: priceScale, minMove: 10 ** -priceScale },
    });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      priceLineVisible: false,
      lastValueVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.studies = new StudyLines(this.chart, colours);
    this.marks = new MarksPrimitive(colours);
    this.gaps = new GapsPrimitive(colours);
    this.candles.attachPrimitive(this.gaps);
    this.candles.attachPrimitive(this.marks);
    this.chart.panes().forEach((pane, index) => {
      pane.setStretchFactor(PANE_STRETCH[index] ?? 1);
    });
    this.chart.subscribeClick(this.onClick);
    this.chart.subscribeCrosshairMove(this.onMove);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(this.onRange);
  }

  get lastOpenedAt(): number {
    return this.series.last;
  }

  /** Opening time of the newest bar whose indicators are known; 0 before any. */
  get newestValueAt(): number {
    return this.newestValue;
  }

  /** Replaces everything; a page of older bars keeps what is on the screen where it is. */
  load(bars: readonly Bar[], pages: readonly IndicatorValues[]): void {
    const isFirst = this.series.bars.length === 0;
    const before = this.chart.timeScale().getVisibleRange();
    this.series.add(bars);
    for (const page of pages) this.addPage(page);
    this.draw();
    if (isFirst) this.showLatest();
    else if (before) this.chart.timeScale().setVisibleRange(before);
  }

  append(bars: readonly Bar[]): void {
    const tail = this.series.add(bars);
    if (tail === null) {
      this.draw();
      return;
    }
    if (tail.length === 0) return;
    const from = this.series.openedAt.length - tail.length;
    tail.forEach((bar, index) => {
      const time = this.series.openedAt[from + index] ?? 0;
      this.candles.update(candle(time, bar));
      this.volume.update(this.volumeBar(time, bar));
    });
    this.gaps.set(this.series.gaps, this.colours);
    this.read(null);
  }

  /** Values of closed bars; whatever is newer than the newest known one is appended. */
  appendValues(page: IndicatorValues): void {
    const newest = this.newestValue;
    const fresh = this.addPage(page);
    if (fresh.some((time) => time < newest)) this.studies.set(this.values);
    else this.studies.append(fresh, this.values);
    this.read(null);
  }

  setMarks(signals: readonly SignalMark[], fills: readonly Fill[]): void {
    this.signals = signals;
    this.fills = fills;
    this.drawMarks();
  }

  setLines(specs: readonly PriceLineSpec[]): void {
    this.lineSpecs = specs;
    for (const line of this.lines) this.candles.removePriceLine(line);
    const colour = { entry: this.colours.accent, stop: this.colours.down, target: this.colours.up };
    this.lines = specs.map((spec) =>
      this.candles.createPriceLine({
        price: plotted(spec.price),
        color: colour[spec.kind],
        lineStyle: spec.kind === "entry" ? LineStyle.Solid : LineStyle.Dashed,
        lineWidth: 1,
        axisLabelVisible: true,
        title: spec.label,
      }),
    );
  }

  show(groups: ReadonlySet<StudyGroup>): void {
    this.studies.show(groups);
  }

  repaint(): void {
    this.colours = readColours();
    this.chart.applyOptions(chartOptions(this.colours));
    this.candles.applyOptions(candleColours(this.colours));
    this.studies.paint(this.colours);
    this.setLines(this.lineSpecs);
    this.draw();
  }

  /** The newest bars, where the eye expects them. */
  showLatest(): void {
    const count = this.series.bars.length;
    this.chart.timeScale().setVisibleLogicalRange({ from: count - START_BARS, to: count + 6 });
  }

  marksNow(): Mark[] {
    return [...signalMarks(this.series, this.signals), ...fillMarks(this.series, this.fills)];
  }

  dispose(): void {
    this.chart.remove();
  }

  private draw(): void {
    const { bars, openedAt } = this.series;
    this.candles.setData(bars.map((bar, index) => candle(openedAt[index] ?? 0, bar)));
    this.volume.setData(bars.map((bar, index) => this.volumeBar(openedAt[index] ?? 0, bar)));
    this.studies.set(this.values);
    this.gaps.set(this.series.gaps, this.colours);
    this.drawMarks();
    this.read(null);
  }

  private addPage(page: IndicatorValues): number[] {
    const fresh = addValues(this.values, page);
    this.newestValue = fresh.reduce((most, time) => Math.max(most, time), this.newestValue);
    return fresh;
  }

  private drawMarks(): void {
    this.marks.set(this.marksNow(), this.colours);
  }

  private volumeBar(time: number, bar: Bar) {
    const isUp = plotted(bar.close) >= plotted(bar.open);
    const color = faded(isUp ? this.colours.up : this.colours.down, 0.3);
    return { time: time as UTCTimestamp, value: plotted(bar.volume), color };
  }

  private read(time: number | null): void {
    // Figures lag the newest bars a little: without a crosshair, the newest complete row is read.
    const at = time ?? (this.newestValue === 0 ? this.series.last : this.newestValue);
    const bar = this.series.at(at);
    this.events.onRead(bar ? { bar, values: this.values.get(at) ?? {} } : null);
  }

  private readonly onMove = (event: MouseEventParams<Time>): void => {
    this.read(typeof event.time === "number" ? event.time : null);
  };

  private readonly onClick = (event: MouseEventParams<Time>): void => {
    if (typeof event.hoveredObjectId !== "string") return;
    const found = this.marks.find(event.hoveredObjectId);
    if (!found) return;
    if ("from" in found) {
      const pad = Math.max(1, (found.to - found.from) / 4);
      const range = { from: found.from - pad, to: found.to + pad };
      this.chart.timeScale().setVisibleRange({
        from: range.from as UTCTimestamp,
        to: range.to as UTCTimestamp,
      });
    } else if (found.decisionId) this.events.onMark(found.decisionId);
  };

  private readonly onRange = (range: LogicalRange | null): void => {
    const isReady = this.series.bars.length > 0;
    if (range && isReady && range.from < OLDER_FROM_BAR) this.events.onNeedOlder();
  };
}

const candle = (time: number, bar: Bar) => ({
  time: time as UTCTimestamp,
  open: plotted(bar.open),
  high: plotted(bar.high),
  low: plotted(bar.low),
  close: plotted(bar.close),
});

const candleColours = (colours: Colours) => ({
  upColor: colours.up,
  downColor: colours.down,
  borderUpColor: colours.up,
  borderDownColor: colours.down,
  wickUpColor: colours.up,
  wickDownColor: colours.down,
});
