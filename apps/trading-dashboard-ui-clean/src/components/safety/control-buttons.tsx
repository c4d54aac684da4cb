import { Button } from "@/components/ui/button";
import { type DialogName, useDialogs } from "@/stores/dialogs";
import { useRisk } from "@/stores/live/stores";
import { ControlDialog } from "./control-dialog";
import styles from "./control-buttons.module.css";

/** Pause or Resume, Close all and Halt: on every page, at both widths. */
export function ControlButtons() {
  const show = useDialogs((state) => state.show);
  const isStopped = useRisk((state) => (state.value?.level ?? null) !== null);
  const opener = (name: DialogName) => () => {
    show(name);
  };
  return (
    <div className={styles["buttons"]} role="group" aria-label="Stop controls">
      {isStopped ? (
        <Button icon="play" onClick={opener("resume")}>
          Resume
        </Button>
      ) : (
        <Button icon="pause" tone="warn" onClick={opener("pause")}>
          Pause
        </Button>
      )}
      <Button icon="stop" tone="danger" onClick={opener("flatten")}>
        Close all
      </Button>
      <Button icon="halt" tone="danger" onClick={opener("halt")}>
        Halt
      </Button>
    </div>
  );
}

export function ControlDialogs() {
  const open = useDialogs((state) => state.open);
  const close = useDialogs((state) => state.close);
  if (open === null || open === "help") return null;
  return <ControlDialog key={open} name={open} onClose={close} />;
}
