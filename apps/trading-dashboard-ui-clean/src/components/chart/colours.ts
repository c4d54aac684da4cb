/** The tokens a canvas needs; canvases do not read custom properties. */
const NAMES = {
  background: "--surface",
  text: "--muted",
  line: "--line",
  up: "--profit",
  down: "--loss",
  accent: "--accent",
  warn: "--warn",
  info: "--info",
  ink: "--text",
  series1: "--series-1",
  series2: "--series-2",
  series3: "--series-3",
  series4: "--series-4",
} as const;

export type Colours = Record<keyof typeof NAMES, string>;

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const entries = Object.entries(NAMES).map(([key, name]) => [
    key,
    style.getPropertyValue(name).trim(),
  ]);
  return Object.fromEntries(entries) as Colours;
}

/** Hex colour with an alpha byte: `faded("#2fbf8f", 0.35)`. */
export function faded(colour: string, alpha: number): string {
  const byte = Math.round(alpha * 255);
  return `${colour}${byte.toString(16).padStart(2, "0")}`;
}
