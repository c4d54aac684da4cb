import type { ReactNode } from "react";
import styles from "./step.module.css";

interface Props {
  number: number;
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}

/** One step of the way from input to outcome. */
export function Step({ number, title, aside, children }: Props) {
  return (
    <li className={styles["step"]}>
      <span className={styles["number"]} aria-hidden="true">
        {number}
      </span>
      <div className={styles["content"]}>
        <header className={styles["header"]}>
          <h2>{title}</h2>
          {aside ? <span className="muted">{aside}</span> : null}
        </header>
        {children}
      </div>
    </li>
  );
}

/** Says what does not exist, and why, instead of leaving a hole. */
export function Absent({ children }: { children: ReactNode }) {
  return <p className={styles["absent"]}>{children}</p>;
}
