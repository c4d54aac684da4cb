import * as v from "valibot";

/** Validators of the wire messages in `tests/fixtures/wire`, field for field. */
const decimal = v.pipe(v.string(), v.regex(/^-?\d+(\.\d+)?$/, "a plain decimal string"));
const timestamp = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "RFC 3339 UTC with milliseconds"),
);
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"));
const account = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,32}$/));
const clientOrderId = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9-_]{1,36}$/));
const leg = v.pipe(v.string(), v.regex(/^[a-z0-9.-]{1,24}$/));
const instrumentId = v.pipe(v.string(), v.regex(/^[A-Z0-9]+-[A-Z0-9]+\.[A-Z0-9]+$/));
const count = v.pipe(v.number(), v.integer());
const side = v.picklist(["BUY", "SELL"]);
const optional = <T extends v.GenericSchema>(schema: T) => v.nullable(schema);

export const bar = v.strictObject({
  instrument_id: instrumentId,
  timeframe: v.string(),
  opened_at: timestamp,
  closed_at: timestamp,
  open: decimal,
  high: decimal,
  low: decimal,
  close: decimal,
  volume: decimal,
  flags: v.array(v.string()),
  missing: count,
  is_closed: v.boolean(),
});

export const fill = v.strictObject({
  client_order_id: clientOrderId,
  execution_id: optional(count),
  fee: decimal,
  fee_asset: v.string(),
  instrument_id: instrumentId,
  leg,
  liquidity_side: v.picklist(["MAKER", "TAKER"]),
  market_time: timestamp,
  order_side: side,
  price: decimal,
  quantity: decimal,
  trade_id: v.string(),
  venue_order_id: v.string(),
});

export const instrument = v.strictObject({
  instrument_id: instrumentId,
  symbol: v.string(),
  base_currency: v.string(),
  quote_currency: v.string(),
  price_scale: count,
  quantity_scale: count,
  tick_size: decimal,
  step_size: decimal,
  min_quantity: decimal,
  min_notional: decimal,
});

const timeInForce = v.variant("type", [
  v.strictObject({ type: v.literal("GTC"), post_only: v.boolean() }),
  v.strictObject({ type: v.literal("IOC") }),
  v.strictObject({ type: v.literal("FOK") }),
]);

const sized = { order_side: side, quantity: decimal };

export const order = v.variant("order_type", [
  v.strictObject({ order_type: v.literal("MARKET"), ...sized }),
  v.strictObject({
    order_type: v.literal("LIMIT"),
    ...sized,
    price: decimal,
    time_in_force: timeInForce,
  }),
  v.strictObject({ order_type: v.literal("STOP_MARKET"), ...sized, trigger_price: decimal }),
  v.strictObject({
    order_type: v.literal("BRACKET"),
    ...sized,
    stop_offset: decimal,
    target_offset: decimal,
  }),
  v.strictObject({
    order_type: v.literal("OCO"),
    ...sized,
    trigger_price: decimal,
    price: decimal,
  }),
]);

export const orderStatus = v.picklist([
  "INITIALIZED",
  "DENIED",
  "SUBMITTED",
  "UNKNOWN",
  "ACCEPTED",
  "TRIGGERED",
  "PARTIALLY_FILLED",
  "FILLED",
  "CANCELED",
  "EXPIRED",
  "REJECTED",
  "NOT_SENT",
]);

export const orderEvent = v.strictObject({
  schema: v.literal(1),
  event: v.string(),
  event_at: timestamp,
  gateway_seq: count,
  account,
  strategy: account,
  decision_id: hash,
  client_order_id: clientOrderId,
  venue_order_id: optional(v.string()),
  instrument_id: instrumentId,
  leg,
  attempt: count,
  order_side: side,
  order_type: v.string(),
  quantity: decimal,
  filled_quantity: decimal,
  price: optional(decimal),
  trigger_price: optional(decimal),
  status: orderStatus,
  reason: optional(v.string()),
  fill: optional(fill),
});

export const position = v.strictObject({
  account,
  instrument_id: instrumentId,
  position_side: v.picklist(["LONG", "SHORT", "FLAT"]),
  quantity: decimal,
  average_entry_price: optional(decimal),
  mark_price: optional(decimal),
  opened_at: optional(timestamp),
  stop_price: optional(decimal),
  target_price: optional(decimal),
  realized_pnl: decimal,
  unrealized_pnl: decimal,
});

export const riskDecision = v.strictObject({
  schema: v.literal(1),
  decision_id: hash,
  digest: hash,
  outcome: v.picklist(["approved", "refused"]),
  quantity: optional(decimal),
  refused_by: optional(v.string()),
  risk_pct: optional(decimal),
  verdicts: v.array(
    v.strictObject({
      rule: v.string(),
      verdict: v.picklist(["pass", "shrink", "refuse"]),
      limit: optional(v.string()),
      observed: optional(v.string()),
    }),
  ),
});

const direction = v.picklist(["long", "short", "flat"]);

export const signal = v.strictObject({
  schema: v.literal(1),
  decision_id: hash,
  instrument_id: instrumentId,
  closed_at: timestamp,
  direction,
  base: decimal,
  score: decimal,
  contributions: v.array(
    v.strictObject({ factor: v.string(), raw: decimal, weight: decimal, contribution: decimal }),
  ),
  opinions: v.array(
    v.strictObject({
      analyst: v.string(),
      confidence: decimal,
      direction,
      p_up: decimal,
      reasons: v.array(v.string()),
      source: v.string(),
      weight: decimal,
    }),
  ),
  stop_offset: optional(decimal),
  target_offset: optional(decimal),
});

export const approvedOrder = v.strictObject({
  schema: v.literal(1),
  account,
  strategy: account,
  decision_id: hash,
  leg,
  attempt: count,
  instrument_id: instrumentId,
  order,
  intent: v.picklist(["open", "reduce"]),
  risk_digest: hash,
  issued_at: timestamp,
  expires_at: timestamp,
});
