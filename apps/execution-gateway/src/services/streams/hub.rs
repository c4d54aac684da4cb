//! Fan-out of market data: each message is written once and shared by its subscribers.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use rust_common::{Bar, InstrumentId, UnixMillis};

use super::book::LocalBook;
use super::events::{BestQuote, Channel, DepthDiff, TradeTick};
use super::frames::Frame;
use super::queue::{BookSlot, Queue};
use super::subscription::{Selection, Subscription};

/// Frames that must arrive and wait for one subscriber; beyond that it is cut off.
const CAPACITY: usize = 65_536;
/// Closed bars kept per instrument for subscribers that resume.
const RECENT: usize = 512;

/// What the subscribers want besides bars, which are always followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand(BTreeMap<Channel, Option<BTreeSet<InstrumentId>>>);

impl Demand {
    pub fn wants(&self, channel: Channel, id: &InstrumentId) -> bool {
        let wanted = self.0.get(&channel);
        channel == Channel::Bars
            || wanted.is_some_and(|ids| ids.as_ref().is_none_or(|ids| ids.contains(id)))
    }

    fn of<'a>(selections: impl Iterator<Item = &'a Selection>) -> Self {
        let mut wanted: BTreeMap<Channel, Option<BTreeSet<InstrumentId>>> = BTreeMap::new();
        for selection in selections {
            for channel in &selection.channels {
                let entry = wanted
                    .entry(*channel)
                    .or_insert_with(|| Some(BTreeSet::new()));
                match (entry.as_mut(), &selection.instruments) {
                    (Some(known), Some(ids)) => known.extend(ids.iter().cloned()),
                    _ => *entry = None,
                }
            }
        }
        Self(wanted)
    }
}

/// A closed bar that a resuming subscriber may have missed.
#[derive(Debug, Clone)]
pub struct RecentBar {
    pub opened_at: UnixMillis,
    pub closed_at: UnixMillis,
    pub frame: Frame,
}

#[derive(Debug)]
struct Member {
    selection: Selection,
    queue: Arc<Queue>,
}

type Route = Arc<[Arc<Queue>]>;

#[derive(Debug, Default)]
struct Table {
    members: BTreeMap<u64, Member>,
    last_number: u64,
    /// Queues per channel and instrument; forgotten when a member comes or goes.
    routes: HashMap<Channel, HashMap<InstrumentId, Route>>,
    link: Option<Frame>,
    recent: BTreeMap<InstrumentId, VecDeque<RecentBar>>,
    best: BTreeMap<InstrumentId, Frame>,
}

type SharedBook = Arc<Mutex<LocalBook>>;

/// The one place that all market data goes through.
#[derive(Debug)]
pub struct MarketHub {
    table: Mutex<Table>,
    books: Mutex<BTreeMap<InstrumentId, SharedBook>>,
    demand: watch::Sender<Demand>,
    seeded: watch::Sender<BTreeSet<InstrumentId>>,
    capacity: usize,
}

impl Default for MarketHub {
    fn default() -> Self {
        Self::new()
    }
}

impl MarketHub {
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// A hub whose subscribers may have `capacity` undelivered frames that must arrive.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            table: Mutex::default(),
            books: Mutex::default(),
            demand: watch::Sender::new(Demand::default()),
            seeded: watch::Sender::new(BTreeSet::new()),
            capacity,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wanted now, and every change of it.
    pub fn demand(&self) -> watch::Receiver<Demand> {
        self.demand.subscribe()
    }

    /// Subscribes. The first frames tell the link, the newest closed bar of each instrument (unless
    /// `resumes`: then the caller adds history), and the latest best prices.
    pub fn subscribe(self: &Arc<Self>, selection: Selection, resumes: bool) -> Subscription {
        let queue = Arc::new(Queue::new(self.capacity));
        let mut table = self.table();
        let link = table.link.clone();
        let mut first =
            VecDeque::from([link.unwrap_or_else(|| Frame::link(false, UnixMillis::default()))]);
        if !resumes && selection.channels.contains(&Channel::Bars) {
            let newest = table.recent.iter().filter_map(|(id, bars)| {
                let newest = bars.back()?;
                selection.has_instrument(id).then(|| newest.frame.clone())
            });
            first.extend(newest);
        }
        let best = table.best.iter();
        let best = best.filter(|(id, _)| selection.has(Channel::Best, id));
        first.extend(best.map(|(_, frame)| frame.clone()));
        for id in self.books().keys() {
            if selection.has(Channel::Book, id) {
                queue.latest(id, |latest| latest.book = BookSlot::Whole);
            }
        }
        table.last_number += 1;
        let number = table.last_number;
        let member = Member {
            selection,
            queue: Arc::clone(&queue),
        };
        table.members.insert(number, member);
        self.changed(&mut table);
        drop(table);
        Subscription {
            hub: Arc::clone(self),
            queue,
            number,
            first,
            newest: BTreeMap::new(),
            books: BTreeMap::new(),
        }
    }

    pub(super) fn leave(&self, number: u64) {
        let mut table = self.table();
        if table.members.remove(&number).is_some() {
            self.changed(&mut table);
        }
    }

    fn changed(&self, table: &mut Table) {
        table.routes.clear();
        let now = Demand::of(table.members.values().map(|member| &member.selection));
        self.demand.send_if_modified(|demand| {
            let is_new = *demand != now;
            if is_new {
                *demand = now;
            }
            is_new
        });
    }

    /// Closed bars must arrive; of forming bars the latest does.
    pub fn bar(&self, bar: &Bar) {
        let Some(frame) = Frame::bar(bar) else { return };
        let id = &bar.instrument_id;
        let mut table = self.table();
        if !bar.is_closed {
            for queue in table.route(Channel::Bars, id).iter() {
                let frame = frame.clone();
                queue.latest(id, |latest| latest.forming = Some(frame));
            }
            return;
        }
        let recent = table.recent.entry(id.clone()).or_default();
        recent.push_back(RecentBar {
            opened_at: bar.opened_at,
            closed_at: bar.closed_at,
            frame: frame.clone(),
        });
        if recent.len() > RECENT {
            recent.pop_front();
        }
        table.must(Channel::Bars, id, &frame);
    }

    pub fn trade(&self, tick: &TradeTick, received_at: UnixMillis) {
        let mut table = self.table();
        let route = table.route(Channel::Trades, &tick.instrument_id);
        if route.is_empty() {
            return;
        }
        let frame = Frame::trade(tick, received_at);
        for queue in route.iter() {
            queue.must(&frame);
        }
    }

    pub fn best(&self, best: &BestQuote, received_at: UnixMillis) {
        let frame = Frame::best(best, received_at);
        let id = &best.instrument_id;
        let mut table = self.table();
        for queue in table.route(Channel::Best, id).iter() {
            let frame = frame.clone();
            queue.latest(id, |latest| latest.best = Some(frame));
        }
        table.best.insert(id.clone(), frame);
    }

    /// Best prices that no stream keeps fresh must not greet a new subscriber.
    pub fn forget_best(&self, id: &InstrumentId) {
        self.table().best.remove(id);
    }

    /// The book of an instrument, made when it is first asked for.
    pub fn book(&self, id: &InstrumentId) -> SharedBook {
        Arc::clone(self.books().entry(id.clone()).or_default())
    }

    pub fn drop_book(&self, id: &InstrumentId) {
        self.books().remove(id);
    }

    fn books(&self) -> MutexGuard<'_, BTreeMap<InstrumentId, SharedBook>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A difference that has just become part of the proven book.
    pub fn book_diff(&self, diff: &DepthDiff) {
        let mut table = self.table();
        let route = table.route(Channel::Book, &diff.instrument_id);
        if route.is_empty() {
            return;
        }
        let frame = Frame::book_diff(diff);
        for queue in route.iter() {
            queue.book_diff(&diff.instrument_id, diff.last, &frame);
        }
    }

    /// The book is proven: every subscriber gets the whole of it.
    pub fn book_ready(&self, id: &InstrumentId) {
        for queue in self.table().route(Channel::Book, id).iter() {
            queue.latest(id, |latest| latest.book = BookSlot::Whole);
        }
    }

    /// What subscribers hold is no longer whole.
    pub fn gap(
        &self,
        channel: Channel,
        id: &InstrumentId,
        lost: Option<(u64, u64)>,
        at: UnixMillis,
    ) {
        let frame = Frame::gap(channel, id, lost, at);
        let mut table = self.table();
        if channel == Channel::Book {
            for queue in table.route(channel, id).iter() {
                queue.latest(id, |latest| latest.book = BookSlot::Quiet);
            }
        }
        table.must(channel, id, &frame);
    }

    pub(super) fn whole_book(&self, id: &InstrumentId) -> Option<(u64, Frame)> {
        let book = self.books().get(id).map(Arc::clone)?;
        let book = book.lock().unwrap_or_else(PoisonError::into_inner);
        Frame::book(id, &book)
    }

    pub fn link(&self, is_connected: bool, at: UnixMillis) {
        let frame = Frame::link(is_connected, at);
        let mut table = self.table();
        for member in table.members.values() {
            member.queue.must(&frame);
        }
        table.link = Some(frame);
    }

    /// Closed bars of the instrument that are still at hand, oldest first.
    pub fn recent(&self, id: &InstrumentId) -> Vec<RecentBar> {
        let table = self.table();
        let bars = table.recent.get(id);
        bars.into_iter().flatten().cloned().collect()
    }

    /// From now on every closed bar of the instrument passes through here.
    pub fn seeded(&self, id: &InstrumentId) {
        self.seeded
            .send_if_modified(|seeded| seeded.insert(id.clone()));
    }

    /// Waits until bars of the instrument no longer pass by unseen.
    pub async fn until_seeded(&self, id: &InstrumentId) {
        let mut seeded = self.seeded.subscribe();
        // The sender lives in this hub, so the wait can only end with success.
        let _ = seeded.wait_for(|seeded| seeded.contains(id)).await;
    }
}

impl Table {
    fn route(&mut self, channel: Channel, id: &InstrumentId) -> Route {
        let known = self.routes.get(&channel).and_then(|routes| routes.get(id));
        if let Some(route) = known {
            return Arc::clone(route);
        }
        let members = self.members.values();
        let route: Route = members
            .filter(|member| member.selection.has(channel, id))
            .map(|member| Arc::clone(&member.queue))
            .collect();
        let routes = self.routes.entry(channel).or_default();
        routes.insert(id.clone(), Arc::clone(&route));
        route
    }

    fn must(&mut self, channel: Channel, id: &InstrumentId, frame: &Frame) {
        for queue in self.route(channel, id).iter() {
            queue.must(frame);
        }
    }
}
