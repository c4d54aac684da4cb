//! What a text frame that leaves the venue is: an event of a stream, or the reply to a request.

use serde_json::Value;

/// The kinds of market streams a rule may name (web-socket-streams.md).
pub const STREAM_KINDS: [&str; 12] = [
    "aggTrade",
    "trade",
    "blockTrade",
    "kline",
    "miniTicker",
    "ticker",
    "bookTicker",
    "avgPrice",
    "referencePrice",
    "depth",
    "markPrice",
    "forceOrder",
];

/// Events about an account, by their `e`, on spot and on USD-M.
const USER_EVENTS: [&str; 15] = [
    "executionReport",
    "outboundAccountPosition",
    "balanceUpdate",
    "listStatus",
    "externalLockUpdate",
    "eventStreamTerminated",
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "TRADE_LITE",
    "ACCOUNT_CONFIG_UPDATE",
    "MARGIN_CALL",
    "ALGO_UPDATE",
    "STRATEGY_UPDATE",
    "listenKeyExpired",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
];

/// An event as rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFacts {
    pub is_user: bool,
    /// The `e` of a user event, the kind of a market stream.
    pub kind: String,
    /// Lower-case; empty for events about everything.
    pub symbol: String,
    /// `c` and `C` of the event or of its order.
    pub client_order_ids: Vec<String>,
    /// The `x` of an execution is TRADE.
    pub is_trade: bool,
    pub account: Option<String>,
    /// `user@executionReport`, `btcusdt@trade`: how hits name it.
    pub name: String,
    /// The frame wraps its event in `{"stream","data"}`.
    pub is_combined: bool,
}

impl EventFacts {
    /// Whether a checked stream selector means this event.
    pub fn is_on(&self, wanted: &str) -> bool {
        match wanted.split_once('@') {
            None => (wanted == "user") == self.is_user,
            Some(("user", event)) => self.is_user && self.kind == event,
            Some((symbol, kind)) => {
                let is_kind =
                    self.kind == kind || (kind == "kline" && self.kind.starts_with("kline_"));
                !self.is_user && is_kind && (symbol == "*" || symbol == self.symbol)
            }
        }
    }
}

/// What a frame carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    Event(EventFacts),
    /// The reply to the request of this id.
    Reply(Value),
    Other,
}

/// Reads a text frame.
pub fn carried(text: &[u8]) -> Carried {
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return Carried::Other;
    };
    if let Some(id) = value.get("id")
        && value.get("stream").is_none()
        && value.get("e").is_none()
    {
        return Carried::Reply(id.clone());
    }
    let stream = value.get("stream").and_then(Value::as_str);
    let body = value
        .get("event")
        .or_else(|| value.get("data"))
        .unwrap_or(&value);
    let mut facts = facts(body, stream);
    facts.is_combined = stream.is_some();
    if facts.kind.is_empty() {
        return Carried::Other;
    }
    Carried::Event(facts)
}

fn text<'a>(body: &'a Value, key: &str) -> &'a str {
    body.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn facts(body: &Value, stream: Option<&str>) -> EventFacts {
    let event = text(body, "e");
    let order = body
        .get("o")
        .filter(|order| order.is_object())
        .unwrap_or(body);
    let symbol = text(order, "s").to_lowercase();
    if USER_EVENTS.contains(&event) {
        let legs = body
            .get("O")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let ids = [text(order, "c"), text(order, "C")];
        return EventFacts {
            is_user: true,
            kind: event.to_owned(),
            name: format!("user@{event}"),
            client_order_ids: ids
                .into_iter()
                .chain(legs.map(|leg| text(leg, "c")))
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect(),
            is_trade: text(order, "x") == "TRADE",
            symbol,
            ..EventFacts::default()
        };
    }
    let (symbol, kind) = match stream.and_then(|name| name.split_once('@')) {
        Some((symbol, rest)) => (symbol.to_owned(), stream_kind(rest)),
        None => (symbol, event_kind(body, event)),
    };
    EventFacts {
        name: format!("{symbol}@{kind}"),
        kind,
        symbol,
        ..EventFacts::default()
    }
}

/// The kind of a stream name: `depth5@100ms` is depth, `kline_1m` stays.
fn stream_kind(rest: &str) -> String {
    let head = rest.split('@').next().unwrap_or_default();
    if head.starts_with("kline_") {
        return head.to_owned();
    }
    let kind = STREAM_KINDS.iter().find(|kind| head.starts_with(*kind));
    kind.map_or_else(|| head.to_owned(), |kind| (*kind).to_owned())
}

/// The kind of a raw event, from its `e` or, where it has none, from its shape.
fn event_kind(body: &Value, event: &str) -> String {
    let kind = match event {
        "depthUpdate" => "depth",
        "24hrMiniTicker" => "miniTicker",
        "markPriceUpdate" => "markPrice",
        "kline" => {
            let interval = body.get("k").map(|k| text(k, "i")).unwrap_or_default();
            return format!("kline_{interval}");
        }
        other if other.ends_with("Ticker") && other != "bookTicker" => "ticker",
        "" if body.get("lastUpdateId").is_some() => "depth",
        "" if body.get("B").is_some() && body.get("A").is_some() => "bookTicker",
        "" if body.is_array() => {
            let first = body.get(0).map(|row| text(row, "e")).unwrap_or_default();
            return if first.is_empty() {
                String::new()
            } else {
                event_kind(&Value::Null, first)
            };
        }
        other => other,
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(body: &Value) -> EventFacts {
        match carried(body.to_string().as_bytes()) {
            Carried::Event(facts) => facts,
            other => panic!("{body} is {other:?}"),
        }
    }

    #[test]
    fn frames_are_told_apart_by_what_the_venue_documents() {
        let report = json!({"subscriptionId": 0, "event": {
            "e": "executionReport", "s": "BTCUSD", "c": "bye", "C": "mine", "x": "TRADE"}});
        let facts = event(&report);
        assert_eq!(facts.client_order_ids, ["bye", "mine"]);
        assert!(facts.is_user && facts.is_trade && facts.is_on("user@executionReport"));
        assert!(!facts.is_on("market") && facts.is_on("user"));
        for (body, name, wanted) in [
            (
                json!({"u": 1, "s": "A", "b": "1", "B": "1", "a": "1", "A": "1"}),
                "a@bookTicker",
                "*@bookTicker",
            ),
            (
                json!({"stream": "a@depth5@100ms", "data": {"lastUpdateId": 1}}),
                "a@depth",
                "a@depth",
            ),
            (json!({"e": "depthUpdate", "s": "A"}), "a@depth", "market"),
            (
                json!({"e": "kline", "s": "A", "k": {"i": "1m"}}),
                "a@kline_1m",
                "a@kline",
            ),
            (
                json!([{"e": "24hrMiniTicker"}]),
                "@miniTicker",
                "*@miniTicker",
            ),
        ] {
            let facts = event(&body);
            assert_eq!(facts.name, name);
            assert!(facts.is_on(wanted), "{body} on {wanted}");
        }
        let reply = json!({"id": 7, "status": 200, "result": {"e": "x"}});
        assert_eq!(
            carried(reply.to_string().as_bytes()),
            Carried::Reply(json!(7))
        );
        assert_eq!(carried(b"{"), Carried::Other);
    }
}
