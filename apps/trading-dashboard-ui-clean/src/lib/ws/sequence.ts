import type { Delta, Epoch, Op, Snap } from "./protocol";

/**
 * The state of one channel, as a pure function of what arrived. `seq` is contiguous per channel:
 * a repeat is dropped, a gap is never applied over, a new epoch starts from a snapshot.
 */
export interface ChannelState {
  readonly epoch: Epoch | null;
  readonly seq: number;
  readonly buffer: ReadonlyMap<number, readonly Op[]>;
  readonly pending: "none" | "resume" | "snapshot";
  /** Heartbeats seen since the pending request; an unanswered request is sent again. */
  readonly waited: number;
}

export type Change =
  | { readonly kind: "replace"; readonly data: Readonly<Record<string, unknown>> }
  | { readonly kind: "ops"; readonly ops: readonly Op[] };

export type Request = "resume" | "snapshot" | null;

export interface Step {
  readonly state: ChannelState;
  readonly changes: readonly Change[];
  readonly request: Request;
}

export const BUFFER_LIMIT = 64;
const HEARTBEATS_TO_WAIT = 2;

export const initialState: ChannelState = {
  epoch: null,
  seq: 0,
  buffer: new Map(),
  pending: "snapshot",
  waited: 0,
};

const stay = (state: ChannelState): Step => ({ state, changes: [], request: null });

const wants = (state: ChannelState, request: "resume" | "snapshot"): Step => ({
  state: { ...state, pending: request, waited: 0 },
  changes: [],
  request,
});

/** Applies what the buffer holds contiguously after `seq`. */
function drain(state: ChannelState, changes: readonly Change[]): Step {
  let seq = state.seq;
  const buffer = new Map(state.buffer);
  const ops: Op[] = [];
  for (let next = buffer.get(seq + 1); next; next = buffer.get(seq + 1)) {
    seq += 1;
    buffer.delete(seq);
    ops.push(...next);
  }
  for (const key of buffer.keys()) if (key <= seq) buffer.delete(key);
  const all: readonly Change[] = ops.length > 0 ? [...changes, { kind: "ops", ops }] : changes;
  const isWhole = buffer.size === 0;
  const rest = isWhole
    ? { pending: "none" as const, waited: 0 }
    : { pending: state.pending, waited: state.waited };
  const settled: ChannelState = { ...state, seq, buffer, ...rest };
  if (!isWhole && settled.pending === "none") {
    return { ...wants(settled, "resume"), changes: all };
  }
  return { state: settled, changes: all, request: null };
}

export function onSnap(state: ChannelState, snap: Snap): Step {
  const isOld = snap.epoch === state.epoch && snap.seq < state.seq;
  if (isOld) return stay(state);
  const kept = snap.epoch === state.epoch ? state.buffer : new Map<number, readonly Op[]>();
  const next: ChannelState = {
    epoch: snap.epoch,
    seq: snap.seq,
    buffer: kept,
    pending: "none",
    waited: 0,
  };
  return drain(next, [{ kind: "replace", data: snap.data }]);
}

export function onDelta(state: ChannelState, delta: Delta): Step {
  if (delta.epoch !== state.epoch) {
    return state.pending === "snapshot" ? stay(state) : wants(state, "snapshot");
  }
  if (delta.seq <= state.seq) return stay(state);
  if (delta.seq === state.seq + 1) {
    const applied: ChannelState = { ...state, seq: delta.seq };
    return drain(applied, [{ kind: "ops", ops: delta.ops }]);
  }
  if (state.buffer.size >= BUFFER_LIMIT && !state.buffer.has(delta.seq)) {
    return wants({ ...state, buffer: new Map() }, "snapshot");
  }
  const buffer = new Map(state.buffer).set(delta.seq, delta.ops);
  if (state.pending !== "none") return stay({ ...state, buffer });
  return wants({ ...state, buffer }, "resume");
}

/** A heartbeat names the newest seq: beyond ours it is a lost tail, behind ours another server. */
export function onHeartbeat(state: ChannelState, head: number): Step {
  if (head < state.seq && state.pending !== "snapshot") return wants(state, "snapshot");
  const isBehind = head > state.seq || state.epoch === null || state.pending === "snapshot";
  if (!isBehind && state.buffer.size === 0) {
    return stay(state.pending === "none" ? state : { ...state, pending: "none", waited: 0 });
  }
  if (state.pending === "none") return wants(state, "resume");
  if (state.waited + 1 < HEARTBEATS_TO_WAIT) return stay({ ...state, waited: state.waited + 1 });
  return wants(state, "snapshot");
}

/** After a reconnect: continue from `seq` if the server still has the epoch, else start over. */
export function onReconnect(state: ChannelState, epoch: Epoch): ChannelState {
  if (state.epoch !== epoch) return initialState;
  return { ...state, buffer: new Map(), pending: "none", waited: 0 };
}
