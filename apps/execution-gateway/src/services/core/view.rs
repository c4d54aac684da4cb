//! What callers may read of the state.

use serde_json::{Value, json};

use rust_common::{Money, OrderStatus};

use super::State;
use super::book::event_of;
use super::breaker::Position;
use crate::models::input::{Query, Reply};
use crate::models::order::OrderState;
use crate::models::problem::Problem;

/// The state in plain values, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Orders whose outcome is unknown, and the age of the oldest such question.
    pub unknown_orders: usize,
    pub unknown_age_ms: i64,
    /// 0 closed, 1 half-open, 2 open.
    pub breaker: u8,
    /// Why entries are refused, if they are.
    pub refusal: Option<&'static str>,
    /// 0 active, 1 to 4 by stop level.
    pub kill_level: u8,
    pub stream_gap_ms: i64,
    pub halted: usize,
    pub zombies: usize,
}

impl State {
    /// Hash of the book in canonical form.
    pub fn state_hash(&self) -> String {
        self.book.state_hash()
    }

    pub fn figures(&self, now: i64) -> Figures {
        let active = self.book.active.iter();
        let unknown: Vec<_> = active
            .filter(|id| {
                let order = self.book.orders.get(*id);
                order.is_some_and(|order| order.status == OrderStatus::Unknown)
            })
            .collect();
        let ages = unknown.iter().filter_map(|id| self.live.probes.get(*id));
        let level = self.book.stop.as_ref().map(|stop| stop.level);
        Figures {
            unknown_orders: unknown.len(),
            unknown_age_ms: ages.map(|probe| now - probe.since).max().unwrap_or(0),
            breaker: match self.live.breaker.position {
                Position::Closed => 0,
                Position::HalfOpen { .. } => 1,
                Position::Open { .. } => 2,
            },
            refusal: self.refusal().map(|refusal| refusal.kind),
            kill_level: level.map_or(0, |level| level as u8 + 1),
            stream_gap_ms: self.live.breaker.gap_since.map_or(0, |since| now - since),
            halted: self.book.halts.len(),
            zombies: self.live.zombies.len(),
        }
    }

    /// The order on the wire: its last event's fields, its fills, its legs, why it is unknown.
    pub(super) fn order_view(&self, order: &OrderState) -> Value {
        let mut view = json!(event_of(order, None));
        if let Some(fields) = view.as_object_mut() {
            fields.remove("event");
            let mut fills: Vec<_> = order.evidence.fills.values().collect();
            fills
                .sort_by_key(|fill| (fill.market_time, fill.trade_id.len(), fill.trade_id.clone()));
            fields.insert("fills".to_owned(), json!(fills));
            fields.insert("children".to_owned(), json!(self.children_of(order)));
            if order.status == OrderStatus::Unknown {
                let doubt = order.evidence.doubt.as_ref();
                let reason = doubt.map(|doubt| &doubt.reason);
                fields.insert("unknown_reason".to_owned(), json!(reason));
            }
        }
        view
    }

    pub(super) fn answer(&self, query: &Query) -> Reply {
        match query {
            Query::Order(id) => match self.book.orders.get(id) {
                Some(order) => Reply::ok(self.order_view(order)),
                None => Reply::problem(Problem::not_found(format!("no order {id} here"))),
            },
            Query::Orders { open_only: true } => {
                let active = self.book.active.iter();
                let views: Vec<Value> = active
                    .filter_map(|id| self.book.orders.get(id))
                    .filter(|order| !order.status.is_terminal())
                    .map(|order| self.order_view(order))
                    .collect();
                Reply::ok(json!({ "orders": views }))
            }
            Query::Orders { open_only: false } => {
                let mut all: Vec<&OrderState> = self.book.orders.values().collect();
                all.sort_by_key(|order| order.last_seq);
                let views: Vec<Value> = all
                    .into_iter()
                    .map(|order| self.order_view(order))
                    .collect();
                Reply::ok(json!({ "orders": views }))
            }
            Query::Positions => Reply::ok(json!({ "positions": self.positions() })),
            Query::Balances => Reply::ok(json!({ "balances": self.live.balances })),
            Query::Instruments => {
                let all: Vec<_> = self.live.instruments.values().collect();
                Reply::ok(json!({ "instruments": all }))
            }
            Query::Status => Reply::ok(self.status()),
        }
    }

    /// Position per instrument, in whole steps (less than one step counts as flat).
    fn positions(&self) -> Vec<Value> {
        self.live
            .instruments
            .values()
            .map(|instrument| {
                let id = &instrument.instrument_id;
                let exact = self.book.positions.get(id).copied().unwrap_or(Money::ZERO);
                let size = Money::from_mantissa(exact.mantissa().abs());
                let quantity = size
                    .floor_to_step(instrument.step_size)
                    .map_or_else(|_| exact.to_string(), |quantity| quantity.to_string());
                let sign = if exact < Money::ZERO { "-" } else { "" };
                json!({ "instrument_id": id, "quantity": format!("{sign}{quantity}") })
            })
            .collect()
    }

    fn status(&self) -> Value {
        let stop = self.book.stop.as_ref();
        let halted = self.book.halts.keys().cloned();
        let mut unresolved = self.unresolved();
        unresolved.extend(halted);
        let reason = stop
            .map(|stop| stop.reason.clone())
            .or_else(|| self.refusal().map(|refusal| refusal.detail));
        json!({
            "trading_state": self.book.trading_state(),
            "level": stop.map(|stop| stop.level),
            "reason": reason,
            "venue_connected": self.live.is_stream_up && self.live.is_recovered,
            "user_stream_connected": self.live.is_stream_up,
            "entries_open": self.are_entries_open(),
            "unresolved": unresolved,
            "clock_offset_ms": self.live.clock_offset_ms,
            "gateway_seq": self.book.gateway_seq,
            "version": self.config.version,
        })
    }
}
