//! The matching rules K13 to K16 as scenarios with figures worked out by hand.

use crate::support::*;
use rust_common::{LiquiditySide, OrderSide, OrderStatus, TimeInForce};
use trading_engine::models::{ExecutionKind, InstrumentIndex, NewOrderKind, OrderId};
use trading_engine::services::exchange::{CancelRefused, FilterName, OrderRefused};

const GTC: TimeInForce = TimeInForce::Gtc { post_only: false };
const POST_ONLY: TimeInForce = TimeInForce::Gtc { post_only: true };

fn limit(price_text: &str, time_in_force: TimeInForce) -> NewOrderKind {
    NewOrderKind::Limit {
        price: price(price_text),
        time_in_force,
    }
}

fn stop(trigger: &str) -> NewOrderKind {
    NewOrderKind::StopMarket {
        trigger_price: price(trigger),
    }
}

fn filter(name: FilterName) -> OrderRefused {
    OrderRefused::Filter { name }
}

#[test]
fn a_market_order_runs_at_the_open_worse_by_slippage_and_rounded_against_the_taker() {
    let mut exchange = exchange("10000", "1");
    open_at(&mut exchange, 1, "43443.06");
    exchange.submit(market(OrderSide::Buy, "0.01000")).unwrap();
    exchange.submit(market(OrderSide::Sell, "0.01000")).unwrap();
    let trades = trades(&mut exchange);
    // 43443.06 x 1.0002 = 43451.748612, up to 43451.75; x 0.9998 = 43434.371388, down to .37
    assert_eq!(trades[0].1.price, price("43451.75"));
    assert_eq!(trades[1].1.price, price("43434.37"));
    assert!(
        trades
            .iter()
            .all(|(_, t)| t.liquidity_side == LiquiditySide::Taker)
    );
    // BUY pays 434.5175 USD and receives 0.01 BTC less 0.1 %; SELL receives 434.3437 less 0.1 %
    assert_eq!(
        (trades[0].1.fee, trades[0].1.fee_asset.as_str()),
        (money("0.00001"), "BTC")
    );
    assert_eq!(
        (trades[1].1.fee, trades[1].1.fee_asset.as_str()),
        (money("0.4343437"), "USD")
    );
    assert_eq!(balance(&exchange, "USD").0, "9999.39185630");
    assert_eq!(balance(&exchange, "BTC").0, "0.99999000");
    assert_eq!(trades[0].0.at, at(MINUTES_15));
}

#[test]
fn a_fee_is_rounded_half_even_to_eight_places() {
    let mut exchange = exchange("0", "1");
    open_at(&mut exchange, 1, "100.00");
    exchange.submit(market(OrderSide::Sell, "0.12325")).unwrap();
    exchange.submit(market(OrderSide::Sell, "0.12375")).unwrap();
    let trades = trades(&mut exchange);
    // 99.98 x 0.12325 = 12.3225350, x 0.001 = 0.0123225350: a tie, up to the even 4
    assert_eq!(trades[0].1.fee, money("0.01232254"));
    // 99.98 x 0.12375 = 12.3725250, x 0.001 = 0.0123725250: a tie, down to the even 2
    assert_eq!(trades[1].1.fee, money("0.01237252"));
}

#[test]
fn a_stop_triggers_on_touch_and_slips_from_its_trigger() {
    let mut exchange = exchange("0", "1");
    open_at(&mut exchange, 1, "100.00");
    let id = exchange
        .submit(order(OrderSide::Sell, "1", stop("95.00")))
        .unwrap();
    exchange.match_bar(BTC, &bar(1, "100.00", "101.00", "95.01", "96.00"));
    assert!(
        trades(&mut exchange).is_empty(),
        "one tick above the trigger is no touch"
    );
    open_at(&mut exchange, 2, "96.00");
    exchange.match_bar(BTC, &bar(2, "96.00", "96.50", "95.00", "96.00"));
    let executions = exchange.drain_executions();
    assert_eq!(executions[0].kind, ExecutionKind::Triggered);
    let ExecutionKind::Trade(trade) = &executions[1].kind else {
        panic!("no trade")
    };
    // 95 x 0.9998 = 94.981, down to 94.98
    assert_eq!(trade.price, price("94.98"));
    assert_eq!(trade.liquidity_side, LiquiditySide::Taker);
    assert_eq!(executions[1].at, at(3 * MINUTES_15));
    assert_eq!(exchange.order(id).unwrap().status, OrderStatus::Filled);
}

#[test]
fn a_gap_through_the_stop_fills_at_the_open() {
    let mut exchange = exchange("100000", "1");
    open_at(&mut exchange, 1, "100.00");
    exchange
        .submit(order(OrderSide::Sell, "1", stop("95.00")))
        .unwrap();
    exchange
        .submit(order(OrderSide::Buy, "1", stop("105.00")))
        .unwrap();
    exchange.match_bar(BTC, &bar(1, "100.00", "100.00", "100.00", "100.00"));
    open_at(&mut exchange, 2, "90.00");
    exchange.match_bar(BTC, &bar(2, "90.00", "92.00", "89.00", "91.00"));
    // the worse of 95 and 90, x 0.9998 = 89.982, down to 89.98
    assert_eq!(trades(&mut exchange)[0].1.price, price("89.98"));
    open_at(&mut exchange, 3, "110.00");
    exchange.match_bar(BTC, &bar(3, "110.00", "111.00", "109.00", "110.00"));
    // the worse of 105 and 110, x 1.0002 = 110.022, up to 110.03
    assert_eq!(trades(&mut exchange)[0].1.price, price("110.03"));
}

#[test]
fn a_resting_limit_needs_trade_through_and_fills_as_maker_without_slippage() {
    let mut exchange = exchange("1000", "1");
    open_at(&mut exchange, 1, "100.00");
    exchange
        .submit(order(OrderSide::Buy, "1", limit("99.00", GTC)))
        .unwrap();
    exchange
        .submit(order(OrderSide::Sell, "1", limit("101.00", GTC)))
        .unwrap();
    exchange.match_bar(BTC, &bar(1, "100.00", "101.00", "99.00", "100.00"));
    assert!(trades(&mut exchange).is_empty(), "a touch is not enough");
    open_at(&mut exchange, 2, "100.00");
    exchange.match_bar(BTC, &bar(2, "100.00", "101.01", "98.99", "100.00"));
    let trades = trades(&mut exchange);
    assert_eq!(trades[0].1.price, price("99.00"));
    assert_eq!(trades[1].1.price, price("101.00"));
    assert!(
        trades
            .iter()
            .all(|(_, t)| t.liquidity_side == LiquiditySide::Maker)
    );
    assert_eq!(trades[0].1.fee, money("0.0005"));
}

#[test]
fn a_resting_limit_takes_the_better_open() {
    let mut exchange = exchange("1000", "1");
    open_at(&mut exchange, 1, "100.00");
    exchange
        .submit(order(OrderSide::Buy, "1", limit("99.00", GTC)))
        .unwrap();
    exchange
        .submit(order(OrderSide::Sell, "1", limit("101.00", GTC)))
        .unwrap();
    exchange.match_bar(BTC, &bar(1, "100.00", "100.00", "100.00", "100.00"));
    open_at(&mut exchange, 2, "97.00");
    exchange.match_bar(BTC, &bar(2, "97.00", "98.00", "96.00", "97.00"));
    assert_eq!(trades(&mut exchange)[0].1.price, price("97.00"));
    assert_eq!(
        balance(&exchange, "USD"),
        ("903.00000000".into(), "0.00000000".into())
    );
    open_at(&mut exchange, 3, "104.00");
    exchange.match_bar(BTC, &bar(3, "104.00", "105.00", "103.00", "104.00"));
    assert_eq!(trades(&mut exchange)[0].1.price, price("104.00"));
}

#[test]
fn stop_and_target_in_one_bar_is_the_stop() {
    let mut exchange = exchange("0", "1");
    open_at(&mut exchange, 1, "100.00");
    let oco = exchange
        .submit_oco(sell_oco("1", "95.00", "105.00"))
        .unwrap();
    assert_eq!(
        balance(&exchange, "BTC"),
        ("0.00000000".into(), "1.00000000".into())
    );
    exchange.drain_executions();
    exchange.match_bar(BTC, &bar(1, "100.00", "110.00", "90.00", "100.00"));
    let executions = exchange.drain_executions();
    let kinds: Vec<_> = executions.iter().map(|e| (e.order_id, e.status)).collect();
    assert_eq!(
        kinds,
        [
            (oco.stop_id, OrderStatus::Triggered),
            (oco.limit_id, OrderStatus::Expired),
            (oco.stop_id, OrderStatus::Filled),
        ]
    );
    assert_eq!(
        balance(&exchange, "BTC"),
        ("0.00000000".into(), "0.00000000".into())
    );
    assert_eq!(exchange.open_orders().count(), 0);
}

#[test]
fn the_target_alone_expires_the_stop() {
    let mut exchange = exchange("0", "1");
    open_at(&mut exchange, 1, "100.00");
    let oco = exchange
        .submit_oco(sell_oco("1", "95.00", "105.00"))
        .unwrap();
    exchange.match_bar(BTC, &bar(1, "100.00", "105.01", "96.00", "100.00"));
    let trades = trades(&mut exchange);
    assert_eq!((trades.len(), trades[0].0.order_id), (1, oco.limit_id));
    assert_eq!(trades[0].1.liquidity_side, LiquiditySide::Maker);
    assert_eq!(
        exchange.order(oco.stop_id).unwrap().status,
        OrderStatus::Expired
    );
    // 105 less 0.05 %
    assert_eq!(balance(&exchange, "USD").0, "104.94750000");
}

#[test]
fn an_oco_beyond_the_market_is_refused_whole() {
    let mut exchange = exchange("0", "1");
    open_at(&mut exchange, 1, "100.00");
    let refusal = |exchange: &mut trading_engine::services::exchange::Exchange, t, l| {
        exchange.submit_oco(sell_oco("1", t, l)).unwrap_err()
    };
    let triggers = OrderRefused::WouldTriggerImmediately;
    assert_eq!(refusal(&mut exchange, "100.00", "105.00"), triggers);
    assert_eq!(refusal(&mut exchange, "101.00", "105.00"), triggers);
    let takes = OrderRefused::WouldTakeImmediately;
    assert_eq!(refusal(&mut exchange, "95.00", "100.00"), takes);
    assert_eq!(refusal(&mut exchange, "95.00", "99.00"), takes);
    assert!(exchange.drain_executions().is_empty() && exchange.orders().is_empty());
    assert_eq!(
        balance(&exchange, "BTC"),
        ("1.00000000".into(), "0.00000000".into())
    );
}

#[test]
fn a_marketable_limit_takes_at_the_open() {
    let mut exchange = exchange("1000", "0");
    open_at(&mut exchange, 1, "100.00");
    exchange
        .submit(order(OrderSide::Buy, "1", limit("101.00", GTC)))
        .unwrap();
    let trades = trades(&mut exchange);
    assert_eq!(trades[0].1.price, price("100.00"));
    assert_eq!(trades[0].1.liquidity_side, LiquiditySide::Taker);
    let refused = exchange.submit(order(OrderSide::Buy, "1", limit("100.00", POST_ONLY)));
    assert_eq!(refused, Err(OrderRefused::WouldTakeImmediately));
    assert!(
        exchange
            .submit(order(OrderSide::Buy, "1", limit("99.99", POST_ONLY)))
            .is_ok()
    );
}

#[test]
fn ioc_and_fok_fill_at_once_or_expire() {
    let mut exchange = exchange("1000", "0");
    open_at(&mut exchange, 1, "100.00");
    for time_in_force in [TimeInForce::Ioc {}, TimeInForce::Fok {}] {
        let id = exchange.submit(order(OrderSide::Buy, "1", limit("99.00", time_in_force)));
        assert_eq!(
            exchange.order(id.unwrap()).unwrap().status,
            OrderStatus::Expired
        );
        let id = exchange.submit(order(OrderSide::Buy, "1", limit("100.00", time_in_force)));
        assert_eq!(
            exchange.order(id.unwrap()).unwrap().status,
            OrderStatus::Filled
        );
    }
    assert_eq!(
        balance(&exchange, "USD"),
        ("800.00000000".into(), "0.00000000".into())
    );
}

#[test]
fn trading_rules_are_checked() {
    let mut exchange = exchange("1000", "1");
    open_at(&mut exchange, 1, "100.00");
    let mut refusal = |kind, amount| exchange.submit(order(OrderSide::Buy, amount, kind));
    assert_eq!(
        refusal(limit("99.001", GTC), "1"),
        Err(filter(FilterName::PriceFilter))
    );
    assert_eq!(
        refusal(stop("101.001"), "1"),
        Err(filter(FilterName::PriceFilter))
    );
    let market = NewOrderKind::Market;
    assert_eq!(
        refusal(market, "0.000001"),
        Err(filter(FilterName::LotSize))
    );
    assert_eq!(refusal(market, "0"), Err(filter(FilterName::LotSize)));
    assert_eq!(
        refusal(market, "0.09999"),
        Err(filter(FilterName::Notional))
    );
    assert_eq!(
        refusal(limit("50.00", GTC), "0.19999"),
        Err(filter(FilterName::Notional))
    );
    assert!(refusal(limit("50.00", GTC), "0.2").is_ok());
    assert_eq!(
        refusal(stop("100.00"), "1"),
        Err(OrderRefused::WouldTriggerImmediately)
    );
    let unknown = trading_engine::models::NewOrder {
        instrument: InstrumentIndex(7),
        ..crate::support::market(OrderSide::Buy, "1")
    };
    assert!(matches!(
        exchange.submit(unknown),
        Err(OrderRefused::UnknownInstrument(_))
    ));
}

#[test]
fn resting_orders_lock_what_they_would_give() {
    let mut exchange = exchange("100", "1");
    open_at(&mut exchange, 1, "100.00");
    let id = exchange
        .submit(order(OrderSide::Buy, "0.5", limit("90.00", GTC)))
        .unwrap();
    assert_eq!(
        balance(&exchange, "USD"),
        ("55.00000000".into(), "45.00000000".into())
    );
    let refused = exchange.submit(market(OrderSide::Buy, "0.6"));
    let Err(OrderRefused::InsufficientBalance {
        asset,
        needed,
        free,
    }) = refused
    else {
        panic!("{refused:?}")
    };
    // 0.6 x 100.02
    assert_eq!(
        (asset.as_str(), needed, free),
        ("USD", money("60.012"), money("55"))
    );
    assert_eq!(exchange.cancel(id), Ok(vec![id]));
    assert_eq!(
        balance(&exchange, "USD"),
        ("100.00000000".into(), "0.00000000".into())
    );
    assert_eq!(
        exchange.cancel(id),
        Err(CancelRefused::NotOpen(OrderStatus::Canceled))
    );
    assert!(matches!(
        exchange.cancel(OrderId(99)),
        Err(CancelRefused::UnknownOrder(_))
    ));
}

#[test]
fn a_buy_stop_that_gaps_beyond_the_funds_expires() {
    let mut exchange = exchange("106", "0");
    open_at(&mut exchange, 1, "100.00");
    let id = exchange
        .submit(order(OrderSide::Buy, "1", stop("105.00")))
        .unwrap();
    exchange.match_bar(BTC, &bar(1, "100.00", "100.00", "100.00", "100.00"));
    open_at(&mut exchange, 2, "120.00");
    exchange.match_bar(BTC, &bar(2, "120.00", "121.00", "119.00", "120.00"));
    assert_eq!(exchange.order(id).unwrap().status, OrderStatus::Expired);
    assert_eq!(
        balance(&exchange, "USD"),
        ("106.00000000".into(), "0.00000000".into())
    );
}

#[test]
fn cancelling_a_leg_cancels_its_list() {
    let mut exchange = exchange("0", "1");
    open_at(&mut exchange, 1, "100.00");
    let oco = exchange
        .submit_oco(sell_oco("1", "95.00", "105.00"))
        .unwrap();
    assert_eq!(
        exchange.cancel(oco.limit_id),
        Ok(vec![oco.stop_id, oco.limit_id])
    );
    assert_eq!(
        balance(&exchange, "BTC"),
        ("1.00000000".into(), "0.00000000".into())
    );
}

#[test]
fn between_the_close_and_the_next_open_no_order_is_taken() {
    let mut exchange = exchange("1000", "1");
    let closed = Err(OrderRefused::MarketClosed);
    assert_eq!(exchange.submit(market(OrderSide::Buy, "1")), closed);
    open_at(&mut exchange, 1, "100.00");
    let id = exchange
        .submit(order(OrderSide::Sell, "1", stop("95.00")))
        .unwrap();
    exchange.match_bar(BTC, &bar(1, "100.00", "101.00", "99.00", "100.50"));
    assert_eq!(exchange.submit(market(OrderSide::Buy, "1")), closed);
    assert_eq!(exchange.last_price(BTC), Some(price("100.50")));
    assert_eq!(
        exchange.cancel(id),
        Ok(vec![id]),
        "cancels are always taken"
    );
    assert_eq!(
        exchange.drain_executions().pop().unwrap().at,
        at(2 * MINUTES_15)
    );
}
