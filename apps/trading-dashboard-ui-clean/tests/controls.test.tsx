import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ActionName } from "@/components/safety/actions";
import { ControlDialog } from "@/components/safety/control-dialog";
import { HoldButton } from "@/components/safety/hold-button";
import { now } from "@/lib/time/clock";
import { useLink } from "@/stores/live/link";
import { useMode } from "@/stores/live/stores";
import { mode } from "./samples";

beforeEach(() => {
  vi.useFakeTimers();
  useLink.setState({ phase: "open", aliveAt: now() });
  useMode.setState({ value: mode() });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const advance = (millis: number): Promise<void> =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(millis);
  });

describe("hold to confirm", () => {
  const setUp = (isEnabled = true) => {
    const onHeld = vi.fn();
    render(
      <HoldButton millis={800} tone="danger" isEnabled={isEnabled} onHeld={onHeld}>
        Hold
      </HoldButton>,
    );
    return { onHeld, button: screen.getByRole("button") };
  };

  it("acts once after the whole time", async () => {
    const { onHeld, button } = setUp();
    fireEvent.pointerDown(button, { button: 0 });
    await advance(799);
    expect(onHeld).not.toHaveBeenCalled();
    await advance(1);
    expect(onHeld).toHaveBeenCalledTimes(1);
    await advance(5_000);
    expect(onHeld).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["let go", "pointerUp"],
    ["slid off", "pointerLeave"],
    ["cancelled", "pointerCancel"],
    ["lost focus", "blur"],
  ] as const)("does nothing when %s early", async (_name, event) => {
    const { onHeld, button } = setUp();
    fireEvent.pointerDown(button, { button: 0 });
    await advance(700);
    fireEvent[event](button);
    await advance(2_000);
    expect(onHeld).not.toHaveBeenCalled();
  });

  it("works by keyboard; key repeat neither restarts nor doubles it", async () => {
    const { onHeld, button } = setUp();
    fireEvent.keyDown(button, { key: "Enter" });
    for (let beat = 0; beat < 7; beat += 1) {
      await advance(100);
      fireEvent.keyDown(button, { key: "Enter", repeat: true });
    }
    await advance(100);
    expect(onHeld).toHaveBeenCalledTimes(1);
  });

  it("is not started by another mouse button, nor when disabled", async () => {
    const { onHeld, button } = setUp();
    fireEvent.pointerDown(button, { button: 2 });
    await advance(2_000);
    expect(onHeld).not.toHaveBeenCalled();
  });
});

describe("control dialog", () => {
  const answer = vi.fn();
  const open = (name: ActionName) => {
    answer.mockResolvedValue(
      new Response(JSON.stringify({ trading_state: "REDUCING", level: "no_entries" }), {
        status: 200,
        headers: { "content-type": "application/json" },
      }),
    );
    vi.stubGlobal("fetch", answer);
    const queries = new QueryClient({ defaultOptions: { mutations: { retry: false } } });
    render(
      <QueryClientProvider client={queries}>
        <ControlDialog name={name} onClose={() => undefined} />
      </QueryClientProvider>,
    );
  };
  const hold = async (name: RegExp, millis: number): Promise<void> => {
    fireEvent.pointerDown(screen.getByRole("button", { name }), { button: 0 });
    await advance(millis);
    // The answer passes through fetch, the body and the query library's own timer.
    for (let turn = 0; turn < 5; turn += 1) await advance(5);
  };

  beforeEach(() => {
    answer.mockReset();
  });

  it("pauses with the CSRF header and one idempotency key, and says what the server said", async () => {
    open("pause");
    await hold(/hold to pause/i, 800);
    expect(answer).toHaveBeenCalledTimes(1);
    const [url, init] = answer.mock.calls[0] as [string, RequestInit];
    const headers = init.headers as Record<string, string>;
    expect(url).toBe("/api/v1/control/pause");
    expect(headers["X-Requested-With"]).toBe("ats");
    expect(headers["Idempotency-Key"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(screen.getByRole("status").textContent).toContain("REDUCING");
    expect(screen.getByRole("status").textContent).toContain("Waiting for the live feed");
  });

  it("asks for the word and a longer hold in live", async () => {
    useMode.setState({ value: mode({ mode: "live", label: "LIVE" }) });
    open("flatten");
    await hold(/hold to close all/i, 3_000);
    expect(answer).not.toHaveBeenCalled();
    fireEvent.change(screen.getByRole("textbox"), { target: { value: "CLOSE" } });
    fireEvent.pointerDown(screen.getByRole("button", { name: /hold to close all/i }), {
      button: 0,
    });
    await advance(1_499);
    expect(answer).not.toHaveBeenCalled();
    await advance(1);
    const [, init] = answer.mock.calls[0] as [string, RequestInit];
    expect(JSON.parse(String(init.body))).toMatchObject({ level: "flatten", confirm: "CLOSE" });
  });

  it("takes the strict form while the mode is not known", () => {
    useMode.setState({ value: null });
    open("flatten");
    expect(screen.getByRole("textbox")).toBeTruthy();
    expect(screen.getByText(/not known yet/)).toBeTruthy();
  });

  it("disarms Resume on a dead link, but not Pause", async () => {
    useLink.setState({ phase: "open", aliveAt: now() - 20_000 });
    await advance(600);
    open("resume");
    await advance(600);
    const resume = screen.getByRole<HTMLButtonElement>("button", { name: /resume trading/i });
    expect(resume.disabled).toBe(true);
    open("pause");
    const pause = screen.getByRole<HTMLButtonElement>("button", { name: /hold to pause/i });
    expect(pause.disabled).toBe(false);
  });

  it("shows why a refusal happened and what to do", async () => {
    answer.mockReset();
    open("pause");
    answer.mockResolvedValue(
      new Response(
        JSON.stringify({
          title: "Gateway away",
          status: 503,
          detail: "no answer in 5 s",
          next_step: "./ats status",
        }),
        { status: 503, headers: { "content-type": "application/problem+json" } },
      ),
    );
    await hold(/hold to pause/i, 800);
    const text = screen.getByRole("alert").textContent;
    expect(text).toContain("Gateway away");
    expect(text).toContain("./ats status");
  });
});
