//! The world of one schedule: virtual time, one queue of events, and everyone who acts in it.

use std::collections::{BTreeMap, BTreeSet};

use rust_common::{ClientOrderId, OrderStatus};

use super::caller::Caller;
use super::coverage::Coverage;
use super::disk::Disk;
use super::faults::{Fault, Planned, Scope};
use super::gateway::Node;
use super::history::Broken;
use super::invariants::Witness;
use super::link::Crossing;
use super::plan::{FAULTS_END_MS, MARKETS, Plan};
use super::random::{Random, TraceHash};
use super::stream::Stream;
use super::venue::Venue;
use super::venue::answers::EPOCH_MS;
use crate::models::input::{Input, Reply};
use crate::models::venue::{Outcome, StreamEvent};

/// A schedule that still runs after this many events does not end by itself.
const EVENTS_MAX: u64 = 200_000;
pub const PRICE_EVERY_MS: i64 = 500;

/// Something that will happen.
#[derive(Debug)]
pub enum Event {
    Deed(usize),
    /// A request of the caller arrives at the gateway.
    Ask(u64),
    /// The gateway's answer arrives at the caller.
    Answer(u64, Reply),
    GiveUp(u64),
    Retry(usize),
    /// A venue call travels, or is being carried out.
    Call(Box<Crossing>),
    Outcome {
        life: u32,
        call: u64,
        outcome: Outcome,
        fault: Option<Fault>,
    },
    Stream {
        link: u32,
        event: Box<StreamEvent>,
    },
    /// A held event of the user stream (by its number).
    Held(u64),
    StreamUp {
        link: u32,
    },
    Tick {
        life: u32,
    },
    Write {
        life: u32,
    },
    Lanes,
    Prices,
    Bars,
    VenueWork,
    Start,
    Facts {
        life: u32,
    },
    Operator {
        life: u32,
    },
    LateFill {
        order: usize,
    },
    /// A condition with an end is over.
    Heal(Fault),
    TopUp,
    FaultsEnd,
    Check,
}

/// What is wrong at present, besides the disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions {
    pub venue_cut_until: i64,
    pub caller_cut_until: i64,
    pub venue_down_until: i64,
    pub slow_disk: bool,
    pub clock_skew: i64,
    pub limited_until: i64,
    pub fail_reconcile: bool,
    pub crash_in_recovery: bool,
}

/// Everything in one schedule.
pub struct World {
    pub plan: Plan,
    pub random: Random,
    pub now: i64,
    queue: BTreeMap<(i64, u64), Event>,
    next_event: u64,
    pub events_done: u64,
    pub venue: Venue,
    pub disk: Disk,
    pub node: Option<Node>,
    pub life: u32,
    pub caller: Caller,
    pub stream: Stream,
    pub conditions: Conditions,
    pub armed: Vec<Planned>,
    pub fired: Vec<Fault>,
    pub coverage: Coverage,
    pub broken: Vec<Broken>,
    pub witness: Witness,
    pub hash: TraceHash,
    pub trace: Option<Vec<String>>,
    tick_at: Option<i64>,
    work_at: Option<i64>,
    pub faults_are_over: bool,
    /// Ids that the caller was told are accepted.
    pub acked: BTreeSet<ClientOrderId>,
    pub taken_over: bool,
    pub damage_open: bool,
    /// The journal was damaged on purpose and no start has seen it yet.
    pub corrupted: bool,
    pub urge: Option<super::finish::Urge>,
    pub ready_since: Option<i64>,
    pub unknown_since: BTreeMap<ClientOrderId, i64>,
    pub published: Vec<(u64, String)>,
    pub next_call_sent: u64,
    pub lanes: Vec<super::link::Waiting>,
}

impl World {
    /// # Errors
    /// When the model venue or the configuration is not valid.
    pub fn new(plan: Plan, with_trace: bool) -> Result<Self, String> {
        let root = Random::new(plan.seed);
        let mut world = Self {
            random: root.fork(3),
            now: 0,
            queue: BTreeMap::new(),
            next_event: 0,
            events_done: 0,
            venue: Venue::new(root.fork(4))?,
            disk: Disk::default(),
            node: None,
            life: 0,
            caller: Caller::default(),
            stream: Stream::default(),
            conditions: Conditions::default(),
            armed: plan.faults.clone(),
            fired: Vec::new(),
            coverage: Coverage::default(),
            broken: Vec::new(),
            witness: Witness::default(),
            hash: TraceHash::default(),
            trace: with_trace.then(Vec::new),
            tick_at: None,
            work_at: None,
            faults_are_over: false,
            acked: BTreeSet::new(),
            taken_over: false,
            damage_open: false,
            corrupted: false,
            urge: None,
            ready_since: None,
            unknown_since: BTreeMap::new(),
            published: Vec::new(),
            next_call_sent: 0,
            lanes: Vec::new(),
            plan,
        };
        world.at(0, Event::Start);
        world.at(100, Event::Bars);
        world.at(PRICE_EVERY_MS, Event::Prices);
        world.at(FAULTS_END_MS - 9_000, Event::TopUp);
        world.at(FAULTS_END_MS, Event::FaultsEnd);
        for (index, operation) in world.plan.operations.clone().into_iter().enumerate() {
            world.at(operation.at, Event::Deed(index));
        }
        Ok(world)
    }

    /// Schedules an event at a time (never before now).
    pub fn at(&mut self, at: i64, event: Event) {
        let at = at.max(self.now);
        self.next_event += 1;
        self.queue.insert((at, self.next_event), event);
    }

    pub fn after(&mut self, wait: i64, event: Event) {
        self.at(self.now + wait, event);
    }

    /// Transport time as the gateway reads it.
    pub fn clock(&self) -> i64 {
        EPOCH_MS + self.now + self.conditions.clock_skew
    }

    pub fn say(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>7} {}", now, line()));
        }
    }

    pub fn fail(&mut self, invariant: &'static str, kind: super::history::Kind, detail: String) {
        self.say(|| format!("!! {invariant}: {detail}"));
        if self.broken.len() < 8 {
            self.broken.push(Broken {
                invariant,
                detail,
                kind,
            });
        }
    }

    /// Runs to the end or to the first broken invariant.
    pub fn run(&mut self) {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.events_done += 1;
            self.hash.mix(at.unsigned_abs());
            if matches!(event, Event::Check) {
                self.finish();
                break;
            }
            self.handle(event);
            self.after_event();
            if !self.broken.is_empty() || self.events_done > EVENTS_MAX {
                break;
            }
        }
        if self.events_done > EVENTS_MAX {
            let detail = format!("no end after {EVENTS_MAX} events");
            self.fail("I8", super::history::Kind::Other, detail);
        }
        let tail = self.disk.tail();
        self.hash.mix_bytes(&tail);
        self.hash.mix(self.events_done);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Deed(index) => self.do_deed(index),
            Event::Ask(request) => self.ask_arrives(request),
            Event::Answer(request, reply) => self.answer_arrives(request, &reply),
            Event::GiveUp(request) => self.give_up(request),
            Event::Retry(submission) => self.submit_again(submission),
            Event::Call(crossing) => self.call_arrives(*crossing),
            Event::Outcome {
                life,
                call,
                outcome,
                fault,
            } => {
                self.outcome_arrives(life, call, outcome, fault);
            }
            Event::Stream { link, event } => self.stream_arrives(link, *event),
            Event::Held(number) => self.end_hold(number),
            Event::StreamUp { link } => self.stream_up(link),
            Event::Tick { life } if life == self.life => {
                self.tick_at = None;
                self.input(Input::Tick);
            }
            Event::Write { life } if life == self.life => self.write_done(),
            Event::Lanes => self.drain_lanes(),
            Event::Prices => self.move_prices(),
            Event::Bars => self.send_bars(),
            Event::VenueWork => {
                self.work_at = None;
                self.venue.work(self.now);
            }
            Event::Start => self.start_gateway(),
            Event::Facts { life } if life == self.life => self.load_facts(),
            Event::Operator { life } if life == self.life => self.operator_resumes(),
            Event::LateFill { order } => self.late_fill(order),
            Event::Heal(fault) => self.heal(fault),
            Event::TopUp => self.top_up(),
            Event::FaultsEnd => self.end_faults(),
            Event::Tick { .. }
            | Event::Write { .. }
            | Event::Facts { .. }
            | Event::Operator { .. }
            | Event::Check => {}
        }
    }

    fn after_event(&mut self) {
        self.strike();
        self.route_events();
        let work = self.venue.next_work();
        if let Some(at) = work
            && self.work_at.is_none_or(|planned| at < planned)
        {
            self.work_at = Some(at);
            self.at(at, Event::VenueWork);
        }
        self.plan_tick();
    }

    fn plan_tick(&mut self) {
        let Some(node) = &self.node else { return };
        let wake = node
            .next_wake()
            .map(|at| at - EPOCH_MS - self.conditions.clock_skew);
        let at = wake
            .unwrap_or(i64::MAX)
            .clamp(self.now + 1, self.now + 5_000);
        if self.tick_at.is_none_or(|planned| at < planned) {
            self.tick_at = Some(at);
            let life = self.life;
            self.at(at, Event::Tick { life });
        }
    }

    pub fn forget_tick(&mut self) {
        self.tick_at = None;
    }

    fn move_prices(&mut self) {
        for market in 0..MARKETS {
            let Some(entry) = self.venue.markets.get(market) else {
                continue;
            };
            let step = (entry.price / 1_000).max(1);
            let moved = entry.price + step * self.venue.random.between(-4, 4);
            self.venue.move_price(self.now, market, moved);
        }
        if !self.faults_are_over {
            self.after(PRICE_EVERY_MS, Event::Prices);
        }
    }

    fn send_bars(&mut self) {
        for market in 0..MARKETS {
            let Some(entry) = self.venue.markets.get(market) else {
                continue;
            };
            let id = entry.instrument.instrument_id.clone();
            let (Ok(close), Ok(closed_at)) = (
                entry.instrument.price(entry.price),
                rust_common::UnixMillis::new(EPOCH_MS + self.now),
            ) else {
                continue;
            };
            if self.node.is_some() && !self.is_venue_cut() {
                self.input(Input::Bar {
                    instrument_id: id,
                    close,
                    closed_at,
                    is_closed: true,
                });
            }
        }
        if !self.faults_are_over {
            self.after(4_000, Event::Bars);
        }
    }

    pub fn is_venue_cut(&self) -> bool {
        self.now < self.conditions.venue_cut_until || self.now < self.conditions.venue_down_until
    }

    /// State of an order of record, if the gateway runs and knows it.
    pub fn state_of(&self, id: &ClientOrderId) -> Option<OrderStatus> {
        let node = self.node.as_ref()?;
        node.state.book.orders.get(id).map(|order| order.status)
    }

    /// The states that orders of record are in.
    pub fn present_states(&self) -> BTreeSet<usize> {
        let Some(node) = &self.node else {
            return BTreeSet::new();
        };
        let orders = node.state.book.orders.values();
        orders
            .map(|order| super::faults::status_index(order.status))
            .collect()
    }

    /// Counts a fault for one state.
    pub fn count(&mut self, fault: Fault, status: OrderStatus) {
        self.coverage.hit(fault, status);
    }

    /// Counts a fault for every state that an order of record is in.
    pub fn count_everything(&mut self, fault: Fault) {
        for index in self.present_states() {
            if let Some(status) = OrderStatus::ALL.get(index) {
                self.coverage.hit(fault, *status);
            }
        }
    }

    /// Notes that a planned fault struck.
    pub fn note_fired(&mut self, fault: Fault) {
        self.hash.mix(fault.number() as u64);
        self.fired.push(fault);
        self.say(|| format!("** {} {}", fault.label(), fault.about()));
    }

    /// Takes an armed fault that may strike now and that `fits`.
    pub fn take_armed(&mut self, fits: impl Fn(&Planned, bool) -> bool) -> Option<Planned> {
        let now = self.now;
        let found = self.armed.iter().position(|planned| {
            planned.not_before <= now && fits(planned, now >= planned.patience)
        })?;
        Some(self.armed.remove(found))
    }

    /// Strikes with armed faults that need no call and no event to strike.
    fn strike(&mut self) {
        if self.faults_are_over || self.armed.first().is_none_or(|f| f.not_before > self.now) {
            return;
        }
        let ready: Vec<Planned> = self
            .armed
            .iter()
            .filter(|planned| planned.not_before <= self.now)
            .copied()
            .collect();
        let present = self.present_states();
        for planned in ready {
            let is_present = present.contains(&super::faults::status_index(planned.wanted));
            let is_late = self.now >= planned.patience;
            let struck = match planned.fault.scope() {
                Scope::Everything => {
                    (is_present || is_late) && self.node.is_some() && self.hit_everything(planned)
                }
                Scope::Order => self.hit_order(planned, is_late),
                Scope::Event => self.hit_event(planned),
                Scope::Call => false,
            };
            if struck {
                self.armed.retain(|armed| *armed != planned);
                self.note_fired(planned.fault);
                return;
            }
            self.prepare(planned);
        }
    }
}
