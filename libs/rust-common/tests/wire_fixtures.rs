//! Every wire fixture parses strictly and prints again byte for byte.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed step of a test is a panic"
)]

use std::path::PathBuf;

use rust_common::client_order_id::{OrderKey, decision_id};
use rust_common::{
    AccountId, ApprovalKey, ApprovedOrder, Bar, DecisionId, DomainError, Fill, Instrument,
    InstrumentId, Leg, Order, OrderEvent, Position, RiskDecision, Signal, StrategyId, UnixMillis,
    canonical_json,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

fn elements(name: &str) -> Vec<Box<RawValue>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/wire")
        .join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn round_trip<T: Serialize + DeserializeOwned>(name: &str) -> Vec<T> {
    let elements = elements(name);
    assert!(!elements.is_empty(), "{name} has no element");
    let check = |raw: Box<RawValue>| {
        let message: T = serde_json::from_str(raw.get()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(canonical_json(&message).unwrap(), raw.get(), "{name}");
        refuses_an_unknown_field::<T>(name, raw.get());
        message
    };
    elements.into_iter().map(check).collect()
}

fn refuses_an_unknown_field<T: DeserializeOwned>(name: &str, text: &str) {
    let with_field = text.replacen('{', "{\"surprise\":1,", 1);
    assert!(
        serde_json::from_str::<T>(&with_field).is_err(),
        "{name} took an unknown field"
    );
}

#[test]
fn fixtures_round_trip() {
    round_trip::<Bar>("bar");
    round_trip::<Fill>("fill");
    round_trip::<Instrument>("instrument");
    round_trip::<Order>("order");
    round_trip::<Position>("position");
    round_trip::<RiskDecision>("risk_decision");
    round_trip::<Signal>("signal");
    for event in round_trip::<OrderEvent>("order_event") {
        event.check().unwrap();
        assert_eq!(event.event, event.status.into());
    }
}

#[test]
fn approved_orders_verify_only_with_their_own_body_and_key() {
    let key = ApprovalKey::from_hex(&"5a".repeat(32)).unwrap();
    let other = ApprovalKey::from_hex(&"5b".repeat(32)).unwrap();
    round_trip::<ApprovedOrder>("approved_order");
    for raw in elements("approved_order") {
        let body = raw.get();
        let signature = key.sign(body.as_bytes()).unwrap();
        let order = ApprovedOrder::from_signed(body.as_bytes(), &signature, &key).unwrap();
        assert_eq!(order.canonical_json().unwrap(), body);
        assert_eq!(order.sign(&key).unwrap(), signature);
        let changed = body.replace("0.0", "0.1");
        assert_ne!(changed, body);
        let forged = ApprovedOrder::from_signed(changed.as_bytes(), &signature, &key);
        assert_eq!(forged.unwrap_err(), DomainError::Signature);
        let stranger = ApprovedOrder::from_signed(body.as_bytes(), &signature, &other);
        assert_eq!(stranger.unwrap_err(), DomainError::Signature);
        let spaced = format!("{body} ");
        let signature = key.sign(spaced.as_bytes()).unwrap();
        assert!(ApprovedOrder::from_signed(spaced.as_bytes(), &signature, &key).is_err());
    }
}

#[test]
fn the_body_hash_leaves_out_the_two_times_only() {
    let body = elements("approved_order")[0].get().to_owned();
    let hash = |text: &str| {
        ApprovedOrder::from_canonical(text.as_bytes())
            .unwrap()
            .body_hash()
            .unwrap()
    };
    let later = body
        .replace("14:00:30.120Z", "14:00:31.120Z")
        .replace("00.120Z", "01.120Z");
    assert_ne!(later, body);
    assert_eq!(hash(&later), hash(&body));
    assert_ne!(
        hash(&body.replace("\"attempt\":0", "\"attempt\":1")),
        hash(&body)
    );
}

#[test]
fn illegal_messages_are_refused() {
    let order = |text: &str| serde_json::from_str::<Order>(text).map_err(|e| e.to_string());
    for bad in [
        r#"{"order_side":"BUY","order_type":"MARKET","quantity":"0.00000"}"#,
        r#"{"order_side":"BUY","order_type":"MARKET","quantity":"1","price":"1"}"#,
        r#"{"order_side":"BUY","order_type":"MARKET","quantity":1}"#,
        r#"{"order_side":"BUY","order_type":"LIMIT","quantity":"1","price":"1"}"#,
        r#"{"order_side":"BUY","order_type":"LIMIT","quantity":"1","price":"1",
            "time_in_force":{"type":"IOC","post_only":true}}"#,
        r#"{"order_side":"BUY","order_type":"LIMIT","quantity":"1","price":"0",
            "time_in_force":{"type":"IOC"}}"#,
        r#"{"order_side":"SELL","order_type":"OCO","quantity":"1","price":"1.00",
            "trigger_price":"2.00"}"#,
        r#"{"order_side":"buy","order_type":"MARKET","quantity":"1"}"#,
    ] {
        assert!(order(bad).is_err(), "{bad}");
    }
    let bar = elements("bar")[0].get().to_owned();
    for (from, to) in [
        ("\"high\":\"43555.52\"", "\"high\":\"43500.00\""),
        ("\"low\":\"43443.06\"", "\"low\":\"43600.00\""),
        ("\"volume\":\"50628608\"", "\"volume\":\"-1\""),
        ("T14:00:00", "T13:45:00"),
        ("\"15m\"", "\"7m\""),
    ] {
        let bad = bar.replace(from, to);
        assert_ne!(bad, bar);
        assert!(serde_json::from_str::<Bar>(&bad).is_err(), "{bad}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    account: AccountId,
    strategy: StrategyId,
    config_hash: String,
    instrument_id: InstrumentId,
    closed_at: UnixMillis,
    decision_id: DecisionId,
    leg: Leg,
    attempt: u8,
    client_order_id: String,
    cancel_id: String,
}

#[test]
fn derived_ids_equal_the_golden_vectors() {
    for raw in elements("client_order_id") {
        let golden: Golden = serde_json::from_str(raw.get()).unwrap();
        let (account, strategy) = (&golden.account, &golden.strategy);
        let derived = decision_id(
            account,
            strategy,
            &golden.config_hash,
            &golden.instrument_id,
            golden.closed_at,
        );
        assert_eq!(derived.unwrap(), golden.decision_id);
        let key = OrderKey {
            account,
            strategy,
            decision_id: &golden.decision_id,
        };
        let id = key.client_order_id(&golden.leg, golden.attempt).unwrap();
        assert_eq!(id.as_str(), golden.client_order_id);
        assert_eq!(
            key.cancel_id(&golden.leg, golden.attempt).unwrap().as_str(),
            golden.cancel_id
        );
        assert!(key.client_order_id(&golden.leg, 32).is_err());
    }
}
