import type { ControlReply, StopLevel } from "@/types/api";
import { post } from "./request";

/** One key per confirmed action: a double click or a retry is one order to the server. */
export const newKey = (): string => crypto.randomUUID();

export const pause = (reason: string, idempotencyKey: string): Promise<ControlReply> =>
  post<ControlReply>("/control/pause", { reason }, { idempotencyKey });

export const resume = (reason: string, idempotencyKey: string): Promise<ControlReply> =>
  post<ControlReply>("/control/resume", { reason }, { idempotencyKey });

export const kill = (
  level: StopLevel,
  reason: string,
  idempotencyKey: string,
  confirm?: string,
): Promise<ControlReply> =>
  post<ControlReply>(
    "/control/kill",
    confirm === undefined ? { level, reason } : { level, reason, confirm },
    { idempotencyKey },
  );
