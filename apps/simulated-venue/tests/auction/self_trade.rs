//! The scenarios of faqs/stp_faq.md.

use simulated_venue::models::orders::{SelfTradePrevention as Mode, Side, Status, Terms};

use crate::support::*;

/// Three bids of one account and a sell of `taker` with `mode` that would take them.
fn three_makers(mode: Mode) -> (Venue, [u64; 3], u64) {
    let mut venue = Venue::new();
    let makers = [(120, 12), (110, 13), (100, 81)]
        .map(|(price, quantity)| venue.place(limit(A, Side::Buy, price, quantity)));
    let taker = venue.place(with_prevention(limit(A, Side::Sell, 100, 30), mode));
    (venue, makers, taker)
}

fn facts(venue: &Venue, id: u64) -> (Status, i64, i64) {
    let order = venue.order(id);
    (order.status, order.executed, order.prevented)
}

#[test]
fn none_trades_with_itself() {
    let (venue, makers, taker) = three_makers(Mode::None);
    assert_eq!(facts(&venue, makers[0]), (Status::Filled, 12, 0));
    assert_eq!(facts(&venue, taker), (Status::Filled, 30, 0));
}

#[test]
fn expire_maker_removes_makers_and_rests() {
    let (venue, makers, taker) = three_makers(Mode::ExpireMaker);
    for (id, quantity) in makers.into_iter().zip([12, 13, 81]) {
        assert_eq!(facts(&venue, id), (Status::ExpiredInMatch, 0, quantity));
    }
    assert_eq!(facts(&venue, taker), (Status::New, 0, 0));
    let matches: Vec<_> = venue.state.book().prevented_of(taker).collect();
    let numbers: Vec<u64> = matches.iter().map(|m| m.prevented_match_id).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(matches[2].maker_prevented, 81);
    assert_eq!(venue.balance(A, "USDT").locked, 0);
}

#[test]
fn expire_taker_leaves_makers_alone() {
    let (venue, makers, taker) = three_makers(Mode::ExpireTaker);
    assert_eq!(facts(&venue, makers[0]), (Status::New, 0, 0));
    assert_eq!(facts(&venue, taker), (Status::ExpiredInMatch, 0, 30));
    assert_eq!(venue.state.book().prevented.len(), 1);
}

#[test]
fn expire_both_ends_the_first_pair() {
    let (venue, makers, taker) = three_makers(Mode::ExpireBoth);
    assert_eq!(facts(&venue, makers[0]), (Status::ExpiredInMatch, 0, 12));
    assert_eq!(facts(&venue, makers[1]), (Status::New, 0, 0));
    assert_eq!(facts(&venue, taker), (Status::ExpiredInMatch, 0, 30));
}

#[test]
fn decrement_takes_from_both_until_one_is_gone() {
    let (venue, makers, taker) = three_makers(Mode::Decrement);
    assert_eq!(facts(&venue, makers[0]), (Status::ExpiredInMatch, 0, 12));
    assert_eq!(facts(&venue, makers[1]), (Status::ExpiredInMatch, 0, 13));
    assert_eq!(facts(&venue, makers[2]), (Status::New, 0, 5));
    assert_eq!(facts(&venue, taker), (Status::ExpiredInMatch, 0, 30));
    assert_eq!(venue.order(makers[2]).remaining(), 76);
    assert_eq!(venue.balance(A, "USDT").locked, 100 * 76 * 10);
}

/// Scenario F: the maker expires by prevention, the market order for want of liquidity.
#[test]
fn a_market_order_may_find_nothing_left() {
    let mut venue = Venue::new();
    let maker = venue.place(limit(A, Side::Buy, 100, 10));
    let market = ticket(A, Side::Sell, 10, Terms::Market);
    let taker = venue.place(with_prevention(market, Mode::ExpireMaker));
    assert_eq!(facts(&venue, maker), (Status::ExpiredInMatch, 0, 10));
    assert_eq!(facts(&venue, taker), (Status::Expired, 0, 0));
}

/// Scenario H, and its condition that both orders say TRANSFER.
#[test]
fn transfer_moves_quantity_and_notional_inside_a_group() {
    for (maker_mode, moved) in [(Mode::Transfer, 20), (Mode::None, 0)] {
        let mut venue = Venue::new();
        let maker = venue.place(with_prevention(limit(B, Side::Buy, 20, 60), maker_mode));
        let taker = venue.place(with_prevention(
            limit(C, Side::Sell, 20, 20),
            Mode::Transfer,
        ));
        assert_eq!(facts(&venue, maker), (Status::New, 0, 20));
        assert_eq!(facts(&venue, taker), (Status::ExpiredInMatch, 0, 20));
        assert_eq!(venue.balance(B, "BTC").free, RICH + 1_000 * moved);
        assert_eq!(venue.balance(C, "BTC").free, RICH - 1_000 * moved);
        assert_eq!(venue.balance(C, "USDT").free, RICH + 20 * 10 * moved);
        assert_eq!(venue.balance(B, "USDT").locked, 20 * 40 * 10);
        assert!(venue.trades().is_empty(), "it is no trade");
        assert_eq!(venue.state.book().prevented[0].trade_group_id, 7);
    }
}

#[test]
fn accounts_without_a_common_group_trade() {
    let mut venue = Venue::new();
    venue.place(limit(A, Side::Buy, 100, 10));
    let taker = venue.place(with_prevention(
        limit(C, Side::Sell, 100, 10),
        Mode::ExpireBoth,
    ));
    assert_eq!(facts(&venue, taker), (Status::Filled, 10, 0));
}
