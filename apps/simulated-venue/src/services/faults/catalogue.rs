//! The closed list of faults: name, number in the fault list, layer, parameters.

use serde::{Deserialize, Serialize};

use super::params::{
    AfterEvents, AtMost, Ban, CancelReplace, Check, ClockSkew, CloseStream, Cut, Delay, Drop,
    Duplicate, EngineTimeout, ExternalWeight, FilterChange, Garbage, Lag, LateFill, LimitHeaders,
    Nothing, OutsiderOrder, Overload, PartialFill, QueryError, QueryLag, Reorder, ServerError,
    ServerShutdown, Stall, SymbolChange, TooMany, Transfer, Truncate, Waf,
};

/// Where a fault acts, and with it what a rule may select by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A request or its reply, on REST or the WebSocket API.
    Request,
    /// An event that leaves on a stream, or the stream itself.
    Stream,
    /// In force from posting to deleting.
    Standing,
    /// A database-sourced query, when it is answered.
    Query,
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident($params:ty), $name:literal, $number:literal, $layer:ident;)+) => {
        /// A fault with its parameters.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "fault", content = "params")]
        pub enum Fault {
            $($(#[$doc])* #[serde(rename = $name)] $variant($params),)+
        }

        impl Fault {
            /// Every name a rule may use.
            pub const NAMES: &[&str] = &[$($name),+];

            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// The fault's number in the list of faults to inject.
            pub fn number(&self) -> &'static str {
                match self { $(Self::$variant(_) => $number,)+ }
            }

            pub fn layer(&self) -> Layer {
                match self { $(Self::$variant(_) => Layer::$layer,)+ }
            }

            /// The first parameter that is out of range.
            pub fn check(&self) -> Result<(), String> {
                match self { $(Self::$variant(params) => params.check(),)+ }
            }
        }
    };
}

catalogue! {
    DropBeforeSend(Drop), "drop_before_send", "F1", Request;
    DropAfter(Drop), "drop_after", "F2 F3", Request;
    DelayReply(Delay), "delay_reply", "F4", Request;
    ReplyAfterEvent(AfterEvents), "reply_after_event", "F5", Request;
    EventBeforeReply(AtMost), "event_before_reply", "F6", Request;
    EventAfterReply(Lag), "event_after_reply", "F6", Request;
    DuplicateEvent(Duplicate), "duplicate_event", "F7", Stream;
    ReorderEvents(Reorder), "reorder_events", "F8", Stream;
    LoseEvent(Nothing), "lose_event", "F9", Stream;
    StallStream(Stall), "stall_stream", "F10", Stream;
    CutStream(Cut), "cut_stream", "F11", Stream;
    CutReply(Cut), "cut_reply", "F11", Request;
    CloseStream(CloseStream), "close_stream", "F12", Stream;
    ServerShutdown(ServerShutdown), "server_shutdown", "F12", Stream;
    PartialFill(PartialFill), "partial_fill", "F13", Request;
    CancelRace(Nothing), "cancel_race", "F14", Request;
    LateFill(LateFill), "late_fill", "F15", Request;
    TooManyRequests(TooMany), "too_many_requests", "F16", Request;
    Ban(Ban), "ban", "F17", Request;
    Waf(Waf), "waf", "F18", Request;
    ServerError(ServerError), "server_error", "F19", Request;
    EngineTimeout(EngineTimeout), "engine_timeout", "F20", Request;
    Overload(Overload), "overload", "F21", Request;
    CancelReplace(CancelReplace), "cancel_replace", "F22", Request;
    GarbageReply(Garbage), "garbage_reply", "F23", Request;
    TruncatedReply(Truncate), "truncated_reply", "F23", Request;
    QueryLag(QueryLag), "query_lag", "F24", Query;
    QueryError(QueryError), "query_error", "F25", Request;
    ClockSkew(ClockSkew), "clock_skew", "F26", Standing;
    OutsiderOrder(OutsiderOrder), "outsider_order", "F39 F44", Request;
    SymbolStatus(SymbolChange), "symbol_status", "F40", Request;
    FilterChange(FilterChange), "filter_change", "F40", Request;
    StpExpiry(Nothing), "stp_expiry", "F41", Request;
    PendingLegFailure(Nothing), "pending_leg_failure", "F42", Request;
    ExternalDeposit(Transfer), "external_deposit", "F44", Request;
    ExternalWithdraw(Transfer), "external_withdraw", "F44", Request;
    LimitHeaders(LimitHeaders), "limit_headers", "F45", Request;
    ExternalWeight(ExternalWeight), "external_weight", "F45", Request;
}
