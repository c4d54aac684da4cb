import { ApiError } from "@/lib/api/request";
import { socketTicket } from "@/lib/api/session";
import { now } from "@/lib/time/clock";
import type { ClientEnvironment, SocketLike } from "./client";

const socketUrl = (): string => {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/api/v1/ws`;
};

export const browserEnvironment: ClientEnvironment = {
  openSocket: () => new WebSocket(socketUrl()) as SocketLike,
  ticket: socketTicket,
  isUnauthorised: (cause) => cause instanceof ApiError && cause.status === 401,
  setTimer: (run, millis) => window.setTimeout(run, millis),
  clearTimer: (id) => {
    window.clearTimeout(id);
  },
  random: Math.random,
  now,
};
