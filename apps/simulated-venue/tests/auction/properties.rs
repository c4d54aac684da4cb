//! Random order flow of several accounts: against the naive matcher, and for what must always hold.

use std::collections::BTreeMap;

use proptest::prelude::*;
use simulated_venue::models::accounts::AccountId;
use simulated_venue::models::feed::FeedEvent;
use simulated_venue::models::orders::{
    AmendTicket, Contingency, Input, OrderRecord, OrderTicket, Side, Status, Terms, TimeInForce,
};
use simulated_venue::services::core::Outcome;

use crate::generators::{feed_event, input, order_of, plain_terms, timed};
use crate::reference::{Incoming, Naive, Standing};
use crate::support::*;

#[derive(Debug, Clone)]
enum Simple {
    Order(OrderTicket),
    Cancel(usize),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn fills_are_those_of_a_naive_matcher(
        steps in prop::collection::vec(
            prop_oneof![
                6 => order_of(|_| plain_terms().boxed()).prop_map(Simple::Order),
                1 => (0_usize..60).prop_map(Simple::Cancel),
            ],
            1..70,
        ),
    ) {
        let outside: [&[(i64, i64)]; 2] = [&[(97, 30), (95, 50)], &[(103, 30), (105, 50)]];
        let mut venue = Venue::with_feed(vec![snapshot(1_700_000_000_001, outside[0], outside[1])]);
        venue.feed(1);
        let mut naive = Naive::default();
        for (side, levels) in [(Side::Buy, outside[0]), (Side::Sell, outside[1])] {
            for (price, quantity) in levels {
                naive.stand(Standing {
                    id: 0, account: None, side, price: *price, visible: *quantity, hidden: 0,
                    slice: i64::MAX, since: 0,
                });
            }
        }
        let mut placed = Vec::new();
        for step in steps {
            match step {
                Simple::Cancel(index) => {
                    let Some((account, id)) = placed.get(index).copied() else { continue };
                    if venue.apply(&cancel(account, id)).is_ok() {
                        naive.cancel(id);
                    }
                }
                Simple::Order(order) => {
                    let order = OrderTicket { market: BTC, ..order };
                    let limit = order.terms.limit_price();
                    let is_maker = matches!(order.terms, Terms::LimitMaker { .. });
                    let crosses = naive.best(order.side.opposite(), limit).is_some();
                    let outcome = venue.apply(&Input::Order(order.clone())).map(|a| a.outcome);
                    prop_assert_eq!(outcome.is_err(), is_maker && crosses);
                    let Ok(Outcome::Order(id)) = outcome else { continue };
                    placed.push((order.account, id));
                    submit(&mut naive, &order, id);
                    let rest: i64 = naive
                        .standing
                        .iter()
                        .filter(|entry| entry.id == id)
                        .map(|entry| entry.visible + entry.hidden)
                        .sum();
                    let record = venue.order(id);
                    let open = if record.status.is_open() { record.remaining() } else { 0 };
                    prop_assert_eq!(open, rest, "{:?}", order);
                }
            }
            let fills = |is_maker: bool| -> Vec<(u64, i64, i64)> {
                let trades = venue.trades().into_iter().filter(|trade| trade.3 == is_maker);
                trades.map(|(id, price, quantity, _)| (id, price, quantity)).collect()
            };
            prop_assert_eq!(&fills(false), &naive.taker_fills);
            prop_assert_eq!(&fills(true), &naive.maker_fills);
            let prevented: Vec<(u64, u64, i64, i64)> = venue.state.book().prevented.iter()
                .map(|m| (m.taker_order_id, m.maker_order_id, m.taker_prevented, m.maker_prevented))
                .collect();
            prop_assert_eq!(&prevented, &naive.prevented);
        }
        check(&venue);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_created_or_lost_and_the_log_leads_to_the_same_venue(
        inputs in prop::collection::vec(input(), 1..120),
        feed in prop::collection::vec(feed_event(), 60),
    ) {
        let feed: Vec<FeedEvent> = (1..).zip(feed).map(|(n, event)| timed(event, n)).collect();
        let mut venue = Venue::with_feed(feed.clone());
        for input in inputs {
            let input = resolve(&venue, input);
            let before = venue.state.chain_hash();
            let ledger = venue.state.ledger_hash().unwrap();
            if let Err(e) = venue.apply(&input) {
                prop_assert!((400..500).contains(&e.status), "{:?}: {}", input, e);
                prop_assert_eq!(venue.state.chain_hash(), before);
                prop_assert_eq!(venue.state.ledger_hash().unwrap(), ledger, "{:?}", input);
            }
            check(&venue);
        }
        venue.replay(build(accounts(), filters(), feed));
    }
}

fn submit(naive: &mut Naive, order: &OrderTicket, id: u64) {
    let incoming = Incoming {
        id,
        account: order.account,
        side: order.side,
        limit: order.terms.limit_price(),
        quantity: order.quantity,
        mode: order.options.self_trade_prevention,
    };
    let force = order.terms.time_in_force();
    if force == TimeInForce::Fok {
        let mut trial = naive.clone();
        let before = trial.taker_fills.len();
        trial.take(incoming);
        let fills = trial.taker_fills.iter().skip(before);
        if fills.map(|fill| fill.2).sum::<i64>() < order.quantity {
            return;
        }
    }
    let left = naive.take(incoming);
    let Some(price) = order.terms.limit_price() else {
        return;
    };
    if left == 0 || force != TimeInForce::Gtc {
        return;
    }
    let slice = order.options.iceberg_quantity.unwrap_or(i64::MAX);
    naive.stand(Standing {
        id,
        account: Some(order.account),
        side: order.side,
        price,
        visible: slice.min(left),
        hidden: left - slice.min(left),
        slice,
        since: 0,
    });
}

/// Turns "the n-th order from the end" and "n events more" into numbers.
fn resolve(venue: &Venue, input: Input) -> Input {
    let orders = &venue.state.book().orders;
    let named = |back: u64| {
        let back = usize::try_from(back).unwrap();
        orders
            .values()
            .rev()
            .nth(back)
            .map_or((A, 0), |o| (o.account, o.order_id))
    };
    match input {
        Input::Cancel(ticket) => {
            let (account, order_id) = named(ticket.order_id);
            cancel(account, order_id)
        }
        Input::Amend(ticket) => {
            let (account, order_id) = named(ticket.order_id);
            Input::Amend(AmendTicket {
                account,
                order_id,
                ..ticket
            })
        }
        Input::CancelReplace(mut ticket) => {
            let (account, order_id) = named(ticket.cancel.order_id);
            ticket.cancel.order_id = order_id;
            ticket.cancel.account = account;
            ticket.order.account = account;
            Input::CancelReplace(ticket)
        }
        Input::Feed { through } => Input::Feed {
            through: venue.state.feed_position() + through,
        },
        other => other,
    }
}

/// What must hold after every input.
fn check(venue: &Venue) {
    let book = venue.state.book();
    for order in book.orders.values() {
        check_order(venue, order);
    }
    for list in book.lists.values() {
        let legs = list.orders.iter().map(|id| venue.order(*id));
        let open = legs.filter(|leg| leg.status.is_open()).count();
        assert_eq!(list.is_done, open == 0, "{list:?}");
    }
    for (index, market) in venue.state.markets().iter().enumerate() {
        let (bid, ask) = venue.state.best(index).unwrap();
        let is_crossed = bid.quantity > 0 && ask.quantity > 0 && bid.price >= ask.price;
        let is_open = market.status().allows_orders();
        assert!(!(is_crossed && is_open), "{index}: {bid:?} {ask:?}");
    }
    check_money(venue);
}

fn check_order(venue: &Venue, order: &OrderRecord) {
    let book = venue.state.book();
    let filled: i64 = book
        .trades_of(order.order_id)
        .iter()
        .map(|t| t.quantity)
        .sum();
    assert_eq!(filled, order.executed, "{order:?}");
    let prevented: i64 = book
        .prevented_of(order.order_id)
        .map(|m| {
            if m.taker_order_id == order.order_id {
                m.taker_prevented
            } else {
                m.maker_prevented
            }
        })
        .sum();
    assert_eq!(prevented, order.prevented, "{order:?}");
    assert!(order.remaining() >= 0, "{order:?}");
    let is_used_up = matches!(order.status, Status::Filled | Status::ExpiredInMatch);
    assert!(!is_used_up || order.remaining() == 0, "{order:?}");
    assert!(
        !order.status.is_open() || order.remaining() > 0,
        "{order:?}"
    );
}

/// Every asset is where it was put, and exactly what open orders need is locked.
fn check_money(venue: &Venue) {
    let funds = venue.state.funds().unwrap();
    let mut moved: BTreeMap<&str, i128> = BTreeMap::new();
    for (input, _) in &venue.log {
        match input {
            Input::Deposit(ticket) => *moved.entry("BTC").or_default() += i128::from(ticket.amount),
            Input::Withdraw(ticket) => {
                *moved.entry("BTC").or_default() -= i128::from(ticket.amount);
            }
            _ => {}
        }
    }
    for asset in ASSETS {
        let expected = 3 * RICH + moved.get(asset).copied().unwrap_or(0);
        assert_eq!(funds.total(asset), expected, "{asset}");
    }
    let mut needed: BTreeMap<(AccountId, &str, u64), i128> = BTreeMap::new();
    for order in venue.state.book().all_open_orders() {
        let list = order.list_id.map(|id| &venue.state.book().lists[&id]);
        let is_pair = list.is_some_and(|list| match list.contingency {
            Contingency::Oco => true,
            Contingency::Oto => list.orders.len() == 3 && list.orders[0] != order.order_id,
        });
        if order.status == Status::PendingNew {
            continue;
        }
        let key = if is_pair {
            order.list_id.unwrap() + (1 << 40)
        } else {
            order.order_id
        };
        let (asset, amount) = need(order);
        let slot = needed.entry((order.account, asset, key)).or_default();
        *slot = (*slot).max(amount);
    }
    for account in ACCOUNTS {
        for asset in ASSETS {
            let of_it = needed
                .iter()
                .filter(|((who, what, _), _)| (*who, *what) == (account, asset));
            let expected: i128 = of_it.map(|(_, amount)| amount).sum();
            let balance = funds.balance(account, asset);
            assert_eq!(balance.locked, expected, "{account:?} {asset}");
            assert!(balance.free >= 0);
        }
    }
}

fn need(order: &OrderRecord) -> (&'static str, i128) {
    let (base, quote, base_unit, scale) = match order.market {
        BTC => ("BTC", "USDT", 1_000, 7),
        _ => ("ETH", "BTC", 10_000, 9),
    };
    let remaining = i128::from(order.remaining());
    if order.side == Side::Sell {
        return (base, remaining * base_unit);
    }
    let price = order
        .terms
        .limit_price()
        .or(order.terms.stop_price())
        .unwrap();
    let exact = i128::from(price) * remaining;
    let amount = if scale == 7 {
        exact * 10
    } else {
        (exact + 9) / 10
    };
    (quote, amount)
}
