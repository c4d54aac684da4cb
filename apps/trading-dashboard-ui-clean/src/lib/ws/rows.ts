import * as v from "valibot";
import type {
  Bar,
  DecisionRow,
  EquityPoint,
  Health,
  Mode,
  Order,
  PortfolioSummary,
  Position,
  RiskState,
} from "@/types/api";

/**
 * What each channel's values must hold before a store takes them. Rows may carry more fields than
 * the screen reads, so objects are loose; the fields the screen reads are required.
 */
const decimal = v.pipe(v.string(), v.regex(/^-?\d+(\.\d+)?$/));
const maybe = v.nullable(decimal);
const maybeText = v.nullable(v.string());

const position = v.looseObject({
  instrument_id: v.string(),
  position_side: v.picklist(["LONG", "SHORT", "FLAT"]),
  quantity: decimal,
  average_entry_price: maybe,
  mark_price: maybe,
  stop_price: maybe,
  target_price: maybe,
  unrealized_pnl: decimal,
});

const order = v.looseObject({
  client_order_id: v.string(),
  instrument_id: v.string(),
  status: v.string(),
});

const decision = v.looseObject({
  decision_id: v.string(),
  instrument_id: v.string(),
  closed_at: v.string(),
  outcome: v.picklist(["no_candidate", "refused", "approved", "exit"]),
  direction: maybeText,
  score: maybe,
  headline: v.string(),
  refused_by: maybeText,
});

const bar = v.looseObject({
  opened_at: v.string(),
  open: decimal,
  high: decimal,
  low: decimal,
  close: decimal,
  volume: decimal,
  flags: v.array(v.string()),
  missing: v.number(),
});

const equityPoint = v.looseObject({ at: v.string(), equity: decimal, drawdown_pct: decimal });

const portfolio = v.looseObject({
  equity: decimal,
  equity_start: decimal,
  unrealized_pnl: decimal,
  day_pnl: decimal,
  drawdown_pct: decimal,
  max_drawdown_pct: decimal,
  open_risk_pct: decimal,
  exposure_pct: decimal,
  trades: v.number(),
  bars_done: v.number(),
  bars_total: v.nullable(v.number()),
  decisions: v.number(),
  refusals: v.record(v.string(), v.number()),
  equity_point: v.nullish(equityPoint),
});

const mode = v.looseObject({
  mode: v.picklist(["backtest", "paper", "live"]),
  label: v.picklist(["DEMO", "PAPER", "LIVE"]),
  account: v.string(),
  venue: v.string(),
  trading_state: v.picklist(["ACTIVE", "REDUCING", "HALTED"]),
  agent_state: v.picklist(["starting", "running", "paused", "finished", "failed"]),
  llm_label: v.string(),
});

const risk = v.looseObject({
  trading_state: v.picklist(["ACTIVE", "REDUCING", "HALTED"]),
  level: maybeText,
  reason: maybeText,
  safe_mode: v.boolean(),
  limits: v.array(v.looseObject({ name: v.string(), value: maybe, limit: maybe, used_pct: maybe })),
});

const health = v.looseObject({
  status: v.picklist(["ok", "degraded", "down"]),
  services: v.array(v.looseObject({ name: v.string(), status: v.string() })),
});

/** Narrows an unknown value; null when it breaks the contract. */
export type Parser<T> = (value: unknown) => T | null;

const parser =
  <T>(schema: v.GenericSchema): Parser<T> =>
  (value) =>
    v.is(schema, value) ? (value as T) : null;

export type LivePortfolio = PortfolioSummary & { equity_point?: EquityPoint | null };

export const parsePosition = parser<Position>(position);
export const parseOrder = parser<Order>(order);
export const parseDecision = parser<DecisionRow>(decision);
export const parseBar = parser<Bar>(bar);
export const parsePortfolio = parser<LivePortfolio>(portfolio);
export const parseMode = parser<Mode>(mode);
export const parseRisk = parser<RiskState>(risk);
export const parseHealth = parser<Health>(health);
