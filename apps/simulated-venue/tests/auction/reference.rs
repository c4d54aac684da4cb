//! A naive matcher: one list of what stands there, searched from end to end. Slow and obvious.

use simulated_venue::models::accounts::AccountId;
use simulated_venue::models::orders::{SelfTradePrevention as Mode, Side};

use crate::support::{B, C};

/// Something that stands in the book; no account is the outside market.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) id: u64,
    pub(crate) account: Option<AccountId>,
    pub(crate) side: Side,
    pub(crate) price: i64,
    pub(crate) visible: i64,
    pub(crate) hidden: i64,
    pub(crate) slice: i64,
    pub(crate) since: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming {
    pub(crate) id: u64,
    pub(crate) account: AccountId,
    pub(crate) side: Side,
    pub(crate) limit: Option<i64>,
    pub(crate) quantity: i64,
    pub(crate) mode: Mode,
}

/// Fills as `(order, price, quantity)`, makers without the outside market.
#[derive(Debug, Clone, Default)]
pub(crate) struct Naive {
    pub(crate) standing: Vec<Standing>,
    pub(crate) taker_fills: Vec<(u64, i64, i64)>,
    pub(crate) maker_fills: Vec<(u64, i64, i64)>,
    pub(crate) prevented: Vec<(u64, u64, i64, i64)>,
    tick: u64,
}

fn is_self(maker: Option<AccountId>, taker: AccountId) -> bool {
    let is_grouped = |account| account == B || account == C;
    maker.is_some_and(|maker| maker == taker || (is_grouped(maker) && is_grouped(taker)))
}

impl Naive {
    pub(crate) fn stand(&mut self, mut entry: Standing) {
        self.tick += 1;
        entry.since = self.tick;
        self.standing.push(entry);
    }

    pub(crate) fn cancel(&mut self, id: u64) {
        self.standing.retain(|entry| entry.id != id);
    }

    /// The best price, and at it what stands there longest.
    pub(crate) fn best(&self, side: Side, limit: Option<i64>) -> Option<usize> {
        let sign = if side == Side::Sell { 1 } else { -1 };
        let reached = |entry: &&(usize, &Standing)| {
            entry.1.side == side && limit.is_none_or(|limit| sign * entry.1.price <= sign * limit)
        };
        self.standing
            .iter()
            .enumerate()
            .filter(|entry| reached(&entry))
            .min_by_key(|(_, entry)| (sign * entry.price, entry.since))
            .map(|(index, _)| index)
    }

    /// Lets an order take; returns what is left of it (0 if prevention ended it).
    pub(crate) fn take(&mut self, order: Incoming) -> i64 {
        let mut left = order.quantity;
        while left > 0 {
            let Some(at) = self.best(order.side.opposite(), order.limit) else {
                break;
            };
            let maker = self.standing[at].clone();
            let slice = left.min(maker.visible);
            if order.mode != Mode::None && is_self(maker.account, order.account) {
                let all = maker.visible + maker.hidden;
                let (mine, theirs) = match order.mode {
                    Mode::ExpireTaker => (left, 0),
                    Mode::ExpireMaker => (0, all),
                    Mode::ExpireBoth => (left, all),
                    _ => (slice, slice),
                };
                self.prevented.push((order.id, maker.id, mine, theirs));
                left -= mine;
                self.reduce(at, theirs, theirs == all);
                if order.mode == Mode::ExpireTaker {
                    return 0;
                }
                continue;
            }
            self.taker_fills.push((order.id, maker.price, slice));
            if maker.account.is_some() {
                self.maker_fills.push((maker.id, maker.price, slice));
            }
            left -= slice;
            self.reduce(at, slice, false);
        }
        left
    }

    fn reduce(&mut self, at: usize, quantity: i64, is_all: bool) {
        if is_all {
            self.standing.remove(at);
            return;
        }
        self.standing[at].visible -= quantity;
        if self.standing[at].visible > 0 {
            return;
        }
        let mut entry = self.standing.remove(at);
        if entry.hidden > 0 {
            entry.visible = entry.slice.min(entry.hidden);
            entry.hidden -= entry.visible;
            self.stand(entry);
        }
    }
}
