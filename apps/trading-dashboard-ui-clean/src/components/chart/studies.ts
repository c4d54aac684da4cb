import { LineStyle } from "lightweight-charts";
import type { Colours } from "./colours";

export interface Study {
  output: string;
  label: string;
  group: StudyGroup;
  kind: "line" | "histogram";
  colour: keyof Colours;
  style: LineStyle;
}

export type StudyGroup = "EMA" | "Bollinger" | "RSI" | "MACD";

export const GROUPS: readonly StudyGroup[] = ["EMA", "Bollinger", "RSI", "MACD"];

const line = (
  output: string,
  label: string,
  group: StudyGroup,
  colour: keyof Colours,
  style: LineStyle,
): Study => ({ output, label, group, kind: "line", colour, style });

/** Series colours in fixed order, each with its own dash, so colour is never alone. */
export const STUDIES: readonly Study[] = [
  line("ema_20", "EMA 20", "EMA", "series1", LineStyle.Solid),
  line("ema_50", "EMA 50", "EMA", "series2", LineStyle.Dashed),
  line("ema_200", "EMA 200", "EMA", "series3", LineStyle.LargeDashed),
  line("bb_upper", "BB upper", "Bollinger", "series4", LineStyle.Dotted),
  line("bb_middle", "BB middle", "Bollinger", "series4", LineStyle.SparseDotted),
  line("bb_lower", "BB lower", "Bollinger", "series4", LineStyle.Dotted),
  line("rsi_14", "RSI 14", "RSI", "series1", LineStyle.Solid),
  line("macd_line", "MACD", "MACD", "series1", LineStyle.Solid),
  line("macd_signal", "Signal", "MACD", "series2", LineStyle.Dashed),
  {
    output: "macd_histogram",
    label: "Histogram",
    group: "MACD",
    kind: "histogram",
    colour: "series3",
    style: LineStyle.Solid,
  },
];

const PANES: Readonly<Record<StudyGroup, number>> = { EMA: 0, Bollinger: 0, RSI: 1, MACD: 2 };

export const paneOf = (group: StudyGroup): number => PANES[group];
