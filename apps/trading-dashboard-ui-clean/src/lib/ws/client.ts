import { backoffMillis } from "./backoff";
import { type ClientFrame, type Epoch, type Frame, parseFrame } from "./protocol";
import {
  type Change,
  type ChannelState,
  initialState,
  onDelta,
  onHeartbeat,
  onReconnect,
  onSnap,
  type Step,
} from "./sequence";

export type LinkPhase = "connecting" | "open" | "waiting" | "refused";

export interface SocketLike {
  send(text: string): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: never) => void) | null;
}

export interface ClientEnvironment {
  openSocket: () => SocketLike;
  /** Rejects with `isUnauthorised` true when the session has ended. */
  ticket: () => Promise<string>;
  isUnauthorised: (cause: unknown) => boolean;
  setTimer: (run: () => void, millis: number) => number;
  clearTimer: (id: number) => void;
  random: () => number;
  now: () => number;
}

export interface ClientSink {
  onChange: (channel: string, change: Change) => void;
  onPhase: (phase: LinkPhase) => void;
  /** Any frame from the server, with the wall time it arrived. */
  onAlive: (at: number) => void;
  onInvalidFrame: (text: string) => void;
}

export interface SocketClient {
  subscribe: (channel: string) => void;
  unsubscribe: (channel: string) => void;
  /** Drops a silent connection or cuts a wait short (`online`, tab visible, stale link). */
  reconnectNow: () => void;
  close: () => void;
}

/** The one socket of the page: authenticates, subscribes, repairs gaps, reconnects for ever. */
export function createSocketClient(env: ClientEnvironment, sink: ClientSink): SocketClient {
  const channels = new Map<string, ChannelState>();
  let socket: SocketLike | null = null;
  let isReady = false;
  let isClosed = false;
  let attempt = 0;
  let timer: number | null = null;
  let epoch: Epoch | null = null;

  const send = (frame: ClientFrame): void => {
    if (socket) socket.send(JSON.stringify(frame));
  };

  const subscribeFrame = (channel: string, state: ChannelState): void => {
    const since = state.epoch === null ? null : { epoch: state.epoch, seq: state.seq };
    send({ op: "sub", ch: channel, since });
  };

  const take = (channel: string, step: Step): void => {
    channels.set(channel, step.state);
    for (const change of step.changes) sink.onChange(channel, change);
    if (step.request === "snapshot") send({ op: "sub", ch: channel, since: null });
    if (step.request === "resume" && step.state.epoch !== null) {
      send({ op: "resume", ch: channel, epoch: step.state.epoch, from: step.state.seq });
    }
  };

  const onHello = (serverEpoch: Epoch): void => {
    epoch = serverEpoch;
    isReady = true;
    attempt = 0;
    sink.onPhase("open");
    for (const [channel, state] of channels) {
      const next = onReconnect(state, serverEpoch);
      channels.set(channel, next);
      subscribeFrame(channel, next);
    }
  };

  const onHeads = (heads: Readonly<Record<string, number>>): void => {
    for (const [channel, state] of channels) {
      const head = heads[channel];
      if (head !== undefined) take(channel, onHeartbeat(state, head));
    }
  };

  const onFrame = (frame: Frame): void => {
    if (frame.t === "hello") onHello(frame.epoch);
    if (frame.t === "hb") onHeads(frame.heads);
    if (frame.t !== "snap" && frame.t !== "delta") return;
    const state = channels.get(frame.ch);
    if (!state) return;
    take(frame.ch, frame.t === "snap" ? onSnap(state, frame) : onDelta(state, frame));
  };

  const schedule = (): void => {
    if (isClosed || timer !== null) return;
    sink.onPhase("waiting");
    timer = env.setTimer(
      () => {
        timer = null;
        void connect();
      },
      backoffMillis(attempt, env.random),
    );
    attempt += 1;
  };

  const drop = (): void => {
    const old = socket;
    socket = null;
    isReady = false;
    if (!old) return;
    old.onopen = null;
    old.onmessage = null;
    old.onclose = null;
    old.close();
  };

  const attach = (next: SocketLike, ticket: string): void => {
    socket = next;
    next.onopen = () => {
      send({ op: "auth", ticket });
    };
    next.onmessage = (event) => {
      sink.onAlive(env.now());
      const text = typeof event.data === "string" ? event.data : "";
      const frame = parseFrame(text);
      if (frame) onFrame(frame);
      else sink.onInvalidFrame(text.slice(0, 200));
    };
    next.onclose = () => {
      drop();
      schedule();
    };
  };

  let opening = 0;
  const connect = async (): Promise<void> => {
    opening += 1;
    const mine = opening;
    sink.onPhase("connecting");
    try {
      const ticket = await env.ticket();
      if (isClosed || mine !== opening) return;
      attach(env.openSocket(), ticket);
    } catch (cause) {
      if (isClosed || mine !== opening) return;
      if (env.isUnauthorised(cause)) sink.onPhase("refused");
      else schedule();
    }
  };

  void connect();

  return {
    subscribe(channel) {
      if (channels.has(channel)) return;
      channels.set(channel, initialState);
      if (isReady && epoch !== null) subscribeFrame(channel, initialState);
    },
    unsubscribe(channel) {
      if (!channels.delete(channel)) return;
      if (isReady) send({ op: "unsub", ch: channel });
    },
    reconnectNow() {
      if (isClosed) return;
      if (timer !== null) env.clearTimer(timer);
      timer = null;
      drop();
      attempt = 0;
      void connect();
    },
    close() {
      isClosed = true;
      if (timer !== null) env.clearTimer(timer);
      drop();
    },
  };
}
