import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { meQuery } from "@/lib/api/queries";
import { now } from "@/lib/time/clock";
import { browserEnvironment } from "@/lib/ws/browser";
import { createSocketClient, type LinkPhase } from "@/lib/ws/client";
import { type Connection, useConnection } from "@/stores/live/connection";
import { createFeed, nextFrame } from "@/stores/live/feed";
import { RED_AFTER_MS, useLink } from "@/stores/live/link";

const CHANNELS = ["mode", "portfolio", "positions", "orders", "risk", "health", "decisions"];
const WATCH_EVERY_MS = 1_000;

/** Opens the one socket, keeps it open, and lets it go with the shell. */
export function useOpenConnection(): void {
  const queries = useQueryClient();
  const router = useRouter();

  useEffect(() => {
    const onRefused = (): void => {
      queries.removeQueries({ queryKey: meQuery.queryKey });
      void router.invalidate();
    };
    const made = open(onRefused);
    useConnection.setState({ current: made.connection });
    return () => {
      useConnection.setState({ current: null });
      made.close();
    };
  }, [queries, router]);
}

function open(onRefused: () => void): { connection: Connection; close: () => void } {
  const addRefused = (count: number): void => {
    useLink.setState((state) => ({ refusedValues: state.refusedValues + count }));
  };
  useLink.setState({ aliveAt: now(), phase: "connecting" });
  const feed = createFeed(nextFrame, addRefused);
  const client = createSocketClient(browserEnvironment, {
    onChange: feed.take,
    onPhase: (phase: LinkPhase) => {
      useLink.setState({ phase });
      if (phase === "refused") onRefused();
    },
    onAlive: (at) => {
      useLink.setState({ aliveAt: at });
    },
    onInvalidFrame: () => {
      addRefused(1);
    },
  });
  for (const channel of CHANNELS) client.subscribe(channel);
  const stopWatching = watch(client.reconnectNow);
  return {
    connection: { client, feed },
    close: () => {
      stopWatching();
      client.close();
    },
  };
}

/** Reconnects at once when the network or the tab comes back, or an open link falls silent. */
function watch(reconnect: () => void): () => void {
  let lastAttempt = now();
  const isSilent = (): boolean => now() - useLink.getState().aliveAt > RED_AFTER_MS;
  const onReturn = (): void => {
    if (document.visibilityState === "visible" && isSilent()) reconnect();
  };
  const timer = window.setInterval(() => {
    if (!isSilent() || now() - lastAttempt < RED_AFTER_MS) return;
    lastAttempt = now();
    reconnect();
  }, WATCH_EVERY_MS);
  window.addEventListener("online", reconnect);
  document.addEventListener("visibilitychange", onReturn);
  return () => {
    window.clearInterval(timer);
    window.removeEventListener("online", reconnect);
    document.removeEventListener("visibilitychange", onReturn);
  };
}
