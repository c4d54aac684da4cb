//! Advancing the recording, and telling what the matching engine did.

use super::matching::Matching;
use super::{Effects, Event, Outcome, VenueState, reports};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{ListRecord, OrderRecord, StepReply};

impl VenueState {
    /// One step: match on the bars that close, then tell, then move to the next opens.
    pub(super) fn advance(
        &mut self,
        step: u64,
        effects: &mut Effects,
    ) -> Result<Outcome, VenueError> {
        let due = self
            .schedule
            .closes_at(step)
            .filter(|_| step == self.step + 1);
        let Some(closed_at) = due else {
            return Err(VenueError::new(409, -1020, self.wrong_step(step)));
        };
        let mut closed = Vec::new();
        for market in 0..self.markets.len() {
            let Some(row) = self.market(market)?.running(closed_at) else {
                continue;
            };
            let before = self.last_execution_id;
            let interval_ms = self.market(market)?.interval_ms;
            self.matching.bars()?.match_bar(market, &row, interval_ms)?;
            self.collect(effects)?;
            if self.last_execution_id > before {
                self.tell_balances(market, effects)?;
            }
            closed.push(market);
        }
        self.step = step;
        for market in &closed {
            let Some(entry) = self.markets.get_mut(*market) else {
                continue;
            };
            effects.events.push(Event::BarClosed {
                market: *market,
                index: entry.closed(),
            });
            entry.close_running();
        }
        self.open_markets()?;
        effects
            .events
            .extend(closed.iter().map(|market| Event::Quote { market: *market }));
        let reply = StepReply {
            step,
            market_time: closed_at,
            last_execution_id: self.last_execution_id,
            done: self.is_done(),
            bars: closed.len() as u64,
        };
        self.last_reply = Some(reply.clone());
        Ok(Outcome::Step(reply))
    }

    fn wrong_step(&self, step: u64) -> String {
        if self.is_done() {
            return format!(
                "step {step} does not exist: the recording ended at {}",
                self.step
            );
        }
        format!(
            "step {step} is out of order: the next one is {}",
            self.step + 1
        )
    }

    pub(super) fn open_markets(&mut self) -> Result<(), VenueError> {
        let Matching::Bars(engine) = &mut self.matching else {
            return Ok(());
        };
        for (index, market) in self.markets.iter().enumerate() {
            if let Some((price, at)) = market.market() {
                engine.set_market(index, price, at)?;
            }
        }
        Ok(())
    }

    /// Takes the executions of the matching engine over into the records, one by one.
    pub(super) fn collect(&mut self, effects: &mut Effects) -> Result<(), VenueError> {
        for report in self.matching.bars()?.drain() {
            self.last_execution_id = report.execution_id;
            let order = self.book.orders.get(&report.order_id);
            let index = order
                .map(|order| order.market)
                .ok_or_else(VenueError::internal)?;
            let market = self.markets.get(index).ok_or_else(VenueError::internal)?;
            let change = self
                .book
                .apply(&report, market)
                .ok_or_else(VenueError::internal)?;
            let order = self
                .book
                .orders
                .get(&report.order_id)
                .ok_or_else(VenueError::internal)?;
            let trade = change.trade.and_then(|index| self.book.trades.get(index));
            let event = reports::execution_report(&report, order, market, trade);
            effects.events.push(Event::User {
                account: order.account,
                payload: event,
            });
            effects
                .events
                .extend(change.trade.map(|index| Event::Trade { index }));
            if change.is_first_fill {
                *effects.first_fills.entry(AccountId::FIRST).or_default() += 1;
            }
            if let Some(list) = change.finished_list {
                self.tell_list(list, effects)?;
            }
            effects.reports.push(report);
        }
        Ok(())
    }

    pub(super) fn tell_list(&self, list_id: u64, effects: &mut Effects) -> Result<(), VenueError> {
        let list = self
            .book
            .lists
            .get(&list_id)
            .ok_or_else(VenueError::internal)?;
        let orders = self.legs(list);
        let event = reports::list_status(list, self.market(list.market)?, &orders);
        effects.events.push(Event::User {
            account: list.account,
            payload: event,
        });
        Ok(())
    }

    pub(super) fn tell_balances(
        &self,
        market: usize,
        effects: &mut Effects,
    ) -> Result<(), VenueError> {
        let market = self.market(market)?;
        let instrument = &market.instrument;
        let names = [
            instrument.base_currency.as_str(),
            instrument.quote_currency.as_str(),
        ];
        let mut rows = self.matching.balances(AccountId::FIRST);
        rows.retain(|(asset, _, _)| names.contains(&asset.as_str()));
        let at = effects
            .reports
            .last()
            .map_or(market.time(), |report| report.at);
        effects.events.push(Event::User {
            account: AccountId::FIRST,
            payload: reports::account_position(at, &rows),
        });
        Ok(())
    }

    /// The orders of a list, stop first.
    pub fn legs(&self, list: &ListRecord) -> Vec<&OrderRecord> {
        list.orders
            .iter()
            .filter_map(|id| self.book.orders.get(id))
            .collect()
    }
}
