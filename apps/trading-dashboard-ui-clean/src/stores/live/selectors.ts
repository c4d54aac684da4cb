import { absolute, add, multiply } from "@/lib/format/decimal";
import type { Order, Position } from "@/types/api";

const TERMINAL = new Set(["DENIED", "FILLED", "CANCELED", "EXPIRED", "REJECTED", "NOT_SENT"]);

export const openPositions = (rows: Readonly<Record<string, Position>>): Position[] =>
  Object.values(rows).filter((row) => row.position_side !== "FLAT");

export const openOrders = (rows: Readonly<Record<string, Order>>): Order[] =>
  Object.values(rows).filter((row) => !TERMINAL.has(row.status));

/** Quantity x mark, exact; null when a mark is missing. An estimate: the server keeps the record. */
export function grossNotional(positions: readonly Position[]): string | null {
  let total = "0";
  for (const row of positions) {
    const value = multiply(row.quantity, row.mark_price);
    const next = value === null ? null : add(total, absolute(value));
    if (next === null) return null;
    total = next;
  }
  return total;
}
