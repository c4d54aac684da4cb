//! What waits to leave a connection, in the order it will leave.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::services::faults::board::Faults;
use crate::services::faults::params::How;
use crate::services::faults::rules::Rule;
use crate::services::faults::traffic::EventFacts;

/// Bytes that may wait before the venue has to.
const MOST_WAITING: usize = 64 * 1_024 * 1_024;

/// Bytes to send and what sending them means.
#[derive(Debug, Default)]
pub struct Item {
    pub bytes: Vec<u8>,
    /// The user event in these bytes.
    pub event: Option<EventFacts>,
    /// A hold that ends when these bytes have left, and how long after.
    pub release: Option<(u64, Duration)>,
    /// The connection ends after these bytes.
    pub end: Option<How>,
}

impl Item {
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    pub fn last(bytes: Vec<u8>, how: How) -> Self {
        Self {
            bytes,
            end: Some(how),
            ..Self::default()
        }
    }
}

/// Events that are held to leave last first.
#[derive(Debug)]
struct Group {
    rule: Rule,
    number: u64,
    wanted: usize,
    until: Instant,
    items: Vec<Item>,
}

/// A reply that waits for user events.
#[derive(Debug)]
struct Awaiting {
    ids: Vec<String>,
    wanted: usize,
    until: Instant,
    item: Item,
}

/// Nothing leaves while this lasts.
#[derive(Debug)]
struct Stalled {
    /// The posting number of the rule; its removal ends the stall.
    number: u64,
    until: Option<Instant>,
}

/// Everything on its way out.
#[derive(Debug, Default)]
pub struct Queue {
    ready: VecDeque<Item>,
    waiting: usize,
    timed: Vec<(Instant, Item)>,
    groups: Vec<Group>,
    awaiting: Vec<Awaiting>,
    held: Vec<(u64, Item)>,
    stalled: Option<Stalled>,
}

impl Queue {
    pub fn push(&mut self, item: Item) {
        self.waiting += item.bytes.len();
        self.ready.push_back(item);
    }

    pub fn push_at(&mut self, at: Instant, item: Item) {
        self.timed.push((at, item));
    }

    pub fn hold(&mut self, hold: u64, item: Item) {
        self.held.push((hold, item));
    }

    pub fn await_events(
        &mut self,
        (ids, wanted): (Vec<String>, usize),
        until: Instant,
        item: Item,
    ) {
        self.awaiting.push(Awaiting {
            ids,
            wanted,
            until,
            item,
        });
    }

    pub fn group(&mut self, rule: &Rule, number: u64, (wanted, limit): (usize, u64), item: Item) {
        self.groups.push(Group {
            rule: rule.clone(),
            number,
            wanted,
            until: Instant::now() + Duration::from_millis(limit),
            items: vec![item],
        });
    }

    pub fn extend(&mut self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.push(item);
        }
    }

    /// Puts an event into the first open group that it belongs to; hands back one of none.
    pub fn join_group(&mut self, event: &EventFacts, item: Item) -> Option<Item> {
        let mut groups = self.groups.iter_mut();
        let Some(group) = groups.find(|group| group.rule.matches_event(event)) else {
            return Some(item);
        };
        group.items.push(item);
        if group.items.len() >= group.wanted {
            group.until = Instant::now();
        }
        None
    }

    pub fn stall(&mut self, number: u64, ms: u64) {
        let until = (ms > 0).then(|| Instant::now() + Duration::from_millis(ms));
        self.stalled = Some(Stalled { number, until });
    }

    /// Nothing is on its way that a later event could overtake.
    pub fn is_idle(&self) -> bool {
        self.timed.is_empty()
            && self.groups.is_empty()
            && self.awaiting.is_empty()
            && self.held.is_empty()
            && self.stalled.is_none()
    }

    pub fn is_full(&self) -> bool {
        self.waiting > MOST_WAITING
    }

    pub fn is_empty(&self) -> bool {
        self.is_idle() && self.ready.is_empty()
    }

    /// When something is due without anything happening before.
    pub fn next_due(&self) -> Option<Instant> {
        let timed = self.timed.iter().map(|(at, _)| *at);
        let groups = self.groups.iter().map(|group| group.until);
        let awaiting = self.awaiting.iter().map(|waiting| waiting.until);
        let stalled = self.stalled.iter().filter_map(|stalled| stalled.until);
        timed.chain(groups).chain(awaiting).chain(stalled).min()
    }

    /// Moves what is due to the way out.
    pub fn settle(&mut self, faults: &Faults) {
        let now = Instant::now();
        let over = |stalled: &Stalled| {
            stalled.until.is_some_and(|until| until <= now) || !faults.is_listed(stalled.number)
        };
        if self.stalled.as_ref().is_some_and(over) {
            self.stalled = None;
        }
        let mut due: Vec<Item> = Vec::new();
        for (_, item) in extract(&mut self.held, |(hold, _)| !faults.is_held(*hold)) {
            due.push(item);
        }
        let is_over = |group: &Group| group.until <= now || !faults.is_listed(group.number);
        for group in extract(&mut self.groups, is_over) {
            due.extend(group.items.into_iter().rev());
        }
        self.timed.sort_by_key(|(at, _)| *at);
        for (_, item) in extract(&mut self.timed, |(at, _)| *at <= now) {
            due.push(item);
        }
        let is_enough = |waiting: &Awaiting| {
            waiting.until <= now || faults.sent_about(&waiting.ids) >= waiting.wanted
        };
        for waiting in extract(&mut self.awaiting, is_enough) {
            due.push(waiting.item);
        }
        for item in due {
            self.push(item);
        }
    }

    /// What may leave now.
    pub fn take(&mut self) -> Option<Item> {
        if self.stalled.is_some() {
            return None;
        }
        let item = self.ready.pop_front()?;
        self.waiting -= item.bytes.len();
        Some(item)
    }
}

fn extract<T>(items: &mut Vec<T>, is_due: impl Fn(&T) -> bool) -> Vec<T> {
    let (due, rest) = std::mem::take(items)
        .into_iter()
        .partition(|item| is_due(item));
    *items = rest;
    due
}
