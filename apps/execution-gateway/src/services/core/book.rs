//! The book of record: everything the journal's records say, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use rust_common::{
    ClientOrderId, Currency, Fill, InstrumentId, Money, OrderEvent, OrderEventKind, OrderStatus,
    Quantity, StopLevel, TradingState, UnixMillis, canonical_json,
};

use super::holdings::FillIndex;
use super::transitions::{is_closed, status_of_list};
use crate::models::order::{OrderState, Role};

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopState {
    pub level: StopLevel,
    pub reason: String,
    /// `gateway_seq` of the stop: names the orders that flatten.
    pub seq: u64,
    pub is_done: bool,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    pub body_hash: String,
    pub client_order_id: ClientOrderId,
    pub denial: Option<crate::models::record::Denial>,
    /// Transport time of the intent.
    pub at: i64,
}

/// Counts that metrics show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    pub late_fills: u64,
    pub external_orders: u64,
    pub overfills: u64,
    /// Trades told again under another order.
    pub duplicate_fills: u64,
    /// Messages that ended orders ignore.
    pub ignored: u64,
    /// Orders held for never sent that the venue then spoke of.
    pub revived: u64,
}

/// State rebuilt from the journal. `apply` (in `apply.rs`) is its only mutation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    pub orders: BTreeMap<ClientOrderId, OrderState>,
    pub keys: BTreeMap<String, KeyEntry>,
    #[serde(with = "super::book::pairs")]
    pub by_venue_id: BTreeMap<(InstrumentId, String), ClientOrderId>,
    /// Orders that something can still happen to.
    pub active: BTreeSet<ClientOrderId>,
    pub gateway_seq: u64,
    pub stop: Option<StopState>,
    pub halts: BTreeMap<InstrumentId, String>,
    /// Corruption that no operator has looked at yet.
    pub damage: Option<String>,
    /// The venue has lost its state, and no operator has resumed since.
    pub forgotten: Option<String>,
    /// Counts how often the venue has lost its state: ids of another era are other ids.
    pub era: u32,
    /// Which order each trade is booked under.
    pub fills: FillIndex,
    /// Positions before the first order, per instrument, and what the fills changed since.
    pub baselines: BTreeMap<InstrumentId, Money>,
    pub positions: BTreeMap<InstrumentId, Money>,
    /// The same per asset, fees in whatever asset they were paid included.
    pub asset_baselines: BTreeMap<Currency, Money>,
    pub assets: BTreeMap<Currency, Money>,
    pub adjustments: BTreeMap<Currency, Money>,
    /// Keys of the adjustments booked.
    pub references: BTreeSet<String>,
    pub swept: BTreeMap<InstrumentId, u64>,
    /// Newest order id seen per instrument: the low water of the next send.
    pub order_ids: BTreeMap<InstrumentId, u64>,
    pub counters: Counters,
    pub epoch: u32,
    /// Transport time of the newest record, and of the newest checkpoint.
    pub last_at: i64,
    pub checkpoint_at: i64,
}

/// An event text with its sequence number.
pub type Event = (u64, String);

impl Book {
    /// SHA-256 over the canonical JSON of the whole book, in hexadecimal (I9, I10): the same records
    /// give the same hash in every build of one journal format.
    pub fn state_hash(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        hex::encode(Sha256::digest(text))
    }

    pub fn trading_state(&self) -> TradingState {
        match &self.stop {
            None => TradingState::Active,
            Some(stop) if stop.is_done => stop.level.trading_state(),
            Some(_) => TradingState::Reducing,
        }
    }

    pub(super) fn next_seq(&mut self) -> u64 {
        self.gateway_seq += 1;
        self.gateway_seq
    }

    /// Books a fill, and tells of the order when its status changed or a fill came.
    pub(super) fn refresh(
        &mut self,
        id: &ClientOrderId,
        at: UnixMillis,
        fill: Option<Fill>,
        events: &mut Vec<Event>,
    ) {
        let Some(order) = self.orders.get(id) else {
            return;
        };
        let (booked, ordered) = (order.fills_total.quantity, order.ordered());
        let is_over = booked > ordered && !ordered.is_zero();
        let is_late = order.has_late_fill;
        if let Some(fill) = &fill {
            self.book_position(id, fill);
            self.counters.late_fills += u64::from(is_late);
            if is_over {
                self.counters.overfills += 1;
                let reason = format!("{id} was filled beyond its quantity: {booked} of {ordered}");
                self.halts.insert(fill.instrument_id.clone(), reason);
            }
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
        let is_muted = crate::mutants::is_on(crate::mutants::Mutant::SilentChildren)
            && order.identity.parent.is_some();
        if !is_muted && (fill.is_some() || (is_new_status && !is_silent)) {
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

/// Maps whose keys are no strings become lists of pairs, in the order of their keys.
pub(super) mod pairs {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(in super::super) fn deserialize<'de, K, V, D>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: DeserializeOwned + Ord,
        V: DeserializeOwned,
        D: Deserializer<'de>,
    {
        let pairs = Vec::<(K, V)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
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
