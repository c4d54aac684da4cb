import { create } from "zustand";
import type { SocketClient } from "@/lib/ws/client";
import type { Feed } from "./feed";

export interface Connection {
  client: SocketClient;
  feed: Feed;
}

/** The open connection, while someone is logged in. */
export const useConnection = create<{ current: Connection | null }>(() => ({ current: null }));
