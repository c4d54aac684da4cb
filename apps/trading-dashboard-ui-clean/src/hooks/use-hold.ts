import { useCallback, useEffect, useRef, useState } from "react";

const KEYS = new Set(["Enter", " "]);

interface Hold {
  isHolding: boolean;
  handlers: {
    onPointerDown: (event: React.PointerEvent) => void;
    onPointerUp: () => void;
    onPointerLeave: () => void;
    onPointerCancel: () => void;
    onKeyDown: (event: React.KeyboardEvent) => void;
    onKeyUp: (event: React.KeyboardEvent) => void;
    onBlur: () => void;
  };
}

/** Runs `onHeld` after an unbroken press of `millis`, by pointer or by Enter/Space. */
export function useHold(millis: number, onHeld: () => void, isEnabled = true): Hold {
  const timer = useRef<number | null>(null);
  const [isHolding, setHolding] = useState(false);

  const stop = useCallback(() => {
    if (timer.current !== null) window.clearTimeout(timer.current);
    timer.current = null;
    setHolding(false);
  }, []);

  const start = useCallback(() => {
    if (!isEnabled || timer.current !== null) return;
    setHolding(true);
    timer.current = window.setTimeout(() => {
      stop();
      onHeld();
    }, millis);
  }, [isEnabled, millis, onHeld, stop]);

  useEffect(() => stop, [stop]);

  return {
    isHolding,
    handlers: {
      onPointerDown: (event) => {
        if (event.button === 0) start();
      },
      onPointerUp: stop,
      onPointerLeave: stop,
      onPointerCancel: stop,
      onKeyDown: (event) => {
        if (!KEYS.has(event.key)) return;
        event.preventDefault();
        if (!event.repeat) start();
      },
      onKeyUp: (event) => {
        if (KEYS.has(event.key)) stop();
      },
      onBlur: stop,
    },
  };
}
