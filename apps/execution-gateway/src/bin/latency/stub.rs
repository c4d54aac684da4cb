//! A venue that answers at once: immediate orders expire unfilled, others rest. Only for measuring.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use execution_gateway::models::venue::{
    AssetBalance, Outcome, PlaceOrder, ReportExtra, Snapshot, StreamEvent, VenueAnswer, VenueCall,
    VenueReport, VenueStatus,
};
use execution_gateway::services::venues::{
    BarQuery, KeyRights, Pending, Throttle, Venue, VenueUnavailable,
};
use rust_common::{
    Bar, ClientOrderId, Currency, Instrument, Money, Quantity, TimeInForce, UnixMillis,
};
use serde_json::json;
use tokio::sync::{mpsc, watch};

pub(crate) struct StubVenue {
    instrument: Instrument,
    started: Instant,
    orders: AtomicU64,
    /// Nanoseconds since `started` of the last cancel, and how many there were.
    pub(crate) last_cancel: AtomicU64,
    pub(crate) cancels: AtomicU64,
    resting: Mutex<BTreeMap<ClientOrderId, VenueReport>>,
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
            orders: AtomicU64::new(0),
            last_cancel: AtomicU64::new(0),
            cancels: AtomicU64::new(0),
            resting: Mutex::default(),
            throttle: watch::channel(Throttle::default()).0,
        })
    }

    pub(crate) fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn report(&self, order: &PlaceOrder) -> VenueReport {
        let number = self.orders.fetch_add(1, Ordering::Relaxed) + 1;
        let is_over = matches!(order.time_in_force, Some(TimeInForce::Ioc {}));
        let at = now();
        VenueReport {
            client_order_id: order.client_order_id.clone(),
            venue_order_id: number.to_string(),
            instrument_id: order.instrument_id.clone(),
            order_type: order.order_type,
            order_side: order.order_side,
            quantity: order.quantity,
            price: order.price,
            trigger_price: order.trigger_price,
            status: if is_over {
                VenueStatus::Expired
            } else {
                VenueStatus::Working
            },
            executed: Quantity::zero(order.quantity.scale()),
            trades: Vec::new(),
            execution_id: None,
            at,
            reason: None,
            extra: ReportExtra::default(),
        }
    }

    fn snapshot(&self) -> Snapshot {
        let balance = |asset: &str, amount: &str| {
            Some(AssetBalance {
                asset: Currency::new(asset).ok()?,
                free: amount.parse().ok()?,
                locked: Money::ZERO,
            })
        };
        let balances = [balance("BTC", "0"), balance("USD", "1000000")];
        Snapshot {
            balances: balances.into_iter().flatten().collect(),
            swept: vec![(self.instrument.instrument_id.clone(), 0)],
            ..Snapshot::default()
        }
    }

    fn resting(&self) -> MutexGuard<'_, BTreeMap<ClientOrderId, VenueReport>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn canceled(&self, mut reports: Vec<VenueReport>) -> Outcome {
        self.last_cancel.store(self.elapsed_ns(), Ordering::Relaxed);
        self.cancels.fetch_add(1, Ordering::Relaxed);
        if reports.is_empty() {
            return Outcome::Missing;
        }
        for report in &mut reports {
            report.status = VenueStatus::Canceled;
        }
        Outcome::Done(VenueAnswer::Reports(reports))
    }

    fn answer(&self, request: &VenueCall) -> Outcome {
        let unable = || Outcome::NotSent {
            detail: "not in the stub".to_owned(),
        };
        match request {
            VenueCall::Place(order) => {
                let report = self.report(order);
                if report.status == VenueStatus::Working {
                    let id = report.client_order_id.clone();
                    self.resting().insert(id, report.clone());
                }
                Outcome::Done(VenueAnswer::Reports(vec![report]))
            }
            VenueCall::Reconcile { .. } => {
                Outcome::Done(VenueAnswer::Snapshot(Box::new(self.snapshot())))
            }
            VenueCall::SyncClock => Outcome::Done(VenueAnswer::Clock { offset_ms: 0 }),
            VenueCall::Test(_) => Outcome::Done(VenueAnswer::Accepted),
            VenueCall::Cancel {
                client_order_id, ..
            } => {
                let report = self.resting().remove(client_order_id);
                self.canceled(report.into_iter().collect())
            }
            VenueCall::CancelAll { .. } => {
                let reports = std::mem::take(&mut *self.resting());
                self.canceled(reports.into_values().collect())
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
}
