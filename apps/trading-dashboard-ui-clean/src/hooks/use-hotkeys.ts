import { useEffect, useRef } from "react";

/** `j`, `Shift+P`, `Ctrl+Shift+X`, or a sequence such as `g o`. */
export type Hotkeys = Readonly<Record<string, () => void>>;

const SEQUENCE_MS = 1_000;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

const hasOpenDialog = (): boolean => document.querySelector("dialog[open]") !== null;

function nameOf(event: KeyboardEvent): string {
  const isLetter = event.key.length === 1 && /[a-z]/i.test(event.key);
  const key = isLetter ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    return `Ctrl+${event.shiftKey ? "Shift+" : ""}${key.toUpperCase()}`;
  }
  return isLetter && event.shiftKey ? `Shift+${key.toUpperCase()}` : key;
}

/** Keys of the page; silent while someone types or a dialog is open. */
export function useHotkeys(keys: Hotkeys): void {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    let prefix = "";
    let prefixAt = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (event.altKey || isTyping(event.target) || hasOpenDialog()) return;
      const name = nameOf(event);
      const isFresh = event.timeStamp - prefixAt < SEQUENCE_MS;
      const sequence = current.current[`${prefix} ${name}`];
      const run = prefix && isFresh && sequence ? sequence : current.current[name];
      prefix = name;
      prefixAt = event.timeStamp;
      if (!run) return;
      event.preventDefault();
      run();
    };
    window.addEventListener("keydown", onKey);
    return () => {
      window.removeEventListener("keydown", onKey);
    };
  }, []);
}
