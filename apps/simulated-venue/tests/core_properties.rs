//! The pure core under random inputs: same inputs, same state; refusals change nothing.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use std::sync::Arc;

use proptest::prelude::*;
use rust_common::{Currency, Instrument};
use serde_json::json;
use simulated_venue::models::accounts::AccountId;
use simulated_venue::models::orders::{
    CancelTicket, Input, OcoTicket, OrderOptions, OrderTicket, Side, Terms, TimeInForce, Trigger,
};
use simulated_venue::services::core::market::Market;
use simulated_venue::services::core::matching::Matching;
use simulated_venue::services::core::{Event, VenueState};
use simulated_venue::services::replay::Columns;

const BARS: usize = 40;
const BAR_MS: i64 = 900_000;

fn recording(moves: &[(i64, i64, i64)]) -> Columns {
    let mut columns = Columns::default();
    let mut price = 10_000;
    for (index, (step, up, down)) in (0..).zip(moves) {
        let close = price + step;
        columns.opened_at.push(index * BAR_MS);
        columns.open.push(price);
        columns.high.push(price.max(close) + up);
        columns.low.push(price.min(close) - down);
        columns.close.push(close);
        columns.volume.push(1.0);
        columns.flags.push(0);
        price = close;
    }
    columns
}

fn venue(columns: &Arc<Columns>) -> VenueState {
    let instrument: Instrument = serde_json::from_value(json!({
        "instrument_id": "BTC-USD.SIM", "symbol": "BTCUSD", "base_currency": "BTC",
        "quote_currency": "USD", "price_scale": 2, "quantity_scale": 5, "tick_size": "0.01",
        "step_size": "0.00001", "min_quantity": "0.00001", "min_notional": "10",
    }))
    .unwrap();
    let balances = [
        (Currency::new("USD").unwrap(), 100_000_000_000),
        (Currency::new("BTC").unwrap(), 1_000_000_000),
    ];
    let instruments = vec![instrument.clone()];
    let matching = Matching::new(instruments, (100_000, 100_000, 20_000), &balances).unwrap();
    let market = Market::new(instrument, "15m".to_owned(), BAR_MS, Arc::clone(columns));
    VenueState::new(matching, vec![market], 0).unwrap()
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn terms() -> impl Strategy<Value = Terms> {
    let price = 9_000_i64..11_000;
    let force = prop_oneof![
        Just(TimeInForce::Gtc),
        Just(TimeInForce::Ioc),
        Just(TimeInForce::Fok)
    ];
    prop_oneof![
        Just(Terms::Market),
        (price.clone(), force).prop_map(|(price, time_in_force)| Terms::Limit {
            price,
            time_in_force
        }),
        price.clone().prop_map(|price| Terms::LimitMaker { price }),
        price.prop_map(|stop_price| Terms::StopLoss {
            trigger: Trigger::Price { stop_price },
        }),
    ]
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        (0_u8..6).prop_map(|n| Some(format!("name-{n}")))
    ]
}

/// An input; a step of 0 stands for the next one.
fn input() -> impl Strategy<Value = Input> {
    let quantity = 1_000_i64..300_000;
    let order = (side(), quantity.clone(), terms(), name()).prop_map(
        |(side, quantity, terms, client_order_id)| {
            Input::Order(OrderTicket {
                market: 0,
                side,
                quantity,
                terms,
                client_order_id,
                account: AccountId::FIRST,
                options: OrderOptions::default(),
            })
        },
    );
    let oco = (
        side(),
        quantity,
        9_000_i64..11_000,
        9_000_i64..11_000,
        name(),
    )
        .prop_map(
            |(side, quantity, limit_price, stop_price, stop_client_order_id)| {
                Input::Oco(OcoTicket {
                    market: 0,
                    side,
                    quantity,
                    limit_price,
                    stop_price,
                    list_client_order_id: None,
                    limit_client_order_id: None,
                    stop_client_order_id,
                })
            },
        );
    let cancel = (1_u64..40).prop_map(|order_id| {
        Input::Cancel(CancelTicket {
            order_id,
            cancel_id: None,
            account: AccountId::FIRST,
            restriction: None,
        })
    });
    prop_oneof![
        4 => Just(Input::Step { step: 0 }),
        4 => order,
        2 => oco,
        2 => cancel,
        1 => Just(Input::CancelAll {
            market: 0,
            cancel_id: None,
            account: AccountId::FIRST,
        }),
    ]
}

/// Everything that a refusal must leave alone.
fn fingerprint(state: &VenueState) -> String {
    let book = state.book();
    format!(
        "{} {} {} {:?} {:?} {:?} {:?}",
        state.chain_hash(),
        state.step(),
        state.last_execution_id(),
        state.balances(),
        book.orders,
        book.lists,
        book.trades
    )
}

fn check_books(state: &VenueState) {
    let book = state.book();
    for order in book.orders.values() {
        let fills = book
            .trades
            .iter()
            .filter(|trade| trade.order_id == order.order_id);
        let filled: i64 = fills.map(|trade| trade.quantity).sum();
        assert_eq!(filled, order.executed, "{order:?}");
        assert!(order.executed <= order.quantity, "{order:?}");
    }
    for list in book.lists.values() {
        let legs = state.legs(list);
        assert_eq!(
            list.is_done,
            legs.iter().all(|leg| !leg.status.is_open()),
            "{list:?}"
        );
        assert!(
            legs.iter().filter(|leg| leg.executed > 0).count() <= 1,
            "both legs of {list:?}"
        );
    }
    for (asset, free, locked) in state.balances() {
        assert!(free >= 0 && locked >= 0, "{asset} {free} {locked}");
        let is_idle = book.open_orders(AccountId::FIRST, None).is_empty();
        assert!(!is_idle || locked == 0, "{asset} is locked by nothing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_same_inputs_give_the_same_venue(
        moves in prop::collection::vec((-150_i64..150, 0_i64..200, 0_i64..200), BARS),
        inputs in prop::collection::vec(input(), 1..80),
    ) {
        let columns = Arc::new(recording(&moves));
        let mut state = venue(&columns);
        let mut log = Vec::new();
        for input in inputs {
            let input = match input {
                Input::Step { .. } => Input::Step { step: state.step() + 1 },
                other => other,
            };
            let (before, executions) = (fingerprint(&state), state.last_execution_id());
            match state.apply(&input) {
                Ok(applied) => {
                    let told: Vec<u64> = applied
                        .events
                        .iter()
                        .filter_map(|event| match event {
                            Event::User { payload, .. } => payload["I"].as_u64(),
                            _ => None,
                        })
                        .collect();
                    let expected: Vec<u64> = (executions + 1..=state.last_execution_id()).collect();
                    prop_assert_eq!(told, expected, "every execution is told once, in order");
                    log.push((input, state.chain_hash()));
                }
                Err(e) => {
                    prop_assert!((400..500).contains(&e.status), "{:?}: {}", input, e);
                    prop_assert_eq!(fingerprint(&state), before, "{:?} was refused", input);
                }
            }
            check_books(&state);
            prop_assert_eq!(state.markets()[0].closed() as u64, state.step());
        }
        let mut again = venue(&columns);
        for (input, hash) in &log {
            let text = serde_json::to_string(input).unwrap();
            again.apply(&serde_json::from_str(&text).unwrap()).unwrap();
            prop_assert_eq!(&again.chain_hash(), hash);
        }
        prop_assert_eq!(fingerprint(&again), fingerprint(&state));
    }
}

fn fixed_inputs() -> Vec<Input> {
    let mut inputs = Vec::new();
    for step in 1..30_u64 {
        let n = i64::try_from(step).unwrap();
        let side = if step % 2 == 0 { Side::Buy } else { Side::Sell };
        inputs.push(serde_json::from_value(json!({"kind": "order", "market": 0, "side": side,
            "quantity": 20_000 + n, "terms": {"type": "STOP_LOSS", "stop_price": 10_000 + (n % 7 - 3) * 40},
            "client_order_id": null})).unwrap());
        inputs.push(serde_json::from_value(json!({"kind": "order", "market": 0, "side": side,
            "quantity": 30_000 + n, "terms": {"type": "MARKET"}, "client_order_id": format!("m{n}")})).unwrap());
        inputs.push(serde_json::from_value(json!({"kind": "order", "market": 0, "side": side,
            "quantity": 30_000 + n, "terms": {"type": "LIMIT", "price": 10_000 - (n % 5 - 2) * 30, "time_in_force": "GTC"},
            "client_order_id": null})).unwrap());
        inputs.push(
            serde_json::from_value(json!({"kind": "oco", "market": 0, "side": side,
            "quantity": 20_000, "limit_price": if step % 2 == 0 { 9_900 } else { 10_150 },
            "stop_price": if step % 2 == 0 { 10_150 } else { 9_900 }, "list_client_order_id": null,
            "limit_client_order_id": null, "stop_client_order_id": null}))
            .unwrap(),
        );
        if step % 6 == 0 {
            inputs.push(
                serde_json::from_value(
                    json!({"kind": "cancel", "order_id": step, "cancel_id": null}),
                )
                .unwrap(),
            );
        }
        if step == 17 {
            inputs.push(
                serde_json::from_value(
                    json!({"kind": "cancel_all", "market": 0, "cancel_id": null}),
                )
                .unwrap(),
            );
        }
        inputs.push(Input::Step { step });
    }
    inputs
}

/// The log of the bar modes leads to the states it always led to: the hash is pinned.
#[test]
fn the_bar_modes_keep_their_history() {
    let moves: Vec<(i64, i64, i64)> = (0..BARS)
        .map(|n| i64::try_from(n).unwrap())
        .map(|n| ((n * 37) % 101 - 50, (n * 53) % 90, (n * 29) % 80))
        .collect();
    let columns = Arc::new(recording(&moves));
    let mut state = venue(&columns);
    let accepted = fixed_inputs()
        .iter()
        .filter(|input| state.apply(input).is_ok())
        .count();
    assert_eq!((accepted, state.last_execution_id()), (133, 282));
    assert_eq!(state.chain_hash(), "61401d0cc34126a3ba1b39fc6cffffc6");
}
