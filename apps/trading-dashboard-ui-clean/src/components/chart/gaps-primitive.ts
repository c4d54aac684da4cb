import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from "lightweight-charts";
import { type Colours, faded } from "./colours";

export interface Gap {
  /** Opening time, in seconds, of the bar that carries the mark. */
  time: number;
  label: string;
}

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

const ALPHA = 0.16;
const LABEL_FROM_PX = 26;

/** Shades the bars before or within which data is missing; a gap stays a gap. */
export class GapsPrimitive implements ISeriesPrimitive<Time> {
  private attachedTo: SeriesAttachedParameter | null = null;
  private gaps: readonly Gap[] = [];
  private readonly views: readonly IPrimitivePaneView[];

  constructor(private colours: Colours) {
    const renderer: IPrimitivePaneRenderer = {
      draw: () => undefined,
      drawBackground: (target) => {
        this.draw(target);
      },
    };
    this.views = [{ zOrder: () => "bottom", renderer: () => renderer }];
  }

  attached(parameter: SeriesAttachedParameter): void {
    this.attachedTo = parameter;
  }

  detached(): void {
    this.attachedTo = null;
  }

  set(gaps: readonly Gap[], colours: Colours): void {
    this.gaps = gaps;
    this.colours = colours;
    this.attachedTo?.requestUpdate();
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  private draw(target: Target): void {
    const scale = this.attachedTo?.chart.timeScale();
    if (!scale) return;
    const spacing = Math.max(3, scale.options().barSpacing);
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.font = "11px system-ui, sans-serif";
      for (const gap of this.gaps) {
        const x = scale.timeToCoordinate(gap.time as UTCTimestamp);
        if (x === null || x < 0 || x > mediaSize.width) continue;
        context.fillStyle = faded(this.colours.warn, ALPHA);
        context.fillRect(x - spacing / 2, 0, spacing, mediaSize.height);
        if (spacing < LABEL_FROM_PX) continue;
        context.fillStyle = this.colours.warn;
        context.fillText(gap.label, x - spacing / 2 + 2, mediaSize.height - 6);
      }
    });
  }
}
