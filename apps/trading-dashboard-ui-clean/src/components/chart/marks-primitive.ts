import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  PrimitiveHoveredItem,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from "lightweight-charts";
import type { Colours } from "./colours";
import { type Cluster, cluster, type Mark, type PlacedMark } from "./marks";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

const RADIUS = 5;
const HIT = 11;
const OFFSET = 12;

/** Draws signals (triangles, hollow when refused) and fills (discs) and tells what was hit. */
export class MarksPrimitive implements ISeriesPrimitive<Time> {
  private attachedTo: SeriesAttachedParameter | null = null;
  private marks: readonly Mark[] = [];
  private clusters: readonly Cluster[] = [];
  private readonly views: readonly IPrimitivePaneView[];

  constructor(private colours: Colours) {
    const renderer: IPrimitivePaneRenderer = {
      draw: (target) => {
        this.draw(target);
      },
    };
    this.views = [{ zOrder: () => "top", renderer: () => renderer }];
  }

  attached(parameter: SeriesAttachedParameter): void {
    this.attachedTo = parameter;
  }

  detached(): void {
    this.attachedTo = null;
  }

  set(marks: readonly Mark[], colours: Colours): void {
    this.marks = marks;
    this.colours = colours;
    this.attachedTo?.requestUpdate();
  }

  updateAllViews(): void {
    const target = this.attachedTo;
    if (!target) return;
    const scale = target.chart.timeScale();
    const width = scale.width();
    const placed: PlacedMark[] = [];
    for (const mark of this.marks) {
      const x = scale.timeToCoordinate(mark.time as UTCTimestamp);
      const y = target.series.priceToCoordinate(mark.price);
      if (x === null || y === null || x < 0 || x > width) continue;
      const shift = mark.kind === "signal" ? OFFSET * (mark.isUp ? 1 : -1) : 0;
      placed.push({ ...mark, x, y: y + shift });
    }
    this.clusters = cluster(placed, width);
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  hitTest(x: number, y: number): PrimitiveHoveredItem | null {
    const hit = this.clusters.find((item) => Math.hypot(item.x - x, item.y - y) <= HIT);
    const first = hit?.marks[0];
    if (!hit || !first) return null;
    return {
      externalId: hit.marks.length === 1 ? first.id : clusterId(hit),
      cursorStyle: "pointer",
      zOrder: "top",
      hitTestPriority: 2,
    };
  }

  /** The mark, or the time span of the cluster, behind an id that `hitTest` gave out. */
  find(id: string): Mark | { from: number; to: number } | null {
    for (const item of this.clusters) {
      const first = item.marks[0];
      if (!first) continue;
      if (item.marks.length === 1 && first.id === id) return first;
      if (item.marks.length > 1 && clusterId(item) === id) {
        const times = item.marks.map((mark) => mark.time);
        return { from: Math.min(...times), to: Math.max(...times) };
      }
    }
    return null;
  }

  private draw(target: Target): void {
    target.useMediaCoordinateSpace(({ context }) => {
      for (const item of this.clusters) {
        const first = item.marks[0];
        if (!first) continue;
        if (item.marks.length === 1) this.drawMark(context, first);
        else this.drawCount(context, item);
      }
    });
  }

  private drawMark(context: CanvasRenderingContext2D, mark: PlacedMark): void {
    const colour = mark.isUp ? this.colours.up : this.colours.down;
    context.beginPath();
    if (mark.kind === "fill") {
      context.arc(mark.x, mark.y, RADIUS - 1, 0, 2 * Math.PI);
    } else {
      const tip = mark.isUp ? -RADIUS : RADIUS;
      context.moveTo(mark.x, mark.y + tip);
      context.lineTo(mark.x - RADIUS, mark.y - tip);
      context.lineTo(mark.x + RADIUS, mark.y - tip);
      context.closePath();
    }
    context.fillStyle = mark.isHollow ? this.colours.background : colour;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = mark.kind === "fill" ? this.colours.ink : colour;
    context.stroke();
  }

  private drawCount(context: CanvasRenderingContext2D, item: Cluster): void {
    context.beginPath();
    context.arc(item.x, item.y, RADIUS + 4, 0, 2 * Math.PI);
    context.fillStyle = this.colours.background;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = this.colours.accent;
    context.stroke();
    context.fillStyle = this.colours.ink;
    context.font = "600 10px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(item.marks.length), item.x, item.y + 0.5);
  }
}

const clusterId = (item: Cluster): string => `cluster/${item.marks[0]?.id ?? ""}`;
