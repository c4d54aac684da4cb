// A made-up market for developing the screen without the system. Never shipped, never built in.
import { createHash } from "node:crypto";

export const INSTRUMENT = "BTC-USD.SIM";
export const MINUTES = { "15m": 15, "1h": 60, "4h": 240, "1d": 1440 };
const START = Date.parse("2021-03-01T00:00:00.000Z");
const BASE_MS = 15 * 60_000;

/** Mulberry32: the same market every time. */
function seeded(seed) {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}

const iso = (millis) => new Date(millis).toISOString();
const id = (text) => createHash("sha256").update(text).digest("hex");

export const instruments = [
    {
        instrument_id: INSTRUMENT,
        symbol: "BTCUSD",
        base_currency: "BTC",
        quote_currency: "USD",
        price_scale: 2,
        quantity_scale: 5,
        tick_size: "0.01",
        step_size: "0.00001",
        min_quantity: "0.00001",
        min_notional: "10.00000000",
    },
];

export function makeBars(count) {
    const random = seeded(7);
    const bars = [];
    let price = 45_000;
    let at = START;
    for (let index = 0; index < count; index += 1) {
        const missing = index > 0 && index % 211 === 0 ? 3 : 0;
        at += missing * BASE_MS;
        const open = price;
        const drift = Math.sin(index / 90) * 18;
        const close = Math.max(1000, open + (random() - 0.5) * 220 + drift);
        const high = Math.max(open, close) + random() * 70;
        const low = Math.min(open, close) - random() * 70;
        bars.push({
            opened_at: iso(at),
            open: open.toFixed(2),
            high: high.toFixed(2),
            low: low.toFixed(2),
            close: close.toFixed(2),
            volume: String(Math.round(random() * 9e6)),
            flags: missing > 0 ? ["after_gap"] : [],
            missing,
        });
        price = close;
        at += BASE_MS;
    }
    return bars;
}

export function aggregate(bars, timeframe) {
    const span = MINUTES[timeframe] * 60_000;
    if (span === BASE_MS) return bars;
    const groups = Map.groupBy(bars, (bar) => Math.floor(Date.parse(bar.opened_at) / span) * span);
    return [...groups].map(([at, rows]) => ({
        opened_at: iso(at),
        open: rows[0].open,
        high: rows.map((row) => row.high).reduce((a, b) => (Number(a) > Number(b) ? a : b)),
        low: rows.map((row) => row.low).reduce((a, b) => (Number(a) < Number(b) ? a : b)),
        close: rows.at(-1).close,
        volume: String(rows.reduce((sum, row) => sum + Number(row.volume), 0)),
        flags: [],
        missing: rows.reduce((sum, row) => sum + row.missing, 0),
    }));
}

function ema(values, period) {
    let last = null;
    return values.map((value, index) => {
        last = last === null ? value : last + (2 / (period + 1)) * (value - last);
        return index < period ? null : last;
    });
}

export function indicators(bars, names) {
    const closes = bars.map((bar) => Number(bar.close));
    const fast = ema(closes, 12);
    const slow = ema(closes, 26);
    const macd = closes.map((_, i) => (slow[i] === null ? null : fast[i] - slow[i]));
    const mean = closes.map((_, i) =>
        i < 20 ? null : closes.slice(i - 19, i + 1).reduce((a, b) => a + b, 0) / 20,
    );
    const all = {
        ema_20: ema(closes, 20),
        ema_50: ema(closes, 50),
        ema_200: ema(closes, 200),
        bb_middle: mean,
        bb_upper: mean.map((value) => (value === null ? null : value + 400)),
        bb_lower: mean.map((value) => (value === null ? null : value - 400)),
        rsi_14: closes.map((_, i) => (i < 14 ? null : 50 + 35 * Math.sin(i / 13))),
        macd_line: macd,
        macd_signal: macd.map((value) => (value === null ? null : value * 0.8)),
        macd_histogram: macd.map((value) => (value === null ? null : value * 0.2)),
    };
    return {
        opened_at: bars.map((bar) => bar.opened_at),
        values: Object.fromEntries(names.map((name) => [name, all[name] ?? []])),
    };
}

const RULES = ["stale_data", "safe_mode", "position_exists", "exposure", "position_size"];

/** Every bar gets a decision; about one in nine is a candidate. */
export function decisionOf(bar, index) {
    const closedAt = iso(Date.parse(bar.opened_at) + BASE_MS);
    const score = 50 + 22 * Math.sin(index / 9) + 6 * Math.sin(index);
    const isCandidate = score > 64;
    const isRefused = isCandidate && index % 3 !== 0;
    const isExit = !isCandidate && index % 17 === 0;
    const rule = RULES[index % RULES.length];
    const candidate = isRefused ? "refused" : "approved";
    const quiet = isExit ? "exit" : "no_candidate";
    const outcome = isCandidate ? candidate : quiet;
    const headline = {
        refused: `Long at ${score.toFixed(1)} refused: ${rule.replaceAll("_", " ")}`,
        approved: `Long at ${score.toFixed(1)} approved, 0.04200 BTC`,
        exit: "Exit: the score fell below the exit threshold",
        no_candidate: `Nothing: score ${score.toFixed(1)} is below the entry threshold 64.0`,
    }[outcome];
    return {
        decision_id: id(`decision ${index}`),
        instrument_id: INSTRUMENT,
        closed_at: closedAt,
        outcome,
        direction: isCandidate ? "long" : null,
        score: score.toFixed(6),
        headline,
        refused_by: isRefused ? rule : null,
    };
}

export function recordOf(bar, index) {
    const row = decisionOf(bar, index);
    const points = Number(row.score) - 50;
    const isCandidate = row.direction !== null;
    const shares = [
        ["15m.trend", 0.35],
        ["1h.trend", 0.3],
        ["15m.momentum", 0.25],
        ["4h.trend", 0.2],
        ["1d.trend", -0.15],
        ["15m.patterns", -0.05],
    ];
    const parts = shares.map(([factor, part]) => ({
        factor,
        raw: (part * 2).toFixed(6),
        weight: "0.100000",
        contribution: (points * part).toFixed(6),
    }));
    const sum = parts.reduce((total, part) => total + Number(part.contribution), 0);
    parts.push({
        factor: "opinion.rules-v1",
        raw: "0.205000",
        weight: "1.000000",
        contribution: (points - sum).toFixed(6),
    });
    const exact = 50 + parts.reduce((total, part) => total + Number(part.contribution), 0);
    const fill = {
        client_order_id: `ats1-mock${index}-0`,
        execution_id: index,
        trade_id: String(index),
        venue_order_id: String(index),
        instrument_id: INSTRUMENT,
        leg: "entry",
        order_side: "BUY",
        quantity: "0.04200",
        price: bar.close,
        fee: "0.00004200",
        fee_asset: "BTC",
        liquidity_side: "TAKER",
        market_time: row.closed_at,
        reason: "entry",
        decision_id: row.decision_id,
    };
    const isApproved = row.outcome === "approved";
    return {
        schema: 1,
        decision_id: row.decision_id,
        instrument_id: INSTRUMENT,
        closed_at: row.closed_at,
        outcome: row.outcome,
        headline: row.headline,
        config_hash: id("config"),
        inputs: {
            bar: { ...bar, instrument_id: INSTRUMENT, timeframe: "15m", closed_at: row.closed_at },
            timeframes: Object.keys(MINUTES).map((timeframe, at) => ({
                timeframe,
                warm: at < 3,
                closed_at: row.closed_at,
                missing: 0,
                weight: ["0.400000", "0.350000", "0.250000", "0.000000"][at],
            })),
            regime: { trend: "bull", volatility: "normal" },
            features: Object.fromEntries(
                ["15m.rsi_14", "15m.ema_20", "1h.rsi_14", "1h.atr_14", "4h.macd_line"].map(
                    (name, at) => [name, at === 4 ? null : (55.12 + at).toFixed(6)],
                ),
            ),
        },
        score: {
            value: exact.toFixed(6),
            base: "50.000000",
            contributions: parts,
            entry_threshold: "64.000000",
            exit_threshold: "45.000000",
        },
        opinions: isCandidate
            ? [
                  {
                      analyst: "rules-v1",
                      source: "rules",
                      direction: "long",
                      p_up: "0.602500",
                      confidence: "0.205000",
                      weight: "1.000000",
                      reasons: [
                          "trend up on 1h and 15m",
                          "RSI 14 at 58, not stretched <b>as text</b>",
                      ],
                      latency_ms: 0,
                      cost_usd: "0.00000000",
                      tape: "live",
                      label: "rules (no LLM)",
                  },
              ]
            : [],
        aggregate: isCandidate
            ? { p_up: "0.602500", agreement: "1.000000", no_opinion_score: "63.100000" }
            : null,
        signal: isCandidate
            ? {
                  direction: "long",
                  score: row.score,
                  stop_offset: "500.00",
                  target_offset: "900.00",
              }
            : null,
        risk: isCandidate
            ? {
                  schema: 1,
                  decision_id: row.decision_id,
                  digest: id("digest"),
                  outcome: isApproved ? "approved" : "refused",
                  quantity: isApproved ? "0.04200" : null,
                  refused_by: row.refused_by,
                  risk_pct: isApproved ? "0.500000" : null,
                  verdicts: RULES.map((rule) => ({
                      rule,
                      verdict:
                          rule === row.refused_by
                              ? "refuse"
                              : rule === "exposure"
                                ? "shrink"
                                : "pass",
                      limit: rule === "safe_mode" ? "off" : "20.000000",
                      observed: rule === "safe_mode" ? "off" : "12.500000",
                  })),
              }
            : null,
        nearest_flip: {
            what: "score",
            from: row.score,
            to: "64.000000",
            text: isCandidate
                ? "A score below 64.0 would have made this bar no candidate."
                : `A score of 64.0 instead of ${Number(row.score).toFixed(1)} would have made a candidate.`,
        },
        orders: isApproved
            ? [
                  {
                      client_order_id: fill.client_order_id,
                      instrument_id: INSTRUMENT,
                      leg: "entry",
                      order_side: "BUY",
                      order_type: "MARKET",
                      status: "FILLED",
                      quantity: "0.04200",
                      filled_quantity: "0.04200",
                      price: null,
                      trigger_price: null,
                      reason: null,
                  },
              ]
            : [],
        fills: isApproved ? [fill] : [],
        outcome_trade:
            isApproved && index % 2 === 0
                ? {
                      trade_no: index,
                      instrument_id: INSTRUMENT,
                      position_side: "LONG",
                      quantity: "0.04196",
                      entry_at: row.closed_at,
                      entry_price: bar.close,
                      exit_at: iso(Date.parse(row.closed_at) + 9 * BASE_MS),
                      exit_price: (Number(bar.close) + 310).toFixed(2),
                      exit_reason: "target",
                      realized_pnl: "11.26770000",
                      fees: "3.78120000",
                      return_pct: "0.590000",
                      r_multiple: "0.620000",
                      entry_decision_id: row.decision_id,
                      exit_decision_id: null,
                  }
                : null,
    };
}
