import type { Change } from "@/lib/ws/sequence";
import { DELETED, type Gathered, writerOf } from "./stores";

/** Gathers changes per channel and key, and writes every store once per frame. */
export interface Feed {
  take: (channel: string, change: Change) => void;
  flush: () => void;
  onFlushed: (listener: (channels: ReadonlySet<string>) => void) => () => void;
}

export type Schedule = (run: () => void) => void;

const HIDDEN_FLUSH_MS = 1_000;

/** Hidden tabs get no animation frames; they are flushed once a second. */
export const nextFrame: Schedule = (run) => {
  if (document.visibilityState === "hidden") window.setTimeout(run, HIDDEN_FLUSH_MS);
  else requestAnimationFrame(run);
};

export function createFeed(schedule: Schedule, onRefused: (count: number) => void): Feed {
  let pending = new Map<string, Gathered>();
  let isScheduled = false;
  const listeners = new Set<(channels: ReadonlySet<string>) => void>();

  const gathered = (channel: string): Gathered => {
    const known = pending.get(channel);
    if (known) return known;
    const fresh: Gathered = { replace: null, values: new Map() };
    pending.set(channel, fresh);
    return fresh;
  };

  const flush = (): void => {
    const batch = pending;
    pending = new Map();
    isScheduled = false;
    let refused = 0;
    for (const [channel, change] of batch) refused += writerOf(channel)?.(change) ?? 0;
    if (refused > 0) onRefused(refused);
    const touched = new Set(batch.keys());
    for (const listener of listeners) listener(touched);
  };

  return {
    take(channel, change) {
      const target = gathered(channel);
      if (change.kind === "replace") {
        target.replace = change.data;
        target.values.clear();
      } else {
        for (const op of change.ops) {
          // Re-inserting keeps the newest key last, the order the stores rely on.
          target.values.delete(op[1]);
          target.values.set(op[1], op[0] === "set" ? op[2] : DELETED);
        }
      }
      if (isScheduled) return;
      isScheduled = true;
      schedule(flush);
    },
    flush,
    onFlushed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
