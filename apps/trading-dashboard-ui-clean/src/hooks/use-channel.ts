import { useEffect } from "react";
import { useConnection } from "@/stores/live/connection";

/** Subscribes while the component is on the screen. */
export function useChannel(channel: string): void {
  const connection = useConnection((state) => state.current);
  useEffect(() => {
    if (!connection) return;
    connection.client.subscribe(channel);
    return () => {
      connection.client.unsubscribe(channel);
    };
  }, [connection, channel]);
}

/** Runs at most once per `everyMillis` after one of the channels changed. */
export function useOnChange(
  channels: readonly string[],
  everyMillis: number,
  run: () => void,
): void {
  const connection = useConnection((state) => state.current);
  const wanted = channels.join(" ");
  useEffect(() => {
    if (!connection) return;
    let timer: number | null = null;
    const stop = connection.feed.onFlushed((touched) => {
      if (timer !== null || !wanted.split(" ").some((name) => touched.has(name))) return;
      timer = window.setTimeout(() => {
        timer = null;
        run();
      }, everyMillis);
    });
    return () => {
      stop();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [connection, wanted, everyMillis, run]);
}
