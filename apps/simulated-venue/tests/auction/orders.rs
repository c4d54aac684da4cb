//! Single orders: rest-api.md, "New order".

use simulated_venue::models::orders::{
    ExpiryReason, OrderTicket, Side, Status, Terms, TimeInForce, Trigger,
};

use crate::support::*;
use simulated_venue::models::orders::Input;

fn with_force(ticket: OrderTicket, price: i64, time_in_force: TimeInForce) -> OrderTicket {
    OrderTicket {
        terms: Terms::Limit {
            price,
            time_in_force,
        },
        ..ticket
    }
}

#[test]
fn better_price_first_then_earlier_order() {
    let mut venue = Venue::new();
    let late_best = [
        venue.place(limit(A, Side::Sell, 101, 5)),
        venue.place(limit(B, Side::Sell, 100, 5)),
        venue.place(limit(A, Side::Sell, 100, 5)),
    ];
    let taker = venue.place(limit(C, Side::Buy, 101, 12));
    let makers: Vec<_> = venue.trades().into_iter().filter(|t| t.3).collect();
    assert_eq!(
        makers,
        [
            (late_best[1], 100, 5, true),
            (late_best[2], 100, 5, true),
            (late_best[0], 101, 2, true)
        ]
    );
    assert_eq!(venue.status(taker), Status::Filled);
    assert_eq!(venue.status(late_best[0]), Status::PartiallyFilled);
    assert_eq!(venue.order(taker).quote, 1_202 * 10);
}

#[test]
fn money_moves_with_fees_in_the_received_asset() {
    let mut venue = Venue::new();
    venue.place(limit(B, Side::Sell, 10_000_000, 100_000));
    let resting = venue.balance(B, "BTC");
    assert_eq!((resting.free, resting.locked), (RICH - ONE, ONE));
    venue.place(limit(C, Side::Buy, 10_000_000, 100_000));
    // B is maker at 0.1 %, C taker at 0.1 %: 100000 USDT against 1 BTC.
    assert_eq!(
        venue.balance(B, "USDT").free,
        RICH + 100_000 * ONE - 100 * ONE
    );
    assert_eq!(venue.balance(C, "BTC").free, RICH + ONE - ONE / 1_000);
    assert_eq!(venue.balance(C, "USDT").free, RICH - 100_000 * ONE);
    assert_eq!(venue.balance(B, "BTC").locked, 0);
}

#[test]
fn ioc_keeps_what_it_took_and_fok_takes_all_or_nothing() {
    let mut venue = Venue::new();
    venue.place(limit(A, Side::Sell, 100, 5));
    let order = limit(B, Side::Buy, 100, 8);
    let fok = venue.place(with_force(order.clone(), 100, TimeInForce::Fok));
    assert_eq!(venue.status(fok), Status::Expired);
    assert_eq!(
        venue.order(fok).expiry_reason,
        Some(ExpiryReason::UnfilledFokOrderExpired)
    );
    assert!(venue.trades().is_empty());
    let ioc = venue.place(with_force(order.clone(), 100, TimeInForce::Ioc));
    assert_eq!(
        (venue.status(ioc), venue.order(ioc).executed),
        (Status::Expired, 5)
    );
    assert_eq!(
        venue.order(ioc).expiry_reason,
        Some(ExpiryReason::UnfilledIocQuantityExpired)
    );
    venue.place(limit(A, Side::Sell, 100, 8));
    let fok = venue.place(with_force(order, 100, TimeInForce::Fok));
    assert_eq!(venue.status(fok), Status::Filled);
    assert_eq!(venue.balance(B, "USDT").locked, 0);
}

#[test]
fn a_market_order_that_empties_the_book_ends_expired_with_its_fill() {
    let mut venue = Venue::new();
    let nothing = venue.place(ticket(B, Side::Buy, 3, Terms::Market));
    assert_eq!(
        (venue.status(nothing), venue.order(nothing).executed),
        (Status::Expired, 0)
    );
    venue.place(limit(A, Side::Sell, 100, 5));
    let id = venue.place(ticket(B, Side::Buy, 8, Terms::Market));
    assert_eq!(
        (venue.status(id), venue.order(id).executed),
        (Status::Expired, 5)
    );
    assert_eq!(
        venue.order(id).expiry_reason,
        Some(ExpiryReason::InsufficientLiquidity)
    );
}

#[test]
fn a_limit_maker_never_takes() {
    let mut venue = Venue::new();
    venue.place(limit(A, Side::Sell, 100, 5));
    let maker = |price| Input::Order(ticket(B, Side::Buy, 2, Terms::LimitMaker { price }));
    let refusal = venue.refused(&maker(100));
    assert_eq!(
        refusal,
        (-2010, "Order would immediately match and take.".into())
    );
    venue.ok(&maker(99));
}

#[test]
fn money_orders_spend_no_more_than_they_say() {
    let mut venue = Venue::new();
    // 1000.00 USDT buys 0.004 at 100000.00 and 0.00599 at 100001.00.
    venue.place(limit(A, Side::Sell, 10_000_000, 400));
    venue.place(limit(A, Side::Sell, 10_000_100, 10_000));
    let quote_quantity = 100_000_000_000;
    let terms = Terms::MarketQuote { quote_quantity };
    let id = venue.place(ticket(B, Side::Buy, 0, terms));
    let order = venue.order(id);
    assert_eq!(
        (order.status, order.executed, order.quantity),
        (Status::Filled, 999, 999)
    );
    assert_eq!(order.quote, 400 * 10_000_000 * 10 + 599 * 10_000_100 * 10);
    assert!(order.quote <= i128::from(quote_quantity));
    let sell = Terms::MarketQuote {
        quote_quantity: 100_000_000,
    };
    let refusal = venue.refused(&Input::Order(ticket(B, Side::Sell, 0, sell)));
    assert_eq!(
        refusal.1,
        "Order book liquidity is less than symbol minimum quantity."
    );
}

#[test]
fn a_money_order_that_outlives_the_book_expires() {
    let mut venue = Venue::new();
    venue.place(limit(A, Side::Sell, 10_000_000, 400));
    let terms = Terms::MarketQuote {
        quote_quantity: 100_000_000_000,
    };
    let id = venue.place(ticket(B, Side::Buy, 0, terms));
    let order = venue.order(id);
    assert_eq!(
        (order.status, order.executed, order.quantity),
        (Status::Expired, 400, 1_000)
    );
}

#[test]
fn an_iceberg_shows_a_slice_and_loses_its_turn_with_each() {
    let mut venue = Venue::new();
    let ice = venue.place(iceberg(limit(A, Side::Sell, 100, 10), 4));
    let plain = venue.place(limit(B, Side::Sell, 100, 4));
    let (_, asks) = venue.state.depth(BTC).unwrap().published(5);
    assert_eq!(asks, [level(100, 8)]);
    venue.place(limit(C, Side::Buy, 100, 15));
    let makers: Vec<_> = venue.trades().into_iter().filter(|t| t.3).collect();
    assert_eq!(
        makers,
        [
            (ice, 100, 4, true),
            (plain, 100, 4, true),
            (ice, 100, 4, true),
            (ice, 100, 2, true)
        ]
    );
    assert_eq!(venue.state.best(BTC).unwrap().0, level(100, 1));
}

#[test]
fn contingent_orders_wait_for_the_last_price() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    let refusal = venue.refused(&Input::Order(ticket(A, Side::Sell, 5, stop(100))));
    assert_eq!(refusal, (-2010, "Order would trigger immediately.".into()));
    let stop_id = venue.place(ticket(A, Side::Sell, 5, stop(95)));
    let profit = Terms::TakeProfitLimit {
        price: 104,
        time_in_force: TimeInForce::Gtc,
        trigger: Trigger::Price { stop_price: 105 },
    };
    let profit_id = venue.place(ticket(A, Side::Sell, 5, profit));
    assert_eq!(venue.balance(A, "BTC").locked, 10_000);
    assert_eq!(venue.order(stop_id).working_at, None);
    venue.place(limit(B, Side::Buy, 94, 9));
    venue.trade_at(96);
    assert_eq!(venue.status(stop_id), Status::New);
    venue.place(limit(B, Side::Buy, 95, 1));
    let applied = venue.ok(&Input::Order(limit(C, Side::Sell, 95, 1)));
    assert_eq!(
        told(&applied, A),
        [
            ("NEW".into(), "NEW".into(), stop_id),
            ("TRADE".into(), "FILLED".into(), stop_id)
        ]
    );
    assert_eq!(venue.order(stop_id).quote, 94 * 5 * 10);
    venue.trade_at(105);
    assert_eq!(venue.status(profit_id), Status::New);
    assert!(venue.order(profit_id).working_at.is_some());
    assert_eq!(venue.state.best(BTC).unwrap().1, level(104, 5));
}

#[test]
fn triggered_stops_can_trigger_others() {
    let mut venue = Venue::new();
    venue.trade_at(100);
    venue.place(limit(C, Side::Buy, 95, 2));
    venue.place(limit(C, Side::Buy, 90, 2));
    venue.place(limit(C, Side::Buy, 80, 2));
    let first = venue.place(ticket(A, Side::Sell, 3, stop(95)));
    let second = venue.place(ticket(B, Side::Sell, 2, stop(90)));
    venue.place(limit(A, Side::Sell, 95, 1));
    assert_eq!(venue.status(first), Status::Filled);
    assert_eq!(venue.status(second), Status::Filled);
    let sold: Vec<_> = venue
        .trades()
        .into_iter()
        .filter(|t| t.0 == second)
        .collect();
    assert_eq!(sold, [(second, 80, 2, false)]);
}

#[test]
fn a_triggered_buy_spends_what_the_account_has_and_no_more() {
    let mut poor = accounts();
    poor[1].balances = vec![("USDT".to_owned(), 1_000 * 110)];
    let mut venue = Venue::of(build(poor, filters(), Vec::new()));
    venue.place(limit(C, Side::Sell, 100, 1));
    venue.place(limit(A, Side::Buy, 100, 1));
    let id = venue.place(ticket(B, Side::Buy, 100, stop(110)));
    assert_eq!(venue.balance(B, "USDT").free, 0);
    venue.place(limit(C, Side::Sell, 110, 41));
    venue.place(limit(C, Side::Sell, 150, 500));
    venue.place(limit(A, Side::Buy, 110, 1));
    let order = venue.order(id);
    // 40 at 110 = 4400, 44 at 150 = 6600: all of 11000 is spent.
    assert_eq!((order.status, order.executed), (Status::Expired, 84));
    assert_eq!(order.expiry_reason, Some(ExpiryReason::Rejected));
    let left = venue.balance(B, "USDT");
    assert_eq!((left.free, left.locked), (0, 0));
}

#[test]
fn what_cannot_be_paid_is_refused_and_leaves_no_trace() {
    let mut poor = accounts();
    poor[1].balances = vec![("USDT".to_owned(), 5_000), ("BTC".to_owned(), 4_000)];
    let mut venue = Venue::of(build(poor, filters(), Vec::new()));
    venue.place(limit(A, Side::Sell, 100, 50));
    venue.place(limit(A, Side::Buy, 90, 50));
    let hash = venue.state.chain_hash();
    let text = "Account has insufficient balance for requested action.";
    for order in [
        limit(B, Side::Buy, 100, 6),
        limit(B, Side::Sell, 100, 5),
        ticket(B, Side::Buy, 6, Terms::Market),
        ticket(B, Side::Sell, 5, Terms::Market),
        ticket(
            B,
            Side::Buy,
            0,
            Terms::MarketQuote {
                quote_quantity: 6_000,
            },
        ),
    ] {
        let refusal = venue.refused(&Input::Order(order));
        assert_eq!(refusal, (-2010, text.to_owned()));
    }
    assert_eq!(venue.state.chain_hash(), hash);
    venue.place(ticket(B, Side::Buy, 5, Terms::Market));
    assert_eq!(venue.balance(B, "USDT").free, 0);
}

#[test]
fn client_order_ids_are_unique_among_an_accounts_open_orders() {
    let mut venue = Venue::new();
    let named = |account, price| OrderTicket {
        client_order_id: Some("mine".to_owned()),
        ..limit(account, Side::Buy, price, 5)
    };
    let first = venue.place(named(A, 90));
    venue.place(named(B, 90));
    assert_eq!(
        venue.refused(&Input::Order(named(A, 91))),
        (-2010, "Duplicate order sent.".into())
    );
    venue.cancel(A, first);
    let second = venue.place(named(A, 91));
    let found = venue.state.book().by_client_id(A, BTC, "mine").unwrap();
    assert_eq!(found.order_id, second);
    assert_eq!(
        venue.refused(&cancel(B, second)).0,
        -2011,
        "another account's order"
    );
}
