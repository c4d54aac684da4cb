import {
  AreaSeries,
  createChart,
  type IChartApi,
  type ISeriesApi,
  LineSeries,
  type UTCTimestamp,
} from "lightweight-charts";
import { plotted } from "@/lib/format/format";
import { toSeconds } from "@/lib/time/clock";
import type { EquityPoint } from "@/types/api";
import { faded, readColours } from "./colours";
import { chartOptions } from "./options";

const PANE_STRETCH = [3, 1] as const;

/** Equity above, drawdown below, on one time axis. */
export class EquityChart {
  private readonly chart: IChartApi;
  private readonly equity: ISeriesApi<"Line">;
  private readonly drawdown: ISeriesApi<"Area">;
  private last = 0;

  constructor(container: HTMLElement) {
    const colours = readColours();
    // Always the whole run: the wheel and the finger belong to the page.
    const options = chartOptions(colours);
    this.chart = createChart(container, {
      ...options,
      handleScroll: false,
      handleScale: false,
      timeScale: { ...options.timeScale, minBarSpacing: 0.01 },
    });
    const quiet = {
      priceLineVisible: false,
      priceFormat: { type: "price" as const, minMove: 0.01 },
    };
    this.equity = this.chart.addSeries(LineSeries, { ...quiet, lineWidth: 2 });
    this.drawdown = this.chart.addSeries(AreaSeries, { ...quiet, lineWidth: 1 }, 1);
    this.chart.panes().forEach((pane, index) => {
      pane.setStretchFactor(PANE_STRETCH[index] ?? 1);
    });
    this.chart.timeScale().subscribeSizeChange(() => {
      this.chart.timeScale().fitContent();
    });
    this.paint();
  }

  load(points: readonly EquityPoint[]): void {
    const byTime = new Map(points.map((point) => [toSeconds(point.at), point]));
    const ordered = [...byTime].sort(([left], [right]) => left - right);
    this.equity.setData(ordered.map(([time, point]) => equityAt(time, point)));
    this.drawdown.setData(ordered.map(([time, point]) => drawdownAt(time, point)));
    this.last = ordered.at(-1)?.[0] ?? 0;
    this.chart.timeScale().fitContent();
  }

  append(point: EquityPoint): void {
    const time = toSeconds(point.at);
    if (time < this.last) return;
    this.last = time;
    this.equity.update(equityAt(time, point));
    this.drawdown.update(drawdownAt(time, point));
    this.chart.timeScale().fitContent();
  }

  paint(): void {
    const colours = readColours();
    this.chart.applyOptions(chartOptions(colours));
    this.equity.applyOptions({ color: colours.accent });
    this.drawdown.applyOptions({
      lineColor: colours.down,
      topColor: faded(colours.down, 0.05),
      bottomColor: faded(colours.down, 0.3),
      invertFilledArea: true,
    });
  }

  dispose(): void {
    this.chart.remove();
  }
}

const equityAt = (time: number, point: EquityPoint) => ({
  time: time as UTCTimestamp,
  value: plotted(point.equity),
});

/** Drawn downwards whatever sign the server gives a drawdown. */
const drawdownAt = (time: number, point: EquityPoint) => ({
  time: time as UTCTimestamp,
  value: -Math.abs(plotted(point.drawdown_pct)),
});
