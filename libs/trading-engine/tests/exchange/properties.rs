//! What holds for every sequence of orders, cancels and bars.

use std::collections::BTreeMap;

use crate::support::{BTC, MINUTES_15, at, exchange};
use proptest::prelude::*;
use rust_common::{Money, OrderSide, OrderStatus, Price, Quantity, TimeInForce};
use trading_engine::models::{
    Bar, Execution, ExecutionKind, NewOco, NewOrder, NewOrderKind, OrderId,
};
use trading_engine::services::exchange::Exchange;

#[derive(Debug, Clone)]
enum Action {
    Submit {
        is_buy: bool,
        kind: u8,
        quantity: i64,
        offset: i64,
    },
    Oco {
        is_buy: bool,
        quantity: i64,
        below: i64,
        above: i64,
    },
    Cancel(u64),
    Bar {
        gap: i64,
        up: i64,
        down: i64,
        close: i64,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let quantity = 1_i64..200_000;
    prop_oneof![
        3 => (any::<bool>(), 0_u8..5, quantity.clone(), -900_i64..900)
            .prop_map(|(is_buy, kind, quantity, offset)| {
                Action::Submit { is_buy, kind, quantity, offset }
            }),
        2 => (any::<bool>(), quantity, 1_i64..900, 1_i64..900)
            .prop_map(|(is_buy, quantity, below, above)| {
                Action::Oco { is_buy, quantity, below, above }
            }),
        1 => (1_u64..60).prop_map(Action::Cancel),
        3 => (-600_i64..600, 0_i64..900, 0_i64..900, 0_i64..100)
            .prop_map(|(gap, up, down, close)| Action::Bar { gap, up, down, close }),
    ]
}

fn side(is_buy: bool) -> OrderSide {
    if is_buy {
        OrderSide::Buy
    } else {
        OrderSide::Sell
    }
}

fn cents(mantissa: i64) -> Price {
    Price::new(mantissa, 2).unwrap()
}

fn submit(exchange: &mut Exchange, last: i64, action: &Action) {
    let Action::Submit {
        is_buy,
        kind,
        quantity,
        offset,
    } = *action
    else {
        return;
    };
    let price = cents(last + offset);
    let gtc = |post_only| TimeInForce::Gtc { post_only };
    let limit = |time_in_force| NewOrderKind::Limit {
        price,
        time_in_force,
    };
    let kind = match kind {
        0 => NewOrderKind::Market,
        1 => limit(gtc(false)),
        2 => limit(gtc(true)),
        3 => limit(TimeInForce::Ioc {}),
        _ => NewOrderKind::StopMarket {
            trigger_price: price,
        },
    };
    let quantity = Quantity::new(quantity, 5).unwrap();
    let _ = exchange.submit(NewOrder {
        instrument: BTC,
        side: side(is_buy),
        quantity,
        kind,
    });
}

/// Plays the actions; returns all executions and checks the balances after each action.
fn play(exchange: &mut Exchange, actions: &[Action]) -> Vec<Execution> {
    let (mut last, mut step, mut all) = (10_000_i64, 1_i64, Vec::new());
    exchange.set_market(BTC, cents(last), at(step * MINUTES_15));
    for action in actions {
        match *action {
            Action::Submit { .. } => submit(exchange, last, action),
            Action::Oco {
                is_buy,
                quantity,
                below,
                above,
            } => {
                let (low, high) = (cents(last - below), cents(last + above));
                let (trigger_price, price) = if is_buy { (high, low) } else { (low, high) };
                let quantity = Quantity::new(quantity, 5).unwrap();
                let side = side(is_buy);
                let oco = NewOco {
                    instrument: BTC,
                    side,
                    quantity,
                    trigger_price,
                    price,
                };
                let _ = exchange.submit_oco(oco);
            }
            Action::Cancel(id) => {
                let _ = exchange.cancel(OrderId(id));
            }
            Action::Bar {
                gap,
                up,
                down,
                close,
            } => {
                let (high, low) = (last + up, last - down);
                let close = low + (high - low) * close / 100;
                exchange.match_bar(
                    BTC,
                    &Bar {
                        opened_at: at(step * MINUTES_15),
                        closed_at: at((step + 1) * MINUTES_15),
                        open: last,
                        high,
                        low,
                        close,
                        volume: 1.0,
                    },
                );
                step += 1;
                last = (close + gap).clamp(2_000, 50_000);
                exchange.set_market(BTC, cents(last), at(step * MINUTES_15));
            }
        }
        all.extend(exchange.drain_executions());
        for (currency, balance) in exchange.balances() {
            assert!(
                balance.free >= Money::ZERO && balance.locked >= Money::ZERO,
                "{currency}"
            );
        }
    }
    all
}

fn totals(exchange: &Exchange) -> (i128, i128) {
    let total = |c: &str| exchange.balance(&c.parse().unwrap()).total().mantissa();
    (total("USD"), total("BTC"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn balances_change_only_by_trades_and_fees(actions in prop::collection::vec(action(), 1..60)) {
        let mut exchange = exchange("500", "3");
        let (mut usd, mut btc) = totals(&exchange);
        for execution in play(&mut exchange, &actions) {
            let ExecutionKind::Trade(trade) = &execution.kind else { continue };
            let (quote, base) =
                (trade.quote.mantissa(), Money::from(trade.quantity).mantissa());
            prop_assert_eq!(trade.price.notional(trade.quantity).unwrap(), trade.quote);
            match execution.side {
                OrderSide::Buy => {
                    prop_assert_eq!(trade.fee_asset.as_str(), "BTC");
                    (usd, btc) = (usd - quote, btc + base - trade.fee.mantissa());
                }
                OrderSide::Sell => {
                    prop_assert_eq!(trade.fee_asset.as_str(), "USD");
                    (usd, btc) = (usd + quote - trade.fee.mantissa(), btc - base);
                }
            }
        }
        prop_assert_eq!(totals(&exchange), (usd, btc));
    }

    #[test]
    fn orders_never_overfill_and_lists_fill_once(
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let mut exchange = exchange("500", "3");
        let executions = play(&mut exchange, &actions);
        let mut filled: BTreeMap<OrderId, i64> = BTreeMap::new();
        let mut lists: BTreeMap<u64, u32> = BTreeMap::new();
        let mut over: BTreeMap<OrderId, bool> = BTreeMap::new();
        for (position, execution) in executions.iter().enumerate() {
            prop_assert_eq!(execution.execution_id, position as u64 + 1);
            let was_over = over.insert(execution.order_id, execution.status.is_terminal());
            prop_assert_ne!(was_over, Some(true), "an execution after the end");
            let ExecutionKind::Trade(trade) = &execution.kind else { continue };
            *filled.entry(execution.order_id).or_default() += trade.quantity.mantissa();
            if let Some(list) = execution.list_id {
                *lists.entry(list.0).or_default() += 1;
            }
        }
        prop_assert!(lists.values().all(|fills| *fills == 1));
        for order in exchange.orders() {
            let sum = filled.get(&order.order_id).copied().unwrap_or(0);
            prop_assert_eq!(sum, order.filled_quantity.mantissa());
            prop_assert!(order.filled_quantity <= order.quantity);
            prop_assert_eq!(order.status == OrderStatus::Filled, sum > 0);
        }
    }

    #[test]
    fn locks_are_what_open_orders_hold_and_end_with_them(
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let mut exchange = exchange("500", "3");
        play(&mut exchange, &actions);
        let locked = |c: &str| exchange.balance(&c.parse().unwrap()).locked.mantissa();
        let held = |side: OrderSide| -> i128 {
            let open = exchange.open_orders().filter(|order| order.side == side);
            open.map(|order| order.locked.mantissa()).sum()
        };
        prop_assert_eq!(locked("USD"), held(OrderSide::Buy));
        prop_assert_eq!(locked("BTC"), held(OrderSide::Sell));
        let ids: Vec<_> = exchange.open_orders().map(|order| order.order_id).collect();
        for id in ids {
            let _ = exchange.cancel(id);
        }
        prop_assert_eq!(exchange.balance(&"USD".parse().unwrap()).locked, Money::ZERO);
        prop_assert_eq!(exchange.balance(&"BTC".parse().unwrap()).locked, Money::ZERO);
    }

    #[test]
    fn the_same_calls_give_the_same_executions(
        actions in prop::collection::vec(action(), 1..40),
    ) {
        let first = play(&mut exchange("500", "3"), &actions);
        prop_assert_eq!(play(&mut exchange("500", "3"), &actions), first);
    }
}
