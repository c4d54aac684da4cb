import type { ReactNode } from "react";
import { useHold } from "@/hooks/use-hold";
import styles from "./hold-button.module.css";

interface Props {
  millis: number;
  tone: "warn" | "danger";
  isEnabled?: boolean;
  onHeld: () => void;
  children: ReactNode;
}

/** Press and hold, by pointer or by Enter/Space; letting go early does nothing. */
export function HoldButton({ millis, tone, isEnabled = true, onHeld, children }: Props) {
  const { isHolding, handlers } = useHold(millis, onHeld, isEnabled);
  return (
    <button
      type="button"
      className={styles["hold"]}
      data-tone={tone}
      data-holding={isHolding}
      disabled={!isEnabled}
      style={{ "--hold": `${millis}ms` } as React.CSSProperties}
      {...handlers}
    >
      <span className={styles["fill"]} aria-hidden="true" />
      <span className={styles["label"]}>{children}</span>
    </button>
  );
}
