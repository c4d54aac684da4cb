//! The book of record: everything the journal's records say, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use rust_common::{
    ClientOrderId, Currency, Fill, InstrumentId, Money, OrderEvent, OrderEventKind, OrderSide,
    OrderStatus, Quantity, StopLevel, TradingState, UnixMillis, canonical_json,
};

use super::transitions::{is_closed, status_of, status_of_list, totals};
use crate::models::order::{OrderState, Role};

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopState {
    pub level: StopLevel,
    pub reason: String,
    /// `gateway_seq` of the stop: names the orders that flatten.
    pub seq: u64,
    pub is_done: bool,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    pub body_hash: String,
    pub client_order_id: ClientOrderId,
    pub denial: Option<crate::models::record::Denial>,
}

/// Counts that metrics show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    pub late_fills: u64,
    pub external_orders: u64,
    pub overfills: u64,
}

/// State rebuilt from the journal. `apply` (in `apply.rs`) is its only mutation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    pub orders: BTreeMap<ClientOrderId, OrderState>,
    pub keys: BTreeMap<String, KeyEntry>,
    pub by_venue_id: BTreeMap<(InstrumentId, String), ClientOrderId>,
    /// Orders that something can still happen to.
    pub active: BTreeSet<ClientOrderId>,
    pub gateway_seq: u64,
    pub stop: Option<StopState>,
    pub halts: BTreeMap<InstrumentId, String>,
    /// Base asset held before the first order, and what the fills changed since.
    pub baselines: BTreeMap<InstrumentId, Money>,
    pub positions: BTreeMap<InstrumentId, Money>,
    pub swept: BTreeMap<InstrumentId, u64>,
    pub counters: Counters,
    pub epoch: u32,
}

/// An event text with its sequence number.
pub type Event = (u64, String);

impl Book {
    pub fn trading_state(&self) -> TradingState {
        match &self.stop {
            None => TradingState::Active,
            Some(stop) if stop.is_done => stop.level.trading_state(),
            Some(_) => TradingState::Reducing,
        }
    }

    /// Base asset held: baseline plus fills less commission.
    pub fn base_held(&self, instrument_id: &InstrumentId) -> Money {
        let zero = Money::ZERO;
        let start = self.baselines.get(instrument_id).copied().unwrap_or(zero);
        let change = self.positions.get(instrument_id).copied().unwrap_or(zero);
        start.checked_add(change).unwrap_or(start)
    }

    pub(super) fn next_seq(&mut self) -> u64 {
        self.gateway_seq += 1;
        self.gateway_seq
    }

    /// Recomputes an order's status and tells of it when it changed or a fill came.
    pub(super) fn refresh(
        &mut self,
        id: &ClientOrderId,
        at: UnixMillis,
        fill: Option<Fill>,
        events: &mut Vec<Event>,
    ) {
        let Some(order) = self.orders.get_mut(id) else {
            return;
        };
        let was_terminal = order.status.is_terminal();
        order.fills_total = totals(&order.evidence, order.terms.quantity.scale());
        let booked = order.fills_total.quantity;
        if !matches!(order.role, Role::ListParent(_)) {
            order.status = status_of(&order.evidence, booked, order.terms.quantity);
        }
        if let Some(fill) = &fill {
            let is_over = booked > order.terms.quantity;
            self.book_position(id, fill);
            self.counters.late_fills += u64::from(was_terminal);
            self.counters.overfills += u64::from(is_over);
        }
        self.announce(id, at, fill, events);
        self.refresh_list(id, at, events);
    }

    fn announce(
        &mut self,
        id: &ClientOrderId,
        at: UnixMillis,
        fill: Option<Fill>,
        events: &mut Vec<Event>,
    ) {
        let Some(order) = self.orders.get(id) else {
            return;
        };
        let is_new_status = order.last_seq == 0 || self.last_status(id) != Some(order.status);
        let is_silent = order.status == OrderStatus::Initialized;
        if fill.is_some() || (is_new_status && !is_silent) {
            let seq = self.next_seq();
            if let Some(order) = self.orders.get_mut(id) {
                order.last_seq = seq;
                order.last_event_at = fill.as_ref().map_or(at, |fill| fill.market_time);
                order.announced = Some(order.status);
                if let Ok(text) = canonical_json(&event_of(order, fill)) {
                    events.push((seq, text));
                }
            }
        }
        let Some(order) = self.orders.get_mut(id) else {
            return;
        };
        if order.status.is_terminal() {
            order.pending_cancel = None;
        }
        if is_closed(order) {
            self.active.remove(id);
        } else {
            self.active.insert(id.clone());
        }
    }

    fn last_status(&self, id: &ClientOrderId) -> Option<OrderStatus> {
        self.orders.get(id).and_then(|order| order.announced)
    }

    /// A leg's change is also its list's.
    fn refresh_list(&mut self, id: &ClientOrderId, at: UnixMillis, events: &mut Vec<Event>) {
        let Some((parent, ids)) = self.orders.get(id).and_then(|order| match &order.role {
            Role::Leg(ids) => Some((order.identity.parent.clone()?, ids.clone())),
            _ => None,
        }) else {
            return;
        };
        let legs = self
            .orders
            .get(&ids.stop_id)
            .zip(self.orders.get(&ids.target_id));
        let Some((stop, target)) = legs else { return };
        let status = status_of_list(stop, target);
        let filled = stop
            .fills_total
            .quantity
            .checked_add(target.fills_total.quantity);
        let reason = stop.reason.clone().or_else(|| target.reason.clone());
        let Some(list) = self.orders.get_mut(&parent) else {
            return;
        };
        if !matches!(list.role, Role::ListParent(_)) {
            return;
        }
        list.status = status;
        list.reason = reason;
        if let Ok(quantity) = filled {
            list.fills_total.quantity = quantity;
            list.evidence.reported = quantity;
        }
        self.announce(&parent, at, None, events);
    }

    fn book_position(&mut self, id: &ClientOrderId, fill: &Fill) {
        let Some(order) = self.orders.get(id) else {
            return;
        };
        let base = base_currency(&order.identity.instrument_id);
        let amount = Money::from(fill.quantity);
        let fee = if base.as_ref() == Some(&fill.fee_asset) {
            fill.fee
        } else {
            Money::ZERO
        };
        let entry = self
            .positions
            .entry(order.identity.instrument_id.clone())
            .or_insert(Money::ZERO);
        let gross = match order.terms.order_side {
            OrderSide::Buy => entry.checked_add(amount),
            OrderSide::Sell => entry.checked_sub(amount),
        };
        *entry = gross
            .and_then(|gross| gross.checked_sub(fee))
            .unwrap_or(*entry);
    }

    /// Open quantity that could still be bought, by instrument.
    pub fn open_buys(&self, instrument_id: &InstrumentId) -> Vec<&OrderState> {
        self.active
            .iter()
            .filter_map(|id| self.orders.get(id))
            .filter(|order| {
                order.identity.instrument_id == *instrument_id
                    && order.terms.order_side == OrderSide::Buy
                    && !order.status.is_terminal()
                    && !matches!(order.role, Role::ListParent(_))
            })
            .collect()
    }

    /// Tells of a change of the trading state.
    pub(super) fn announce_stop(&mut self, reason: &str, at: UnixMillis, events: &mut Vec<Event>) {
        let seq = self.next_seq();
        let body = json!({
            "event": "trading_state",
            "gateway_seq": seq,
            "level": self.stop.as_ref().map(|stop| stop.level),
            "trading_state": self.trading_state(),
            "reason": reason,
            "event_at": at,
        });
        if let Ok(text) = canonical_json(&body) {
            events.push((seq, text));
        }
    }
}

/// The asset before the dash: `BTC` of `BTC-USD.SIM`.
pub fn base_currency(instrument_id: &InstrumentId) -> Option<Currency> {
    let (base, _) = instrument_id.as_str().split_once('-')?;
    Currency::new(base).ok()
}

/// The wire form of an order's latest change.
pub fn event_of(order: &OrderState, fill: Option<Fill>) -> OrderEvent {
    let identity = &order.identity;
    OrderEvent {
        schema: 1,
        event: OrderEventKind::from(order.status),
        gateway_seq: order.last_seq,
        event_at: order.last_event_at,
        account: identity.account.clone(),
        strategy: identity.strategy.clone(),
        decision_id: identity.decision_id.clone(),
        leg: identity.leg.clone(),
        attempt: identity.attempt,
        client_order_id: identity.client_order_id.clone(),
        venue_order_id: order.evidence.venue_order_id.clone(),
        instrument_id: identity.instrument_id.clone(),
        order_type: order.terms.order_type,
        order_side: order.terms.order_side,
        quantity: order.terms.quantity,
        price: order.terms.price,
        trigger_price: order.terms.trigger_price,
        status: order.status,
        filled_quantity: scaled(order.fills_total.quantity, order.terms.quantity.scale()),
        reason: order.reason.clone(),
        fill,
    }
}

fn scaled(quantity: Quantity, scale: u8) -> Quantity {
    quantity.to_scale(scale).unwrap_or(quantity)
}
