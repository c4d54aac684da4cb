//! Executions, lists, levels and balances as events.

use std::collections::BTreeMap;

use super::Floor;
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::events::Event;
use crate::services::core::matching::{Happening, Report};
use crate::services::core::reports;

impl Floor<'_> {
    /// Takes one execution into the records and tells its account. Returns the execution id.
    pub(super) fn report(
        &mut self,
        order_id: u64,
        happening: Happening,
    ) -> Result<u64, VenueError> {
        let order = self.order(order_id)?;
        let (account, index) = (order.account, order.market);
        let last = self.auction.execution_ids.get_mut(account.index());
        let last = last.ok_or_else(VenueError::internal)?;
        *last += 1;
        let report = Report {
            execution_id: *last,
            order_id,
            at: self.auction.clock,
            happening,
        };
        let market = self.markets.get(index).ok_or_else(VenueError::internal)?;
        let change = self
            .book
            .apply(&report, market)
            .ok_or_else(VenueError::internal)?;
        let order = self.book.orders.get(&order_id);
        let order = order.ok_or_else(VenueError::internal)?;
        let trade = change.trade.and_then(|index| self.book.trades.get(index));
        self.effects.events.push(Event::User {
            account,
            payload: reports::execution_report(&report, order, market, trade),
        });
        if change.is_first_fill {
            *self.effects.first_fills.entry(account).or_default() += 1;
        }
        if let Some(list_id) = change.finished_list {
            self.tell_list(list_id, None)?;
        }
        let execution_id = report.execution_id;
        self.effects.reports.push(report);
        Ok(execution_id)
    }

    /// `listStatus`; `status_type` overrides EXEC_STARTED and ALL_DONE.
    pub(super) fn tell_list(
        &mut self,
        list_id: u64,
        status_type: Option<&str>,
    ) -> Result<(), VenueError> {
        let list = self.book.lists.get(&list_id);
        let list = list.ok_or_else(VenueError::internal)?;
        let orders: Vec<_> = list
            .orders
            .iter()
            .filter_map(|id| self.book.orders.get(id))
            .collect();
        let market = self.market(list.market)?;
        let mut payload = reports::list_status(list, market, &orders);
        if let (Some(text), Some(fields)) = (status_type, payload.as_object_mut()) {
            fields.insert("l".into(), text.into());
        }
        let account = list.account;
        self.effects.events.push(Event::User { account, payload });
        Ok(())
    }

    /// Levels, best prices and balances after an input or a feed event.
    pub(super) fn publish(&mut self) {
        let at = self.auction.clock;
        for (index, pit) in self.auction.pits.iter_mut().enumerate() {
            if !std::mem::take(&mut pit.is_touched) {
                continue;
            }
            if !pit.depth.waits_for_feed() {
                let depth = pit.depth.publish(index, None, at);
                self.effects.events.extend(depth);
            }
            let best = pit.depth.publish_best(index, false, at);
            self.effects.events.extend(best);
        }
        let mut rows: BTreeMap<AccountId, Vec<(String, i128, i128)>> = BTreeMap::new();
        for (account, asset) in std::mem::take(&mut self.auction.touched) {
            let balance = self.auction.funds.balance(account, &asset);
            rows.entry(account)
                .or_default()
                .push((asset, balance.free, balance.locked));
        }
        for (account, balances) in rows {
            self.effects.events.push(Event::User {
                account,
                payload: reports::account_position(at, &balances),
            });
        }
    }
}
