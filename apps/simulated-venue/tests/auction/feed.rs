//! The outside market: queue positions, published levels and their ids, prints.

use std::collections::BTreeMap;

use simulated_venue::models::events::{Event, PublicTrade};
use simulated_venue::models::feed::{FeedEvent, Level};
use simulated_venue::models::orders::{Input, Side, Status};
use simulated_venue::services::core::{Applied, Outcome};

use crate::support::*;

const T: i64 = 1_700_000_000_000;

fn depth(ids: (u64, u64), bids: &[(i64, i64)], asks: &[(i64, i64)], at: i64) -> FeedEvent {
    let levels = |side: &[(i64, i64)]| side.iter().map(|(p, q)| level(*p, *q)).collect();
    FeedEvent::Depth {
        market: BTC,
        first_update_id: ids.0,
        final_update_id: ids.1,
        bids: levels(bids),
        asks: levels(asks),
        at,
    }
}

fn print(price: i64, quantity: i64, taker: Side, at: i64, trade_id: u64) -> FeedEvent {
    FeedEvent::Print {
        market: BTC,
        price,
        quantity,
        taker,
        at,
        trade_id,
    }
}

fn recorded_snapshot(id: u64) -> FeedEvent {
    FeedEvent::Snapshot {
        market: BTC,
        last_update_id: id,
        bids: vec![level(99, 10), level(98, 20)],
        asks: vec![level(101, 10), level(102, 20)],
        at: T + 1,
    }
}

fn prints(applied: &Applied) -> Vec<PublicTrade> {
    let print = |event: &Event| match event {
        Event::Print { trade, .. } => Some(*trade),
        _ => None,
    };
    applied.events.iter().filter_map(print).collect()
}

/// A book kept from the events alone, as web-socket-streams.md tells.
#[derive(Default)]
struct Follower {
    id: u64,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Follower {
    fn see(&mut self, applied: &Applied) {
        for event in &applied.events {
            let Event::Depth {
                first,
                last,
                bids,
                asks,
                ..
            } = event
            else {
                continue;
            };
            assert!(
                *first <= self.id + 1 && *last > self.id,
                "{first} to {last} after {}",
                self.id
            );
            self.id = *last;
            for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
                for level in levels {
                    if level.quantity == 0 {
                        side.remove(&level.price);
                    } else {
                        side.insert(level.price, level.quantity);
                    }
                }
            }
        }
    }

    fn equals(&self, venue: &Venue) {
        let depth = venue.state.depth(BTC).unwrap();
        let (bids, asks) = depth.published(usize::MAX);
        let pairs = |levels: Vec<Level>| -> BTreeMap<i64, i64> {
            levels.into_iter().map(|l| (l.price, l.quantity)).collect()
        };
        assert_eq!(self.id, depth.last_update_id());
        assert_eq!(self.bids, pairs(bids));
        assert_eq!(self.asks, pairs(asks));
    }
}

#[test]
fn recorded_ids_are_kept_and_own_changes_ride_along() {
    let mut venue = Venue::with_feed(vec![
        recorded_snapshot(50),
        depth((51, 60), &[(99, 5)], &[], T + 2),
        depth((61, 61), &[], &[], T + 3),
    ]);
    let mut follower = Follower::default();
    follower.see(&venue.feed(1));
    assert_eq!(follower.id, 50);
    let quiet = venue.ok(&Input::Order(limit(A, Side::Buy, 100, 7)));
    follower.see(&quiet);
    assert_eq!(
        follower.id, 50,
        "the change waits for the feed's next batch"
    );
    follower.equals(&venue);
    assert_eq!(venue.state.best(BTC).unwrap().0, level(100, 7));
    follower.see(&venue.feed(1));
    assert_eq!(
        (follower.id, follower.bids[&100], follower.bids[&99]),
        (60, 7, 5)
    );
    follower.equals(&venue);
    let last = venue.feed(2);
    let Outcome::Advanced(reply) = &last.outcome else {
        panic!("a reply");
    };
    assert!(reply.done);
    assert_eq!(reply.position, 3);
    follower.see(&last);
    assert_eq!(follower.id, 61);
    let added = venue.ok(&Input::Order(limit(A, Side::Buy, 97, 1)));
    follower.see(&added);
    let Outcome::Order(id) = added.outcome else {
        panic!("an order");
    };
    follower.see(&venue.cancel(A, id));
    follower.equals(&venue);
    assert_eq!(
        venue.state.depth(BTC).unwrap().last_update_id(),
        63,
        "the venue counts alone"
    );
}

#[test]
fn a_taker_eats_outside_volume_until_the_feed_says_otherwise() {
    let mut venue = Venue::with_feed(vec![
        snapshot(T + 1, &[(99, 10)], &[(101, 10), (102, 20)]),
        depth((0, 0), &[], &[(101, 8)], T + 2),
    ]);
    venue.feed(1);
    let id = venue.place(limit(B, Side::Buy, 102, 15));
    assert_eq!(venue.status(id), Status::Filled);
    assert_eq!(venue.state.best(BTC).unwrap().1, level(102, 15));
    let outside = &venue.state.funds().unwrap().outside;
    assert_eq!(outside["BTC"], -15_000);
    assert_eq!(outside["USDT"], (101 * 10 + 102 * 5) * 10);
    venue.feed(1);
    assert_eq!(venue.state.best(BTC).unwrap().1, level(101, 8));
}

#[test]
fn a_resting_order_fills_after_the_volume_ahead_of_it() {
    let mut venue = Venue::with_feed(vec![
        snapshot(T + 1, &[(99, 10)], &[(101, 10)]),
        print(99, 6, Side::Sell, T + 2, 0),
        print(99, 6, Side::Sell, T + 3, 0),
        print(98, 9, Side::Sell, T + 4, 0),
    ]);
    venue.feed(1);
    let id = venue.place(limit(A, Side::Buy, 99, 5));
    venue.feed(1);
    assert_eq!(venue.order(id).executed, 0);
    let second = venue.feed(1);
    assert_eq!(venue.order(id).executed, 2);
    let seen: Vec<_> = prints(&second)
        .iter()
        .map(|t| (t.trade_id, t.quantity))
        .collect();
    assert_eq!(
        seen,
        [(2, 2), (3, 4)],
        "one print, told in the parts that traded"
    );
    let third = venue.feed(1);
    assert_eq!(
        venue.status(id),
        Status::Filled,
        "the market went through its price"
    );
    let seen: Vec<_> = prints(&third)
        .iter()
        .map(|t| (t.price, t.quantity))
        .collect();
    assert_eq!(seen, [(99, 3), (98, 6)]);
    assert!(
        venue.trades().iter().all(|trade| trade.3),
        "it was maker throughout"
    );
}

#[test]
fn recorded_trade_ids_stay_until_an_own_trade_pushes_them() {
    let mut venue = Venue::with_feed(vec![
        snapshot(T + 1, &[(99, 10)], &[(101, 10)]),
        print(101, 1, Side::Buy, T + 2, 700),
        print(101, 1, Side::Buy, T + 3, 701),
    ]);
    assert_eq!(prints(&venue.feed(2))[0].trade_id, 700);
    venue.place(limit(A, Side::Buy, 101, 1));
    assert_eq!(venue.state.last_trade_id(BTC), 701);
    assert_eq!(prints(&venue.feed(1))[0].trade_id, 702);
}

#[test]
fn outside_volume_that_crosses_an_order_trades_with_it() {
    let mut venue = Venue::with_feed(vec![
        snapshot(T + 1, &[(99, 10)], &[(105, 10)]),
        depth((0, 0), &[(103, 4)], &[], T + 2),
    ]);
    venue.feed(1);
    let id = venue.place(limit(A, Side::Sell, 102, 6));
    let applied = venue.feed(1);
    assert_eq!(venue.order(id).executed, 4);
    assert_eq!(prints(&applied)[0].price, 102, "at the price of the order");
    let (bid, ask) = venue.state.best(BTC).unwrap();
    assert_eq!((bid, ask), (level(99, 10), level(102, 2)));
}

#[test]
fn a_recorded_best_price_is_corrected_by_own_orders_only() {
    let best = |id, bid, ask| FeedEvent::Best {
        market: BTC,
        update_id: id,
        bid,
        ask,
        at: T + 5,
    };
    let told = |applied: &Applied| {
        let top = |event: &Event| match event {
            Event::Best {
                update_id,
                bid,
                ask,
                ..
            } => Some((*update_id, *bid, *ask)),
            _ => None,
        };
        applied.events.iter().find_map(top).unwrap()
    };
    let mut venue = Venue::with_feed(vec![
        recorded_snapshot(50),
        best(55, level(99, 3), level(101, 4)),
        best(56, level(99, 3), level(101, 4)),
    ]);
    venue.feed(1);
    assert_eq!(told(&venue.feed(1)), (55, level(99, 3), level(101, 4)));
    venue.place(limit(A, Side::Buy, 100, 7));
    venue.place(limit(A, Side::Sell, 101, 2));
    assert_eq!(told(&venue.feed(1)), (56, level(100, 7), level(101, 6)));
}

#[test]
fn the_feed_does_not_go_back_and_replays_from_its_position() {
    let feed = vec![
        recorded_snapshot(50),
        print(101, 1, Side::Buy, T + 2, 700),
        depth((51, 52), &[(99, 1)], &[(101, 9)], T + 3),
    ];
    let mut venue = Venue::with_feed(feed.clone());
    venue.feed(2);
    venue.place(limit(C, Side::Buy, 101, 3));
    venue.feed(1);
    let error = venue.state.apply(&Input::Feed { through: 1 }).unwrap_err();
    assert_eq!(error.status, 409);
    venue.replay(build(accounts(), filters(), feed));
}

#[test]
fn a_mirrored_event_is_applied_from_the_log() {
    let mut venue = Venue::new();
    venue.ok(&Input::Mirror {
        happened: recorded_snapshot(9),
    });
    venue.place(limit(A, Side::Buy, 101, 3));
    assert_eq!(venue.state.market_time(), T + 1);
    venue.replay(build(accounts(), filters(), Vec::new()));
}
