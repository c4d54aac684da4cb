//! What callers may read of the state.

use serde_json::{Value, json};

use rust_common::{Money, OrderStatus};

use super::State;
use super::book::event_of;
use crate::models::input::{Query, Reply};
use crate::models::order::OrderState;
use crate::models::problem::Problem;

impl State {
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
                fields.insert("unknown_reason".to_owned(), json!(order.evidence.ambiguous));
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
            .or_else(|| self.live.damage.clone());
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
