import { useMutation } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { ErrorNotice } from "@/components/ui/states";
import { useLinkLevel } from "@/hooks/use-link-level";
import { newKey } from "@/lib/api/control";
import { words } from "@/lib/format/format";
import { useMode } from "@/stores/live/stores";
import type { ControlReply } from "@/types/api";
import { type Action, type ActionName, ACTIONS, holdMillis, needsWord } from "./actions";
import styles from "./control-dialog.module.css";
import { ControlFacts, FlattenProgress } from "./facts";
import { HoldButton } from "./hold-button";

interface Props {
  name: ActionName;
  onClose: () => void;
}

export function ControlDialog({ name, onClose }: Props) {
  const action = ACTIONS[name];
  const [key] = useState(newKey);
  const [word, setWord] = useState("");
  const mode = useMode((state) => state.value);
  const isTyped = needsWord(mode, action);
  const run = useMutation({
    mutationFn: () => action.run(key, isTyped ? word : undefined),
  });
  const { mutate } = run;
  const start = useCallback(() => {
    mutate();
  }, [mutate]);
  return (
    <Dialog title={action.title} tone={action.tone} onClose={onClose}>
      <ul className={styles["does"]}>
        {action.does.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <ControlFacts />
      {run.isSuccess ? (
        <Answer name={name} reply={run.data} onClose={onClose} />
      ) : (
        <>
          {isTyped ? <WordField word={action.word ?? ""} value={word} onChange={setWord} /> : null}
          <Confirm
            action={action}
            name={name}
            isReady={!run.isPending && (!isTyped || word === action.word)}
            isSending={run.isPending}
            onConfirm={start}
          />
        </>
      )}
      {run.isError ? <ErrorNotice error={run.error} /> : null}
    </Dialog>
  );
}

interface ConfirmProps {
  action: Action;
  name: ActionName;
  isReady: boolean;
  isSending: boolean;
  onConfirm: () => void;
}

function Confirm({ action, name, isReady, isSending, onConfirm }: ConfirmProps) {
  const mode = useMode((state) => state.value);
  const { level } = useLinkLevel();
  if (name === "resume") {
    const isDisarmed = level === "red";
    return (
      <>
        <Button tone="accent" disabled={!isReady || isDisarmed} onClick={onConfirm}>
          {isSending ? "Sending…" : "Resume trading"}
        </Button>
        {isDisarmed ? (
          <p className="muted">Disarmed: the live link is down, so the state is not known.</p>
        ) : null}
      </>
    );
  }
  const millis = holdMillis(mode);
  return (
    <>
      <HoldButton
        millis={millis}
        tone={action.tone === "warn" ? "warn" : "danger"}
        isEnabled={isReady}
        onHeld={onConfirm}
      >
        {isSending ? "Sending…" : `Hold to ${action.verb}`}
      </HoldButton>
      <p className="muted meta">
        Hold {millis / 1000} s; on the keyboard hold Enter. It works without the live link.
      </p>
    </>
  );
}

interface WordFieldProps {
  word: string;
  value: string;
  onChange: (value: string) => void;
}

function WordField({ word, value, onChange }: WordFieldProps) {
  return (
    <label className={styles["word"]}>
      Type {word} to confirm
      <input
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
    </label>
  );
}

interface AnswerProps {
  name: ActionName;
  reply: ControlReply;
  onClose: () => void;
}

function Answer({ name, reply, onClose }: AnswerProps) {
  const feed = useMode((state) => state.value?.trading_state ?? null);
  const isConfirmed = feed === reply.trading_state;
  return (
    <div role="status" className={styles["answer"]}>
      <p>
        The server answered: <strong>{reply.trading_state}</strong>
        {reply.level ? ` (${words(reply.level)})` : ""}.
      </p>
      <p className="muted">
        {isConfirmed ? "Confirmed by the live feed." : "Waiting for the live feed to confirm."}
      </p>
      {name === "flatten" ? <FlattenProgress /> : null}
      <Button onClick={onClose}>Done</Button>
    </div>
  );
}
