//! Every filter at its edges (filters.md).

use simulated_venue::models::filters::{
    ExchangeFilters, FilterConfig, LotSize, MinNotional, Notional, ONE as UNIT, PercentPrice,
    PercentPriceBySide, PriceFilter, TrailingDelta,
};
use simulated_venue::models::orders::{ListShape, OrderTicket, Side, Terms, Trigger};
use simulated_venue::services::core::VenueState;
use simulated_venue::services::core::auction::AuctionConfig;
use simulated_venue::services::core::market::Market;

use crate::support::*;

fn venue(change: impl Fn(&mut FilterConfig)) -> Venue {
    let mut filters = filters();
    change(&mut filters[BTC]);
    Venue::of(build(accounts(), filters, Vec::new()))
}

fn verdict(venue: &Venue, order: &OrderTicket) -> Option<String> {
    let error = venue.state.check_order(order).err()?;
    assert_eq!((error.status, error.code), (400, -1013), "{error}");
    Some(error.message.replace("Filter failure: ", ""))
}

/// A trade at 100 that every notional rule here lets pass.
fn trade_ten(venue: &mut Venue) {
    venue.place(limit(B, Side::Sell, 100, 10));
    venue.place(limit(A, Side::Buy, 100, 10));
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside None")]
fn fails(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn price_filter_on_price_and_stop_price() {
    let rule = PriceFilter {
        min_price: 50,
        max_price: 200,
        tick_size: 5,
    };
    let venue = venue(|filters| filters.price = rule);
    for (price, good) in [
        (50, true),
        (45, false),
        (200, true),
        (205, false),
        (101, false),
    ] {
        let expected = if good { None } else { fails("PRICE_FILTER") };
        assert_eq!(
            verdict(&venue, &limit(A, Side::Buy, price, 5)),
            expected,
            "{price}"
        );
        let order = ticket(A, Side::Buy, 5, stop(price));
        assert_eq!(verdict(&venue, &order), expected, "stop {price}");
    }
}

#[test]
fn a_bound_of_zero_is_off() {
    let rule = PriceFilter {
        min_price: 0,
        max_price: 0,
        tick_size: 0,
    };
    let venue = venue(|filters| filters.price = rule);
    assert_eq!(verdict(&venue, &limit(A, Side::Buy, 1_234_567, 5)), None);
    assert_eq!(
        verdict(&venue, &limit(A, Side::Buy, 0, 5)),
        fails("PRICE_FILTER")
    );
}

#[test]
fn percent_price_around_the_mean_and_by_side() {
    let both = PercentPrice {
        multiplier_up: UNIT * 13 / 10,
        multiplier_down: UNIT * 7 / 10,
        avg_price_mins: 5,
    };
    let mut wide = venue(|filters| filters.percent_price = Some(both));
    assert_eq!(
        verdict(&wide, &limit(A, Side::Buy, 999, 5)),
        None,
        "nothing to compare with"
    );
    wide.trade_at(100);
    for (price, good) in [(130, true), (131, false), (70, true), (69, false)] {
        let expected = if good { None } else { fails("PERCENT_PRICE") };
        assert_eq!(
            verdict(&wide, &limit(A, Side::Sell, price, 5)),
            expected,
            "{price}"
        );
    }
    let by_side = PercentPriceBySide {
        bid_multiplier_up: UNIT * 12 / 10,
        bid_multiplier_down: UNIT * 2 / 10,
        ask_multiplier_up: UNIT * 5,
        ask_multiplier_down: UNIT * 8 / 10,
        avg_price_mins: 0,
    };
    let mut sided = venue(|filters| filters.percent_price_by_side = Some(by_side));
    sided.trade_at(100);
    for (side, price, good) in [
        (Side::Buy, 120, true),
        (Side::Buy, 121, false),
        (Side::Buy, 19, false),
        (Side::Sell, 500, true),
        (Side::Sell, 501, false),
        (Side::Sell, 79, false),
    ] {
        let name = fails("PERCENT_PRICE_BY_SIDE");
        let expected = if good { None } else { name };
        assert_eq!(
            verdict(&sided, &limit(A, side, price, 5)),
            expected,
            "{price}"
        );
    }
}

#[test]
fn lots_for_quantity_iceberg_and_market_orders() {
    let lot = |min, max, step| LotSize {
        min_quantity: min,
        max_quantity: max,
        step_size: step,
    };
    let venue = venue(|filters| {
        filters.lot_size = lot(10, 100, 5);
        filters.market_lot_size = Some(lot(20, 50, 0));
    });
    for (quantity, good) in [
        (10, true),
        (5, false),
        (100, true),
        (105, false),
        (12, false),
    ] {
        let expected = if good { None } else { fails("LOT_SIZE") };
        assert_eq!(
            verdict(&venue, &limit(A, Side::Buy, 100, quantity)),
            expected
        );
    }
    let small = iceberg(limit(A, Side::Buy, 100, 100), 5);
    assert_eq!(verdict(&venue, &small), fails("LOT_SIZE"));
    for (quantity, good) in [(20, true), (15, false), (50, true), (55, false)] {
        let expected = if good { None } else { fails("MARKET_LOT_SIZE") };
        let order = ticket(A, Side::Sell, quantity, Terms::Market);
        assert_eq!(verdict(&venue, &order), expected);
    }
}

#[test]
fn notional_rules_use_the_mean_for_market_orders() {
    let least = MinNotional {
        min_notional: 10_000,
        apply_to_market: false,
        avg_price_mins: 0,
    };
    let mut lax = venue(|filters| filters.min_notional = Some(least));
    trade_ten(&mut lax);
    assert_eq!(verdict(&lax, &limit(A, Side::Buy, 100, 10)), None);
    assert_eq!(
        verdict(&lax, &limit(A, Side::Buy, 100, 9)),
        fails("MIN_NOTIONAL")
    );
    assert_eq!(
        verdict(&lax, &ticket(A, Side::Sell, 9, Terms::Market)),
        None
    );
    let rule = Notional {
        min_notional: 10_000,
        apply_min_to_market: true,
        max_notional: 20_000,
        apply_max_to_market: true,
        avg_price_mins: 5,
    };
    let mut strict = venue(|filters| filters.notional = Some(rule));
    trade_ten(&mut strict);
    for (quantity, good) in [(10, true), (9, false), (20, true), (21, false)] {
        let expected = if good { None } else { fails("NOTIONAL") };
        assert_eq!(
            verdict(&strict, &limit(A, Side::Buy, 100, quantity)),
            expected
        );
        let market = ticket(A, Side::Sell, quantity, Terms::Market);
        assert_eq!(verdict(&strict, &market), expected);
        let stops = ticket(A, Side::Sell, quantity, stop(90));
        assert_eq!(verdict(&strict, &stops), expected, "it becomes MARKET");
    }
    let money = |quote_quantity| ticket(A, Side::Buy, 0, Terms::MarketQuote { quote_quantity });
    assert_eq!(verdict(&strict, &money(9_999)), fails("NOTIONAL"));
}

#[test]
fn iceberg_parts_round_up() {
    let venue = venue(|filters| filters.iceberg_parts = Some(3));
    for (slice, good) in [(4, true), (3, false)] {
        let expected = if good { None } else { fails("ICEBERG_PARTS") };
        let order = iceberg(limit(A, Side::Buy, 100, 10), slice);
        assert_eq!(verdict(&venue, &order), expected);
    }
}

#[test]
fn trailing_delta_by_side_of_the_market() {
    let rule = TrailingDelta {
        min_trailing_above_delta: 10,
        max_trailing_above_delta: 20,
        min_trailing_below_delta: 30,
        max_trailing_below_delta: 40,
    };
    let venue = venue(|filters| filters.trailing_delta = Some(rule));
    for (side, delta, good) in [
        (Side::Buy, 10, true),
        (Side::Buy, 21, false),
        (Side::Buy, 9, false),
        (Side::Sell, 29, false),
        (Side::Sell, 40, true),
        (Side::Sell, 41, false),
    ] {
        let trigger = Trigger::Trailing {
            trailing_delta: delta,
        };
        let order = ticket(A, side, 5, Terms::StopLoss { trigger });
        let expected = if good { None } else { fails("TRAILING_DELTA") };
        assert_eq!(verdict(&venue, &order), expected, "{side:?} {delta}");
    }
}

#[test]
fn counts_of_open_orders_by_symbol() {
    let mut venue = venue(|filters| {
        filters.max_num_orders = Some(3);
        filters.max_num_algo_orders = Some(1);
        filters.max_num_iceberg_orders = Some(1);
        filters.max_num_order_lists = Some(1);
    });
    venue.trade_at(100);
    let pair = |account| {
        list(
            account,
            ListShape::Oco {
                above: leg(Side::Buy, 5, stop(120)),
                below: leg(Side::Buy, 5, Terms::LimitMaker { price: 50 }),
            },
        )
    };
    venue.place(iceberg(limit(A, Side::Buy, 50, 10), 5));
    let second = iceberg(limit(A, Side::Buy, 50, 10), 5);
    assert_eq!(verdict(&venue, &second), fails("MAX_NUM_ICEBERG_ORDERS"));
    venue.ok(&pair(A));
    assert_eq!(
        verdict(&venue, &limit(A, Side::Buy, 50, 5)),
        fails("MAX_NUM_ORDERS")
    );
    assert_eq!(
        verdict(&venue, &limit(B, Side::Buy, 50, 5)),
        None,
        "for each account"
    );
    let algo = ticket(B, Side::Buy, 5, stop(130));
    venue.place(algo.clone());
    assert_eq!(verdict(&venue, &algo), fails("MAX_NUM_ALGO_ORDERS"));
    assert_eq!(
        venue.refused(&pair(B)).1,
        "Filter failure: MAX_NUM_ALGO_ORDERS"
    );
    let limits = ListShape::Oto {
        working: leg(Side::Buy, 5, gtc(50)),
        pending: leg(Side::Sell, 5, gtc(150)),
    };
    venue.ok(&list(C, limits.clone()));
    assert_eq!(
        venue.refused(&list(C, limits)).1,
        "Filter failure: MAX_NUM_ORDERS"
    );
}

#[test]
fn the_exchange_counts_over_all_symbols_and_caps_assets() {
    let markets = vec![
        Market::live(instrument("BTCUSDT"), open_filters("BTCUSDT")),
        Market::live(instrument("ETHBTC"), open_filters("ETHBTC")),
    ];
    let mut exchange_filters = ExchangeFilters {
        max_num_orders: Some(2),
        max_num_algo_orders: Some(1),
        ..ExchangeFilters::default()
    };
    exchange_filters.max_asset.insert("BTC".into(), 50_000);
    exchange_filters.max_asset.insert("USDT".into(), 100_000);
    let mut venue = Venue::of(VenueState::market_mode(
        AuctionConfig {
            accounts: accounts(),
            exchange_filters,
            feed: Box::new(Script::default()),
            opens_at: 0,
        },
        markets,
    ));
    assert_eq!(verdict(&venue, &limit(A, Side::Buy, 100, 50)), None);
    assert_eq!(
        verdict(&venue, &limit(A, Side::Buy, 100, 51)),
        fails("MAX_ASSET")
    );
    assert_eq!(
        verdict(&venue, &limit(A, Side::Buy, 250, 41)),
        fails("MAX_ASSET")
    );
    let eth = OrderTicket {
        market: ETH,
        ..ticket(A, Side::Buy, 5, stop(120))
    };
    venue.place(eth);
    let algo = ticket(A, Side::Buy, 5, stop(120));
    assert_eq!(
        verdict(&venue, &algo),
        fails("EXCHANGE_MAX_NUM_ALGO_ORDERS")
    );
    venue.place(limit(A, Side::Buy, 100, 1));
    assert_eq!(
        verdict(&venue, &limit(A, Side::Buy, 100, 1)),
        fails("EXCHANGE_MAX_NUM_ORDERS")
    );
}

#[test]
fn position_counts_what_is_held_and_what_open_buys_add() {
    let most = i64::try_from(RICH / 1_000).unwrap() + 100;
    let mut venue = venue(|filters| filters.max_position = Some(most));
    assert_eq!(
        verdict(&venue, &limit(A, Side::Buy, 100, 101)),
        fails("MAX_POSITION")
    );
    let first = venue.place(limit(A, Side::Buy, 100, 60));
    assert_eq!(
        verdict(&venue, &limit(A, Side::Buy, 100, 41)),
        fails("MAX_POSITION")
    );
    assert_eq!(verdict(&venue, &limit(A, Side::Buy, 100, 40)), None);
    assert_eq!(verdict(&venue, &limit(A, Side::Sell, 200, 5_000)), None);
    venue.ok(&cancel(A, first));
    assert_eq!(verdict(&venue, &limit(A, Side::Buy, 100, 100)), None);
}

#[test]
fn what_is_enforced_is_what_is_advertised() {
    let market = Market::live(
        instrument("BTCUSDT"),
        FilterConfig::for_instrument(&instrument("BTCUSDT")),
    );
    let rows = simulated_venue::services::core::filters::describe(&market);
    let names: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["filterType"].as_str().unwrap())
        .collect();
    for name in [
        "PRICE_FILTER",
        "LOT_SIZE",
        "MARKET_LOT_SIZE",
        "PERCENT_PRICE_BY_SIDE",
        "NOTIONAL",
        "ICEBERG_PARTS",
        "MAX_NUM_ORDERS",
        "MAX_NUM_ALGO_ORDERS",
        "TRAILING_DELTA",
        "MAX_NUM_ORDER_AMENDS",
        "MAX_NUM_ORDER_LISTS",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(rows[0]["tickSize"], "0.01000000");
    assert_eq!(rows[3]["bidMultiplierDown"], "0.2");
}
