import { useNavigate } from "@tanstack/react-router";
import { Dialog } from "@/components/ui/dialog";
import { useHotkeys } from "@/hooks/use-hotkeys";
import { useDialogs } from "@/stores/dialogs";
import { useRisk } from "@/stores/live/stores";
import styles from "./shortcuts.module.css";

const KEYS: readonly (readonly [string, string])[] = [
  ["g o", "Overview"],
  ["g c", "Charts"],
  ["g d", "Decisions"],
  ["j / k / Enter", "Next row, previous row, open (Decisions)"],
  ["1 2 3 4", "Timeframe 15m, 1h, 4h, 1d (Charts)"],
  ["Shift+P", "Pause or resume dialog"],
  ["Ctrl+Shift+X", "Close-all dialog (opens it only)"],
  ["?", "This list"],
];

export function ShellHotkeys() {
  const navigate = useNavigate();
  const show = useDialogs((state) => state.show);
  const isStopped = useRisk((state) => (state.value?.level ?? null) !== null);
  useHotkeys({
    "g o": () => void navigate({ to: "/" }),
    "g c": () => void navigate({ to: "/charts" }),
    "g d": () => void navigate({ to: "/decisions", search: { outcome: "candidate" } }),
    "Shift+P": () => {
      show(isStopped ? "resume" : "pause");
    },
    "Ctrl+Shift+X": () => {
      show("flatten");
    },
    "?": () => {
      show("help");
    },
  });
  return null;
}

export function HelpDialog() {
  const open = useDialogs((state) => state.open);
  const close = useDialogs((state) => state.close);
  if (open !== "help") return null;
  return (
    <Dialog title="Keys" onClose={close}>
      <dl className={styles["keys"]}>
        {KEYS.map(([key, does]) => (
          <div key={key}>
            <dt className="mono">{key}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
