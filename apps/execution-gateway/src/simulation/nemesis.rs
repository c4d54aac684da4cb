//! Faults that strike the process, the disk, the clock, the account and the venue's orders.

use rust_common::{Money, OrderSide, OrderStatus, TimeInForce, UnixMillis};

use super::disk::Defects;
use super::faults::{Fault, Planned};
use super::history::Kind as BrokenKind;
use super::random::Random;
use super::venue::orders::Wanted;
use super::venue::{ASSET_PER_STEP, Kind, MarketStatus, Stage, Whims};
use super::world::{Event, World};
use crate::models::input::Input;
use crate::models::venue::{Lane, StreamEvent};

/// Faults that strike in every schedule.
pub const FAULTS_NEEDED: usize = 6;

impl World {
    /// Strikes with a fault on everything; false when it cannot strike now.
    pub(super) fn hit_everything(&mut self, planned: Planned) -> bool {
        let mut random = Random::new(planned.variant);
        let fault = planned.fault;
        match fault {
            // Counted when the query fails.
            Fault::RecoveryQueryError => {
                self.conditions.fail_reconcile = true;
                self.stream_down(random.between(10, 300));
                return true;
            }
            Fault::SecondGateway => {
                self.count_everything(fault);
                return self.start_second();
            }
            Fault::MissingSegment if self.disk.segments() < 2 => return false,
            _ => self.count_everything(fault),
        }
        match fault {
            Fault::StreamStall => {
                let length = random.between(2_000, 20_000);
                self.stream.stalled_until = self.now + length;
                if random.chance(50) {
                    self.after(length - 1, Event::Heal(fault));
                }
            }
            Fault::StreamEnd => self.stream_down(random.between(10, 3_000)),
            Fault::ClockSkew => {
                let skews = [-5_000, -1_000, -500, 500, 1_000, 5_000];
                self.conditions.clock_skew = random.pick(&skews).copied().unwrap_or(500);
                self.forget_tick();
                let length = random.between(1_000, 8_000);
                self.after(length, Event::Heal(fault));
            }
            Fault::Crash => self.crash("by kill -9"),
            Fault::DoubleCrash => {
                self.conditions.crash_in_recovery = true;
                self.crash("the first of two");
            }
            Fault::VenueRestart => {
                self.conditions.venue_down_until = self.now + random.between(100, 5_000);
                self.stream_down(50);
            }
            Fault::VenueReset => {
                self.conditions.venue_down_until = self.now + random.between(100, 2_000);
                self.venue.forget();
                self.stream_down(50);
                // Somebody looks at the account and lets trading go on.
                let life = self.life;
                self.after(9_000, Event::Operator { life });
            }
            Fault::DiskFull | Fault::SyncError => self.break_disk(fault, &mut random),
            Fault::TornTail => {
                self.crash("with a torn tail");
                self.disk.tear(&mut random);
            }
            Fault::BitFlip => {
                self.crash("and a bit flips");
                if random.chance(50) {
                    self.corrupted = self.disk.flip_middle(&mut random);
                } else {
                    self.disk.tear(&mut random);
                }
            }
            Fault::MissingSegment => {
                self.crash("and a segment is lost");
                self.corrupted = self.disk.lose_segment(&mut random);
            }
            Fault::Partition => {
                let length = random.between(500, 12_000);
                if random.chance(50) {
                    self.conditions.venue_cut_until = self.now + length;
                    self.stream_down(50);
                } else {
                    self.conditions.caller_cut_until = self.now + length;
                }
            }
            Fault::SlowDisk => {
                self.conditions.slow_disk = true;
                self.after(random.between(1_000, 6_000), Event::Heal(fault));
            }
            Fault::SymbolStatus => self.change_symbol(&mut random),
            Fault::OutsideActivity => self.act_outside(&mut random),
            Fault::LimitWindow => {
                // The window is used up: calls wait until it rolls. Sometimes the core is told.
                let length = random.between(200, 3_000);
                self.conditions.limited_until = self.now + length;
                if random.chance(50) {
                    let until = self.clock() + length;
                    self.input(Input::Throttled {
                        lane: Some(Lane::Entry),
                        until,
                    });
                }
            }
            _ => {}
        }
        true
    }

    /// A schedule whose planned faults found nothing to strike gets others that always can.
    pub(super) fn top_up(&mut self) {
        let always = [
            Fault::StreamEnd,
            Fault::SlowDisk,
            Fault::ClockSkew,
            Fault::Partition,
            Fault::LimitWindow,
            Fault::SymbolStatus,
        ];
        for fault in always {
            if self.fired.len() >= FAULTS_NEEDED || !self.plan.is_topped_up {
                return;
            }
            let planned = Planned {
                fault,
                not_before: self.now,
                patience: self.now,
                wanted: OrderStatus::Filled,
                variant: self.plan.seed,
            };
            if self.node.is_some() && self.hit_everything(planned) {
                self.note_fired(fault);
            }
        }
    }

    fn break_disk(&mut self, fault: Fault, random: &mut Random) {
        let mut defects = self.disk.defects();
        match fault {
            Fault::DiskFull => defects.is_full = true,
            _ => defects.fails_sync = true,
        }
        self.disk.set_defects(defects);
        self.after(random.between(1_000, 5_000), Event::Heal(fault));
    }

    /// F38: a second process must not get the journal. The lock is the real one, on a directory
    /// of its own.
    fn start_second(&mut self) -> bool {
        use crate::services::journal::storage::DirectoryLock;
        let name = format!("ats-simulation-{}-{}", std::process::id(), self.plan.seed);
        let dir = std::env::temp_dir().join(name);
        let first = DirectoryLock::acquire(&dir);
        let second = DirectoryLock::acquire(&dir);
        let is_refused = first.is_ok() && second.is_err();
        drop((first, second));
        let removed = std::fs::remove_dir_all(&dir);
        if !is_refused || removed.is_err() {
            let detail = "a second gateway got the journal of the first".to_owned();
            self.fail("C3", BrokenKind::Other, detail);
        }
        true
    }

    fn change_symbol(&mut self, random: &mut Random) {
        let market = random.index(self.venue.markets.len());
        if let Some(entry) = self.venue.markets.get_mut(market) {
            match random.below(3) {
                0 => entry.status = MarketStatus::Halt,
                1 => entry.status = MarketStatus::CancelOnly,
                _ => entry.min_quantity = 1_000_000_000,
            }
        }
        self.after(
            random.between(1_000, 8_000),
            Event::Heal(Fault::SymbolStatus),
        );
    }

    /// F44: deposit, withdrawal, or an order of somebody else on the account.
    fn act_outside(&mut self, random: &mut Random) {
        let market = random.index(self.venue.markets.len());
        let is_told = random.chance(70) && self.stream.is_up && !self.is_venue_cut();
        let Some(entry) = self.venue.markets.get_mut(market) else {
            return;
        };
        let asset = entry.base.clone();
        let before = entry.held;
        let amount = i128::from(random.between(1, 1_000)) * ASSET_PER_STEP;
        match random.below(3) {
            0 => {
                entry.held += amount;
                entry.outside += amount;
                entry.deposited += amount;
            }
            1 => {
                let amount = amount.min(entry.held);
                entry.held -= amount;
                entry.outside -= amount;
            }
            _ => {
                let client = format!("outside-{}", self.now).parse();
                if let Ok(client) = client {
                    let quantity = random.between(5, 500);
                    self.outsider(client, market, quantity, random.chance(70));
                }
                return;
            }
        }
        let after = self
            .venue
            .markets
            .get(market)
            .map_or(before, |entry| entry.held);
        if is_told {
            let event = StreamEvent::Transfer {
                asset,
                amount: Money::from_mantissa(after - before),
                at: UnixMillis::new(self.clock()).unwrap_or_default(),
                reference: format!("transfer-{}", self.now),
            };
            let link = self.stream.link;
            self.after(
                20,
                Event::Stream {
                    link,
                    event: Box::new(event),
                },
            );
        }
    }

    fn outsider(
        &mut self,
        client: rust_common::ClientOrderId,
        market: usize,
        quantity: i64,
        is_market: bool,
    ) -> bool {
        let price = self
            .venue
            .markets
            .get(market)
            .map_or(1, |entry| entry.price);
        let wanted = Wanted {
            client,
            market,
            side: OrderSide::Buy,
            kind: match is_market {
                true => Kind::Market,
                false => Kind::Limit(TimeInForce::Gtc { post_only: false }),
            },
            quantity,
            price: price - price / 100,
            trigger: 0,
            is_external: true,
        };
        self.venue.place_external(self.now, wanted).is_ok()
    }

    /// Strikes an order at the venue that the gateway has in the wanted state.
    pub(super) fn hit_order(&mut self, planned: Planned, is_late: bool) -> bool {
        let fault = planned.fault;
        let fits = |world: &Self, index: usize, is_open: bool| {
            world.venue.orders.get(index).is_some_and(|order| {
                let state = world.state_of(&order.client);
                let is_wanted = state == Some(planned.wanted) || is_late && state.is_some();
                is_wanted && order.is_open() == is_open && !order.is_external && !order.is_forgotten
            })
        };
        let all: Vec<usize> = (0..self.venue.orders.len()).collect();
        match fault {
            Fault::PartialFills => {
                let found = self
                    .venue
                    .open
                    .iter()
                    .copied()
                    .find(|at| fits(self, *at, true));
                let Some(index) = found else { return false };
                let price = self
                    .venue
                    .orders
                    .get(index)
                    .map_or(1, |o| o.price.max(o.trigger));
                self.count_venue_order(fault, index);
                self.venue.fill_some(self.now, index, price, true);
                true
            }
            Fault::SelfTrade => {
                let found = self
                    .venue
                    .open
                    .iter()
                    .copied()
                    .find(|at| fits(self, *at, true));
                let Some(index) = found else { return false };
                self.count_venue_order(fault, index);
                if let Some(order) = self.venue.orders.get_mut(index) {
                    order.prevented = order.remaining();
                }
                self.venue.end(self.now, index, Stage::Expired);
                true
            }
            Fault::FillAfterCancel => {
                let is_unfilled = |world: &Self, at: usize| {
                    world.venue.orders.get(at).is_some_and(|order| {
                        matches!(order.stage, Stage::Canceled | Stage::Expired)
                            && order.remaining() > 0
                    })
                };
                let found = all
                    .into_iter()
                    .rev()
                    .find(|at| fits(self, *at, false) && is_unfilled(self, *at));
                let Some(order) = found else { return false };
                let wait = (planned.variant % 40).cast_signed();
                self.after(wait, Event::LateFill { order });
                true
            }
            Fault::ReusedId => self.reuse_id(planned, is_late),
            Fault::CallerRetry => self.retry_known(planned.wanted, planned.variant & 1 == 0),
            // These two wait for their call.
            _ => false,
        }
    }

    fn count_venue_order(&mut self, fault: Fault, index: usize) {
        let client = self
            .venue
            .orders
            .get(index)
            .map(|order| order.client.clone());
        if let Some(status) = client.and_then(|id| self.state_of(&id)) {
            self.count(fault, status);
        }
    }

    pub(super) fn late_fill(&mut self, index: usize) {
        let Some(order) = self.venue.orders.get(index).cloned() else {
            return;
        };
        let (_, free) = self.venue.base_balance(order.market);
        let left = order.remaining();
        let quantity = if order.number % 2 == 0 {
            left
        } else {
            (left + 1) / 2
        };
        let is_covered =
            order.side == OrderSide::Buy || free >= i128::from(quantity) * ASSET_PER_STEP;
        if !is_covered || quantity == 0 || order.is_forgotten || order.prevented > 0 {
            return;
        }
        self.count_venue_order(Fault::FillAfterCancel, index);
        let price = order.price.max(order.trigger).max(100);
        self.venue.execute(self.now, index, quantity, price, true);
    }

    /// F39: an outsider trades under the id of an order of ours that has ended.
    fn reuse_id(&mut self, planned: Planned, is_late: bool) -> bool {
        let found = self.venue.orders.iter().find(|order| {
            let state = self.state_of(&order.client);
            let is_wanted = state == Some(planned.wanted)
                || is_late && state.is_some_and(OrderStatus::is_terminal);
            is_wanted && !order.is_open() && !order.is_external && !order.is_forgotten
        });
        let Some((client, market)) = found.map(|order| (order.client.clone(), order.market)) else {
            return false;
        };
        let Some(status) = self.state_of(&client) else {
            return false;
        };
        if self.outsider(client, market, 777, planned.variant & 2 == 0) {
            self.count(planned.fault, status);
            return true;
        }
        false
    }

    /// F14: the order fills just before its cancel arrives.
    pub(super) fn maybe_lose_race(&mut self, index: usize, client: &rust_common::ClientOrderId) {
        let state = self.state_of(client);
        let is_open = self
            .venue
            .orders
            .get(index)
            .is_some_and(super::venue::VenueOrder::is_open);
        if self.faults_are_over || !is_open {
            return;
        }
        let planned = self.take_armed(|planned, is_late| {
            planned.fault == Fault::CancelLosesRace && (is_late || state == Some(planned.wanted))
        });
        let Some(planned) = planned else { return };
        self.note_fired(planned.fault);
        self.count_venue_order(planned.fault, index);
        let Some(order) = self.venue.orders.get(index).cloned() else {
            return;
        };
        let price = order.price.max(order.trigger).max(100);
        self.venue
            .execute(self.now, index, order.remaining(), price, false);
    }

    /// F42: the venue does not take the list that protects an entry.
    pub(super) fn whims_for_list(&mut self, ids: &[rust_common::ClientOrderId]) -> Whims {
        let state = ids.first().and_then(|id| self.state_of(id));
        let planned = self.take_armed(|planned, is_late| {
            planned.fault == Fault::ProtectionRefused && (is_late || state == Some(planned.wanted))
        });
        let Some(planned) = planned else {
            return Whims::default();
        };
        self.note_fired(planned.fault);
        for id in ids {
            if let Some(status) = self.state_of(id) {
                self.count(planned.fault, status);
            }
        }
        Whims {
            refuse_list: true,
            ..Whims::default()
        }
    }

    /// The end of a condition.
    pub(super) fn heal(&mut self, fault: Fault) {
        match fault {
            Fault::StreamStall => self.stream_down(100),
            Fault::StreamEnd => {
                let wait = self.random.between(400, 1_500);
                self.stream_down(wait);
                self.count_everything(fault);
            }
            Fault::ClockSkew => {
                self.conditions.clock_skew = 0;
                self.forget_tick();
            }
            Fault::DoubleCrash => self.crash("the second of two"),
            Fault::DiskFull => {
                let defects = Defects {
                    is_full: false,
                    ..self.disk.defects()
                };
                self.disk.set_defects(defects);
                self.restart_if_failed();
            }
            Fault::SyncError => {
                let defects = Defects {
                    fails_sync: false,
                    ..self.disk.defects()
                };
                self.disk.set_defects(defects);
                self.restart_if_failed();
            }
            Fault::SlowDisk => self.conditions.slow_disk = false,
            Fault::SymbolStatus => {
                for market in &mut self.venue.markets {
                    market.status = MarketStatus::Trading;
                    market.min_quantity = 1;
                }
            }
            _ => {}
        }
    }

    /// The operator replaces a gateway whose journal has failed.
    pub(super) fn restart_if_failed(&mut self) {
        use crate::services::journal::writer::Health;
        if self
            .node
            .as_ref()
            .is_some_and(|node| node.health() == Health::Failed)
        {
            self.crash("to repair the journal");
        }
    }
}
