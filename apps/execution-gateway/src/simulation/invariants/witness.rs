//! What the journal has said, kept apart from the core.

use crate::models::record::{Entry, Record, Verdict};
use crate::models::venue::VenueStatus;
use rust_common::{ClientOrderId, Intent, OrderStatus};
use std::collections::{BTreeMap, BTreeSet};

/// What the records say of an order, kept apart from the core's own book.
#[derive(Debug, Clone, Default)]
struct Evidence {
    denied: bool,
    not_sent: bool,
    refused: bool,
    ended: bool,
    filled: i64,
    trades: BTreeSet<String>,
    is_entry: bool,
}

/// Reads records as they are made and remembers what they prove.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    orders: BTreeMap<ClientOrderId, Evidence>,
    pub(super) booked: BTreeMap<ClientOrderId, i64>,
    /// A stop is in force: no entry may be marked as sent.
    is_stopped: bool,
    /// Records that changed that, with their journal number.
    stops: Vec<(u64, bool)>,
    pub(super) touched: Vec<ClientOrderId>,
    /// Orders whose Sent record exists, with its sequence number in this life.
    pub(super) entry_sent_while_stopped: Option<ClientOrderId>,
}

impl Witness {
    pub(super) fn note(&mut self, seq: u64, entry: &Entry) {
        match &entry.record {
            Record::Intent {
                approved, denial, ..
            } => {
                let Ok(id) = approved.client_order_id() else {
                    return;
                };
                let evidence = self.orders.entry(id.clone()).or_default();
                evidence.denied |= denial.is_some();
                evidence.is_entry = approved.intent() == Intent::Open;
                self.touched.push(id);
            }
            Record::Sent { ids, .. } => {
                for id in ids {
                    let is_entry = self.orders.get(id).is_some_and(|known| known.is_entry);
                    if self.is_stopped && is_entry {
                        self.entry_sent_while_stopped = Some(id.clone());
                    }
                    self.touched.push(id.clone());
                }
            }
            Record::Outcome { ids, class, .. } => {
                for id in ids {
                    let evidence = self.orders.entry(id.clone()).or_default();
                    evidence.not_sent |= class == "N";
                    evidence.refused |= class == "D";
                    self.touched.push(id.clone());
                }
            }
            Record::Report { report } => {
                let id = report.client_order_id.clone();
                let evidence = self.orders.entry(id.clone()).or_default();
                let is_open =
                    matches!(report.status, VenueStatus::Working | VenueStatus::Triggered);
                evidence.ended |= !is_open;
                for trade in &report.trades {
                    if evidence.trades.insert(trade.trade_id.clone()) {
                        evidence.filled += trade.quantity.mantissa();
                    }
                }
                self.touched.push(id);
            }
            Record::Resolution { id, verdict, .. } => {
                let evidence = self.orders.entry(id.clone()).or_default();
                evidence.not_sent |= *verdict == Verdict::NotSent;
                evidence.ended |= *verdict == Verdict::Forgotten;
                self.touched.push(id.clone());
            }
            Record::Stop { .. } => self.mark_stop(seq, true),
            Record::Resume { .. } => self.mark_stop(seq, false),
            _ => {}
        }
    }

    pub(super) fn mark_stop(&mut self, seq: u64, is_stopped: bool) {
        self.is_stopped = is_stopped;
        self.stops.push((seq, is_stopped));
    }

    /// A process ended: what its journal did not keep has not happened.
    pub(super) fn restart(&mut self, last_seq: u64) {
        self.booked.clear();
        self.touched.clear();
        self.stops.retain(|(seq, _)| *seq <= last_seq);
        self.is_stopped = self.stops.last().is_some_and(|(_, is_stopped)| *is_stopped);
    }

    pub(super) fn proves(&self, id: &ClientOrderId, status: OrderStatus, quantity: i64) -> bool {
        let Some(known) = self.orders.get(id) else {
            return false;
        };
        match status {
            OrderStatus::Denied => known.denied,
            OrderStatus::NotSent => known.not_sent,
            OrderStatus::Rejected => known.refused || known.ended,
            OrderStatus::Filled => known.filled >= quantity,
            OrderStatus::Canceled | OrderStatus::Expired => known.ended || known.refused,
            _ => true,
        }
    }
}
