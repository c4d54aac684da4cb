//! Amend, cancelReplace, cancel restrictions, money in and out, trading status, reset.

use simulated_venue::models::orders::{
    AmendTicket, CancelReplaceTicket, CancelRestriction, CancelTicket, Input, OrderTicket,
    ReplaceMode, Side, Status, SymbolStatus, Terms, TransferTicket,
};
use simulated_venue::services::core::Outcome;

use crate::support::*;

fn amend(order_id: u64, new_quantity: i64) -> Input {
    Input::Amend(AmendTicket {
        account: A,
        order_id,
        new_quantity,
        new_client_order_id: None,
    })
}

#[test]
fn an_amend_keeps_the_place_in_the_queue() {
    let mut venue = Venue::new();
    let first = venue.place(limit(A, Side::Sell, 100, 10));
    venue.place(limit(B, Side::Sell, 100, 10));
    let name = venue.order(first).client_order_id.clone();
    let applied = venue.ok(&amend(first, 6));
    assert_eq!(
        told(&applied, A),
        [("REPLACED".into(), "NEW".into(), first)]
    );
    assert_eq!(venue.balance(A, "BTC").locked, 6_000);
    assert_ne!(venue.order(first).client_order_id, name);
    venue.place(limit(C, Side::Buy, 100, 7));
    let makers: Vec<_> = venue.trades().into_iter().filter(|t| t.3).collect();
    assert_eq!(makers[0], (first, 100, 6, true));
    let record = &venue.state.book().amends[0];
    assert_eq!((record.original_quantity, record.new_quantity), (10, 6));
    assert_eq!(record.original_client_order_id, name);
}

#[test]
fn amends_only_go_down_and_ten_times() {
    let mut venue = Venue::new();
    let id = venue.place(limit(A, Side::Sell, 100, 100));
    for (quantity, words) in [
        (101, "Order amend (quantity increase) is not supported."),
        (
            100,
            "The requested action would change no state; rejecting.",
        ),
    ] {
        assert_eq!(
            venue.refused(&amend(id, quantity)),
            (-2038, words.to_owned())
        );
    }
    assert_eq!(
        venue.refused(&amend(99, 1)),
        (-2038, "Unknown order sent.".into())
    );
    for quantity in (90..100).rev() {
        venue.ok(&amend(id, quantity));
    }
    let refusal = venue.refused(&amend(id, 50));
    assert_eq!(
        refusal,
        (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS".into())
    );
}

#[test]
fn an_amend_to_what_is_filled_ends_the_order() {
    let mut venue = Venue::new();
    let id = venue.place(limit(A, Side::Sell, 100, 10));
    venue.place(limit(B, Side::Buy, 100, 4));
    assert_eq!(venue.refused(&amend(id, 3)).0, -2038);
    venue.ok(&amend(id, 4));
    assert_eq!(
        (venue.status(id), venue.order(id).remaining()),
        (Status::Expired, 0)
    );
    assert_eq!(venue.balance(A, "BTC").locked, 0);
    assert_eq!(venue.state.best(BTC).unwrap().1.quantity, 0);
}

#[test]
fn an_iceberg_shows_less_only_below_its_slice() {
    let mut venue = Venue::new();
    let id = venue.place(iceberg(limit(A, Side::Sell, 100, 10), 4));
    venue.ok(&amend(id, 6));
    assert_eq!(venue.state.best(BTC).unwrap().1, level(100, 4));
    venue.ok(&amend(id, 3));
    assert_eq!(venue.state.best(BTC).unwrap().1, level(100, 3));
}

fn replace(order_id: u64, mode: ReplaceMode, order: OrderTicket) -> Input {
    Input::CancelReplace(CancelReplaceTicket {
        cancel: CancelTicket {
            order_id,
            cancel_id: None,
            account: A,
            restriction: None,
        },
        mode,
        order,
    })
}

/// rest-api.md, "Cancel an Existing Order and Send a New Order": every combination of results.
#[test]
fn cancel_replace_has_five_results() {
    let good = || limit(A, Side::Buy, 90, 5);
    let bad = || ticket(A, Side::Buy, 5, Terms::LimitMaker { price: 120 });
    for (exists, mode, order, canceled, placed) in [
        (true, ReplaceMode::StopOnFailure, good(), true, Some(true)),
        (true, ReplaceMode::StopOnFailure, bad(), true, Some(false)),
        (false, ReplaceMode::StopOnFailure, good(), false, None),
        (false, ReplaceMode::AllowFailure, good(), false, Some(true)),
        (false, ReplaceMode::AllowFailure, bad(), false, Some(false)),
    ] {
        let mut venue = Venue::new();
        venue.place(limit(B, Side::Sell, 110, 5));
        let old = venue.place(limit(A, Side::Buy, 80, 5));
        let id = if exists { old } else { 77 };
        let Outcome::Replaced(both) = venue.ok(&replace(id, mode, order)).outcome else {
            panic!("both halves");
        };
        assert_eq!(both.canceled.is_ok(), canceled);
        assert_eq!(both.placed.as_ref().map(Result::is_ok), placed);
        let is_gone = venue.status(old) == Status::Canceled;
        assert_eq!(is_gone, canceled);
    }
}

#[test]
fn a_replacement_may_use_the_funds_that_the_cancel_frees() {
    let mut poor = accounts();
    poor[0].balances = vec![("USDT".to_owned(), 5_000)];
    let mut venue = Venue::of(build(poor, filters(), Vec::new()));
    let old = venue.place(limit(A, Side::Buy, 100, 5));
    let order = limit(A, Side::Buy, 99, 5);
    let filtered = limit(A, Side::Buy, 0, 5);
    let refusal = venue.refused(&replace(old, ReplaceMode::AllowFailure, filtered));
    assert_eq!(refusal, (-1013, "Filter failure: PRICE_FILTER".into()));
    assert_eq!(venue.status(old), Status::New, "filters come first");
    venue.ok(&replace(old, ReplaceMode::StopOnFailure, order));
    assert_eq!(venue.balance(A, "USDT").locked, 4_950);
}

#[test]
fn cancel_restrictions_hold() {
    let mut venue = Venue::new();
    let id = venue.place(limit(A, Side::Sell, 100, 10));
    let restricted = |restriction| {
        Input::Cancel(CancelTicket {
            order_id: id,
            cancel_id: Some("mine".into()),
            account: A,
            restriction: Some(restriction),
        })
    };
    let only_partial = restricted(CancelRestriction::OnlyPartiallyFilled);
    assert_eq!(
        venue.refused(&only_partial),
        (
            -2011,
            "Order was not canceled due to cancel restrictions.".into()
        )
    );
    venue.place(limit(B, Side::Buy, 100, 1));
    assert_eq!(
        venue.refused(&restricted(CancelRestriction::OnlyNew)).0,
        -2011
    );
    venue.ok(&only_partial);
    assert_eq!(venue.order(id).cancel_id.as_deref(), Some("mine"));
}

#[test]
fn deposits_and_withdrawals_move_free_money_only() {
    let mut venue = Venue::new();
    let ticket = |asset: &str, amount| TransferTicket {
        account: A,
        asset: asset.to_owned(),
        amount,
    };
    venue.ok(&Input::Deposit(ticket("DOGE", 5)));
    assert_eq!(venue.balance(A, "DOGE").free, 5);
    assert_eq!(venue.refused(&Input::Withdraw(ticket("DOGE", 6))).0, -2010);
    venue.ok(&Input::Withdraw(ticket("DOGE", 5)));
    assert_eq!(venue.refused(&Input::Deposit(ticket("DOGE", 0))).0, -1100);
}

#[test]
fn a_halted_symbol_takes_nothing_and_catches_up() {
    let mut venue = Venue::with_feed(vec![
        snapshot(1_700_000_000_100, &[(98, 10)], &[]),
        snapshot(1_700_000_000_200, &[(105, 4)], &[]),
    ]);
    venue.trade_at(100);
    let resting = venue.place(limit(A, Side::Sell, 102, 10));
    let set = |status| Input::SymbolStatus {
        market: BTC,
        status,
    };
    let closed = (-2010, "Market is closed.".to_owned());
    for status in [
        SymbolStatus::CancelOnly,
        SymbolStatus::Break,
        SymbolStatus::Halt,
    ] {
        venue.ok(&set(status));
        assert_eq!(
            venue.refused(&Input::Order(limit(B, Side::Buy, 90, 1))),
            closed
        );
    }
    assert_eq!(venue.refused(&cancel(A, resting)), (-2011, closed.1));
    venue.feed(2);
    assert_eq!(venue.order(resting).executed, 0);
    venue.ok(&set(SymbolStatus::Trading));
    assert_eq!(venue.order(resting).executed, 4);
    assert_eq!(venue.order(resting).quote, 102 * 4 * 10);
    venue.ok(&set(SymbolStatus::CancelOnly));
    venue.cancel(A, resting);
}

#[test]
fn forgetting_frees_everything_and_goes_on_counting() {
    let mut venue = Venue::new();
    let first = venue.place(iceberg(limit(A, Side::Sell, 100, 10), 3));
    venue.place(ticket(A, Side::Sell, 10, stop(90)));
    venue.place(limit(B, Side::Buy, 100, 2));
    venue.ok(&Input::Forget);
    assert!(venue.state.book().orders.is_empty());
    assert!(venue.state.book().trades.is_empty());
    assert_eq!(venue.balance(A, "BTC").locked, 0);
    assert_eq!(venue.state.best(BTC).unwrap().1.quantity, 0);
    assert!(venue.place(limit(A, Side::Sell, 100, 10)) > first + 1);
}
