import type { User } from "@/types/api";
import { post } from "./request";

interface SessionReply {
  user: User;
}

export const login = (username: string, password: string): Promise<SessionReply> =>
  post<SessionReply>("/auth/login", { username, password });

export const redeemOneTime = (token: string): Promise<SessionReply> =>
  post<SessionReply>("/auth/one-time", { token });

export const logout = (): Promise<null> => post<null>("/auth/logout");

/** A single-use ticket for the first frame of the socket; never part of a URL. */
export const socketTicket = async (): Promise<string> =>
  (await post<{ ticket: string; expires_at: string }>("/auth/ws-ticket")).ticket;
