import { ColorType, CrosshairMode, type DeepPartial, type ChartOptions } from "lightweight-charts";
import { type Colours, faded } from "./colours";

const FONT = '"Inter Variable", "Inter Fallback", system-ui, sans-serif';
const GRID_ALPHA = 0.35;

/**
 * Price axis right, time axis bottom, quiet grid. The library's own logo would inject a style
 * element, which the content security policy refuses; the attribution stands below the chart.
 */
export function chartOptions(colours: Colours): DeepPartial<ChartOptions> {
  const grid = { color: faded(colours.line, GRID_ALPHA) };
  return {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: colours.background },
      textColor: colours.text,
      fontFamily: FONT,
      fontSize: 11,
      attributionLogo: false,
      panes: { separatorColor: colours.line, separatorHoverColor: colours.line },
    },
    grid: { vertLines: grid, horzLines: grid },
    crosshair: { mode: CrosshairMode.Normal },
    rightPriceScale: { borderColor: colours.line },
    timeScale: { borderColor: colours.line, timeVisible: true, secondsVisible: false },
  };
}
