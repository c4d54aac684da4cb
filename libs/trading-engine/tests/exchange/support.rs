//! A small BTC-USD exchange for the scenario tests.

use rust_common::{Instrument, Money, OrderSide, Price, Quantity, Ratio, UnixMillis};
use trading_engine::models::{Bar, Execution, ExecutionKind, InstrumentIndex, NewOco, NewOrder};
use trading_engine::models::{NewOrderKind, TradeDetails};
use trading_engine::services::exchange::{Exchange, ExchangeConfig};

pub(crate) const BTC: InstrumentIndex = InstrumentIndex(0);
pub(crate) const MINUTES_15: i64 = 900_000;

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub(crate) fn at(ms: i64) -> UnixMillis {
    UnixMillis::new(ms).unwrap()
}

pub(crate) fn instrument() -> Instrument {
    serde_json::from_str(
        r#"{"base_currency":"BTC","instrument_id":"BTC-USD.SIM","min_notional":"10.00000000",
        "min_quantity":"0.00001","price_scale":2,"quantity_scale":5,"quote_currency":"USD",
        "step_size":"0.00001","symbol":"BTCUSD","tick_size":"0.01"}"#,
    )
    .unwrap()
}

/// Maker 0.05 %, taker 0.1 %, slippage 2 bp; holds USD and BTC.
pub(crate) fn exchange(usd: &str, btc: &str) -> Exchange {
    let config = ExchangeConfig {
        maker_fee_rate: "0.0005".parse().unwrap(),
        taker_fee_rate: "0.001".parse().unwrap(),
        slippage: Ratio::from_bps("2").unwrap(),
    };
    let balances = [
        ("USD".parse().unwrap(), money(usd)),
        ("BTC".parse().unwrap(), money(btc)),
    ];
    Exchange::new(config, vec![instrument()], &balances)
}

/// A bar of the n-th quarter of an hour from price texts.
pub(crate) fn bar(n: i64, open: &str, high: &str, low: &str, close: &str) -> Bar {
    let mantissa = |text: &str| price(text).to_scale(2).unwrap().mantissa();
    Bar {
        opened_at: at(n * MINUTES_15),
        closed_at: at((n + 1) * MINUTES_15),
        open: mantissa(open),
        high: mantissa(high),
        low: mantissa(low),
        close: mantissa(close),
        volume: 1.0,
    }
}

pub(crate) fn open_at(exchange: &mut Exchange, n: i64, open: &str) {
    exchange.set_market(BTC, price(open), at(n * MINUTES_15));
}

pub(crate) fn order(side: OrderSide, amount: &str, kind: NewOrderKind) -> NewOrder {
    NewOrder {
        instrument: BTC,
        side,
        quantity: quantity(amount),
        kind,
    }
}

pub(crate) fn market(side: OrderSide, amount: &str) -> NewOrder {
    order(side, amount, NewOrderKind::Market)
}

pub(crate) fn sell_oco(amount: &str, trigger: &str, limit: &str) -> NewOco {
    NewOco {
        instrument: BTC,
        side: OrderSide::Sell,
        quantity: quantity(amount),
        trigger_price: price(trigger),
        price: price(limit),
    }
}

/// The trades among the queued executions.
pub(crate) fn trades(exchange: &mut Exchange) -> Vec<(Execution, TradeDetails)> {
    let drained = exchange.drain_executions().into_iter();
    drained
        .filter_map(|execution| match execution.kind.clone() {
            ExecutionKind::Trade(details) => Some((execution, details)),
            _ => None,
        })
        .collect()
}

/// (free, locked) of a currency as text.
pub(crate) fn balance(exchange: &Exchange, currency: &str) -> (String, String) {
    let balance = exchange.balance(&currency.parse().unwrap());
    (balance.free.to_string(), balance.locked.to_string())
}
