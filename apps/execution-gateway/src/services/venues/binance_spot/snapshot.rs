//! The complete picture of the account that a reconciliation needs.

use std::collections::BTreeMap;

use rust_common::{ClientOrderId, Instrument, InstrumentId};

use super::BinanceSpot;
use super::calls::{rows, unreadable};
use super::outcome::Failure;
use super::parse;
use super::rest::Request;
use crate::failpoints::reached;
use crate::models::venue::{Parts, Snapshot, Sweep, VenueReport, VenueStatus};

const PAGE: usize = 1_000;

impl BinanceSpot {
    pub(super) async fn snapshot(
        &self,
        parts: Parts,
        sweeps: &[Sweep],
        own_open: &[(InstrumentId, ClientOrderId)],
    ) -> Result<Snapshot, Failure> {
        let mut snapshot = Snapshot::default();
        reached("snapshot.before_account");
        if parts.account {
            self.account(&mut snapshot).await?;
        }
        let mut states = Vec::new();
        reached("snapshot.before_open");
        if parts.open {
            self.open_states(sweeps, own_open, &mut states, &mut snapshot)
                .await?;
        }
        reached("snapshot.before_trades");
        if parts.trades {
            for sweep in sweeps {
                self.sweep(sweep, &mut states, &mut snapshot).await?;
            }
        }
        // Trades first, in the order of their ids; then where the orders stand.
        snapshot.reports.extend(states);
        reached("snapshot.after");
        Ok(snapshot)
    }

    async fn account(&self, snapshot: &mut Snapshot) -> Result<(), Failure> {
        let request = Request::get("/api/v3/account", 20, Vec::new());
        let body = self.rest.signed(request).await?;
        let Some(list) = body.get("balances") else {
            return Err(unreadable("account has no balances"));
        };
        for row in rows(list)? {
            let balance = parse::balance(row, ["asset", "free", "locked"])?;
            snapshot.balances.push(balance);
        }
        Ok(())
    }

    /// Open orders of every instrument, and own orders that are not among them.
    async fn open_states(
        &self,
        sweeps: &[Sweep],
        own_open: &[(InstrumentId, ClientOrderId)],
        states: &mut Vec<VenueReport>,
        snapshot: &mut Snapshot,
    ) -> Result<(), Failure> {
        for sweep in sweeps {
            let instrument = self.instrument(&sweep.instrument_id)?;
            states.extend(self.open_orders(&instrument).await?);
        }
        for (instrument_id, id) in own_open {
            if states.iter().any(|report| report.client_order_id == *id) {
                continue;
            }
            let instrument = self.instrument(instrument_id)?;
            let key = ("origClientOrderId", id.to_string());
            match self.query(&instrument, key).await {
                Ok(report) => states.push(report),
                Err(Failure::Missing) => snapshot.missing.push(id.clone()),
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Trades after the last sweep, each with the order it belongs to.
    async fn sweep(
        &self,
        sweep: &Sweep,
        states: &mut Vec<VenueReport>,
        snapshot: &mut Snapshot,
    ) -> Result<(), Failure> {
        let instrument = self.instrument(&sweep.instrument_id)?;
        let Some(after) = sweep.after_trade_id else {
            let newest = self
                .trades(&instrument, vec![("limit", "1".to_owned())], 20)
                .await?;
            let last = newest.iter().map(|(id, _, _)| *id).max().unwrap_or(0);
            snapshot.swept.push((sweep.instrument_id.clone(), last));
            return Ok(());
        };
        let mut last = after;
        let mut owners: BTreeMap<i64, VenueReport> = BTreeMap::new();
        loop {
            let page = vec![
                ("fromId", (last + 1).to_string()),
                ("limit", PAGE.to_string()),
            ];
            let trades = self.trades(&instrument, page, 20).await?;
            let is_last = trades.len() < PAGE;
            for (id, order_id, trade) in trades {
                if let std::collections::btree_map::Entry::Vacant(slot) = owners.entry(order_id) {
                    let owner = self.owner_of(&instrument, order_id, states).await?;
                    slot.insert(owner);
                }
                if let Some(owner) = owners.get(&order_id) {
                    let mut report = owner.clone();
                    report.status = VenueStatus::Working;
                    report.executed = trade.quantity;
                    report.at = trade.at;
                    report.reason = None;
                    report.trades = vec![trade];
                    snapshot.reports.push(report);
                }
                last = last.max(id);
            }
            if is_last {
                break;
            }
        }
        snapshot.swept.push((sweep.instrument_id.clone(), last));
        Ok(())
    }

    async fn owner_of(
        &self,
        instrument: &Instrument,
        order_id: i64,
        states: &mut Vec<VenueReport>,
    ) -> Result<VenueReport, Failure> {
        let id = order_id.to_string();
        let known = states.iter().find(|report| {
            report.venue_order_id == id && report.instrument_id == instrument.instrument_id
        });
        if let Some(report) = known {
            return Ok(report.clone());
        }
        let report = self.query(instrument, ("orderId", id)).await?;
        states.push(report.clone());
        Ok(report)
    }
}
