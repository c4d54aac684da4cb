import { render, screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Timeline } from "@/components/decision/decision-view";
import { newestCandidates } from "@/pages/overview/decisions-panel";
import type { DecisionRow } from "@/types/api";
import { record } from "./samples";

const steps = (): HTMLElement[] =>
  screen.getAllByRole("heading", { level: 2 }).map((heading) => heading);

const bodyOf = (title: string): HTMLElement => {
  const item = screen.getByRole("heading", { name: title }).closest("li");
  if (!item) throw new Error(`no step ${title}`);
  return item;
};

describe("decision timeline", () => {
  it("walks from input to outcome in seven steps", () => {
    render(<Timeline record={record()} />);
    expect(steps().map((heading) => heading.textContent)).toEqual([
      "Input",
      "Confluence",
      "Opinions",
      "Aggregate",
      "Risk verdict",
      "Orders and fills",
      "Outcome",
    ]);
  });

  it("shows that base and parts add up to the score", () => {
    render(<Timeline record={record()} />);
    expect(bodyOf("Confluence").textContent).toContain("add up to 64.25, the score");
  });

  it("says so when they do not", () => {
    const broken = record();
    render(<Timeline record={{ ...broken, score: { ...broken.score, value: "70.000000" } }} />);
    expect(bodyOf("Confluence").textContent).toContain("but the score says 70");
  });

  it("names the rule that refused, with limit and observed value, and the nearest flip", () => {
    render(<Timeline record={record()} />);
    const risk = bodyOf("Risk verdict");
    expect(risk.textContent).toContain("refused by safe mode");
    const row = within(risk).getByText("safe mode").closest("tr");
    expect(row?.textContent).toMatch(/refuse.*8\.1.*8/);
    expect(risk.textContent).toContain("A daily drawdown under 8 %");
  });

  it("shows a model's words as text, never as markup", () => {
    const { container } = render(<Timeline record={record()} />);
    expect(container.querySelector("img")).toBeNull();
    expect(screen.getByText(/<img src=x onerror/)).toBeTruthy();
  });

  it("says what does not exist instead of leaving a hole", () => {
    const quiet = record({
      outcome: "no_candidate",
      opinions: [],
      aggregate: null,
      risk: null,
      nearest_flip: null,
    });
    render(<Timeline record={quiet} />);
    expect(bodyOf("Opinions").textContent).toContain("No analyst was asked");
    expect(bodyOf("Aggregate").textContent).toContain("there was no opinion");
    expect(bodyOf("Risk verdict").textContent).toContain("were not asked");
    expect(bodyOf("Orders and fills").textContent).toContain("No order came out");
    expect(bodyOf("Outcome").textContent).toContain("No position came out");
  });
});

describe("last decisions", () => {
  const row = (id: string, at: string, outcome: DecisionRow["outcome"]): DecisionRow => ({
    decision_id: id,
    instrument_id: "BTC-USD.SIM",
    closed_at: at,
    outcome,
    direction: null,
    score: "50.000000",
    headline: id,
    refused_by: null,
  });

  it("joins history and live rows, each once, newest first, without quiet bars", () => {
    const history = [row("a", "2021-01-01T00:15:00.000Z", "refused")];
    const live = {
      a: row("a", "2021-01-01T00:15:00.000Z", "refused"),
      b: row("b", "2021-01-01T00:30:00.000Z", "approved"),
      c: row("c", "2021-01-01T00:45:00.000Z", "no_candidate"),
    };
    expect(newestCandidates(history, live).map((item) => item.decision_id)).toEqual(["b", "a"]);
  });
});
