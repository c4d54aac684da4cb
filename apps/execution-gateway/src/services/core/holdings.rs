//! What the account holds by our books: baselines, fills, fees, adjustments (C7).
//!
//! Nothing but fills and journaled adjustments ever changes a holding.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use rust_common::{ClientOrderId, Currency, Fill, InstrumentId, Money, OrderSide};

use super::book::Book;
use super::reconcile::CONFIRM_AFTER_MS;
use super::{State, Turn};
use crate::models::order::{OrderState, Role};
use crate::models::record::Record;
use crate::mutants::{Mutant, is_on};

/// Era, instrument (which names venue and symbol), trade id, and whether we bought.
type FillKey = (u32, InstrumentId, String, bool);

/// Which order each trade of the account is booked under: no trade is booked twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FillIndex {
    #[serde(with = "super::book::pairs")]
    owners: BTreeMap<FillKey, ClientOrderId>,
}

impl FillIndex {
    /// Takes a trade for an order; false when another order has it.
    pub(super) fn claim(&mut self, era: u32, id: &ClientOrderId, fill: &Fill) -> bool {
        let is_buy = fill.order_side == OrderSide::Buy;
        let key = (
            era,
            fill.instrument_id.clone(),
            fill.trade_id.clone(),
            is_buy,
        );
        self.owners.entry(key).or_insert_with(|| id.clone()) == id
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&ClientOrderId) -> bool) {
        self.owners.retain(|_, id| keep(id));
    }
}

/// The asset before the first dash: `BTC` of `BTC-USD.SIM`.
pub fn base_currency(instrument_id: &InstrumentId) -> Option<Currency> {
    let (base, _) = instrument_id.as_str().split_once('-')?;
    Currency::new(base).ok()
}

/// The asset after the first dash: `USD` of `BTC-USD.SIM`.
fn quote_currency(instrument_id: &InstrumentId) -> Option<Currency> {
    let (_, rest) = instrument_id.as_str().split_once('-')?;
    let quote = rest.split(['.', '-']).next()?;
    Currency::new(quote).ok()
}

impl Book {
    /// Holding of an asset: baseline, fills, fees, adjustments.
    pub fn asset_held(&self, asset: &Currency) -> Money {
        [&self.asset_baselines, &self.assets, &self.adjustments]
            .into_iter()
            .filter_map(|map| map.get(asset))
            .fold(Money::ZERO, |sum, part| {
                sum.checked_add(*part).unwrap_or(sum)
            })
    }

    /// Position of an instrument: baseline and fills.
    pub fn position_held(&self, instrument_id: &InstrumentId) -> Money {
        [&self.baselines, &self.positions]
            .into_iter()
            .filter_map(|map| map.get(instrument_id))
            .fold(Money::ZERO, |sum, part| {
                sum.checked_add(*part).unwrap_or(sum)
            })
    }

    pub(super) fn book_position(&mut self, id: &ClientOrderId, fill: &Fill) {
        let Some(order) = self.orders.get(id) else {
            return;
        };
        let instrument_id = order.identity.instrument_id.clone();
        let (base, quote) = (
            base_currency(&instrument_id),
            quote_currency(&instrument_id),
        );
        let amount = Money::from(fill.quantity);
        let value = fill.price.notional(fill.quantity).unwrap_or(Money::ZERO);
        let (gained, spent) = match order.terms.order_side {
            OrderSide::Buy => ((base.clone(), amount), (quote, value)),
            OrderSide::Sell => ((quote, value), (base.clone(), amount)),
        };
        let fee_asset = Some(fill.fee_asset.clone()).filter(|_| !is_on(Mutant::FeesIgnored));
        let fee = (fee_asset, fill.fee);
        add(&mut self.assets, gained, false);
        add(&mut self.assets, spent, true);
        add(&mut self.assets, fee, true);
        let sold = order.terms.order_side == OrderSide::Sell;
        add(
            &mut self.positions,
            (Some(instrument_id.clone()), amount),
            sold,
        );
        if base.as_ref() == Some(&fill.fee_asset) {
            add(&mut self.positions, (Some(instrument_id), fill.fee), true);
        }
    }

    pub(super) fn take_baseline(
        &mut self,
        instrument_id: &InstrumentId,
        total: Money,
        trade_id: u64,
    ) {
        self.baselines.insert(instrument_id.clone(), total);
        self.swept.insert(instrument_id.clone(), trade_id);
        let Some(base) = base_currency(instrument_id) else {
            return;
        };
        if !self.asset_baselines.contains_key(&base) {
            let booked = self.asset_held(&base);
            let start = total.checked_sub(booked).unwrap_or(total);
            self.asset_baselines.insert(base, start);
        }
    }

    pub(super) fn adjust(&mut self, asset: &Currency, amount: Money, reference: &str) {
        if self.references.insert(reference.to_owned()) {
            add(&mut self.adjustments, (Some(asset.clone()), amount), false);
        }
    }

    /// Orders of an instrument that may still be executed.
    pub fn open_orders<'a>(
        &'a self,
        instrument_id: &'a InstrumentId,
    ) -> impl Iterator<Item = &'a OrderState> {
        self.active
            .iter()
            .filter_map(|id| self.orders.get(id))
            .filter(move |order| order.identity.instrument_id == *instrument_id)
            .filter(|order| !matches!(order.role, Role::ListParent(_)))
            .filter(|order| !order.remaining().is_zero())
    }
}

fn add<K: Ord>(map: &mut BTreeMap<K, Money>, (key, amount): (Option<K>, Money), minus: bool) {
    let Some(key) = key else { return };
    let entry = map.entry(key).or_insert(Money::ZERO);
    let sum = if minus {
        entry.checked_sub(amount)
    } else {
        entry.checked_add(amount)
    };
    *entry = sum.unwrap_or(*entry);
}

/// Bounds of a position: what it becomes if every open order of one side is executed in full.
/// They hold for any outcome of the orders in doubt (C5.1, invariant I15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    pub held: Money,
    pub lowest: Money,
    pub highest: Money,
}

impl State {
    /// Booked holding of an instrument: the base asset on spot, the position elsewhere.
    pub fn held(&self, instrument_id: &InstrumentId) -> Money {
        match base_currency(instrument_id) {
            Some(base) if !self.config.rules.is_derivative => self.book.asset_held(&base),
            _ => self.book.position_held(instrument_id),
        }
    }

    /// Worst-case exposure, reserved for every order that is not proven over.
    pub fn exposure(&self, instrument_id: &InstrumentId) -> Exposure {
        let held = self.held(instrument_id);
        let mut bounds = Exposure {
            held,
            lowest: held,
            highest: held,
        };
        for order in self.book.open_orders(instrument_id) {
            if is_on(Mutant::UnknownReservesNothing)
                && order.status == rust_common::OrderStatus::Unknown
            {
                continue;
            }
            let open = Money::from(order.remaining());
            match order.terms.order_side {
                OrderSide::Buy => {
                    bounds.highest = bounds.highest.checked_add(open).unwrap_or(bounds.highest);
                }
                OrderSide::Sell => {
                    bounds.lowest = bounds.lowest.checked_sub(open).unwrap_or(bounds.lowest);
                }
            }
        }
        bounds
    }

    pub(super) fn held_at_venue(&self, instrument_id: &InstrumentId) -> Money {
        let zero = Money::ZERO;
        if self.config.rules.is_derivative {
            let own = self.live.venue_positions.iter();
            return own
                .filter(|position| position.instrument_id == *instrument_id)
                .fold(zero, |sum, p| sum.checked_add(p.quantity).unwrap_or(sum));
        }
        let base = base_currency(instrument_id);
        let mut balances = self.live.balances.iter();
        balances
            .find(|balance| Some(&balance.asset) == base.as_ref())
            .and_then(|balance| balance.free.checked_add(balance.locked).ok())
            .unwrap_or(zero)
    }

    /// An order is between two states: a comparison of holdings would mean nothing.
    fn is_moving(&self) -> bool {
        self.book.active.iter().any(|id| {
            let order = self.book.orders.get(id);
            order.is_some_and(|order| order.has_missing_fills() || !order.status.is_working())
        })
    }
}

/// A holding that differs from the venue's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub gap: i128,
    pub since: i64,
    activity: u64,
    pub is_confirmed: bool,
}

impl Turn<'_> {
    /// Holdings by fills = holdings at the venue, else entries of the instrument stay closed: at
    /// once until it is looked at again, then until an operator resumes.
    pub(super) fn check_positions(&mut self) {
        if !self.state.live.is_recovered || self.state.is_moving() {
            return;
        }
        let ids: Vec<InstrumentId> = self.state.live.instruments.keys().cloned().collect();
        for id in ids {
            self.check_position(id);
        }
    }

    fn check_position(&mut self, id: InstrumentId) {
        let (held, booked) = (self.state.held_at_venue(&id), self.state.held(&id));
        let gap = held.mantissa() - booked.mantissa();
        let live = &mut self.state.live;
        if gap == 0 {
            live.mismatches.remove(&id);
            return;
        }
        let (now, activity) = (self.now, live.activity);
        let fresh = Mismatch {
            gap,
            since: now,
            activity,
            is_confirmed: false,
        };
        let known = live.mismatches.entry(id.clone()).or_insert(fresh.clone());
        let is_same = known.gap == gap && (known.activity == activity || known.is_confirmed);
        if !is_same {
            *known = fresh;
        }
        let is_twice = now - known.since >= CONFIRM_AFTER_MS;
        let since = known.since;
        known.is_confirmed |= is_twice;
        if !known.is_confirmed {
            let wanted = Some(since + CONFIRM_AFTER_MS);
            live.reconcile.confirm_at = live.reconcile.confirm_at.or(wanted);
            return;
        }
        if self.state.book.halts.contains_key(&id) || is_on(Mutant::NoMismatchHalt) {
            return;
        }
        let reason = format!("position differs: booked {booked}, at the venue {held}");
        self.alarm("reconcile_mismatch", format!("{id}: {reason}"));
        self.commit(Record::Halt {
            instrument_id: id,
            reason,
            evidence: vec![
                format!("booked {booked}"),
                format!("at the venue {held}, the same at {since} and at {now}"),
                format!("no order, fill or adjustment in between (activity {activity})"),
            ],
        });
    }
}
