import { type ReactNode, useId } from "react";
import { useLinkLevel } from "@/hooks/use-link-level";
import { age } from "@/lib/format/format";
import { Chip } from "./chip";
import styles from "./panel.module.css";

interface Props {
  title: string;
  aside?: ReactNode;
  /** True when the figures come by the socket: a stale link marks them. */
  isLive?: boolean;
  className?: string | undefined;
  children: ReactNode;
}

export function Panel({ title, aside, isLive = false, className, children }: Props) {
  const id = useId();
  return (
    <section className={`${styles["panel"] ?? ""} ${className ?? ""}`} aria-labelledby={id}>
      <header className={styles["header"]}>
        <h2 id={id}>{title}</h2>
        {isLive ? <StaleMark /> : null}
        {aside ? <div className={styles["aside"]}>{aside}</div> : null}
      </header>
      {isLive ? <LiveBody>{children}</LiveBody> : children}
    </section>
  );
}

function StaleMark() {
  const { level, silentMillis } = useLinkLevel();
  if (level === "ok") return null;
  return <Chip tone={level === "red" ? "danger" : "warn"}>stale {age(silentMillis)}</Chip>;
}

function LiveBody({ children }: { children: ReactNode }) {
  const { level } = useLinkLevel();
  return <div data-stale={level !== "ok"}>{children}</div>;
}
