import type { ControlReply, Mode } from "@/types/api";
import { kill, pause, resume } from "@/lib/api/control";
import type { DialogName } from "@/stores/dialogs";

export type ActionName = Exclude<DialogName, "help">;

export interface Action {
  title: string;
  verb: string;
  tone: "plain" | "warn" | "danger";
  does: readonly string[];
  word: string | null;
  run: (key: string, confirm?: string) => Promise<ControlReply>;
}

const REASON = "asked for on the dashboard";

export const ACTIONS: Readonly<Record<ActionName, Action>> = {
  pause: {
    title: "Pause: no new entries",
    verb: "pause",
    tone: "warn",
    does: [
      "New entries are refused from the next decision on.",
      "Open positions keep their stops and targets and are managed to the end.",
    ],
    word: null,
    run: (key) => pause(REASON, key),
  },
  resume: {
    title: "Resume trading",
    verb: "resume",
    tone: "plain",
    does: ["New entries are allowed again. The risk rules stay as they are."],
    word: null,
    run: (key) => resume(REASON, key),
  },
  flatten: {
    title: "Close all positions",
    verb: "close all",
    tone: "danger",
    does: [
      "Every open order is cancelled and every position is closed at the market.",
      "New orders stay refused until you resume.",
      "Cost: the venue's taker fee and slippage on the notional below.",
    ],
    word: "CLOSE",
    run: (key, confirm) => kill("flatten", REASON, key, confirm),
  },
  halt: {
    title: "HALT: reduce only",
    verb: "halt",
    tone: "danger",
    does: [
      "The gateway refuses every order that does not reduce a position.",
      "Stops and targets on the venue stay in place.",
    ],
    word: "HALT",
    run: (key, confirm) => kill("reduce_only", REASON, key, confirm),
  },
};

export const HOLD_PAPER_MS = 800;
export const HOLD_LIVE_MS = 1_500;

export const holdMillis = (mode: Mode | null): number =>
  mode === null || mode.mode === "live" ? HOLD_LIVE_MS : HOLD_PAPER_MS;

/** With the mode unknown the stricter form, that of live, applies. */
export const needsWord = (mode: Mode | null, action: Action): boolean =>
  action.word !== null && (mode === null || mode.mode === "live");
