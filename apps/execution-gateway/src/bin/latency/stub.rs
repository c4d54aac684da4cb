//! A venue that answers at once: market orders are filled, others rest. Only for measuring.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use execution_gateway::models::venue::{
    AssetBalance, Outcome, PlaceOrder, ReportExtra, Snapshot, StreamEvent, VenueAnswer, VenueCall,
    VenueReport, VenueStatus, VenueTrade,
};
use execution_gateway::services::venues::{
    BarQuery, KeyRights, MarketEvent, Pending, Throttle, Venue, VenueUnavailable,
};
use rust_common::{
    Bar, Currency, Instrument, LiquiditySide, Money, OrderType, Price, Quantity, UnixMillis,
};
use serde_json::json;
use tokio::sync::{mpsc, watch};

pub(crate) struct StubVenue {
    instrument: Instrument,
    started: Instant,
    trades: AtomicU64,
    /// Lots of the smallest step held.
    lots: AtomicI64,
    /// Nanoseconds since `started` of the last cancel, and how many there were.
    pub(crate) last_cancel: AtomicU64,
    pub(crate) cancels: AtomicU64,
    throttle: watch::Sender<Throttle>,
}

fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
    UnixMillis::new(ms).unwrap_or_default()
}

impl StubVenue {
    pub(crate) fn new() -> Result<Self, String> {
        let instrument = json!({
            "instrument_id": "BTC-USD.SIM", "symbol": "BTCUSD", "base_currency": "BTC",
            "quote_currency": "USD", "price_scale": 2, "quantity_scale": 5, "tick_size": "0.01",
            "step_size": "0.00001", "min_quantity": "0.00001", "min_notional": "0.00010000",
        });
        Ok(Self {
            instrument: serde_json::from_value(instrument).map_err(|error| error.to_string())?,
            started: Instant::now(),
            trades: AtomicU64::new(0),
            lots: AtomicI64::new(0),
            last_cancel: AtomicU64::new(0),
            cancels: AtomicU64::new(0),
            throttle: watch::channel(Throttle::default()).0,
        })
    }

    pub(crate) fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn report(&self, order: &PlaceOrder) -> Option<VenueReport> {
        let number = self.trades.fetch_add(1, Ordering::Relaxed) + 1;
        let is_market = order.order_type == OrderType::Market;
        let zero = Quantity::zero(order.quantity.scale());
        let at = now();
        let trade = VenueTrade {
            trade_id: number.to_string(),
            execution_id: None,
            price: "100.00".parse::<Price>().ok()?,
            quantity: order.quantity,
            fee: Money::ZERO,
            fee_asset: Currency::new("USD").ok()?,
            liquidity_side: LiquiditySide::Taker,
            at,
        };
        if is_market {
            self.lots.fetch_add(1, Ordering::Relaxed);
        }
        Some(VenueReport {
            client_order_id: order.client_order_id.clone(),
            venue_order_id: number.to_string(),
            instrument_id: order.instrument_id.clone(),
            order_type: order.order_type,
            order_side: order.order_side,
            quantity: order.quantity,
            price: order.price,
            trigger_price: order.trigger_price,
            status: if is_market {
                VenueStatus::Filled
            } else {
                VenueStatus::Working
            },
            executed: if is_market { order.quantity } else { zero },
            trades: if is_market { vec![trade] } else { Vec::new() },
            execution_id: None,
            at,
            reason: None,
            extra: ReportExtra::default(),
        })
    }

    fn snapshot(&self) -> Snapshot {
        let held = self.lots.load(Ordering::Relaxed);
        let balance = |asset: &str, amount: String| {
            Some(AssetBalance {
                asset: Currency::new(asset).ok()?,
                free: amount.parse().ok()?,
                locked: Money::ZERO,
            })
        };
        let base = format!("{}.{:05}", held / 100_000, held % 100_000);
        let balances = [balance("BTC", base), balance("USD", "1000000".to_owned())];
        Snapshot {
            balances: balances.into_iter().flatten().collect(),
            swept: vec![(
                self.instrument.instrument_id.clone(),
                self.trades.load(Ordering::Relaxed),
            )],
            ..Snapshot::default()
        }
    }

    fn answer(&self, request: &VenueCall) -> Outcome {
        let unable = || Outcome::NotSent {
            detail: "not in the stub".to_owned(),
        };
        match request {
            VenueCall::Place(order) => self.report(order).map_or_else(unable, |report| {
                Outcome::Done(VenueAnswer::Reports(vec![report]))
            }),
            VenueCall::Reconcile { .. } => {
                Outcome::Done(VenueAnswer::Snapshot(Box::new(self.snapshot())))
            }
            VenueCall::SyncClock => Outcome::Done(VenueAnswer::Clock { offset_ms: 0 }),
            VenueCall::Test(_) => Outcome::Done(VenueAnswer::Accepted),
            VenueCall::Cancel { .. } | VenueCall::CancelAll { .. } => {
                self.last_cancel.store(self.elapsed_ns(), Ordering::Relaxed);
                self.cancels.fetch_add(1, Ordering::Relaxed);
                Outcome::Done(VenueAnswer::Reports(Vec::new()))
            }
            _ => unable(),
        }
    }
}

impl Venue for StubVenue {
    fn call(&self, request: VenueCall) -> Pending<'_, Outcome> {
        let outcome = self.answer(&request);
        Box::pin(async move { outcome })
    }

    fn load(&self) -> Pending<'_, Result<Vec<Instrument>, VenueUnavailable>> {
        Box::pin(async { Ok(vec![self.instrument.clone()]) })
    }

    fn clock_offset_ms(&self) -> i64 {
        0
    }

    fn sync_clock(&self) -> Pending<'_, Result<(), VenueUnavailable>> {
        Box::pin(async { Ok(()) })
    }

    fn key_rights(&self) -> Pending<'_, Result<KeyRights, VenueUnavailable>> {
        let rights = KeyRights {
            can_trade: true,
            can_withdraw: false,
        };
        Box::pin(async move { Ok(rights) })
    }

    fn throttles(&self) -> watch::Receiver<Throttle> {
        self.throttle.subscribe()
    }

    fn bars(&self, query: BarQuery) -> Pending<'_, Result<Vec<Bar>, VenueUnavailable>> {
        let bar = json!({
            "instrument_id": query.instrument_id, "timeframe": query.timeframe,
            "opened_at": "2026-01-01T00:00:00.000Z", "closed_at": "2026-01-01T00:15:00.000Z",
            "open": "100.00", "high": "100.00", "low": "100.00", "close": "100.00",
            "volume": "1", "flags": [], "missing": 0, "is_closed": true,
        });
        let bar = serde_json::from_value(bar).map_err(|error| VenueUnavailable {
            detail: error.to_string(),
        });
        Box::pin(async move { Ok(vec![bar?]) })
    }

    fn user_stream(&self, sink: mpsc::Sender<StreamEvent>) -> Pending<'_, String> {
        Box::pin(async move {
            if sink.send(StreamEvent::Up).await.is_err() {
                return "closed".to_owned();
            }
            std::future::pending().await
        })
    }

    fn market_stream(&self, _sink: mpsc::Sender<MarketEvent>) -> Pending<'_, String> {
        Box::pin(std::future::pending())
    }
}
