/** Our own outlines on a 16 px grid; decoration only, the label beside it carries the meaning. */
const PATHS = {
  overview: "M2 13V9m4 4V5m4 8V7m4 6V2",
  charts: "M4 2v3m0 6v3M2.5 5h3v6h-3zM11 1v4m0 5v4M9.5 5h3v5h-3z",
  decisions: "M3 3.5h10M3 8h10M3 12.5h6M12 11l1.3 1.5L16 9.5",
  pause: "M5 3v10M11 3v10",
  play: "M4 2.5l9 5.5-9 5.5z",
  stop: "M3.5 3.5h9v9h-9z",
  halt: "M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2zM8 4.5v4M8 11v.6",
  up: "M8 4l5 8H3z",
  down: "M8 12L3 4h10z",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  check: "M2.5 8.5l3.5 4 7.5-9",
  shrink: "M2 5h12M4 8h8M6 11h4",
  cross: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  right: "M6 3l5 5-5 5",
  left: "M10 3L5 8l5 5",
  theme: "M8 1.5v13a6.5 6.5 0 000-13zM8 1.5a6.5 6.5 0 000 13",
  help: "M5.5 6a2.5 2.5 0 115 0c0 1.7-2.5 2-2.5 3.8M8 12.6v.4",
  leave: "M9 2H3v12h6M7 8h8M12 5l3 3-3 3",
} as const;

const FILLED = new Set<IconName>(["up", "down", "play", "stop"]);

export type IconName = keyof typeof PATHS;

interface Props {
  name: IconName;
  size?: number;
}

export function Icon({ name, size = 16 }: Props) {
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill={FILLED.has(name) ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth={FILLED.has(name) ? 0 : 1.6}
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
