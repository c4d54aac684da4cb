/** The only place that reads the wall clock, so tests can replace it. */
export type Clock = () => number;

export const now: Clock = () => Date.now();

export const parseTime = (text: string): number => Date.parse(text);

/** Seconds since the epoch, the unit of the chart's time axis. */
export const toSeconds = (text: string): number => Math.floor(Date.parse(text) / 1000);

export const toTimestamp = (millis: number): string => new Date(millis).toISOString();
