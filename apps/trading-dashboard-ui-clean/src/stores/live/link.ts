import { create } from "zustand";
import type { LinkPhase } from "@/lib/ws/client";

interface LinkState {
  phase: LinkPhase;
  /** Wall time of the last frame from the server, or of the page load before the first one. */
  aliveAt: number;
  refusedValues: number;
}

export const useLink = create<LinkState>(() => ({
  phase: "connecting",
  aliveAt: 0,
  refusedValues: 0,
}));

export const AMBER_AFTER_MS = 2_500;
export const RED_AFTER_MS = 8_000;

export type LinkLevel = "ok" | "amber" | "red";

/** Amber within 3 s of silence, red within 10 s; a closed socket is amber at once. */
export function linkLevel(phase: LinkPhase, silentMillis: number): LinkLevel {
  if (phase === "refused" || silentMillis > RED_AFTER_MS) return "red";
  return phase !== "open" || silentMillis > AMBER_AFTER_MS ? "amber" : "ok";
}
