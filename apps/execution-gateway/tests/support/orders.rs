//! Approved orders as the risk engine would make them.

use serde_json::{Value, json};

use super::now_ms;

/// A signed-for body with its key.
#[derive(Clone)]
pub(crate) struct Approved {
    pub(crate) body: String,
    pub(crate) key: String,
}

pub(crate) fn approved(decision: u8, leg: &str, intent: &str, order: &Value) -> Approved {
    approved_until(decision, leg, intent, order, now_ms() + 30_000)
}

pub(crate) fn approved_until(
    decision: u8,
    leg: &str,
    intent: &str,
    order: &Value,
    expires_at: i64,
) -> Approved {
    approved_again((decision, 0), leg, intent, order, expires_at)
}

/// `decision` is the decision's number and the attempt.
pub(crate) fn approved_again(
    (decision, attempt): (u8, u8),
    leg: &str,
    intent: &str,
    order: &Value,
    expires_at: i64,
) -> Approved {
    let time = |ms: i64| rust_common::UnixMillis::new(ms).unwrap().to_string();
    let decision_id = format!("{decision:064x}");
    let body = json!({
        "schema": 1, "account": "paper-1", "strategy": "test", "decision_id": decision_id,
        "leg": leg, "attempt": attempt, "instrument_id": "BTC-USD.SIM", "order": order,
        "intent": intent, "risk_digest": "ab", "issued_at": time(expires_at - 30_000),
        "expires_at": time(expires_at),
    });
    let body = rust_common::canonical_json(&body).unwrap();
    Approved {
        body,
        key: format!("{decision_id}.{leg}.{attempt}"),
    }
}

pub(crate) fn market(side: &str, quantity: &str) -> Value {
    json!({ "order_type": "MARKET", "order_side": side, "quantity": quantity })
}

pub(crate) fn bracket(quantity: &str) -> Value {
    json!({
        "order_type": "BRACKET", "order_side": "BUY", "quantity": quantity,
        "stop_offset": "5.00", "target_offset": "6.00"
    })
}
