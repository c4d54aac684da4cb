// Generated from apps/trading_api/openapi.json by `npm run generate`. Do not edit.
export interface paths {
    readonly "/api/v1/auth/login": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Login
         * @description Start a session. 401 for a wrong password, 429 after five failures in a minute.
         */
        readonly post: operations["login_api_v1_auth_login_post"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/auth/logout": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Logout
         * @description End the session and its live connections.
         */
        readonly post: operations["logout_api_v1_auth_logout_post"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/auth/one-time": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * One Time
         * @description Start a session with the token of a one-time link: single use, short-lived.
         */
        readonly post: operations["one_time_api_v1_auth_one_time_post"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/auth/ws-ticket": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Ws Ticket
         * @description A ticket for the first frame of the WebSocket: single use, 30 seconds.
         */
        readonly post: operations["ws_ticket_api_v1_auth_ws_ticket_post"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/bars": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Bars
         * @description Closed bars, ascending: the newest `limit` that opened before `before`.
         */
        readonly get: operations["bars_api_v1_bars_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/control/kill": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Kill
         * @description One of the four stops; the answer comes when the gateway has carried it out.
         */
        readonly post: operations["kill_api_v1_control_kill_post"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/control/pause": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Pause
         * @description No new entries; positions stay managed.
         */
        readonly post: operations["pause_api_v1_control_pause_post"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/control/resume": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Resume
         * @description Back to ACTIVE.
         */
        readonly post: operations["resume_api_v1_control_resume_post"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/decisions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Decisions
         * @description One row for each decision bar, newest first.
         */
        readonly get: operations["decisions_api_v1_decisions_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/decisions/{decision_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Decision
         * @description The whole record of one bar and what came of it.
         */
        readonly get: operations["decision_api_v1_decisions__decision_id__get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/fills": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Fills
         * @description The newest fills of a window, oldest first.
         */
        readonly get: operations["fills_api_v1_fills_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/indicators": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Indicators
         * @description Indicator values at the bars that `/bars` gives for the same query.
         */
        readonly get: operations["indicators_api_v1_indicators_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/indicators/catalog": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Indicator Catalog
         * @description Every indicator: engine kernels and plug-ins.
         */
        readonly get: operations["indicator_catalog_api_v1_indicators_catalog_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/instruments": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Instruments
         * @description What this run trades, with ticks, steps and minima.
         */
        readonly get: operations["instruments_api_v1_instruments_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/me": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Me
         * @description The caller.
         */
        readonly get: operations["me_api_v1_me_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/mode": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Mode
         * @description What runs, on which account, and whether it is real.
         */
        readonly get: operations["mode_api_v1_mode_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/orders": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Orders
         * @description Orders, newest first.
         */
        readonly get: operations["orders_api_v1_orders_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/patterns/catalog": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Pattern Catalog
         * @description Every pattern: engine kernels and plug-ins.
         */
        readonly get: operations["pattern_catalog_api_v1_patterns_catalog_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/portfolio/equity": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Equity
         * @description The equity curve, thinned to `limit` points.
         */
        readonly get: operations["equity_api_v1_portfolio_equity_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/portfolio/summary": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Summary
         * @description The account at the newest bar.
         */
        readonly get: operations["summary_api_v1_portfolio_summary_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/positions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Positions
         * @description Open positions.
         */
        readonly get: operations["positions_api_v1_positions_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/report": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Report
         * @description The finished report; 404 while the run goes on.
         */
        readonly get: operations["report_api_v1_report_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/risk/rules": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Risk Rules
         * @description Every risk rule in the order of review.
         */
        readonly get: operations["risk_rules_api_v1_risk_rules_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/risk/state": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Risk State
         * @description Whether and why trading is restricted.
         */
        readonly get: operations["risk_state_api_v1_risk_state_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/signals": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Signals
         * @description Bars with a candidate, oldest first: the newest `limit` of the window.
         */
        readonly get: operations["signals_api_v1_signals_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/system/health": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Health
         * @description Every part with the age of its newest report.
         */
        readonly get: operations["health_api_v1_system_health_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/system/version": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Version
         * @description What is installed.
         */
        readonly get: operations["version_api_v1_system_version_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/trades": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Trades
         * @description Closed round trips, newest first.
         */
        readonly get: operations["trades_api_v1_trades_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/healthz": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Healthz
         * @description The process answers and its database can be read; a problem document otherwise.
         */
        readonly get: operations["healthz_healthz_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/metrics": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Metrics
         * @description Prometheus text, for this machine only.
         */
        readonly get: operations["metrics_metrics_get"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Bar
         * @description One bar. Construction refuses impossible prices; it never repairs them.
         */
        readonly Bar: {
            /** Close */
            readonly close: string;
            /**
             * Closed At
             * Format: date-time
             */
            readonly closed_at: string;
            /**
             * Flags
             * @default []
             */
            readonly flags: readonly ("zero_volume" | "after_gap" | "deduplicated")[];
            /** High */
            readonly high: string;
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            /**
             * Is Closed
             * @default true
             */
            readonly is_closed: boolean;
            /** Low */
            readonly low: string;
            /**
             * Missing
             * @default 0
             */
            readonly missing: number;
            /** Open */
            readonly open: string;
            /**
             * Opened At
             * Format: date-time
             */
            readonly opened_at: string;
            readonly timeframe: components["schemas"]["Timeframe"];
            /** Volume */
            readonly volume: string;
        };
        /**
         * BarReply
         * @description One closed bar; `missing` base bars lie in a gap before or inside it.
         */
        readonly BarReply: {
            /** Close */
            readonly close: string;
            /** Flags */
            readonly flags: readonly ("zero_volume" | "after_gap" | "deduplicated")[];
            /** High */
            readonly high: string;
            /** Low */
            readonly low: string;
            /** Missing */
            readonly missing: number;
            /** Open */
            readonly open: string;
            /**
             * Opened At
             * Format: date-time
             */
            readonly opened_at: string;
            /** Volume */
            readonly volume: string;
        };
        /**
         * BarsReply
         * @description Ascending.
         */
        readonly BarsReply: {
            /** Bars */
            readonly bars: readonly components["schemas"]["BarReply"][];
        };
        /**
         * CatalogEntry
         * @description An indicator or pattern that can be asked for.
         */
        readonly CatalogEntry: {
            /** Name */
            readonly name: string;
            /** Origin */
            readonly origin: string;
            /** Outputs */
            readonly outputs: readonly string[];
            /** Params */
            readonly params: {
                readonly [key: string]: unknown;
            };
            /** Scale */
            readonly scale: string;
            /** Warmup */
            readonly warmup: number;
        };
        /**
         * Contribution
         * @description One addend of a score.
         */
        readonly Contribution: {
            /** Contribution */
            readonly contribution: string;
            /** Factor */
            readonly factor: string;
            /** Raw */
            readonly raw: string;
            /** Weight */
            readonly weight: string;
        };
        /**
         * ControlReply
         * @description The account after the action, as the gateway confirmed it.
         */
        readonly ControlReply: {
            /**
             * Canceled
             * @default 0
             */
            readonly canceled: number;
            readonly level: components["schemas"]["StopLevel"] | null;
            /** Orders */
            readonly orders?: readonly {
                readonly [key: string]: unknown;
            }[];
            readonly trading_state: components["schemas"]["TradingState"];
        };
        /**
         * DecisionInputs
         * @description Everything the decision saw; a feature that is not warm yet is null.
         */
        readonly DecisionInputs: {
            readonly bar: components["schemas"]["Bar"];
            /** Features */
            readonly features: {
                readonly [key: string]: string | null;
            };
            readonly regime: components["schemas"]["Regime"];
            /** Timeframes */
            readonly timeframes: readonly components["schemas"]["TimeframeInput"][];
        };
        /**
         * DecisionListEntry
         * @description One bar in one line.
         */
        readonly DecisionListEntry: {
            /**
             * Closed At
             * Format: date-time
             */
            readonly closed_at: string;
            /**
             * Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly decision_id: string;
            readonly direction: components["schemas"]["Direction"] | null;
            /** Headline */
            readonly headline: string;
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            readonly outcome: components["schemas"]["DecisionOutcome"];
            /** Refused By */
            readonly refused_by: string | null;
            /** Score */
            readonly score: string;
        };
        /**
         * DecisionOutcome
         * @description How a decision bar ended.
         * @enum {string}
         */
        readonly DecisionOutcome: "no_candidate" | "refused" | "approved" | "exit";
        /**
         * DecisionReply
         * @description The record with everything that came of it.
         */
        readonly DecisionReply: {
            readonly aggregate: components["schemas"]["OpinionAggregate"] | null;
            /**
             * Closed At
             * Format: date-time
             */
            readonly closed_at: string;
            /** Config Hash */
            readonly config_hash: string;
            /**
             * Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly decision_id: string;
            /**
             * Fills
             * @default []
             */
            readonly fills: readonly components["schemas"]["FillReply"][];
            /** Headline */
            readonly headline: string;
            readonly inputs: components["schemas"]["DecisionInputs"];
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            readonly nearest_flip: components["schemas"]["NearestFlip"] | null;
            /** Opinions */
            readonly opinions: readonly components["schemas"]["OpinionRecord"][];
            /**
             * Orders
             * @default []
             */
            readonly orders: readonly components["schemas"]["OrderState"][];
            readonly outcome: components["schemas"]["DecisionOutcome"];
            readonly outcome_trade?: components["schemas"]["Trade"] | null;
            readonly risk: components["schemas"]["RiskDecision"] | null;
            /**
             * Schema
             * @default 1
             * @constant
             */
            readonly schema: 1;
            readonly score: components["schemas"]["ScoreParts"];
            readonly signal: components["schemas"]["Signal"] | null;
        };
        /**
         * DecisionsReply
         * @description Newest first.
         */
        readonly DecisionsReply: {
            /** Decisions */
            readonly decisions: readonly components["schemas"]["DecisionListEntry"][];
            /** Next Cursor */
            readonly next_cursor: string | null;
        };
        /**
         * Direction
         * @description Which way; `abstain` is for opinions only and means: no view.
         * @enum {string}
         */
        readonly Direction: "long" | "short" | "flat" | "abstain";
        /**
         * EquityPointReply
         * @description Equity at one bar close; drawdown in percent below the peak.
         */
        readonly EquityPointReply: {
            /**
             * At
             * Format: date-time
             */
            readonly at: string;
            /** Drawdown Pct */
            readonly drawdown_pct: string;
            /** Equity */
            readonly equity: string;
        };
        /**
         * EquityReply
         * @description Oldest first; thinned evenly, first and last kept.
         */
        readonly EquityReply: {
            /** Points */
            readonly points: readonly components["schemas"]["EquityPointReply"][];
        };
        /**
         * FillReason
         * @description Why a fill happened (K23, interfaces.md section 6).
         * @enum {string}
         */
        readonly FillReason: "entry" | "stop" | "target" | "time_stop" | "signal_exit" | "unprotected" | "kill";
        /**
         * FillReply
         * @description A fill with the reason and the decision behind it.
         */
        readonly FillReply: {
            /**
             * Client Order Id
             * @example ats1-0123456789abcdefghjkmnpqrs-0
             */
            readonly client_order_id: string;
            /**
             * Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly decision_id: string;
            /** Execution Id */
            readonly execution_id: number | null;
            /** Fee */
            readonly fee: string;
            /**
             * Fee Asset
             * @example BTC
             */
            readonly fee_asset: string;
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            /**
             * Leg
             * @example entry
             */
            readonly leg: string;
            readonly liquidity_side: components["schemas"]["LiquiditySide"];
            /**
             * Market Time
             * Format: date-time
             */
            readonly market_time: string;
            readonly order_side: components["schemas"]["OrderSide"];
            /** Price */
            readonly price: string;
            /** Quantity */
            readonly quantity: string;
            readonly reason: components["schemas"]["FillReason"];
            /** Trade Id */
            readonly trade_id: string;
            /** Venue Order Id */
            readonly venue_order_id: string;
        };
        /**
         * FillsReply
         * @description Oldest first.
         */
        readonly FillsReply: {
            /** Fills */
            readonly fills: readonly components["schemas"]["FillReply"][];
        };
        /**
         * HealthReply
         * @description All parts; the worst required one decides.
         */
        readonly HealthReply: {
            /** Clock Offset Ms */
            readonly clock_offset_ms: number | null;
            /** Services */
            readonly services: readonly components["schemas"]["ServiceHealthReply"][];
            readonly status: components["schemas"]["HealthStatus"];
            /** Version */
            readonly version: string;
        };
        /**
         * HealthStatus
         * @description `ok`: reported in time; `degraded`: works with a complaint; `down`: silent or failed.
         * @enum {string}
         */
        readonly HealthStatus: "ok" | "degraded" | "down";
        /**
         * IndicatorCatalogReply
         * @description All indicators: engine kernels and plug-ins.
         */
        readonly IndicatorCatalogReply: {
            /** Indicators */
            readonly indicators: readonly components["schemas"]["CatalogEntry"][];
        };
        /**
         * IndicatorsReply
         * @description Columns of equal length; null while an indicator is cold. Analysis, not money.
         */
        readonly IndicatorsReply: {
            /** Opened At */
            readonly opened_at: readonly string[];
            /** Values */
            readonly values: {
                readonly [key: string]: readonly (number | null)[];
            };
        };
        /**
         * Instrument
         * @description Trading rules of one instrument. Prices are multiples of tick, quantities of step.
         */
        readonly Instrument: {
            /**
             * Base Currency
             * @example BTC
             */
            readonly base_currency: string;
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            /** Min Notional */
            readonly min_notional: string;
            /** Min Quantity */
            readonly min_quantity: string;
            /** Price Scale */
            readonly price_scale: number;
            /** Quantity Scale */
            readonly quantity_scale: number;
            /**
             * Quote Currency
             * @example BTC
             */
            readonly quote_currency: string;
            /** Step Size */
            readonly step_size: string;
            /**
             * Symbol
             * @example BTCUSD
             */
            readonly symbol: string;
            /** Tick Size */
            readonly tick_size: string;
        };
        /**
         * InstrumentsReply
         * @description What this run trades.
         */
        readonly InstrumentsReply: {
            /** Instruments */
            readonly instruments: readonly components["schemas"]["Instrument"][];
        };
        /**
         * KillRequest
         * @description Which stop and why; `confirm` is `CLOSE` in live mode for cancel_all and flatten.
         */
        readonly KillRequest: {
            /** Confirm */
            readonly confirm?: string | null;
            readonly level: components["schemas"]["StopLevel"];
            /** Reason */
            readonly reason: string;
        };
        /**
         * LinkRequest
         * @description The token of a one-time link.
         */
        readonly LinkRequest: {
            /** Token */
            readonly token: string;
        };
        /**
         * LiquiditySide
         * @description Did the fill rest in the book or take from it.
         * @enum {string}
         */
        readonly LiquiditySide: "MAKER" | "TAKER";
        /**
         * LivenessReply
         * @description Answer of `/healthz`.
         */
        readonly LivenessReply: {
            /**
             * Status
             * @constant
             */
            readonly status: "ok";
        };
        /**
         * LoginReply
         * @description Answer of a login; the session itself is in the cookie.
         */
        readonly LoginReply: {
            readonly user: components["schemas"]["UserReply"];
        };
        /**
         * LoginRequest
         * @description Name and password.
         */
        readonly LoginRequest: {
            /** Password */
            readonly password: string;
            /** Username */
            readonly username: string;
        };
        /**
         * ModeReply
         * @description What runs, on which account, and whether it is real.
         */
        readonly ModeReply: {
            /** Account */
            readonly account: string;
            /**
             * Agent State
             * @enum {string}
             */
            readonly agent_state: "starting" | "running" | "paused" | "finished" | "failed";
            /** Data Name */
            readonly data_name: string;
            /**
             * Label
             * @enum {string}
             */
            readonly label: "DEMO" | "PAPER" | "LIVE";
            /** Llm Label */
            readonly llm_label: string;
            /** Market Time */
            readonly market_time: string | null;
            /**
             * Mode
             * @enum {string}
             */
            readonly mode: "backtest" | "paper" | "live";
            readonly trading_state: components["schemas"]["TradingState"];
            /** Venue */
            readonly venue: string;
        };
        /**
         * NearestFlip
         * @description The smallest single change that would have turned the outcome.
         */
        readonly NearestFlip: {
            /** From */
            readonly from: string;
            /** Text */
            readonly text: string;
            /** To */
            readonly to: string;
            /** What */
            readonly what: string;
        };
        /**
         * Opinion
         * @description One analyst's view. It cannot name a price, a quantity, a leverage or a symbol.
         */
        readonly Opinion: {
            /** Analyst */
            readonly analyst: string;
            /** Confidence */
            readonly confidence: string;
            readonly direction: components["schemas"]["Direction"];
            /** P Up */
            readonly p_up: string;
            /** Reasons */
            readonly reasons: readonly string[];
            readonly source: components["schemas"]["OpinionSource"];
            /** Weight */
            readonly weight: string;
        };
        /**
         * OpinionAggregate
         * @description The pooled opinion, and what the score would have been without any.
         */
        readonly OpinionAggregate: {
            /** Agreement */
            readonly agreement: string;
            /** No Opinion Score */
            readonly no_opinion_score: string;
            /** P Up */
            readonly p_up: string;
        };
        /**
         * OpinionRecord
         * @description An opinion with what it cost and whether it was live, recorded or replayed.
         */
        readonly OpinionRecord: {
            /** Analyst */
            readonly analyst: string;
            /** Confidence */
            readonly confidence: string;
            /** Cost Usd */
            readonly cost_usd: string;
            readonly direction: components["schemas"]["Direction"];
            /** Label */
            readonly label: string;
            /** Latency Ms */
            readonly latency_ms: number | null;
            /** P Up */
            readonly p_up: string;
            /** Reasons */
            readonly reasons: readonly string[];
            readonly source: components["schemas"]["OpinionSource"];
            /**
             * Tape
             * @enum {string}
             */
            readonly tape: "live" | "recorded" | "replayed";
            /** Weight */
            readonly weight: string;
        };
        /**
         * OpinionSource
         * @description Where an opinion comes from; shown with it everywhere.
         * @enum {string}
         */
        readonly OpinionSource: "llm" | "ensemble" | "cache" | "local" | "rules" | "abstain";
        /**
         * OrderSide
         * @description Which way an order trades.
         * @enum {string}
         */
        readonly OrderSide: "BUY" | "SELL";
        /**
         * OrdersReply
         * @description Newest first.
         */
        readonly OrdersReply: {
            /** Next Cursor */
            readonly next_cursor: string | null;
            /** Orders */
            readonly orders: readonly components["schemas"]["OrderState"][];
        };
        /**
         * OrderState
         * @description Where an order stands: the fields that an event and a query share.
         */
        readonly OrderState: {
            /**
             * Account
             * @example paper-1
             */
            readonly account: string;
            /** Attempt */
            readonly attempt: number;
            /**
             * Client Order Id
             * @example ats1-0123456789abcdefghjkmnpqrs-0
             */
            readonly client_order_id: string;
            /**
             * Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly decision_id: string;
            /**
             * Event At
             * Format: date-time
             */
            readonly event_at: string;
            /** Filled Quantity */
            readonly filled_quantity: string;
            /** Gateway Seq */
            readonly gateway_seq: number;
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            /**
             * Leg
             * @example entry
             */
            readonly leg: string;
            readonly order_side: components["schemas"]["OrderSide"];
            readonly order_type: components["schemas"]["OrderType"];
            /** Price */
            readonly price: string | null;
            /** Quantity */
            readonly quantity: string;
            /** Reason */
            readonly reason: string | null;
            /**
             * Schema
             * @default 1
             * @constant
             */
            readonly schema: 1;
            readonly status: components["schemas"]["OrderStatus"];
            /**
             * Strategy
             * @example confluence-v1
             */
            readonly strategy: string;
            /** Trigger Price */
            readonly trigger_price: string | null;
            /** Venue Order Id */
            readonly venue_order_id: string | null;
        };
        /**
         * OrderStatus
         * @description Life of an order at the gateway. UNKNOWN is a state that no timeout ends.
         * @enum {string}
         */
        readonly OrderStatus: "INITIALIZED" | "DENIED" | "SUBMITTED" | "UNKNOWN" | "ACCEPTED" | "TRIGGERED" | "PARTIALLY_FILLED" | "FILLED" | "CANCELED" | "EXPIRED" | "REJECTED" | "NOT_SENT";
        /**
         * OrderType
         * @description Kind of an order; `BRACKET` and `OCO` are lists the gateway expands.
         * @enum {string}
         */
        readonly OrderType: "MARKET" | "LIMIT" | "STOP_MARKET" | "BRACKET" | "OCO";
        /**
         * PatternCatalogReply
         * @description All patterns: engine kernels and plug-ins.
         */
        readonly PatternCatalogReply: {
            /** Patterns */
            readonly patterns: readonly components["schemas"]["CatalogEntry"][];
        };
        /**
         * Position
         * @description Net holding of one instrument. `quantity` is the size; the side carries the sign.
         */
        readonly Position: {
            /**
             * Account
             * @example paper-1
             */
            readonly account: string;
            /** Average Entry Price */
            readonly average_entry_price: string | null;
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            /** Mark Price */
            readonly mark_price: string;
            /** Opened At */
            readonly opened_at: string | null;
            readonly position_side: components["schemas"]["PositionSide"];
            /** Quantity */
            readonly quantity: string;
            /** Realized Pnl */
            readonly realized_pnl: string;
            /** Stop Price */
            readonly stop_price: string | null;
            /** Target Price */
            readonly target_price: string | null;
            /** Unrealized Pnl */
            readonly unrealized_pnl: string;
        };
        /**
         * PositionSide
         * @description Which way a position leans.
         * @enum {string}
         */
        readonly PositionSide: "LONG" | "SHORT" | "FLAT";
        /**
         * PositionsReply
         * @description Open positions.
         */
        readonly PositionsReply: {
            /** Positions */
            readonly positions: readonly components["schemas"]["Position"][];
        };
        /**
         * ProblemReply
         * @description RFC 9457.
         */
        readonly ProblemReply: {
            /**
             * Allowed
             * @default null
             */
            readonly allowed: string | null;
            /** Detail */
            readonly detail: string;
            /**
             * Field
             * @default null
             */
            readonly field: string | null;
            /**
             * Next Step
             * @default null
             */
            readonly next_step: string | null;
            /**
             * Request Id
             * @default null
             */
            readonly request_id: string | null;
            /** Status */
            readonly status: number;
            /** Title */
            readonly title: string;
            /** Type */
            readonly type: string;
        };
        /**
         * ReasonRequest
         * @description Why; it goes to the audit chain.
         */
        readonly ReasonRequest: {
            /** Reason */
            readonly reason: string;
        };
        /**
         * Regime
         * @description Market regime in words.
         */
        readonly Regime: {
            /** Trend */
            readonly trend: string;
            /** Volatility */
            readonly volatility: string;
        };
        /**
         * RiskDecision
         * @description The verdicts in rule order and what follows from them.
         *
         *     `digest` is the SHA-256 of what was reviewed; the approved order carries it.
         */
        readonly RiskDecision: {
            /**
             * Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly decision_id: string;
            /**
             * Digest
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly digest: string;
            readonly outcome: components["schemas"]["RiskOutcome"];
            /** Quantity */
            readonly quantity: string | null;
            /** Refused By */
            readonly refused_by: string | null;
            /** Risk Pct */
            readonly risk_pct: string | null;
            /**
             * Schema
             * @default 1
             * @constant
             */
            readonly schema: 1;
            /** Verdicts */
            readonly verdicts: readonly components["schemas"]["RiskVerdict"][];
        };
        /**
         * RiskLimitReply
         * @description One limit and how much of it is used.
         */
        readonly RiskLimitReply: {
            /** Limit */
            readonly limit: string | null;
            /** Name */
            readonly name: string;
            /** Used Pct */
            readonly used_pct: string | null;
            /** Value */
            readonly value: string | null;
        };
        /**
         * RiskOutcome
         * @description The engine's answer.
         * @enum {string}
         */
        readonly RiskOutcome: "approved" | "refused";
        /**
         * RiskStateReply
         * @description Whether and why trading is restricted.
         */
        readonly RiskStateReply: {
            /** Daily Drawdown Pct */
            readonly daily_drawdown_pct: string;
            readonly level: components["schemas"]["StopLevel"] | null;
            /** Limits */
            readonly limits: readonly components["schemas"]["RiskLimitReply"][];
            /** Monthly Drawdown Pct */
            readonly monthly_drawdown_pct: string;
            /** Reason */
            readonly reason: string | null;
            /** Safe Mode */
            readonly safe_mode: boolean;
            /** Safe Mode Until */
            readonly safe_mode_until: string | null;
            readonly trading_state: components["schemas"]["TradingState"];
        };
        /**
         * RiskVerdict
         * @description What `rule` saw and what it allows, both as printed.
         */
        readonly RiskVerdict: {
            /** Limit */
            readonly limit: string;
            /** Observed */
            readonly observed: string;
            /** Rule */
            readonly rule: string;
            readonly verdict: components["schemas"]["Verdict"];
        };
        /**
         * RuleEntry
         * @description A risk rule; rules run by ascending priority.
         */
        readonly RuleEntry: {
            /** Name */
            readonly name: string;
            /** Params */
            readonly params: {
                readonly [key: string]: unknown;
            };
            /** Priority */
            readonly priority: number;
            /** Summary */
            readonly summary: string;
        };
        /**
         * RulesReply
         * @description All risk rules in order.
         */
        readonly RulesReply: {
            /** Rules */
            readonly rules: readonly components["schemas"]["RuleEntry"][];
        };
        /**
         * ScoreParts
         * @description The score before risk, and the thresholds it is held against.
         */
        readonly ScoreParts: {
            /** Base */
            readonly base: string;
            /** Contributions */
            readonly contributions: readonly components["schemas"]["Contribution"][];
            /** Entry Threshold */
            readonly entry_threshold: string;
            /** Exit Threshold */
            readonly exit_threshold: string;
            /** Value */
            readonly value: string;
        };
        /**
         * ServiceHealthReply
         * @description One part: its state, the age of its newest report, and what it says.
         */
        readonly ServiceHealthReply: {
            /** Age S */
            readonly age_s: number | null;
            /** Detail */
            readonly detail: string;
            /** Latency Ms */
            readonly latency_ms: number | null;
            /** Name */
            readonly name: string;
            readonly status: components["schemas"]["HealthStatus"];
        };
        /**
         * Signal
         * @description The merged intent of one bar: score 0..100 and the addends it is made of.
         */
        readonly Signal: {
            /** Base */
            readonly base: string;
            /**
             * Closed At
             * Format: date-time
             */
            readonly closed_at: string;
            /** Contributions */
            readonly contributions: readonly components["schemas"]["Contribution"][];
            /**
             * Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly decision_id: string;
            /**
             * Direction
             * @enum {string}
             */
            readonly direction: "long" | "short" | "flat";
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            /** Opinions */
            readonly opinions: readonly components["schemas"]["Opinion"][];
            /**
             * Schema
             * @default 1
             * @constant
             */
            readonly schema: 1;
            /** Score */
            readonly score: string;
            /** Stop Offset */
            readonly stop_offset: string;
            /** Target Offset */
            readonly target_offset: string;
        };
        /**
         * SignalEntry
         * @description A bar with a candidate.
         */
        readonly SignalEntry: {
            /**
             * Closed At
             * Format: date-time
             */
            readonly closed_at: string;
            /**
             * Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly decision_id: string;
            readonly direction: components["schemas"]["Direction"] | null;
            readonly outcome: components["schemas"]["RiskOutcome"];
            /** Refused By */
            readonly refused_by: string | null;
            /** Score */
            readonly score: string;
        };
        /**
         * SignalsReply
         * @description Oldest first.
         */
        readonly SignalsReply: {
            /** Signals */
            readonly signals: readonly components["schemas"]["SignalEntry"][];
        };
        /**
         * StopLevel
         * @description The four stops (K32), mildest first.
         * @enum {string}
         */
        readonly StopLevel: "no_entries" | "reduce_only" | "cancel_all" | "flatten";
        /**
         * SummaryReply
         * @description The account at the newest bar; every figure of record.
         */
        readonly SummaryReply: {
            /** Bars Done */
            readonly bars_done: number;
            /** Bars Total */
            readonly bars_total: number | null;
            /** Cash */
            readonly cash: string;
            /** Day Pnl */
            readonly day_pnl: string;
            /** Day Pnl Pct */
            readonly day_pnl_pct: string;
            /** Decisions */
            readonly decisions: number;
            /** Drawdown Pct */
            readonly drawdown_pct: string;
            /** Equity */
            readonly equity: string;
            /** Equity Start */
            readonly equity_start: string;
            /** Exposure Pct */
            readonly exposure_pct: string;
            /** Fees Paid */
            readonly fees_paid: string;
            /**
             * Market Time
             * Format: date-time
             */
            readonly market_time: string;
            /** Max Drawdown Pct */
            readonly max_drawdown_pct: string;
            /** Open Risk Pct */
            readonly open_risk_pct: string;
            /** Profit Factor */
            readonly profit_factor: string | null;
            /** Realized Pnl */
            readonly realized_pnl: string;
            /** Refusals */
            readonly refusals: {
                readonly [key: string]: number;
            };
            /** Total Return Pct */
            readonly total_return_pct: string;
            /** Trades */
            readonly trades: number;
            /** Unrealized Pnl */
            readonly unrealized_pnl: string;
            /** Win Rate Pct */
            readonly win_rate_pct: string;
            /** Wins */
            readonly wins: number;
        };
        /**
         * TicketReply
         * @description Single-use ticket of the WebSocket.
         */
        readonly TicketReply: {
            /**
             * Expires At
             * Format: date-time
             */
            readonly expires_at: string;
            /** Ticket */
            readonly ticket: string;
        };
        /**
         * Timeframe
         * @description Length of a bar. Bars are [opened_at, closed_at) on the UTC epoch grid.
         * @enum {string}
         */
        readonly Timeframe: "1m" | "5m" | "15m" | "30m" | "1h" | "4h" | "1d";
        /**
         * TimeframeInput
         * @description State of one timeframe when the bar was decided. A cold one has weight 0.
         */
        readonly TimeframeInput: {
            /** Closed At */
            readonly closed_at: string | null;
            /** Missing */
            readonly missing: number;
            readonly timeframe: components["schemas"]["Timeframe"];
            /** Warm */
            readonly warm: boolean;
            /** Weight */
            readonly weight: string;
        };
        /**
         * Trade
         * @description A round trip, flat to flat.
         */
        readonly Trade: {
            /**
             * Entry At
             * Format: date-time
             */
            readonly entry_at: string;
            /**
             * Entry Decision Id
             * @example 6d5c000000000000000000000000000000000000000000000000000000000000
             */
            readonly entry_decision_id: string;
            /** Entry Price */
            readonly entry_price: string;
            /**
             * Exit At
             * Format: date-time
             */
            readonly exit_at: string;
            /** Exit Decision Id */
            readonly exit_decision_id: string | null;
            /** Exit Price */
            readonly exit_price: string;
            readonly exit_reason: components["schemas"]["FillReason"];
            /** Fees */
            readonly fees: string;
            /**
             * Instrument Id
             * @example BTC-USD.SIM
             */
            readonly instrument_id: string;
            readonly position_side: components["schemas"]["PositionSide"];
            /** Quantity */
            readonly quantity: string;
            /** R Multiple */
            readonly r_multiple: string | null;
            /** Realized Pnl */
            readonly realized_pnl: string;
            /** Return Pct */
            readonly return_pct: string;
            /** Trade No */
            readonly trade_no: number;
        };
        /**
         * TradesReply
         * @description Newest first.
         */
        readonly TradesReply: {
            /** Next Cursor */
            readonly next_cursor: string | null;
            /** Trades */
            readonly trades: readonly components["schemas"]["Trade"][];
        };
        /**
         * TradingState
         * @description What the account may do.
         * @enum {string}
         */
        readonly TradingState: "ACTIVE" | "REDUCING" | "HALTED";
        /**
         * UserReply
         * @description Who is logged in.
         */
        readonly UserReply: {
            /**
             * Role
             * @enum {string}
             */
            readonly role: "viewer" | "trader" | "admin";
            /** Username */
            readonly username: string;
        };
        /**
         * Verdict
         * @description One rule's answer.
         * @enum {string}
         */
        readonly Verdict: "pass" | "shrink" | "refuse";
        /**
         * VersionReply
         * @description What is installed.
         */
        readonly VersionReply: {
            /** Commit */
            readonly commit: string;
            /** Version */
            readonly version: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    readonly login_api_v1_auth_login_post: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["LoginRequest"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LoginReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly logout_api_v1_auth_logout_post: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly one_time_api_v1_auth_one_time_post: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["LinkRequest"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LoginReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly ws_ticket_api_v1_auth_ws_ticket_post: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["TicketReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly bars_api_v1_bars_get: {
        readonly parameters: {
            readonly query: {
                readonly before?: string | null;
                readonly instrument_id: string;
                readonly limit?: number;
                readonly timeframe: components["schemas"]["Timeframe"];
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["BarsReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly kill_api_v1_control_kill_post: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                readonly "Idempotency-Key"?: string | null;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["KillRequest"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ControlReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly pause_api_v1_control_pause_post: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                readonly "Idempotency-Key"?: string | null;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ReasonRequest"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ControlReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly resume_api_v1_control_resume_post: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                readonly "Idempotency-Key"?: string | null;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ReasonRequest"];
            };
        };
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ControlReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly decisions_api_v1_decisions_get: {
        readonly parameters: {
            readonly query?: {
                readonly cursor?: string | null;
                readonly limit?: number;
                readonly outcome?: "all" | "candidate" | "approved" | "refused";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["DecisionsReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly decision_api_v1_decisions__decision_id__get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly decision_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["DecisionReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly fills_api_v1_fills_get: {
        readonly parameters: {
            readonly query?: {
                readonly from_at?: string | null;
                readonly instrument_id?: string | null;
                readonly limit?: number;
                readonly to_at?: string | null;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["FillsReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly indicators_api_v1_indicators_get: {
        readonly parameters: {
            readonly query: {
                readonly before?: string | null;
                readonly instrument_id: string;
                readonly limit?: number;
                readonly names: string;
                readonly timeframe: components["schemas"]["Timeframe"];
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["IndicatorsReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly indicator_catalog_api_v1_indicators_catalog_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["IndicatorCatalogReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly instruments_api_v1_instruments_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["InstrumentsReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly me_api_v1_me_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["UserReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly mode_api_v1_mode_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ModeReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly orders_api_v1_orders_get: {
        readonly parameters: {
            readonly query?: {
                readonly cursor?: string | null;
                readonly limit?: number;
                readonly status?: "open" | "all";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["OrdersReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly pattern_catalog_api_v1_patterns_catalog_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PatternCatalogReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly equity_api_v1_portfolio_equity_get: {
        readonly parameters: {
            readonly query?: {
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["EquityReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly summary_api_v1_portfolio_summary_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["SummaryReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly positions_api_v1_positions_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PositionsReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly report_api_v1_report_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 302: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly risk_rules_api_v1_risk_rules_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RulesReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly risk_state_api_v1_risk_state_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RiskStateReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly signals_api_v1_signals_get: {
        readonly parameters: {
            readonly query?: {
                readonly from_at?: string | null;
                readonly instrument_id?: string | null;
                readonly limit?: number;
                readonly to_at?: string | null;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["SignalsReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly health_api_v1_system_health_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["HealthReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly version_api_v1_system_version_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["VersionReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly trades_api_v1_trades_get: {
        readonly parameters: {
            readonly query?: {
                readonly cursor?: string | null;
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["TradesReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly healthz_healthz_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LivenessReply"];
                };
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
    readonly metrics_metrics_get: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Successful Response */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A problem (RFC 9457) */
            readonly default: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["ProblemReply"];
                };
            };
        };
    };
}
