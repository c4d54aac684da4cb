import type { DecisionRecord, Mode, Position } from "@/types/api";

export const position = (patch: Partial<Position> = {}): Position => ({
  account: "paper-1",
  instrument_id: "BTC-USD.SIM",
  position_side: "LONG",
  quantity: "0.04196",
  average_entry_price: "43557.48",
  mark_price: "43600.00",
  opened_at: "2021-09-27T14:00:00.000Z",
  stop_price: "43057.48",
  target_price: "44457.48",
  realized_pnl: "0.00000000",
  unrealized_pnl: "1.78416000",
  ...patch,
});

export const mode = (patch: Partial<Mode> = {}): Mode => ({
  mode: "paper",
  label: "DEMO",
  account: "paper-1",
  venue: "SIM",
  trading_state: "ACTIVE",
  agent_state: "running",
  market_time: "2021-09-27T14:00:00.000Z",
  data_name: "sample",
  llm_label: "rules (no LLM)",
  ...patch,
});

const ID = "6d5c000000000000000000000000000000000000000000000000000000000a1f";

export const record = (patch: Partial<DecisionRecord> = {}): DecisionRecord => ({
  schema: 1,
  decision_id: ID,
  instrument_id: "BTC-USD.SIM",
  closed_at: "2021-09-27T14:00:00.000Z",
  outcome: "refused",
  headline: "Long at 64.3 refused: safe mode",
  config_hash: "ab".repeat(32),
  inputs: {
    bar: {
      instrument_id: "BTC-USD.SIM",
      timeframe: "15m",
      opened_at: "2021-09-27T13:45:00.000Z",
      closed_at: "2021-09-27T14:00:00.000Z",
      open: "43443.06",
      high: "43555.52",
      low: "43443.06",
      close: "43548.77",
      volume: "50628608",
      flags: [],
      missing: 0,
      is_closed: true,
    },
    timeframes: [
      {
        timeframe: "15m",
        warm: true,
        closed_at: "2021-09-27T14:00:00.000Z",
        missing: 0,
        weight: "1.000000",
      },
      { timeframe: "1d", warm: false, closed_at: null, missing: 0, weight: "0.000000" },
    ],
    regime: { trend: "bull", volatility: "normal" },
    features: { "15m.rsi_14": "55.120000" },
  },
  score: {
    value: "64.250000",
    base: "50.000000",
    contributions: [
      { factor: "15m.trend", raw: "0.800000", weight: "0.100000", contribution: "4.000000" },
      { factor: "opinion.rules-v1", raw: "0.2", weight: "1.0", contribution: "10.250000" },
    ],
    entry_threshold: "62.000000",
    exit_threshold: "45.000000",
  },
  opinions: [
    {
      analyst: "rules-v1",
      source: "rules",
      direction: "long",
      p_up: "0.602500",
      confidence: "0.205000",
      weight: "1.000000",
      reasons: ["trend up <img src=x onerror=alert(1)>"],
      latency_ms: null,
      cost_usd: "0.00000000",
      tape: "live",
      label: "rules (no LLM)",
    },
  ],
  aggregate: { p_up: "0.602500", agreement: "1.000000", no_opinion_score: "54.000000" },
  signal: null,
  risk: {
    schema: 1,
    decision_id: ID,
    digest: "ab".repeat(32),
    outcome: "refused",
    quantity: null,
    refused_by: "safe_mode",
    risk_pct: null,
    verdicts: [
      { rule: "stale_data", verdict: "pass", limit: "1800", observed: "0" },
      { rule: "safe_mode", verdict: "refuse", limit: "8.000000", observed: "8.100000" },
    ],
  },
  nearest_flip: {
    what: "safe_mode",
    from: "8.1",
    to: "8.0",
    text: "A daily drawdown under 8 % would have let it pass.",
  },
  orders: [],
  fills: [],
  outcome_trade: null,
  ...patch,
});
