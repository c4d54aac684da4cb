import { describe, expect, it } from "vitest";
import { backoffMillis } from "@/lib/ws/backoff";
import { createFeed } from "@/stores/live/feed";
import { linkLevel } from "@/stores/live/link";
import { grossNotional, openOrders } from "@/stores/live/selectors";
import { useMode, usePositions } from "@/stores/live/stores";
import type { Order, Position } from "@/types/api";
import { mode, position } from "./samples";

function feedWithFrames() {
  const frames: (() => void)[] = [];
  let refused = 0;
  const feed = createFeed(
    (run) => frames.push(run),
    (count) => {
      refused += count;
    },
  );
  return { feed, frames, refused: () => refused, frame: () => frames.shift()?.() };
}

describe("feed", () => {
  it("writes a store once per frame, with the newest value per key", () => {
    const { feed, frames, frame } = feedWithFrames();
    let writes = 0;
    const stop = usePositions.subscribe(() => {
      writes += 1;
    });
    feed.take("positions", { kind: "replace", data: {} });
    for (let index = 0; index < 500; index += 1) {
      const row = position({ mark_price: `${index}.00` });
      feed.take("positions", { kind: "ops", ops: [["set", "BTC-USD.SIM", row]] });
    }
    expect(frames).toHaveLength(1);
    expect(writes).toBe(0);
    frame();
    stop();
    expect(writes).toBe(1);
    expect(usePositions.getState().rows["BTC-USD.SIM"]?.mark_price).toBe("499.00");
  });

  it("deletes a row, and refuses and counts one that breaks the contract", () => {
    const { feed, frame, refused } = feedWithFrames();
    feed.take("positions", { kind: "replace", data: { A: position(), B: { quantity: 1 } } });
    frame();
    expect(Object.keys(usePositions.getState().rows)).toEqual(["A"]);
    expect(refused()).toBe(1);
    feed.take("positions", { kind: "ops", ops: [["del", "A"]] });
    frame();
    expect(usePositions.getState().rows).toEqual({});
  });

  it("merges the fields of a single object and keeps the last good one", () => {
    const { feed, frame, refused } = feedWithFrames();
    feed.take("mode", { kind: "replace", data: { ...mode() } });
    feed.take("mode", { kind: "ops", ops: [["set", "agent_state", "paused"]] });
    frame();
    expect(useMode.getState().value?.agent_state).toBe("paused");
    feed.take("mode", { kind: "ops", ops: [["set", "label", "FUN"]] });
    frame();
    expect(useMode.getState().value?.label).toBe("DEMO");
    expect(refused()).toBe(1);
  });

  it("knows nothing from an empty object, and does not count it as broken", () => {
    const { feed, frame, refused } = feedWithFrames();
    feed.take("mode", { kind: "replace", data: {} });
    frame();
    expect(useMode.getState().value).toBeNull();
    expect(refused()).toBe(0);
  });

  it("tells its listeners which channels changed", () => {
    const { feed, frame } = feedWithFrames();
    const seen: string[][] = [];
    const stop = feed.onFlushed((channels) => seen.push([...channels]));
    feed.take("mode", { kind: "replace", data: {} });
    feed.take("positions", { kind: "replace", data: {} });
    frame();
    stop();
    expect(seen).toEqual([["mode", "positions"]]);
  });
});

describe("link", () => {
  it.each([
    ["open", 400, "ok"],
    ["open", 2_600, "amber"],
    ["open", 8_100, "red"],
    ["waiting", 100, "amber"],
    ["connecting", 9_000, "red"],
    ["refused", 0, "red"],
  ] as const)("%s, silent for %i ms: %s", (phase, silent, level) => {
    expect(linkLevel(phase, silent)).toBe(level);
  });

  it("waits 0.25 s doubling to 8 s, with full jitter", () => {
    const ceilings = [0, 1, 2, 5, 6, 60].map((attempt) => backoffMillis(attempt, () => 0.999999));
    expect(ceilings).toEqual([249, 499, 999, 7999, 7999, 7999]);
    expect(backoffMillis(9, () => 0)).toBe(0);
  });
});

describe("selectors", () => {
  it("estimates the gross notional exactly, or not at all", () => {
    const rows: Position[] = [
      position({ quantity: "0.1", mark_price: "30000.10" }),
      position({ quantity: "-2", mark_price: "10.05", position_side: "SHORT" }),
    ];
    expect(grossNotional(rows)).toBe("3020.110");
    expect(grossNotional([position({ mark_price: "unknown" })])).toBeNull();
  });

  it("counts every order that can still act, an UNKNOWN one too", () => {
    const statuses = ["ACCEPTED", "UNKNOWN", "FILLED", "CANCELED", "NOT_SENT", "PARTIALLY_FILLED"];
    const rows = Object.fromEntries(
      statuses.map((status) => [status, { client_order_id: status, status } as Order]),
    );
    expect(openOrders(rows).map((row) => row.status)).toEqual([
      "ACCEPTED",
      "UNKNOWN",
      "PARTIALLY_FILLED",
    ]);
  });
});
