import { type LinkLevel, linkLevel, useLink } from "@/stores/live/link";
import { useNow } from "./use-now";

interface LinkView {
  level: LinkLevel;
  silentMillis: number;
}

export function useLinkLevel(): LinkView {
  const now = useNow();
  const phase = useLink((state) => state.phase);
  const aliveAt = useLink((state) => state.aliveAt);
  const silentMillis = Math.max(0, now - aliveAt);
  return { level: linkLevel(phase, silentMillis), silentMillis };
}
