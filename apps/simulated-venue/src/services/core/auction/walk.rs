//! What an incoming order would do, worked out before anything changes: so that a refusal leaves no
//! trace, and FOK and LIMIT_MAKER can look first.

use rust_common::fixed::pow10;

use super::funds::Funds;
use super::ladder::{Ladder, Resting, Rung};
use crate::models::accounts::AccountId;
use crate::models::orders::SelfTradePrevention;
use crate::services::core::market::Market;

/// How much an order wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Base(i64),
    /// `quoteOrderQty`, at scale 8.
    Quote(i128),
}

/// An incoming order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taker {
    pub(super) account: AccountId,
    pub(super) limit: Option<i64>,
    pub(super) size: Size,
    /// The most quote currency a buy without a limit may cost.
    pub(super) funds: Option<i128>,
    pub(super) prevention: SelfTradePrevention,
}

/// One thing the order meets, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    External {
        price: i64,
        quantity: i64,
    },
    Order {
        price: i64,
        order_id: u64,
        quantity: i64,
    },
    Prevented {
        price: i64,
        order_id: u64,
        mode: SelfTradePrevention,
        taker: i64,
        maker: i64,
    },
}

/// Why a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing more is wanted.
    Complete,
    /// The book has nothing more within the limit.
    Exhausted,
    /// Self-trade prevention ended the order.
    Prevented,
    /// The money is spent.
    Funds,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) steps: Vec<Step>,
    pub(super) filled: i64,
    /// Quote currency at scale 8.
    pub(super) cost: i128,
    pub(super) prevented: i64,
    pub(super) end: End,
}

struct Walker<'a> {
    taker: &'a Taker,
    market: &'a Market,
    funds: &'a Funds,
    modes: &'a dyn Fn(u64) -> SelfTradePrevention,
    walk: Walk,
}

/// Walks `taker` through the opposite side. `modes` tells a maker's own prevention mode.
pub(super) fn walk(
    taker: &Taker,
    opposite: &Ladder,
    market: &Market,
    (funds, modes): (&Funds, &dyn Fn(u64) -> SelfTradePrevention),
) -> Walk {
    let mut walker = Walker {
        taker,
        market,
        funds,
        modes,
        walk: Walk {
            steps: Vec::new(),
            filled: 0,
            cost: 0,
            prevented: 0,
            end: End::Exhausted,
        },
    };
    for (price, rung) in opposite.from_best() {
        if !opposite.reaches(taker.limit, price) {
            break;
        }
        if let Some(end) = walker.rung(price, rung) {
            walker.walk.end = end;
            return walker.walk;
        }
    }
    if walker.is_complete() {
        walker.walk.end = End::Complete;
    }
    walker.walk
}

impl Walker<'_> {
    fn is_complete(&self) -> bool {
        match self.taker.size {
            Size::Base(quantity) => self.walk.filled + self.walk.prevented >= quantity,
            Size::Quote(amount) => self.walk.cost >= amount,
        }
    }

    /// How much of the base can still be had at `price`, and why no more.
    fn room(&self, price: i64) -> (i64, End) {
        let wanted = match self.taker.size {
            Size::Base(quantity) => quantity - self.walk.filled - self.walk.prevented,
            Size::Quote(amount) => self.affordable(price, amount - self.walk.cost),
        };
        let funds = self.taker.funds.map(|funds| {
            let left = self.affordable(price, funds - self.walk.cost);
            (left, End::Funds)
        });
        match funds {
            Some((left, end)) if left < wanted => (left, end),
            _ => (wanted.max(0), End::Complete),
        }
    }

    /// The most base currency, on the step, that `amount` of quote currency buys.
    fn affordable(&self, price: i64, amount: i128) -> i64 {
        let instrument = &self.market.instrument;
        let scale = u32::from(instrument.price_scale) + u32::from(instrument.quantity_scale);
        let most = pow10(scale)
            .and_then(|unit| amount.max(0).checked_mul(unit))
            .and_then(|exact| exact.checked_div(i128::from(price) * 100_000_000))
            .and_then(|quantity| i64::try_from(quantity).ok())
            .unwrap_or(i64::MAX);
        let step = self.market.filters.lot_size.step_size.max(1);
        most - most % step
    }

    fn rung(&mut self, price: i64, rung: &Rung) -> Option<End> {
        let mut outside = 0;
        let mut refills: std::collections::VecDeque<Resting> = std::collections::VecDeque::new();
        let mut queue = rung.queue.iter().copied();
        while let Some(resting) = queue.next().or_else(|| refills.pop_front()) {
            let ahead = (resting.ahead.min(rung.external) - outside).max(0);
            outside += ahead;
            if let Some(end) = self.external(price, ahead) {
                return Some(end);
            }
            let (taken, end) = self.meet(price, &resting);
            if end.is_some() {
                return end;
            }
            if taken == resting.visible && resting.hidden > 0 {
                refills.push_back(resting.refilled(rung.external));
            }
        }
        self.external(price, rung.external - outside)
    }

    fn external(&mut self, price: i64, available: i64) -> Option<End> {
        let quantity = self.room(price).0.min(available);
        if quantity > 0 {
            self.walk.steps.push(Step::External { price, quantity });
            self.fill(price, quantity);
        }
        self.ended(price)
    }

    /// One resting order. Returns what was taken of what it shows.
    fn meet(&mut self, price: i64, resting: &Resting) -> (i64, Option<End>) {
        let (room, end) = self.room(price);
        if room == 0 {
            return (0, Some(end));
        }
        let mode = self.taker.prevention;
        let is_self = mode != SelfTradePrevention::None
            && self
                .funds
                .is_self_trade(self.taker.account, resting.account);
        if is_self {
            return self.prevent(price, resting, room);
        }
        let quantity = room.min(resting.visible);
        self.walk.steps.push(Step::Order {
            price,
            order_id: resting.order_id,
            quantity,
        });
        self.fill(price, quantity);
        (quantity, self.ended(price))
    }

    /// The effective mode (faqs/stp_faq.md): the taker's, but TRANSFER needs both.
    fn prevent(&mut self, price: i64, resting: &Resting, room: i64) -> (i64, Option<End>) {
        use SelfTradePrevention as Mode;
        let mode = match self.taker.prevention {
            Mode::Transfer if (self.modes)(resting.order_id) != Mode::Transfer => Mode::Decrement,
            mode => mode,
        };
        let matched = room.min(resting.visible);
        let (taker, maker) = match mode {
            Mode::ExpireTaker => (room, 0),
            Mode::ExpireMaker => (0, resting.remaining()),
            Mode::ExpireBoth => (room, resting.remaining()),
            Mode::Decrement | Mode::Transfer | Mode::None => (matched, matched),
        };
        self.walk.steps.push(Step::Prevented {
            price,
            order_id: resting.order_id,
            mode,
            taker,
            maker,
        });
        self.walk.prevented += taker;
        let is_ended = match mode {
            Mode::ExpireTaker | Mode::ExpireBoth => true,
            Mode::ExpireMaker => false,
            Mode::Decrement | Mode::Transfer | Mode::None => taker == room,
        };
        // An expired maker shows nothing more.
        let gone = if mode == Mode::ExpireMaker { 0 } else { maker };
        (gone, is_ended.then_some(End::Prevented))
    }

    fn fill(&mut self, price: i64, quantity: i64) {
        self.walk.filled += quantity;
        self.walk.cost += self.market.trade_amount(price, quantity);
    }

    fn ended(&self, price: i64) -> Option<End> {
        let (room, end) = self.room(price);
        (room == 0).then_some(end)
    }
}
