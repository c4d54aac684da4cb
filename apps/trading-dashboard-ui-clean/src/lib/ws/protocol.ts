import * as v from "valibot";

/** Frames of /api/v1/ws. Everything the server sends is parsed here before anyone sees it. */
export type Json = unknown;
export type Op = ["set", string, Json] | ["del", string];

const op = v.union([
  v.tuple([v.literal("set"), v.string(), v.unknown()]),
  v.tuple([v.literal("del"), v.string()]),
]);

const channelFields = { ch: v.string(), epoch: v.union([v.string(), v.number()]), seq: v.number() };

const frame = v.variant("t", [
  v.looseObject({
    t: v.literal("hello"),
    v: v.number(),
    epoch: v.union([v.string(), v.number()]),
    server_time: v.string(),
  }),
  v.object({ t: v.literal("snap"), ...channelFields, data: v.record(v.string(), v.unknown()) }),
  v.object({ t: v.literal("delta"), ...channelFields, ops: v.array(op) }),
  v.looseObject({ t: v.literal("hb"), heads: v.record(v.string(), v.number()) }),
  v.looseObject({ t: v.literal("error"), title: v.optional(v.string()) }),
]);

export type Frame = v.InferOutput<typeof frame>;
export type Epoch = string | number;
export type Snap = Extract<Frame, { t: "snap" }>;
export type Delta = Extract<Frame, { t: "delta" }>;

/** Null for anything that is not a frame of the protocol; the caller counts it. */
export function parseFrame(text: string): Frame | null {
  try {
    const result = v.safeParse(frame, JSON.parse(text));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
}

export type ClientFrame =
  | { op: "auth"; ticket: string }
  | { op: "sub"; ch: string; since: { epoch: Epoch; seq: number } | null }
  | { op: "unsub"; ch: string }
  | { op: "resume"; ch: string; epoch: Epoch; from: number };
