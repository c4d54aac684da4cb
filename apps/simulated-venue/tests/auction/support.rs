//! A venue in market mode with three accounts and two markets, and short ways to talk to it.

use std::collections::VecDeque;

use rust_common::Instrument;
use serde_json::{Value, json};
use simulated_venue::error::VenueError;
use simulated_venue::models::accounts::{AccountConfig, AccountId, Balance};
use simulated_venue::models::events::Event;
use simulated_venue::models::feed::{Feed, FeedEvent, Level};
use simulated_venue::models::filters::{ExchangeFilters, FilterConfig};
use simulated_venue::models::orders::{
    CancelTicket, Input, Leg, ListShape, ListTicket, OrderOptions, OrderRecord, OrderTicket,
    SelfTradePrevention, Side, Status, Terms, TimeInForce, Trigger,
};
use simulated_venue::services::core::auction::AuctionConfig;
use simulated_venue::services::core::market::Market;
use simulated_venue::services::core::{Applied, Outcome, VenueState};

pub(crate) const A: AccountId = AccountId(0);
pub(crate) const B: AccountId = AccountId(1);
/// In one trade group with B.
pub(crate) const C: AccountId = AccountId(2);
pub(crate) const ACCOUNTS: [AccountId; 3] = [A, B, C];
pub(crate) const BTC: usize = 0;
/// Price and quantity have nine decimals together: amounts must be rounded.
pub(crate) const ETH: usize = 1;
pub(crate) const ASSETS: [&str; 3] = ["BTC", "ETH", "USDT"];
/// One unit at scale 8.
pub(crate) const ONE: i128 = 100_000_000;
pub(crate) const RICH: i128 = 1_000_000 * ONE;

#[derive(Debug, Clone, Default)]
pub(crate) struct Script(pub(crate) VecDeque<FeedEvent>);

impl Feed for Script {
    fn next(&mut self) -> Option<FeedEvent> {
        self.0.pop_front()
    }

    fn next_at(&self) -> Option<i64> {
        self.0.front().map(FeedEvent::at)
    }

    fn identity(&self) -> String {
        "script".to_owned()
    }
}

pub(crate) fn instrument(symbol: &str) -> Instrument {
    let (base, quote, scales, tick, step) = match symbol {
        "BTCUSDT" => ("BTC", "USDT", (2, 5), "0.01", "0.00001"),
        _ => ("ETH", "BTC", (5, 4), "0.00001", "0.0001"),
    };
    serde_json::from_value(json!({
        "instrument_id": format!("{base}-{quote}.SIM"), "symbol": symbol, "base_currency": base,
        "quote_currency": quote, "price_scale": scales.0, "quantity_scale": scales.1,
        "tick_size": tick, "step_size": step, "min_quantity": step, "min_notional": "0.0001",
    }))
    .unwrap()
}

/// Filters that leave the random tests alone: only steps and ranges.
pub(crate) fn open_filters(symbol: &str) -> FilterConfig {
    FilterConfig {
        percent_price_by_side: None,
        notional: None,
        max_num_orders: None,
        max_num_algo_orders: None,
        max_num_order_lists: None,
        ..FilterConfig::for_instrument(&instrument(symbol))
    }
}

fn account(name: &str, group: Option<i64>, (maker, taker): (i64, i64)) -> AccountConfig {
    AccountConfig {
        name: name.to_owned(),
        balances: ASSETS.iter().map(|a| ((*a).to_owned(), RICH)).collect(),
        maker_fee_rate: maker,
        taker_fee_rate: taker,
        trade_group: group,
    }
}

pub(crate) fn accounts() -> Vec<AccountConfig> {
    vec![
        account("a", None, (0, 0)),
        account("b", Some(7), (100_000, 75_000)),
        account("c", Some(7), (33_333, 100_000)),
    ]
}

pub(crate) struct Venue {
    pub(crate) state: VenueState,
    pub(crate) log: Vec<(Input, String)>,
}

pub(crate) fn build(
    accounts: Vec<AccountConfig>,
    filters: [FilterConfig; 2],
    feed: Vec<FeedEvent>,
) -> VenueState {
    let [btc, eth] = filters;
    let markets = vec![
        Market::live(instrument("BTCUSDT"), btc),
        Market::live(instrument("ETHBTC"), eth),
    ];
    let config = AuctionConfig {
        accounts,
        exchange_filters: ExchangeFilters::default(),
        feed: Box::new(Script(feed.into())),
        opens_at: 1_700_000_000_000,
    };
    VenueState::market_mode(config, markets)
}

pub(crate) fn filters() -> [FilterConfig; 2] {
    [open_filters("BTCUSDT"), open_filters("ETHBTC")]
}

impl Venue {
    pub(crate) fn new() -> Self {
        Self::with_feed(Vec::new())
    }

    pub(crate) fn with_feed(feed: Vec<FeedEvent>) -> Self {
        Self::of(build(accounts(), filters(), feed))
    }

    pub(crate) fn of(state: VenueState) -> Self {
        Self {
            state,
            log: Vec::new(),
        }
    }

    pub(crate) fn apply(&mut self, input: &Input) -> Result<Applied, VenueError> {
        let applied = self.state.apply(input)?;
        self.log.push((input.clone(), self.state.chain_hash()));
        Ok(applied)
    }

    pub(crate) fn ok(&mut self, input: &Input) -> Applied {
        self.apply(input)
            .unwrap_or_else(|e| panic!("{input:?}: {e}"))
    }

    pub(crate) fn place(&mut self, ticket: OrderTicket) -> u64 {
        let Outcome::Order(id) = self.ok(&Input::Order(ticket)).outcome else {
            panic!("an order");
        };
        id
    }

    pub(crate) fn refused(&mut self, input: &Input) -> (i32, String) {
        let error = self.apply(input).unwrap_err();
        assert_eq!(error.status, 400, "{error}");
        (error.code, error.message)
    }

    pub(crate) fn cancel(&mut self, account: AccountId, order_id: u64) -> Applied {
        self.ok(&cancel(account, order_id))
    }

    pub(crate) fn feed(&mut self, events: u64) -> Applied {
        let through = self.state.feed_position() + events;
        self.ok(&Input::Feed { through })
    }

    pub(crate) fn order(&self, id: u64) -> &OrderRecord {
        &self.state.book().orders[&id]
    }

    pub(crate) fn status(&self, id: u64) -> Status {
        self.order(id).status
    }

    pub(crate) fn balance(&self, account: AccountId, asset: &str) -> Balance {
        self.state.funds().unwrap().balance(account, asset)
    }

    /// `(order, price, quantity, is_maker)` of every trade, oldest first.
    pub(crate) fn trades(&self) -> Vec<(u64, i64, i64, bool)> {
        let trades = &self.state.book().trades;
        trades
            .iter()
            .map(|t| (t.order_id, t.price, t.quantity, t.is_maker))
            .collect()
    }

    /// Lists place a stop around a last price: makes one by a trade between B and A.
    pub(crate) fn trade_at(&mut self, price: i64) {
        self.place(limit(B, Side::Sell, price, 1));
        self.place(limit(A, Side::Buy, price, 1));
    }

    pub(crate) fn replay(&self, mut fresh: VenueState) {
        for (input, hash) in &self.log {
            let text = serde_json::to_string(input).unwrap();
            fresh.apply(&serde_json::from_str(&text).unwrap()).unwrap();
            assert_eq!(&fresh.chain_hash(), hash, "{input:?}");
        }
        assert_eq!(
            fresh.ledger_hash().unwrap(),
            self.state.ledger_hash().unwrap()
        );
    }
}

pub(crate) fn cancel(account: AccountId, order_id: u64) -> Input {
    Input::Cancel(CancelTicket {
        order_id,
        cancel_id: None,
        account,
        restriction: None,
    })
}

pub(crate) fn ticket(account: AccountId, side: Side, quantity: i64, terms: Terms) -> OrderTicket {
    OrderTicket {
        market: BTC,
        side,
        quantity,
        terms,
        client_order_id: None,
        account,
        options: OrderOptions::default(),
    }
}

pub(crate) fn gtc(price: i64) -> Terms {
    Terms::Limit {
        price,
        time_in_force: TimeInForce::Gtc,
    }
}

pub(crate) fn limit(account: AccountId, side: Side, price: i64, quantity: i64) -> OrderTicket {
    ticket(account, side, quantity, gtc(price))
}

pub(crate) fn stop(stop_price: i64) -> Terms {
    Terms::StopLoss {
        trigger: Trigger::Price { stop_price },
    }
}

pub(crate) fn with_prevention(ticket: OrderTicket, mode: SelfTradePrevention) -> OrderTicket {
    OrderTicket {
        options: OrderOptions {
            self_trade_prevention: mode,
            ..ticket.options
        },
        ..ticket
    }
}

pub(crate) fn iceberg(ticket: OrderTicket, slice: i64) -> OrderTicket {
    OrderTicket {
        options: OrderOptions {
            iceberg_quantity: Some(slice),
            ..ticket.options
        },
        ..ticket
    }
}

pub(crate) fn leg(side: Side, quantity: i64, terms: Terms) -> Leg {
    Leg {
        side,
        quantity,
        terms,
        client_order_id: None,
        options: OrderOptions::default(),
    }
}

pub(crate) fn list(account: AccountId, shape: ListShape) -> Input {
    Input::List(ListTicket {
        account,
        market: BTC,
        client_order_id: None,
        shape,
    })
}

pub(crate) fn level(price: i64, quantity: i64) -> Level {
    Level { price, quantity }
}

pub(crate) fn snapshot(at: i64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> FeedEvent {
    let levels = |side: &[(i64, i64)]| side.iter().map(|(p, q)| level(*p, *q)).collect();
    FeedEvent::Snapshot {
        market: BTC,
        last_update_id: 0,
        bids: levels(bids),
        asks: levels(asks),
        at,
    }
}

/// The user events of an account: their types, in order, with the order status.
pub(crate) fn told(applied: &Applied, account: AccountId) -> Vec<(String, String, u64)> {
    let texts = |payload: &Value, name: &str| payload[name].as_str().unwrap_or("").to_owned();
    applied
        .events
        .iter()
        .filter_map(|event| match event {
            Event::User {
                account: owner,
                payload,
            } if *owner == account && payload["e"] == "executionReport" => Some((
                texts(payload, "x"),
                texts(payload, "X"),
                payload["i"].as_u64().unwrap(),
            )),
            _ => None,
        })
        .collect()
}
