import { create, type StoreApi, type UseBoundStore } from "zustand";
import {
  type LivePortfolio,
  type Parser,
  parseBar,
  parseDecision,
  parseHealth,
  parseMode,
  parseOrder,
  parsePortfolio,
  parsePosition,
  parseRisk,
} from "@/lib/ws/rows";
import type { Bar, DecisionRow, Health, Mode, Order, Position, RiskState } from "@/types/api";

/** Live state. Written by `feed.ts` only, once per animation frame; components only read. */
export interface Rows<T> {
  rows: Readonly<Record<string, T>>;
  isLoaded: boolean;
}

export interface Single<T> {
  value: T | null;
}

export type RowsStore<T> = UseBoundStore<StoreApi<Rows<T>>>;
export type SingleStore<T> = UseBoundStore<StoreApi<Single<T>>>;

const rowsStore = <T>(): RowsStore<T> => create<Rows<T>>(() => ({ rows: {}, isLoaded: false }));
const singleStore = <T>(): SingleStore<T> => create<Single<T>>(() => ({ value: null }));

export const usePositions = rowsStore<Position>();
export const useOrders = rowsStore<Order>();
export const useDecisions = rowsStore<DecisionRow>();
export const useBars = rowsStore<Bar>();
export const usePortfolio = singleStore<LivePortfolio>();
export const useMode = singleStore<Mode>();
export const useRisk = singleStore<RiskState>();
export const useHealth = singleStore<Health>();

export const BARS_PREFIX = "bars.";
const KEPT_ROWS = 600;

/** What one channel gathered since the last frame. */
export interface Gathered {
  replace: Readonly<Record<string, unknown>> | null;
  values: Map<string, unknown>;
}

export const DELETED = Symbol("deleted");

/** Applies a gathered change; returns how many values broke the contract. */
export type Writer = (change: Gathered) => number;

function rowsWriter<T>(store: RowsStore<T>, parse: Parser<T>): Writer {
  return (change) => {
    const rows: Record<string, T> = change.replace ? {} : { ...store.getState().rows };
    const incoming = [...Object.entries(change.replace ?? {}), ...change.values];
    let refused = 0;
    for (const [key, value] of incoming) {
      const row = value === DELETED ? null : parse(value);
      if (row !== null) rows[key] = row;
      else {
        Reflect.deleteProperty(rows, key);
        if (value !== DELETED) refused += 1;
      }
    }
    const keys = Object.keys(rows);
    // Oldest first: keys arrive in order, so the surplus is at the front.
    for (const key of keys.slice(0, Math.max(0, keys.length - KEPT_ROWS))) {
      Reflect.deleteProperty(rows, key);
    }
    store.setState({ rows, isLoaded: true });
    return refused;
  };
}

function singleWriter<T extends object>(store: SingleStore<T>, parse: Parser<T>): Writer {
  return (change) => {
    const before: object = change.replace ?? store.getState().value ?? {};
    const merged: Record<string, unknown> = { ...before };
    for (const [key, value] of change.values) {
      if (value === DELETED) Reflect.deleteProperty(merged, key);
      else merged[key] = value;
    }
    // Before its first update a channel is an empty object: nothing is known yet.
    if (Object.keys(merged).length === 0) {
      store.setState({ value: null });
      return 0;
    }
    const next = parse(merged);
    if (next === null) return 1;
    store.setState({ value: next });
    return 0;
  };
}

const WRITERS: Readonly<Record<string, Writer>> = {
  positions: rowsWriter(usePositions, parsePosition),
  orders: rowsWriter(useOrders, parseOrder),
  decisions: rowsWriter(useDecisions, parseDecision),
  portfolio: singleWriter(usePortfolio, parsePortfolio),
  mode: singleWriter(useMode, parseMode),
  risk: singleWriter(useRisk, parseRisk),
  health: singleWriter(useHealth, parseHealth),
};

const writeBars = rowsWriter(useBars, parseBar);

export function writerOf(channel: string): Writer | null {
  return channel.startsWith(BARS_PREFIX) ? writeBars : (WRITERS[channel] ?? null);
}

/** Rows of another instrument or timeframe must not be read as the new one's. */
export const clearBars = (): void => {
  useBars.setState({ rows: {}, isLoaded: false });
};
