//! Records that change something else than orders: stops, halts, holdings, keys, epochs.

use std::collections::BTreeSet;

use rust_common::{ClientOrderId, TradingState, UnixMillis};

use super::book::{Book, Event, StopState};
use super::transitions::is_closed;
use crate::models::record::Record;
use crate::mutants::{Mutant, is_on};

impl Book {
    pub(super) fn apply_control(
        &mut self,
        record: &Record,
        at: UnixMillis,
        events: &mut Vec<Event>,
    ) {
        match record {
            Record::Epoch {
                epoch, seq_floor, ..
            } => {
                self.epoch = *epoch;
                self.gateway_seq = self.gateway_seq.max(*seq_floor);
                if is_on(Mutant::StopForgotten) {
                    self.stop = None;
                }
            }
            Record::Stop { level, reason } => {
                let is_done = level.trading_state() == TradingState::Reducing;
                let seq = self.gateway_seq + 1;
                self.stop = Some(StopState {
                    level: *level,
                    reason: reason.clone(),
                    seq,
                    is_done,
                });
                self.announce_stop(reason, at, events);
            }
            Record::StopDone => {
                if let Some(stop) = &mut self.stop {
                    stop.is_done = true;
                    let reason = stop.reason.clone();
                    self.announce_stop(&reason, at, events);
                }
            }
            Record::Resume { reason } => {
                self.resume();
                self.announce_stop(reason, at, events);
            }
            Record::Halt {
                instrument_id,
                reason,
                ..
            } => {
                self.halts.insert(instrument_id.clone(), reason.clone());
            }
            Record::Damage { reason } => self.damage = Some(reason.clone()),
            Record::Forgot { reason } => {
                // Ids of a venue that starts again may repeat: from here they are new ones.
                self.era += 1;
                self.by_venue_id.clear();
                self.forgotten = Some(reason.clone());
            }
            Record::KeysDropped { before } => self.drop_keys(*before),
            Record::Checkpoint { .. } => self.checkpoint_at = self.last_at,
            other => self.apply_holding(other),
        }
    }

    fn apply_holding(&mut self, record: &Record) {
        match record {
            Record::Baseline {
                instrument_id,
                base_total,
                trade_id,
            } => self.take_baseline(instrument_id, *base_total, *trade_id),
            Record::Swept {
                instrument_id,
                trade_id,
            } => {
                self.swept.insert(instrument_id.clone(), *trade_id);
            }
            Record::Adjustment {
                asset,
                amount,
                reference,
                ..
            } => self.adjust(asset, *amount, reference),
            _ => {}
        }
    }

    /// An operator has looked: stops and halts end. After a venue has lost its state its holdings
    /// are what it says now, so the next reconciliation takes new baselines.
    fn resume(&mut self) {
        self.stop = None;
        self.damage = None;
        self.halts.clear();
        if self.forgotten.take().is_some() {
            self.swept.clear();
            self.order_ids.clear();
            self.baselines.clear();
            self.asset_baselines.clear();
            self.assets.clear();
            self.adjustments.clear();
            self.positions.clear();
        }
    }

    /// Drops keys with everything that hangs on them (C4: after the venue's own archive horizon).
    fn drop_keys(&mut self, before: i64) {
        let is_old = |born_at: i64| born_at < before;
        let orders = &self.orders;
        let is_done = |id: &ClientOrderId| orders.get(id).is_none_or(is_closed);
        let families_open: BTreeSet<_> = orders
            .values()
            .filter(|order| !is_closed(order))
            .flat_map(|order| {
                let own = order.identity.client_order_id.clone();
                [Some(own), order.identity.parent.clone()]
            })
            .flatten()
            .collect();
        self.keys.retain(|_, known| {
            let id = &known.client_order_id;
            !(is_old(known.at) && is_done(id) && !families_open.contains(id))
        });
        let keys = &self.keys;
        let kept: BTreeSet<_> = keys
            .values()
            .map(|known| known.client_order_id.clone())
            .collect();
        self.orders.retain(|id, order| {
            let root = order.identity.parent.as_ref().unwrap_or(id);
            !is_old(order.born_at)
                || !is_closed(order)
                || kept.contains(root)
                || families_open.contains(root)
        });
        let orders = &self.orders;
        self.by_venue_id.retain(|_, id| orders.contains_key(id));
        self.fills.retain(|id| orders.contains_key(id));
    }
}
