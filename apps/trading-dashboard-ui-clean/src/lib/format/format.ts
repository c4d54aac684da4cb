import { parse, print, rescale, sign } from "./decimal";

/** A true minus sign, the same width as a plus. */
const MINUS = "\u2212";
/** Missing is never shown as zero. */
export const MISSING = "\u2014";

type Text = string | null | undefined;

const groups = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function grouped(text: string): string {
  const [whole = "0", fraction] = text.split(".");
  const body = groups.format(BigInt(whole));
  return fraction === undefined ? body : `${body}.${fraction}`;
}

interface NumberStyle {
  scale?: number;
  plus?: boolean;
  trim?: boolean;
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Prints a decimal string exactly; rounding, where asked for, is half-even. */
export function decimal(text: Text, style: NumberStyle = {}): string {
  if (text === null || text === undefined) return MISSING;
  const parts = parse(text);
  if (!parts) return MISSING;
  const shown = style.scale === undefined ? parts : rescale(parts, style.scale);
  const plain = print({ ...shown, negative: false });
  const body = grouped(style.trim ? trimZeros(plain) : plain);
  if (shown.negative) return `${MINUS}${body}`;
  return style.plus && shown.digits !== 0n ? `+${body}` : body;
}

export const money = (text: Text): string => decimal(text, { scale: 2 });
export const signedMoney = (text: Text): string => decimal(text, { scale: 2, plus: true });
export const price = (text: Text, scale?: number): string =>
  decimal(text, scale === undefined ? {} : { scale });
export const quantity = (text: Text): string => decimal(text, { trim: true });
export const score = (text: Text): string => decimal(text, { scale: 1 });
export const analysis = (text: Text, scale = 4): string => decimal(text, { scale, trim: true });
export const signedAnalysis = (text: Text, scale = 2): string =>
  decimal(text, { scale, plus: true });

export function percent(text: Text, style: NumberStyle = {}): string {
  const body = decimal(text, { scale: 2, ...style });
  return body === MISSING ? body : `${body}\u00A0%`;
}

export const signedPercent = (text: Text): string => percent(text, { plus: true });

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? MISSING : groups.format(value);
}

/** Money above a million, short; the exact value belongs in the title. */
export function compactMoney(text: Text): string {
  if (text === null || text === undefined) return MISSING;
  const parts = parse(text);
  if (!parts) return MISSING;
  const whole = parts.digits / 10n ** BigInt(parts.scale);
  if (whole < 1_000_000n) return money(text);
  const millions = decimal(print({ ...parts, scale: parts.scale + 6 }), { scale: 2 });
  return `${millions}\u00A0M`;
}

/** A float of analysis (indicator), not money. */
export function figure(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const body = Math.abs(value).toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return value < 0 ? `${MINUS}${body}` : body;
}

export type Trend = "up" | "down" | "flat";

export function trend(text: Text): Trend {
  const value = text === null || text === undefined ? null : sign(text);
  if (value === 1) return "up";
  return value === -1 ? "down" : "flat";
}

/** A share of 0..100 as a number for bar widths; drawing only, never arithmetic on money. */
export function share(text: Text): number {
  const value = text === null || text === undefined ? 0 : Number(text);
  return Number.isFinite(value) ? Math.min(100, Math.max(0, value)) : 0;
}

export const plotted = (text: string): number => Number(text);

const stamp = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC",
  year: "numeric",
  month: "short",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});

const clock = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC",
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});

const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "short", day: "2-digit" });

const valid = (text: Text): Date | null => {
  if (!text) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
};

export const dateTime = (text: Text): string => {
  const date = valid(text);
  return date ? `${stamp.format(date).replace(",", "")} UTC` : MISSING;
};

export const timeOfDay = (text: Text): string => {
  const date = valid(text);
  return date ? clock.format(date) : MISSING;
};

export const shortTime = (text: Text): string => {
  const date = valid(text);
  return date ? `${day.format(date)} ${clock.format(date)}` : MISSING;
};

/** Age in seconds: `0.4 s`, `12 s`, `3 min`. */
export function age(millis: number | null): string {
  if (millis === null) return MISSING;
  const seconds = Math.max(0, millis) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)}\u00A0s`;
  if (seconds < 120) return `${groups.format(Math.round(seconds))}\u00A0s`;
  return `${groups.format(Math.round(seconds / 60))}\u00A0min`;
}

export const shortId = (id: string): string => id.slice(0, 8);

/** `no_entries` -> `no entries`, `daily_drawdown_pct` -> `daily drawdown %`. */
export const words = (text: Text): string =>
  text ? text.replaceAll("_", " ").replace(/ pct$/, " %") : MISSING;
