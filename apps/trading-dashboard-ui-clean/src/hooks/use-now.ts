import { useSyncExternalStore } from "react";
import { now } from "@/lib/time/clock";

const STEP_MS = 500;
let current = now();
let timer: number | null = null;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    current = now();
    for (const notify of listeners) notify();
  }, STEP_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    window.clearInterval(timer);
    timer = null;
  };
}

/** Wall time, one shared half-second tick for all ages on the screen. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => current);
