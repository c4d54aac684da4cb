//! The backtest loop: the event order of the lock-step paper system in one tight loop.
//!
//! One bar n: the market is set to its open; what was queued at the close of n-1 runs there, the
//! PositionManager's action first, then the decision's order; resting orders are matched on the
//! bar; equity is marked at its close; the drawdown guard and the PositionManager are asked. After
//! the last bar nothing is submitted: an open position stays marked to the last close and is not
//! a trade (contracts K7, K12, K13).

mod columns;
mod config;
mod orders;
mod trades;

use rust_common::{
    BracketOrder, Currency, DomainError, Instrument, Money, OrderSide, Price, Quantity, UnixMillis,
};
use serde::Serialize;

use crate::models::{InstrumentIndex, OcoAccepted};
use crate::services::drawdown::DrawdownGuard;
use crate::services::exchange::Exchange;
use crate::services::ledger::{FillReason, Ledger};
use crate::services::position_manager::{PositionAction, PositionManager};

pub use columns::Columns;
pub use config::BacktestConfig;
pub use trades::Trade;
use trades::{OpenTrade, valued};

const MARKET: InstrumentIndex = InstrumentIndex(0);

/// An order that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedOrder {
    pub market_time: UnixMillis,
    pub reason: FillReason,
    pub detail: String,
}

/// The account at the close of the current bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountView {
    pub closed_at: UnixMillis,
    /// `cash + base_quantity x close`.
    pub equity: Money,
    pub cash: Money,
    /// Everything of the base asset, dust included.
    pub base_quantity: Money,
    /// What the open trade can sell.
    pub position_quantity: Quantity,
    pub average_entry_price: Option<Price>,
    pub stop_price: Option<Price>,
    pub target_price: Option<Price>,
    pub bars_held: u32,
    pub daily_drawdown_pct: f64,
    pub monthly_drawdown_pct: f64,
    pub max_drawdown_pct: f64,
    pub safe_mode: bool,
    pub safe_mode_reason: Option<&'static str>,
    pub safe_mode_until: Option<i64>,
    /// What the PositionManager has queued for the next open: `close` or `move_stop`.
    pub pending: Option<&'static str>,
}

/// Everything a finished run tells.
#[derive(Debug)]
pub struct BacktestResult<'a> {
    pub ledger: &'a Ledger,
    pub trades: &'a [Trade],
    pub refused: &'a [RefusedOrder],
    /// Per bar, in 1e-8.
    pub equity: &'a [i64],
}

/// One instrument, long only (spot), driven bar by bar by the caller's decisions.
pub struct Backtest {
    instrument: Instrument,
    exchange: Exchange,
    manager: PositionManager,
    guard: DrawdownGuard,
    /// Bars done.
    done: usize,
    closed_at: UnixMillis,
    close: Price,
    equity: Vec<i64>,
    queued_action: Option<PositionAction>,
    queued_exit: Option<FillReason>,
    queued_entry: Option<BracketOrder>,
    protection: Option<OcoAccepted>,
    open_trade: Option<OpenTrade>,
    ledger: Ledger,
    trades: Vec<Trade>,
    refused: Vec<RefusedOrder>,
}

impl Backtest {
    /// Before the first bar. `rows` only reserves memory.
    pub fn new(
        config: &BacktestConfig,
        instrument: Instrument,
        rows: usize,
    ) -> Result<Self, DomainError> {
        let balances: Vec<(Currency, Money)> = config
            .balances
            .iter()
            .map(|(currency, amount)| (currency.clone(), *amount))
            .collect();
        if let Some((currency, amount)) = balances.iter().find(|(_, amount)| *amount < Money::ZERO)
        {
            let message = format!("balance of {currency} is {amount}; allowed: 0 or more");
            return Err(DomainError::Inconsistent { message });
        }
        Ok(Self {
            exchange: Exchange::new(config.exchange()?, vec![instrument.clone()], &balances),
            manager: PositionManager::new(config.position(&instrument))?,
            guard: DrawdownGuard::new(config.drawdown)?,
            done: 0,
            closed_at: UnixMillis::default(),
            close: instrument.price(0)?,
            equity: Vec::with_capacity(rows),
            queued_action: None,
            queued_exit: None,
            queued_entry: None,
            protection: None,
            open_trade: None,
            ledger: Ledger::default(),
            trades: Vec::new(),
            refused: Vec::new(),
            instrument,
        })
    }

    /// Runs through the close of bar `index`. `columns` must be the same at every call.
    pub fn run_to(&mut self, columns: &Columns<'_>, index: usize) -> Result<(), DomainError> {
        if index >= columns.len() || index + 1 < self.done {
            let message = format!(
                "bar {index} cannot be run to; allowed: {} to {}",
                self.done.saturating_sub(1),
                columns.len().saturating_sub(1),
            );
            return Err(DomainError::Inconsistent { message });
        }
        while self.done <= index {
            self.step(columns)?;
        }
        Ok(())
    }

    fn step(&mut self, columns: &Columns<'_>) -> Result<(), DomainError> {
        let Some((bar, atr)) = columns.row(self.done) else {
            return Err(DomainError::out_of_range(
                "bar",
                self.done,
                "rows of the columns",
            ));
        };
        self.exchange
            .set_market(MARKET, self.instrument.price(bar.open)?, bar.opened_at);
        self.flush_queue(bar.opened_at)?;
        self.exchange.match_bar(MARKET, &bar);
        self.book_fills(None)?;
        self.closed_at = bar.closed_at;
        self.close = self.instrument.price(bar.close)?;
        let equity = self.marked_equity()?.mantissa();
        let narrow = i64::try_from(equity);
        self.equity.push(narrow.map_err(|_| DomainError::Overflow {
            operation: "equity",
        })?);
        self.guard.update(bar.closed_at, equity);
        self.queued_action = self.manager.on_bar(bar.close, atr);
        self.done += 1;
        Ok(())
    }

    /// Queues a bracket entry for the next open, after the PositionManager's action.
    pub fn enter(
        &mut self,
        quantity: Quantity,
        stop_offset: Price,
        target_offset: Price,
    ) -> Result<(), DomainError> {
        let refuse = |message: &str| {
            Err(DomainError::Inconsistent {
                message: message.to_owned(),
            })
        };
        if self.open_trade.is_some() {
            return refuse("a position exists; an entry needs a flat account");
        }
        if self.queued_entry.is_some() {
            return refuse("an entry is queued already; one per bar");
        }
        if quantity.is_zero() || stop_offset.mantissa() <= 0 || target_offset.mantissa() <= 0 {
            return refuse("quantity, stop_offset and target_offset must be above 0");
        }
        self.queued_entry = Some(BracketOrder {
            order_side: OrderSide::Buy,
            quantity,
            stop_offset,
            target_offset,
        });
        Ok(())
    }

    /// Queues the close of the position at the next open. If the PositionManager's own action has
    /// made the position flat by then, nothing is left to do.
    pub fn exit(&mut self, reason: FillReason) -> Result<(), DomainError> {
        if self.open_trade.is_none() {
            let message = "no position is open; there is nothing to exit".to_owned();
            return Err(DomainError::Inconsistent { message });
        }
        self.queued_exit = Some(reason);
        Ok(())
    }

    pub fn account(&self) -> Result<AccountView, DomainError> {
        let trade = self.open_trade.as_ref();
        let (step, tick) = (self.instrument.step_size, self.instrument.tick_size);
        let price = |mantissa: Option<i64>| mantissa.map(|m| self.instrument.price(m)).transpose();
        let latch = self.guard.latch();
        Ok(AccountView {
            closed_at: self.closed_at,
            equity: self.marked_equity()?,
            cash: self
                .exchange
                .balance(&self.instrument.quote_currency)
                .total(),
            base_quantity: self
                .exchange
                .balance(&self.instrument.base_currency)
                .total(),
            position_quantity: trade.map_or(Ok(Quantity::zero(step.scale())), |trade| {
                trade.quantity(step)
            })?,
            average_entry_price: trade.map(|t| t.average_entry_price(tick)).transpose()?,
            stop_price: price(self.manager.stop())?,
            target_price: price(self.manager.target())?,
            bars_held: self.manager.bars_held(),
            daily_drawdown_pct: self.guard.daily_drawdown_pct(),
            monthly_drawdown_pct: self.guard.monthly_drawdown_pct(),
            max_drawdown_pct: self.guard.max_drawdown_pct(),
            safe_mode: self.guard.safe_mode(),
            safe_mode_reason: latch.map(|(reason, _)| reason.as_str()),
            safe_mode_until: latch.map(|(_, until)| until),
            pending: self.queued_action.map(|action| match action {
                PositionAction::MoveStop(_) => "move_stop",
                PositionAction::TimeStop => "close",
            }),
        })
    }

    /// What has happened so far.
    pub fn result(&self) -> BacktestResult<'_> {
        BacktestResult {
            ledger: &self.ledger,
            trades: &self.trades,
            refused: &self.refused,
            equity: &self.equity,
        }
    }

    fn marked_equity(&self) -> Result<Money, DomainError> {
        let (base, quote) = self.exchange.holdings(MARKET).unwrap_or_default();
        quote.total().checked_add(valued(base.total(), self.close)?)
    }
}
