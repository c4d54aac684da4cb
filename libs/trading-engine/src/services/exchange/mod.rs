//! One account at one exchange that matches orders on bars.
//!
//! The rules (contracts K13 to K16):
//! - A market order runs at the current market price (the open), worse by the slippage and
//!   rounded against the taker to the tick.
//! - A resting stop triggers on touch and fills at the worse of trigger and open, plus slippage.
//! - A resting limit needs trade-through (a BUY: low < price) and fills at the better of price
//!   and open, as maker. A limit that is marketable when it arrives fills at once at the market
//!   price, as taker, without slippage: its price already bounds it.
//! - Resting orders are looked at in order of acceptance. The stop leg of an OCO is accepted
//!   before its limit leg, so when a bar touches both the stop wins.
//! - The fee is the received asset x rate, half-even to 8 places.
//!
//! There is no volume limit: an order fills in full or not at all.

mod account;
mod matching;
mod refused;
mod settle;
mod submit;

use rust_common::{
    Currency, DomainError, Instrument, InstrumentId, Money, Price, Ratio, Symbol, UnixMillis,
};

use crate::models::{ExchangeOrder, Execution, InstrumentIndex, OrderId};

pub use account::Balance;
use account::{Account, AssetIndex};
pub use refused::{CancelRefused, FilterName, OrderRefused};

/// Costs of trading, each a factor (0.001 = 10 basis points).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeConfig {
    pub maker_fee_rate: Ratio,
    pub taker_fee_rate: Ratio,
    pub slippage: Ratio,
}

impl ExchangeConfig {
    /// Each factor must lie in 0 to 1 (exclusive); outside, fills would be refused as overflow.
    pub fn check(&self) -> Result<(), DomainError> {
        let factors = [
            ("maker_fee_rate", self.maker_fee_rate),
            ("taker_fee_rate", self.taker_fee_rate),
            ("slippage", self.slippage),
        ];
        for (name, factor) in factors {
            if factor < Ratio::ZERO || factor >= Ratio::ONE {
                return Err(DomainError::out_of_range(
                    name,
                    factor,
                    "0 up to but not including 1",
                ));
            }
        }
        Ok(())
    }
}

struct Market {
    instrument: Instrument,
    base: AssetIndex,
    quote: AssetIndex,
    /// The open the market stands at, or the close of the bar matched last.
    price: Option<Price>,
    at: UnixMillis,
    is_open: bool,
}

/// The exchange. Deterministic: the same calls give the same executions.
pub struct Exchange {
    config: ExchangeConfig,
    markets: Vec<Market>,
    account: Account,
    /// `order_id - 1` is the position.
    orders: Vec<ExchangeOrder>,
    /// Open orders, ascending.
    open: Vec<OrderId>,
    executions: Vec<Execution>,
    last_execution_id: u64,
    last_trade_id: u64,
    last_list_id: u64,
}

impl Exchange {
    /// An exchange whose markets are closed until [`Exchange::set_market`].
    pub fn new(
        config: ExchangeConfig,
        instruments: Vec<Instrument>,
        balances: &[(Currency, Money)],
    ) -> Self {
        let mut account = Account::default();
        for (currency, amount) in balances {
            account.deposit(currency, *amount);
        }
        let markets = instruments
            .into_iter()
            .map(|instrument| Market {
                base: account.asset(&instrument.base_currency),
                quote: account.asset(&instrument.quote_currency),
                instrument,
                price: None,
                at: UnixMillis::default(),
                is_open: false,
            })
            .collect();
        Self {
            config,
            markets,
            account,
            orders: Vec::new(),
            open: Vec::new(),
            executions: Vec::new(),
            last_execution_id: 0,
            last_trade_id: 0,
            last_list_id: 0,
        }
    }

    /// Opens the market at a price (the open of the next bar): orders may be submitted.
    pub fn set_market(&mut self, i: InstrumentIndex, price: Price, at: UnixMillis) {
        if let Some(market) = self.markets.get_mut(i.0) {
            let scale = market.instrument.price_scale;
            market.price = Some(price.to_scale(scale).unwrap_or(price));
            market.at = at;
            market.is_open = true;
        }
    }

    /// Refuses further orders until the market is set again. [`Exchange::match_bar`] does so
    /// too: an order between the close and the next open has no price to run at.
    pub fn close_market(&mut self, i: InstrumentIndex) {
        if let Some(market) = self.markets.get_mut(i.0) {
            market.is_open = false;
        }
    }

    /// The queued executions, oldest first.
    pub fn drain_executions(&mut self) -> Vec<Execution> {
        std::mem::take(&mut self.executions)
    }

    /// The id of the newest execution; 0 before the first.
    pub fn last_execution_id(&self) -> u64 {
        self.last_execution_id
    }

    pub fn order(&self, id: OrderId) -> Option<&ExchangeOrder> {
        let position = usize::try_from(id.0.checked_sub(1)?).ok()?;
        self.orders.get(position)
    }

    /// All orders ever accepted, oldest first.
    pub fn orders(&self) -> &[ExchangeOrder] {
        &self.orders
    }

    /// Open orders in order of acceptance.
    pub fn open_orders(&self) -> impl Iterator<Item = &ExchangeOrder> {
        self.open.iter().filter_map(|id| self.order(*id))
    }

    /// The balance of a currency; zero when it was never held.
    pub fn balance(&self, currency: &Currency) -> Balance {
        self.account.balance(currency)
    }

    /// The balances of an instrument's base and quote asset.
    pub fn holdings(&self, i: InstrumentIndex) -> Option<(Balance, Balance)> {
        let market = self.markets.get(i.0)?;
        Some((self.account.at(market.base), self.account.at(market.quote)))
    }

    /// All balances, in order of first mention.
    pub fn balances(&self) -> impl Iterator<Item = (&Currency, Balance)> {
        self.account.balances()
    }

    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.markets.iter().map(|market| &market.instrument)
    }

    pub fn instrument(&self, i: InstrumentIndex) -> Option<&Instrument> {
        self.markets.get(i.0).map(|market| &market.instrument)
    }

    pub fn index_of(&self, instrument_id: &InstrumentId) -> Option<InstrumentIndex> {
        let mut all = self.instruments();
        all.position(|instrument| instrument.instrument_id == *instrument_id)
            .map(InstrumentIndex)
    }

    pub fn index_of_symbol(&self, symbol: &Symbol) -> Option<InstrumentIndex> {
        self.instruments()
            .position(|i| i.symbol == *symbol)
            .map(InstrumentIndex)
    }

    /// The open the market stands at, or the close of the bar matched last.
    pub fn last_price(&self, i: InstrumentIndex) -> Option<Price> {
        self.markets.get(i.0).and_then(|market| market.price)
    }

    /// The time that submissions and cancels at this market carry.
    pub fn market_time(&self, i: InstrumentIndex) -> Option<UnixMillis> {
        self.markets.get(i.0).map(|market| market.at)
    }

    pub fn is_market_open(&self, i: InstrumentIndex) -> bool {
        self.markets.get(i.0).is_some_and(|market| market.is_open)
    }

    fn order_mut(&mut self, id: OrderId) -> Option<&mut ExchangeOrder> {
        let position = usize::try_from(id.0.checked_sub(1)?).ok()?;
        self.orders.get_mut(position)
    }
}
