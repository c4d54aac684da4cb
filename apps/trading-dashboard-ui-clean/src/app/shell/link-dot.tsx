import { useLinkLevel } from "@/hooks/use-link-level";
import { age } from "@/lib/format/format";
import type { LinkLevel } from "@/stores/live/link";
import styles from "./link-dot.module.css";

const WORDS: Readonly<Record<LinkLevel, string>> = {
  ok: "Live",
  amber: "Link slow",
  red: "Link down",
};

/** Link state with the age of the last frame. The word carries it, the colour repeats it. */
export function LinkDot() {
  const { level, silentMillis } = useLinkLevel();
  return (
    <span className={styles["link"]} data-level={level} data-testid="link">
      <span className={styles["dot"]} aria-hidden="true" />
      {WORDS[level]} <span className="num faint">{age(silentMillis)}</span>
    </span>
  );
}

/** Says a change of the link once, instead of reading the age twice a second. */
export function LinkAnnouncer() {
  const { level } = useLinkLevel();
  return (
    <p className="sr-only" role="status">
      {level === "ok" ? "" : `${WORDS[level]}: figures may be old.`}
    </p>
  );
}

export function LinkBanner() {
  const { level, silentMillis } = useLinkLevel();
  if (level !== "red") return null;
  return (
    <section aria-label="Link state" className={styles["banner"]}>
      No word from the server for {age(silentMillis)}. Every figure may be old. Resume is disarmed;
      Pause, Close all and Halt still work.
    </section>
  );
}
