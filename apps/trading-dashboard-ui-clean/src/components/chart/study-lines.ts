import {
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  LineSeries,
  LineStyle,
  type UTCTimestamp,
} from "lightweight-charts";
import type { Values } from "./bar-series";
import { type Colours, faded } from "./colours";
import { paneOf, STUDIES, type Study, type StudyGroup } from "./studies";

type Plot = ISeriesApi<"Line"> | ISeriesApi<"Histogram">;

const BAND = [30, 70] as const;

/** The indicator series of a price chart: creation, data, visibility, colours. */
export class StudyLines {
  private readonly plots: readonly { study: Study; plot: Plot }[];
  private readonly band: readonly IPriceLine[];

  constructor(
    chart: IChartApi,
    private colours: Colours,
  ) {
    this.plots = STUDIES.map((study) => ({ study, plot: this.create(chart, study) }));
    const rsi = this.plots.find((item) => item.study.output === "rsi_14");
    this.band = BAND.flatMap((price) => {
      const options = { lineStyle: LineStyle.Dashed, lineWidth: 1 as const, title: "" };
      const look = { price, color: colours.line, axisLabelVisible: false };
      return rsi ? [rsi.plot.createPriceLine({ ...options, ...look })] : [];
    });
  }

  private create(chart: IChartApi, study: Study): Plot {
    const pane = paneOf(study.group);
    const common = { priceLineVisible: false, lastValueVisible: false, color: "" };
    if (study.kind === "histogram") {
      return chart.addSeries(HistogramSeries, { ...common, ...this.look(study) }, pane);
    }
    const crosshairMarkerVisible = false;
    const options = { ...common, crosshairMarkerVisible, ...this.look(study) };
    return chart.addSeries(LineSeries, { ...options, lineWidth: 1, lineStyle: study.style }, pane);
  }

  private look(study: Study): { color: string } {
    const colour = this.colours[study.colour];
    return { color: study.kind === "histogram" ? faded(colour, 0.45) : colour };
  }

  set(values: Values): void {
    const times = [...values.keys()].sort((left, right) => left - right);
    for (const { study, plot } of this.plots) {
      plot.setData(times.map((time) => point(time, values.get(time)?.[study.output])));
    }
  }

  append(times: readonly number[], values: Values): void {
    for (const { study, plot } of this.plots) {
      for (const time of times) plot.update(point(time, values.get(time)?.[study.output]));
    }
  }

  show(groups: ReadonlySet<StudyGroup>): void {
    for (const { study, plot } of this.plots) {
      plot.applyOptions({ visible: groups.has(study.group) });
    }
  }

  paint(colours: Colours): void {
    this.colours = colours;
    for (const { study, plot } of this.plots) plot.applyOptions(this.look(study));
    for (const line of this.band) line.applyOptions({ color: colours.line });
  }
}

const point = (
  time: number,
  value: number | null | undefined,
): { time: UTCTimestamp; value: number } | { time: UTCTimestamp } =>
  value === null || value === undefined
    ? { time: time as UTCTimestamp }
    : { time: time as UTCTimestamp, value };
