import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Delta, Op, Snap } from "@/lib/ws/protocol";
import {
  BUFFER_LIMIT,
  type Change,
  type ChannelState,
  initialState,
  onDelta,
  onHeartbeat,
  onReconnect,
  onSnap,
  type Step,
} from "@/lib/ws/sequence";

type Data = Record<string, unknown>;

function apply(data: Data, change: Change): Data {
  if (change.kind === "replace") return { ...change.data };
  const next = { ...data };
  for (const op of change.ops) {
    if (op[0] === "set") next[op[1]] = op[2];
    else Reflect.deleteProperty(next, op[1]);
  }
  return next;
}

/** A server with a bounded ring, behind a link that drops, repeats, reorders and restarts. */
class World {
  epoch = 1;
  seq = 0;
  truth: Data = {};
  ring: Delta[] = [];
  wire: (Delta | Snap)[] = [];
  client: ChannelState = initialState;
  seen: Data = {};

  write(op: Op): void {
    this.seq += 1;
    this.truth = apply(this.truth, { kind: "ops", ops: [op] });
    const delta: Delta = { t: "delta", ch: "c", epoch: this.epoch, seq: this.seq, ops: [op] };
    this.ring = [...this.ring, delta].slice(-8);
    this.wire.push(delta);
  }

  restart(): void {
    this.epoch += 1;
    this.seq = 0;
    this.ring = [];
    this.truth = {};
  }

  snap(): void {
    const { epoch, seq } = this;
    this.wire.push({ t: "snap", ch: "c", epoch, seq, data: { ...this.truth } });
  }

  take(step: Step): void {
    this.client = step.state;
    for (const change of step.changes) this.seen = apply(this.seen, change);
    if (step.request === "snapshot") this.snap();
    if (step.request === "resume") this.resume();
  }

  resume(): void {
    const oldest = this.ring[0]?.seq ?? this.seq + 1;
    const isKnown = this.client.epoch === this.epoch && oldest <= this.client.seq + 1;
    if (!isKnown) this.snap();
    else this.wire.push(...this.ring.filter((delta) => delta.seq > this.client.seq));
  }

  deliver(frame: Delta | Snap): void {
    this.take(frame.t === "snap" ? onSnap(this.client, frame) : onDelta(this.client, frame));
  }

  beat(): void {
    this.take(onHeartbeat(this.client, this.seq));
  }

  /** The link works again: everything in flight arrives, heartbeats repair the rest. */
  settle(): void {
    for (let round = 0; round < 6; round += 1) {
      for (let frame = this.wire.shift(); frame; frame = this.wire.shift()) this.deliver(frame);
      this.beat();
    }
  }
}

type Event =
  | { kind: "write"; key: string; value: number }
  | { kind: "delete"; key: string }
  | { kind: "deliver" | "drop" | "repeat" | "beat" | "restart" | "reconnect" }
  | { kind: "swap"; by: number };

const key = fc.constantFrom("a", "b", "c", "d");
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("write" as const), key, value: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  { weight: 6, arbitrary: fc.constant({ kind: "deliver" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "drop" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "repeat" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("swap" as const), by: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "beat" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reconnect" as const }) },
);

function run(world: World, item: Event): void {
  const first = world.wire[0];
  switch (item.kind) {
    case "write":
      world.write(["set", item.key, item.value]);
      return;
    case "delete":
      world.write(["del", item.key]);
      return;
    case "beat":
      world.beat();
      return;
    case "restart":
      world.restart();
      run(world, { kind: "reconnect" });
      return;
    case "reconnect":
      world.wire = [];
      world.client = onReconnect(world.client, world.epoch);
      world.resume();
      return;
    case "drop":
      world.wire.shift();
      return;
    case "repeat":
      if (first) world.wire.push(first);
      return;
    case "swap":
      if (first) world.wire.splice(item.by, 0, ...world.wire.splice(0, 1));
      return;
    case "deliver":
      if (world.wire.shift() && first) world.deliver(first);
  }
}

describe("sequence", () => {
  it("ends in the server's state whatever the link did", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const world = new World();
        world.snap();
        for (const item of events) run(world, item);
        world.settle();
        expect(world.seen).toEqual(world.truth);
        expect(world.client.buffer.size).toBe(0);
        expect(world.client.seq).toBe(world.seq);
      }),
      { numRuns: 10_000, seed: 20211122 },
    );
  });

  const live: ChannelState = { ...initialState, epoch: 1, seq: 5, pending: "none" };
  const delta = (seq: number, epoch = 1): Delta => ({
    t: "delta",
    ch: "c",
    epoch,
    seq,
    ops: [["set", "k", seq]],
  });

  it("drops a repeat", () => {
    expect(onDelta(live, delta(5))).toEqual({ state: live, changes: [], request: null });
  });

  it("never applies over a gap, and asks once", () => {
    const first = onDelta(live, delta(7));
    expect(first.changes).toEqual([]);
    expect(first.request).toBe("resume");
    expect(onDelta(first.state, delta(8)).request).toBeNull();
  });

  it("applies the buffer when the gap closes", () => {
    const waiting = onDelta(live, delta(7)).state;
    const closed = onDelta(waiting, delta(6));
    expect(closed.state.seq).toBe(7);
    expect(closed.state.pending).toBe("none");
    const applied = closed.changes.flatMap((change) => (change.kind === "ops" ? change.ops : []));
    expect(applied).toEqual([
      ["set", "k", 6],
      ["set", "k", 7],
    ]);
  });

  it("asks for a snapshot when the buffer is full", () => {
    let state = live;
    for (let seq = 7; seq < 7 + BUFFER_LIMIT; seq += 1) state = onDelta(state, delta(seq)).state;
    expect(state.buffer.size).toBe(BUFFER_LIMIT);
    const over = onDelta(state, delta(500));
    expect(over.request).toBe("snapshot");
    expect(over.state.buffer.size).toBe(0);
  });

  it("starts over in a new epoch", () => {
    expect(onDelta(live, delta(1, 2)).request).toBe("snapshot");
    expect(onReconnect(live, 2)).toEqual(initialState);
    expect(onReconnect(live, 1).seq).toBe(5);
  });

  it("sees a lost tail in the heartbeat and repeats an unanswered request", () => {
    const first = onHeartbeat(live, 6);
    expect(first.request).toBe("resume");
    const second = onHeartbeat(first.state, 6);
    expect(second.request).toBeNull();
    expect(onHeartbeat(second.state, 6).request).toBe("snapshot");
    expect(onHeartbeat(live, 5).request).toBeNull();
  });
});
