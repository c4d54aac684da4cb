//! The market task: one place where streams, queries and demand meet.
//!
//! Lines bring events; tracks decide what is new, what is missing and what waits; the hub fans
//! out. The tracks hold no I/O, queries run in their own tasks, so a slow answer delays nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use rust_common::{Bar, Instrument, InstrumentId, UnixMillis};

use super::bars::{BarFill, BarStep, BarTrack};
use super::events::{Channel, MarketEvent, MarketSource, StreamName, TradeTick};
use super::hub::{Demand, MarketHub};
use super::line::{Arrival, Line};
use super::plan::Plan;
use super::prints::{TradeStep, TradeTrack, TradesFilled};
use super::repair::{Repaired, Repairs};
use super::times::{BackOff, StreamTimes};
use crate::clock::Clock;
use crate::services::venues::{Pending, VenueUnavailable};
use crate::shutdown::Shutdown;

const QUEUE: usize = 8_192;
/// Streams one connection may carry (web-socket-streams.md, "General WSS information").
const STREAMS_MAX: usize = 1_024;

/// Who must know a price before subscribers do.
pub trait Prices: Send + Sync + 'static {
    fn tell<'a>(&'a self, bar: &'a Bar) -> Pending<'a, ()>;
}

/// What the task is made of.
pub struct MarketParts {
    pub source: Arc<dyn MarketSource>,
    pub hub: Arc<MarketHub>,
    pub prices: Arc<dyn Prices>,
    pub clock: Arc<dyn Clock>,
    pub times: StreamTimes,
    pub shutdown: Shutdown,
}

#[derive(Default)]
pub(super) struct Track {
    bars: BarTrack,
    trades: TradeTrack,
    pub(super) best_id: u64,
    pub(super) is_asking_book: bool,
}

struct OpenLine {
    wanted: watch::Sender<BTreeSet<String>>,
    is_up: bool,
}

/// The task's state.
pub struct Market {
    pub(super) parts: MarketParts,
    pub(super) repairs: Repairs,
    instruments: BTreeMap<InstrumentId, Arc<Instrument>>,
    pub(super) tracks: BTreeMap<InstrumentId, Track>,
    pub(super) demand: Demand,
    plan: Plan,
    lines: Vec<OpenLine>,
    arrivals: mpsc::Sender<(usize, Arrival)>,
    is_linked: bool,
}

/// Runs until shutdown.
pub async fn follow(mut parts: MarketParts) {
    let mut back_off = BackOff::new(&parts.times, u64::MAX);
    while parts.source.instruments().is_empty() {
        if !back_off.wait(&mut parts.shutdown).await {
            return;
        }
    }
    let (arrivals, mut incoming) = mpsc::channel(QUEUE);
    let (sink, mut repaired) = mpsc::unbounded_channel();
    let mut demand = parts.hub.demand();
    let mut shutdown = parts.shutdown.clone();
    let mut market = Market::new(parts, arrivals, sink);
    market.replan();
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            changed = demand.changed() => {
                if changed.is_err() { return; }
                market.demand = demand.borrow_and_update().clone();
                market.replan();
            }
            Some((id, answer)) = repaired.recv() => market.on_repaired(&id, answer).await,
            Some((line, arrival)) = incoming.recv() => market.on_arrival(line, arrival).await,
        }
    }
}

impl Market {
    fn new(
        parts: MarketParts,
        arrivals: mpsc::Sender<(usize, Arrival)>,
        sink: mpsc::UnboundedSender<(InstrumentId, Repaired)>,
    ) -> Self {
        let listed = parts.source.instruments();
        let instruments: BTreeMap<_, _> = listed
            .into_iter()
            .map(|instrument| (instrument.instrument_id.clone(), instrument))
            .collect();
        let tracks = instruments.keys().cloned();
        let source = Arc::clone(&parts.source);
        Self {
            repairs: Repairs { source, sink },
            tracks: tracks.map(|id| (id, Track::default())).collect(),
            demand: parts.hub.demand().borrow().clone(),
            plan: Plan::new(STREAMS_MAX),
            lines: Vec::new(),
            is_linked: false,
            parts,
            instruments,
            arrivals,
        }
    }

    pub(super) fn now(&self) -> UnixMillis {
        UnixMillis::new(self.parts.clock.now_ms()).unwrap_or_default()
    }

    fn stream(&self, channel: Channel, id: &InstrumentId) -> Option<StreamName> {
        let instrument = self.instruments.get(id)?;
        Some(self.parts.source.stream(channel, instrument))
    }

    /// Follows what is wanted: opens lines, changes their streams, forgets what is unwanted.
    fn replan(&mut self) {
        let mut wanted = BTreeSet::new();
        for id in self.instruments.keys() {
            for channel in Channel::ALL {
                if self.demand.wants(channel, id) {
                    wanted.extend(self.stream(channel, id));
                } else if let Some(name) = self.stream(channel, id)
                    && self.plan.line_of(&name).is_some()
                    && let Some(track) = self.tracks.get_mut(id)
                {
                    forget(&self.parts.hub, track, channel, id);
                }
            }
        }
        for number in self.plan.assign(&wanted) {
            let Some(line) = self.plan.line(number) else {
                continue;
            };
            match self.lines.get(number) {
                Some(open) => {
                    open.wanted.send_replace(line.streams.clone());
                }
                None => self.open(number, line.base.clone(), line.streams.clone()),
            }
        }
    }

    fn open(&mut self, number: usize, base: String, streams: BTreeSet<String>) {
        let (sender, wanted) = watch::channel(streams);
        let line = Line {
            number,
            base,
            source: Arc::clone(&self.parts.source),
            wanted,
            sink: self.arrivals.clone(),
            clock: Arc::clone(&self.parts.clock),
            times: self.parts.times,
            shutdown: self.parts.shutdown.clone(),
        };
        self.lines.push(OpenLine {
            wanted: sender,
            is_up: false,
        });
        tokio::spawn(line.run());
    }

    /// Instruments whose stream of this channel is on the line.
    fn on_line(&self, line: usize, channel: Channel) -> Vec<InstrumentId> {
        let ids = self.instruments.keys();
        let is_here = |id: &&InstrumentId| {
            let name = self.stream(channel, id);
            name.and_then(|name| self.plan.line_of(&name)) == Some(line)
        };
        ids.filter(is_here).cloned().collect()
    }

    async fn on_arrival(&mut self, line: usize, arrival: Arrival) {
        match arrival {
            Arrival::Event(event, received_at) => {
                let received_at = UnixMillis::new(received_at).unwrap_or_default();
                self.on_event(event, received_at).await;
            }
            Arrival::Up => {
                self.set_up(line, true);
                for id in self.on_line(line, Channel::Bars) {
                    let fill = self.tracks.get_mut(&id).and_then(|t| t.bars.on_up());
                    if let Some(fill) = fill {
                        self.repairs.bars(id, fill, Duration::ZERO);
                    }
                }
                self.tell_link();
            }
            Arrival::Down(_) => {
                self.set_up(line, false);
                for id in self.on_line(line, Channel::Book) {
                    self.book_lost(&id);
                }
                for id in self.on_line(line, Channel::Best) {
                    self.parts.hub.forget_best(&id);
                }
                self.tell_link();
            }
        }
    }

    fn set_up(&mut self, line: usize, is_up: bool) {
        if let Some(open) = self.lines.get_mut(line) {
            open.is_up = is_up;
        }
    }

    /// Linked means: every line that carries bars is up, and no closed bar is outstanding.
    fn tell_link(&mut self) {
        let is_carrying = |number: &usize| !self.on_line(*number, Channel::Bars).is_empty();
        let all_up = self
            .lines
            .iter()
            .enumerate()
            .all(|(number, line)| line.is_up || !is_carrying(&number));
        let mut bars = self.tracks.values().map(|track| &track.bars);
        let is_whole = self.is_linked || bars.all(|bars| bars.is_seeded() && !bars.is_filling());
        let is_linked = all_up && is_whole && !self.lines.is_empty();
        if is_linked != self.is_linked {
            self.is_linked = is_linked;
            self.parts.hub.link(is_linked, self.now());
        }
    }

    async fn on_event(&mut self, event: MarketEvent, received_at: UnixMillis) {
        match event {
            MarketEvent::Bar(bar) if bar.is_closed => self.closed_bar(bar).await,
            MarketEvent::Bar(bar) => {
                let track = self.tracks.get(&bar.instrument_id);
                if track.is_some_and(|track| track.bars.is_open(&bar)) {
                    self.deliver_bar(&bar).await;
                }
            }
            MarketEvent::Trade(tick) => self.trade(tick, received_at),
            MarketEvent::Best(best) => self.best(&best, received_at),
            MarketEvent::Depth(diff) => self.depth(&diff, received_at),
        }
    }

    /// The core learns the price before a subscriber can act on the bar.
    async fn deliver_bar(&self, bar: &Bar) {
        self.parts.prices.tell(bar).await;
        self.parts.hub.bar(bar);
    }

    async fn closed_bar(&mut self, bar: Bar) {
        let id = bar.instrument_id.clone();
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        match track.bars.on_closed(bar) {
            BarStep::Deliver(bar) => self.deliver_bar(&bar).await,
            BarStep::Fill(fill) => self.repairs.bars(id, fill, Duration::ZERO),
            BarStep::Known | BarStep::Held => {}
        }
    }

    fn trade(&mut self, tick: TradeTick, received_at: UnixMillis) {
        let id = tick.instrument_id.clone();
        if !self.demand.wants(Channel::Trades, &id) {
            return;
        }
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        match track.trades.on_trade(tick) {
            TradeStep::Deliver(tick) => self.parts.hub.trade(&tick, received_at),
            TradeStep::Fill(from) => self.repairs.trades(id, from, Duration::ZERO),
            TradeStep::Overflow => {
                let filled = track.trades.give_up();
                self.trades_filled(&id, &filled);
            }
            TradeStep::Known | TradeStep::Held => {}
        }
    }

    fn trades_filled(&self, id: &InstrumentId, filled: &TradesFilled) {
        let now = self.now();
        for tick in &filled.deliver {
            self.parts.hub.trade(tick, now);
        }
        if let Some(lost) = filled.lost {
            tracing::warn!(instrument = %id, first = lost.0, last = lost.1, "trades lost");
            self.parts.hub.gap(Channel::Trades, id, Some(lost), now);
        }
        for tick in &filled.behind {
            self.parts.hub.trade(tick, now);
        }
        if let Some(from) = filled.again {
            self.repairs
                .trades(id.clone(), from, self.parts.times.repair);
        }
    }

    async fn on_repaired(&mut self, id: &InstrumentId, answer: Repaired) {
        match answer {
            Repaired::Bars(bars) => self.bars_filled(id, bars).await,
            Repaired::Trades(page) => {
                let Some(track) = self.tracks.get_mut(id) else {
                    return;
                };
                let filled = match page {
                    Ok(page) => track.trades.on_filled(page),
                    Err(error) => {
                        tracing::warn!(instrument = %id, %error, "missed trades");
                        track.trades.on_failed()
                    }
                };
                self.trades_filled(id, &filled);
            }
            Repaired::Book(snapshot) => self.snapshot(id, snapshot),
        }
    }

    async fn bars_filled(&mut self, id: &InstrumentId, bars: Result<Vec<Bar>, VenueUnavailable>) {
        let Some(track) = self.tracks.get_mut(id) else {
            return;
        };
        let pause = self.parts.times.repair;
        let again = |fill: BarFill| self.repairs.bars(id.clone(), fill, pause);
        let filled = match bars {
            Ok(bars) => track.bars.on_filled(bars),
            Err(error) => {
                tracing::warn!(instrument = %id, %error, "missed bars");
                return again(track.bars.on_failed());
            }
        };
        if let Some((from, to)) = filled.hole {
            tracing::warn!(instrument = %id, %from, %to, "the venue has no bars here");
        }
        if let Some(fill) = filled.again {
            again(fill);
        }
        for bar in &filled.deliver {
            self.deliver_bar(bar).await;
        }
        self.parts.hub.seeded(id);
        self.tell_link();
    }
}

/// Nobody wants the channel any more: what is remembered of it would be stale later.
fn forget(hub: &MarketHub, track: &mut Track, channel: Channel, id: &InstrumentId) {
    match channel {
        Channel::Bars => {}
        Channel::Trades => track.trades = TradeTrack::default(),
        Channel::Best => {
            track.best_id = 0;
            hub.forget_best(id);
        }
        Channel::Book => hub.drop_book(id),
    }
}
