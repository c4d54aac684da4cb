import { beforeEach, describe, expect, it } from "vitest";
import {
  type ClientEnvironment,
  createSocketClient,
  type LinkPhase,
  type SocketLike,
} from "@/lib/ws/client";
import type { Change } from "@/lib/ws/sequence";

class FakeSocket implements SocketLike {
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  sent: unknown[] = [];
  isClosed = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.isClosed = true;
  }
  open(): void {
    this.onopen?.(null as never);
  }
  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  end(): void {
    this.onclose?.(null as never);
  }
}

const settled = (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve));

describe("socket client", () => {
  let sockets: FakeSocket[];
  let timers: { run: () => void; millis: number }[];
  let phases: LinkPhase[];
  let changes: [string, Change][];
  let invalid: string[];
  let ticket: () => Promise<string>;

  const start = () => {
    const env: ClientEnvironment = {
      openSocket: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket;
      },
      ticket: () => ticket(),
      isUnauthorised: (cause) => cause === "401",
      setTimer: (run, millis) => timers.push({ run, millis }),
      clearTimer: () => undefined,
      random: () => 0.5,
      now: () => 1,
    };
    return createSocketClient(env, {
      onChange: (channel, change) => changes.push([channel, change]),
      onPhase: (phase) => phases.push(phase),
      onAlive: () => undefined,
      onInvalidFrame: (text) => invalid.push(text),
    });
  };
  const last = (): FakeSocket => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  };
  const hello = { t: "hello", v: 1, epoch: "e1", server_time: "2026-01-01T00:00:00.000Z" };

  beforeEach(() => {
    sockets = [];
    timers = [];
    phases = [];
    changes = [];
    invalid = [];
    ticket = () => Promise.resolve("t1");
  });

  it("sends the ticket in the first frame and subscribes after hello", async () => {
    start().subscribe("mode");
    await settled();
    last().open();
    expect(last().sent).toEqual([{ op: "auth", ticket: "t1" }]);
    last().say(hello);
    expect(last().sent[1]).toEqual({ op: "sub", ch: "mode", since: null });
    expect(phases.at(-1)).toBe("open");
  });

  it("passes changes on, and repairs a gap by resume", async () => {
    start().subscribe("mode");
    await settled();
    last().open();
    last().say(hello);
    last().say({ t: "snap", ch: "mode", epoch: "e1", seq: 3, data: { a: 1 } });
    last().say({ t: "delta", ch: "mode", epoch: "e1", seq: 5, ops: [["set", "a", 3]] });
    expect(changes).toEqual([["mode", { kind: "replace", data: { a: 1 } }]]);
    expect(last().sent.at(-1)).toEqual({ op: "resume", ch: "mode", epoch: "e1", from: 3 });
    last().say({ t: "delta", ch: "mode", epoch: "e1", seq: 4, ops: [["set", "a", 2]] });
    const ops = changes.flatMap(([, change]) => (change.kind === "ops" ? change.ops : []));
    expect(ops).toEqual([
      ["set", "a", 2],
      ["set", "a", 3],
    ]);
  });

  it("continues where it was after a reconnect, with a new ticket", async () => {
    start().subscribe("mode");
    await settled();
    last().open();
    last().say(hello);
    last().say({ t: "snap", ch: "mode", epoch: "e1", seq: 3, data: {} });
    ticket = () => Promise.resolve("t2");
    last().end();
    expect(phases.at(-1)).toBe("waiting");
    expect(timers.at(-1)?.millis).toBe(125);
    timers.at(-1)?.run();
    await settled();
    last().open();
    expect(last().sent).toEqual([{ op: "auth", ticket: "t2" }]);
    last().say(hello);
    expect(last().sent.at(-1)).toEqual({
      op: "sub",
      ch: "mode",
      since: { epoch: "e1", seq: 3 },
    });
  });

  it("starts from a snapshot when the server restarted", async () => {
    start().subscribe("mode");
    await settled();
    last().open();
    last().say(hello);
    last().say({ t: "snap", ch: "mode", epoch: "e1", seq: 3, data: {} });
    last().end();
    timers.at(-1)?.run();
    await settled();
    last().open();
    last().say({ ...hello, epoch: "e2" });
    expect(last().sent.at(-1)).toEqual({ op: "sub", ch: "mode", since: null });
  });

  it("backs off while no ticket is to be had, and stops when the session ended", async () => {
    ticket = () => Promise.reject(new Error("down"));
    start();
    await settled();
    await settled();
    timers.at(-1)?.run();
    await settled();
    await settled();
    expect(timers.map((timer) => timer.millis)).toEqual([125, 250]);
    ticket = () => Promise.reject("401");
    timers.at(-1)?.run();
    await settled();
    await settled();
    expect(phases.at(-1)).toBe("refused");
    expect(timers).toHaveLength(2);
  });

  it("reports what is not a frame and goes on", async () => {
    start().subscribe("mode");
    await settled();
    last().open();
    last().say({ t: "mystery" });
    last().say({ t: "delta", ch: "mode", epoch: "e1", seq: "five", ops: [] });
    expect(invalid).toHaveLength(2);
    last().say(hello);
    expect(phases.at(-1)).toBe("open");
  });

  it("drops a silent socket when told to reconnect, and ignores its last words", async () => {
    const client = start();
    client.subscribe("mode");
    await settled();
    const old = last();
    old.open();
    client.reconnectNow();
    await settled();
    expect(old.isClosed).toBe(true);
    expect(old.onmessage).toBeNull();
    expect(sockets).toHaveLength(2);
  });
});
