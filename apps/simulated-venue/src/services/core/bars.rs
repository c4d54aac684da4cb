//! The bar modes: the seam to the trading engine, which matches there.

use rust_common::{
    Currency, DomainError, Instrument, LiquiditySide, Money, OrderSide, Price, Quantity, Ratio,
    TimeInForce as EngineTimeInForce, UnixMillis,
};
use trading_engine::models::{
    Bar, Execution, ExecutionKind, InstrumentIndex, NewOco, NewOrder, NewOrderKind, OrderId,
};
use trading_engine::services::exchange::{Exchange, ExchangeConfig, OrderRefused};

use super::matching::{FillReport, Happening, Report};
use crate::error::VenueError;
use crate::models::orders::{OcoTicket, OrderTicket, Side, Terms, TimeInForce, Trigger};
use crate::services::replay::Row;

/// The ids of an accepted pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OcoIds {
    pub list: u64,
    pub stop: u64,
    pub limit: u64,
}

/// The trading engine's exchange behind this venue's types: the bar modes.
pub struct BarEngine {
    exchange: Exchange,
    instruments: Vec<Instrument>,
    config: ExchangeConfig,
}

impl std::fmt::Debug for BarEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BarEngine")
            .field("instruments", &self.instruments)
            .finish_non_exhaustive()
    }
}

impl BarEngine {
    /// Rates are in 1e-8, balances at scale 8.
    pub fn new(
        instruments: Vec<Instrument>,
        (maker_fee_rate, taker_fee_rate, slippage): (i64, i64, i64),
        balances: &[(Currency, i128)],
    ) -> Result<Self, DomainError> {
        let config = ExchangeConfig {
            maker_fee_rate: Ratio::from_mantissa(maker_fee_rate),
            taker_fee_rate: Ratio::from_mantissa(taker_fee_rate),
            slippage: Ratio::from_mantissa(slippage),
        };
        config.check()?;
        let balances: Vec<(Currency, Money)> = balances
            .iter()
            .map(|(currency, amount)| (currency.clone(), Money::from_mantissa(*amount)))
            .collect();
        let exchange = Exchange::new(config, instruments.clone(), &balances);
        Ok(Self {
            exchange,
            instruments,
            config,
        })
    }

    pub fn set_market(&mut self, market: usize, price: i64, at: i64) -> Result<(), VenueError> {
        let price = self.price(market, price)?;
        self.exchange
            .set_market(InstrumentIndex(market), price, time(at)?);
        Ok(())
    }

    /// Places a single order; its executions wait in [`BarEngine::drain`].
    pub fn submit(&mut self, ticket: &OrderTicket) -> Result<u64, VenueError> {
        let market = ticket.market;
        let kind = match ticket.terms {
            Terms::Market => NewOrderKind::Market,
            Terms::Limit {
                price,
                time_in_force,
            } => NewOrderKind::Limit {
                price: self.price(market, price)?,
                time_in_force: match time_in_force {
                    TimeInForce::Gtc => EngineTimeInForce::Gtc { post_only: false },
                    TimeInForce::Ioc => EngineTimeInForce::Ioc {},
                    TimeInForce::Fok => EngineTimeInForce::Fok {},
                },
            },
            Terms::LimitMaker { price } => NewOrderKind::Limit {
                price: self.price(market, price)?,
                time_in_force: EngineTimeInForce::Gtc { post_only: true },
            },
            Terms::StopLoss {
                trigger: Trigger::Price { stop_price },
            } => NewOrderKind::StopMarket {
                trigger_price: self.price(market, stop_price)?,
            },
            _ => return Err(VenueError::rejected(unsupported_text(ticket.terms))),
        };
        let order = NewOrder {
            instrument: InstrumentIndex(market),
            side: engine_side(ticket.side),
            quantity: self.quantity(market, ticket.quantity)?,
            kind,
        };
        self.exchange
            .submit(order)
            .map(|id| id.0)
            .map_err(|e| refusal(&e, false))
    }

    pub fn submit_oco(&mut self, ticket: &OcoTicket) -> Result<OcoIds, VenueError> {
        let oco = NewOco {
            instrument: InstrumentIndex(ticket.market),
            side: engine_side(ticket.side),
            quantity: self.quantity(ticket.market, ticket.quantity)?,
            trigger_price: self.price(ticket.market, ticket.stop_price)?,
            price: self.price(ticket.market, ticket.limit_price)?,
        };
        let accepted = self
            .exchange
            .submit_oco(oco)
            .map_err(|e| refusal(&e, true))?;
        Ok(OcoIds {
            list: accepted.list_id.0,
            stop: accepted.stop_id.0,
            limit: accepted.limit_id.0,
        })
    }

    /// Cancels an order and the other leg of its list.
    pub fn cancel(&mut self, order_id: u64) -> Result<(), VenueError> {
        self.exchange
            .cancel(OrderId(order_id))
            .map(drop)
            .map_err(|_| VenueError::unknown_order())
    }

    /// Matches resting orders on a bar; the market is closed until the next open.
    pub fn match_bar(
        &mut self,
        market: usize,
        row: &Row,
        interval_ms: i64,
    ) -> Result<(), VenueError> {
        let bar = Bar {
            opened_at: time(row.opened_at)?,
            closed_at: time(row.opened_at + interval_ms)?,
            open: row.open,
            high: row.high,
            low: row.low,
            close: row.close,
            volume: row.volume,
        };
        self.exchange.match_bar(InstrumentIndex(market), &bar);
        Ok(())
    }

    /// The executions since the last call, oldest first.
    pub fn drain(&mut self) -> Vec<Report> {
        self.exchange
            .drain_executions()
            .iter()
            .map(report)
            .collect()
    }

    /// Free and locked amounts by currency.
    pub fn balances(&self) -> Vec<(String, i128, i128)> {
        self.exchange
            .balances()
            .map(|(currency, balance)| {
                (
                    currency.to_string(),
                    balance.free.mantissa(),
                    balance.locked.mantissa(),
                )
            })
            .collect()
    }

    /// Maker and taker fee rate in 1e-8.
    pub fn fee_rates(&self) -> (i64, i64) {
        (
            self.config.maker_fee_rate.mantissa(),
            self.config.taker_fee_rate.mantissa(),
        )
    }

    fn price(&self, market: usize, mantissa: i64) -> Result<Price, VenueError> {
        let instrument = self
            .instruments
            .get(market)
            .ok_or_else(VenueError::internal)?;
        instrument
            .price(mantissa)
            .map_err(|_| VenueError::internal())
    }

    fn quantity(&self, market: usize, mantissa: i64) -> Result<Quantity, VenueError> {
        let instrument = self
            .instruments
            .get(market)
            .ok_or_else(VenueError::internal)?;
        Quantity::new(mantissa, instrument.quantity_scale).map_err(|_| VenueError::internal())
    }
}

fn engine_side(side: Side) -> OrderSide {
    match side {
        Side::Buy => OrderSide::Buy,
        Side::Sell => OrderSide::Sell,
    }
}

fn time(ms: i64) -> Result<UnixMillis, VenueError> {
    UnixMillis::new(ms).map_err(|_| VenueError::internal())
}

fn report(execution: &Execution) -> Report {
    let happening = match &execution.kind {
        ExecutionKind::New => Happening::New,
        ExecutionKind::Triggered => Happening::Triggered,
        ExecutionKind::Canceled => Happening::Canceled,
        ExecutionKind::Expired => Happening::Expired,
        ExecutionKind::Trade(trade) => Happening::Trade(FillReport {
            trade_id: trade.trade_id,
            price: trade.price.mantissa(),
            quantity: trade.quantity.mantissa(),
            fee: trade.fee.mantissa(),
            fee_asset: trade.fee_asset.to_string(),
            is_maker: trade.liquidity_side == LiquiditySide::Maker,
        }),
    };
    Report {
        execution_id: execution.execution_id,
        order_id: execution.order_id.0,
        at: execution.at.as_millis(),
        happening,
    }
}

/// What the documents say about a type that a symbol does not list in `orderTypes`.
fn unsupported_text(terms: Terms) -> &'static str {
    match terms {
        Terms::MarketQuote { .. } => {
            "Quote order qty market orders are not support for this symbol."
        }
        Terms::TakeProfit { .. } => "Take profit orders are not supported for this symbol.",
        Terms::TakeProfitLimit { .. } => {
            "Take profit limit orders are not supported for this symbol."
        }
        Terms::StopLossLimit { .. } => "Stop loss limit orders are not supported for this symbol.",
        Terms::StopLoss { .. } => "Trailing stop orders are not supported for this symbol.",
        Terms::Market | Terms::Limit { .. } | Terms::LimitMaker { .. } => {
            "This operation is not supported."
        }
    }
}

/// The engine's refusal in Binance's words.
fn refusal(refused: &OrderRefused, is_list: bool) -> VenueError {
    match refused {
        OrderRefused::UnknownInstrument(_) => VenueError::invalid_symbol(),
        OrderRefused::MarketClosed => VenueError::rejected("Market is closed."),
        OrderRefused::WouldTriggerImmediately | OrderRefused::WouldTakeImmediately if is_list => {
            VenueError::rejected("The relationship of the prices for the orders is not correct.")
        }
        OrderRefused::WouldTriggerImmediately => {
            VenueError::rejected("Order would trigger immediately.")
        }
        OrderRefused::WouldTakeImmediately => {
            VenueError::rejected("Order would immediately match and take.")
        }
        OrderRefused::InsufficientBalance { .. } => {
            VenueError::rejected("Account has insufficient balance for requested action.")
        }
        OrderRefused::Filter { name } => VenueError::filter(name.as_str()),
        OrderRefused::Value(_) => VenueError::rejected("Price * QTY is zero or less."),
    }
}
