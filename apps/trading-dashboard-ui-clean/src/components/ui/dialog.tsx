import { type ReactNode, useEffect, useId, useRef } from "react";
import styles from "./dialog.module.css";
import { Icon } from "./icon";

interface Props {
  title: string;
  side?: "centre" | "right";
  tone?: "plain" | "warn" | "danger";
  onClose: () => void;
  children: ReactNode;
}

/**
 * The browser's own modal dialog: focus is trapped and given back, Escape closes. A scripted one
 * would inject style elements, which the content security policy refuses.
 */
export function Dialog({ title, side = "centre", tone = "plain", onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const opener = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={styles["dialog"]}
      data-side={side}
      data-tone={tone}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header className={styles["header"]}>
        <h2 id={id}>{title}</h2>
        <button type="button" className={styles["close"]} onClick={onClose} aria-label="Close">
          <Icon name="close" />
        </button>
      </header>
      <div className={styles["body"]}>{children}</div>
    </dialog>
  );
}
