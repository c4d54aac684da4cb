//! Order lists: rest-api.md, "Order lists".

use simulated_venue::models::events::Event;
use simulated_venue::models::orders::{
    CancelListTicket, ExpiryReason, Input, Leg, ListShape, Side, Status, Terms,
};
use simulated_venue::services::core::{Applied, Outcome};

use crate::support::*;

fn oco(side: Side, quantity: i64, above: Terms, below: Terms) -> ListShape {
    ListShape::Oco {
        above: leg(side, quantity, above),
        below: leg(side, quantity, below),
    }
}

fn maker(price: i64) -> Terms {
    Terms::LimitMaker { price }
}

/// A sell pair around 100: take at 110, stop at 90. The stop leg is the first.
fn sell_pair(venue: &mut Venue) -> (u64, u64, u64) {
    let shape = oco(Side::Sell, 10, maker(110), stop(90));
    let (list_id, _) = placed(venue, shape);
    let orders = &venue.state.book().lists[&list_id].orders;
    (list_id, orders[0], orders[1])
}

fn placed(venue: &mut Venue, shape: ListShape) -> (u64, Applied) {
    let applied = venue.ok(&list(A, shape));
    let Outcome::List(id) = applied.outcome else {
        panic!("a list");
    };
    (id, applied)
}

fn list_words(applied: &Applied) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    applied
        .events
        .iter()
        .filter_map(|event| match event {
            Event::User { payload, .. } if payload["e"] == "listStatus" => {
                Some((text(&payload["c"]), text(&payload["l"])))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_pair_shares_one_lock_and_a_fill_of_one_ends_the_other() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    let before = venue.balance(A, "BTC").free;
    let (list_id, stop_id, limit_id) = sell_pair(&mut venue);
    let balance = venue.balance(A, "BTC");
    assert_eq!((balance.free, balance.locked), (before - 10_000, 10_000));
    // A partial fill of the limit leg is enough.
    venue.place(limit(B, Side::Buy, 110, 4));
    assert_eq!(venue.status(stop_id), Status::Expired);
    assert_eq!(
        venue.order(stop_id).expiry_reason,
        Some(ExpiryReason::OcoTrigger)
    );
    assert_eq!(venue.status(limit_id), Status::PartiallyFilled);
    assert!(!venue.state.book().lists[&list_id].is_done);
    assert_eq!(venue.balance(A, "BTC").locked, 6_000);
    venue.place(limit(B, Side::Buy, 110, 6));
    assert!(venue.state.book().lists[&list_id].is_done);
    assert_eq!(venue.balance(A, "BTC").locked, 0);
}

#[test]
fn a_triggered_stop_ends_the_limit_before_it_trades() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    let (list_id, stop_id, limit_id) = sell_pair(&mut venue);
    venue.place(limit(B, Side::Buy, 89, 20));
    venue.place(limit(B, Side::Buy, 90, 1));
    let applied = venue.ok(&Input::Order(limit(C, Side::Sell, 90, 1)));
    let expected = [
        ("EXPIRED", "EXPIRED", limit_id),
        ("NEW", "NEW", stop_id),
        ("TRADE", "FILLED", stop_id),
    ];
    let expected = expected.map(|(x, status, id)| (x.to_owned(), status.to_owned(), id));
    assert_eq!(told(&applied, A), expected);
    assert_eq!(list_words(&applied), [("OCO".into(), "ALL_DONE".into())]);
    assert!(venue.state.book().lists[&list_id].is_done);
    assert_eq!(venue.balance(A, "BTC").locked, 0);
}

#[test]
fn canceling_one_leg_cancels_the_list() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    let (list_id, stop_id, limit_id) = sell_pair(&mut venue);
    let applied = venue.cancel(A, limit_id);
    assert_eq!(applied.outcome, Outcome::Canceled(vec![stop_id, limit_id]));
    assert_eq!(venue.status(stop_id), Status::Canceled);
    assert_eq!(venue.balance(A, "BTC").locked, 0);
    let again = Input::CancelList(CancelListTicket {
        account: A,
        list_id,
        cancel_id: None,
    });
    assert_eq!(venue.refused(&again).0, -2011);
}

#[test]
fn pairs_stand_on_their_sides_of_the_market() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    let words = "The relationship of the prices for the orders is not correct.";
    for shape in [
        oco(Side::Sell, 10, maker(100), stop(90)),
        oco(Side::Sell, 10, maker(110), stop(100)),
        oco(Side::Buy, 10, stop(100), maker(90)),
        oco(Side::Buy, 10, stop(110), maker(100)),
    ] {
        assert_eq!(venue.refused(&list(A, shape)), (-2010, words.to_owned()));
    }
    for shape in [
        oco(Side::Sell, 10, maker(110), maker(90)),
        oco(Side::Sell, 10, stop(110), maker(120)),
        ListShape::Oco {
            above: leg(Side::Sell, 10, maker(110)),
            below: leg(Side::Sell, 11, stop(90)),
        },
    ] {
        assert_eq!(venue.refused(&list(A, shape)).0, -1014);
    }
    let orders = venue.state.book().orders.len();
    assert_eq!(orders, 2, "refused lists leave nothing");
    placed(&mut venue, oco(Side::Buy, 10, stop(110), maker(90)));
    assert_eq!(venue.balance(A, "USDT").locked, 110 * 10 * 10);
}

fn oto(working: Leg, pending: Leg) -> ListShape {
    ListShape::Oto { working, pending }
}

#[test]
fn a_pending_leg_waits_for_the_whole_working_leg() {
    let mut venue = Venue::new();
    let shape = oto(leg(Side::Buy, 10, gtc(100)), leg(Side::Sell, 10, gtc(120)));
    let (list_id, _) = placed(&mut venue, shape);
    let legs = venue.state.book().lists[&list_id].orders.clone();
    assert_eq!(venue.status(legs[1]), Status::PendingNew);
    assert_eq!(venue.balance(A, "BTC").locked, 0);
    venue.place(limit(B, Side::Sell, 100, 4));
    assert_eq!(venue.status(legs[1]), Status::PendingNew);
    venue.place(limit(B, Side::Sell, 100, 6));
    assert_eq!(venue.status(legs[0]), Status::Filled);
    assert_eq!(venue.status(legs[1]), Status::New);
    assert_eq!(venue.balance(A, "BTC").locked, 10_000);
    assert_eq!(venue.state.best(BTC).unwrap().1, level(120, 10));
    venue.place(limit(B, Side::Buy, 120, 10));
    assert!(venue.state.book().lists[&list_id].is_done);
}

#[test]
fn a_working_leg_that_fills_at_once_places_its_pending_leg_in_the_same_input() {
    let mut venue = Venue::new();
    venue.place(limit(B, Side::Sell, 100, 10));
    let shape = oto(leg(Side::Buy, 10, gtc(100)), leg(Side::Sell, 10, stop(90)));
    let (list_id, applied) = placed(&mut venue, shape);
    let legs = venue.state.book().lists[&list_id].orders.clone();
    let statuses: Vec<_> = told(&applied, A).into_iter().map(|t| (t.1, t.2)).collect();
    assert_eq!(
        statuses,
        [
            ("NEW".to_owned(), legs[0]),
            ("PENDING_NEW".to_owned(), legs[1]),
            ("FILLED".to_owned(), legs[0]),
            ("NEW".to_owned(), legs[1]),
        ]
    );
}

#[test]
fn a_pending_leg_that_cannot_be_placed_ends_the_list() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    let shape = oto(
        leg(Side::Buy, 10, gtc(99)),
        // Triggers above 99: by then the market is there.
        leg(Side::Sell, 10, stop(99)),
    );
    let (list_id, _) = placed(&mut venue, shape);
    let legs = venue.state.book().lists[&list_id].orders.clone();
    let applied = venue.ok(&Input::Order(limit(B, Side::Sell, 99, 10)));
    assert_eq!(venue.status(legs[1]), Status::Rejected);
    assert_eq!(list_words(&applied), [("OTO".into(), "ALL_DONE".into())]);
    assert_eq!(venue.balance(A, "BTC").locked, 0);
    assert!(venue.state.book().open_orders(A, None).is_empty());
}

#[test]
fn a_pending_leg_without_funds_is_rejected() {
    let mut poor = accounts();
    poor[0].balances = vec![("USDT".to_owned(), 20_000)];
    let mut venue = Venue::of(build(poor, filters(), Vec::new()));
    let shape = oto(leg(Side::Buy, 10, gtc(100)), leg(Side::Sell, 11, gtc(120)));
    let (list_id, _) = placed(&mut venue, shape);
    venue.place(limit(B, Side::Sell, 100, 10));
    let legs = &venue.state.book().lists[&list_id].orders;
    assert_eq!(venue.status(legs[1]), Status::Rejected);
}

#[test]
fn the_end_of_a_working_leg_ends_what_waits_for_it() {
    for ioc in [true, false] {
        let mut venue = Venue::new();
        let time_in_force = if ioc {
            simulated_venue::models::orders::TimeInForce::Ioc
        } else {
            simulated_venue::models::orders::TimeInForce::Gtc
        };
        let working = Terms::Limit {
            price: 100,
            time_in_force,
        };
        let shape = oto(leg(Side::Buy, 10, working), leg(Side::Sell, 10, gtc(120)));
        let (list_id, _) = placed(&mut venue, shape);
        let legs = venue.state.book().lists[&list_id].orders.clone();
        if ioc {
            let pending = venue.order(legs[1]);
            assert_eq!(pending.status, Status::Expired);
            assert_eq!(
                pending.expiry_reason,
                Some(ExpiryReason::OtoPhaseOneExpired)
            );
        } else {
            venue.cancel(A, legs[0]);
            assert_eq!(venue.status(legs[1]), Status::Canceled);
        }
        assert!(venue.state.book().lists[&list_id].is_done);
    }
}

#[test]
fn an_otoco_places_a_pair_that_shares_one_lock() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    let shape = ListShape::Otoco {
        working: leg(Side::Buy, 10, gtc(100)),
        above: leg(Side::Sell, 10, maker(110)),
        below: leg(Side::Sell, 10, stop(90)),
    };
    let (list_id, _) = placed(&mut venue, shape);
    let legs = venue.state.book().lists[&list_id].orders.clone();
    let types = legs.iter().map(|id| venue.order(*id).terms.type_name());
    assert_eq!(
        types.collect::<Vec<_>>(),
        ["LIMIT", "STOP_LOSS", "LIMIT_MAKER"]
    );
    venue.place(limit(B, Side::Sell, 100, 10));
    assert_eq!(venue.status(legs[1]), Status::New);
    assert_eq!(venue.status(legs[2]), Status::New);
    assert_eq!(venue.balance(A, "BTC").locked, 10_000);
    venue.place(limit(B, Side::Buy, 110, 10));
    assert_eq!(venue.status(legs[1]), Status::Expired);
    assert_eq!(venue.status(legs[2]), Status::Filled);
    assert!(venue.state.book().lists[&list_id].is_done);
}
