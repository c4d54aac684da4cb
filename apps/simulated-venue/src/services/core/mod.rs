//! The pure venue: `apply(input) -> events`. No I/O, no clock, no randomness; replaying the inputs
//! gives the same state.

pub mod auction;
mod bars;
pub mod book;
pub mod filters;
pub mod market;
pub mod matching;
pub mod payloads;
mod placing;
pub mod queries;
pub mod reports;
mod stepping;
pub mod tape;

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::feed::Level;
use crate::models::orders::{FeedReply, Input, StepReply};
use auction::{Auction, AuctionConfig, Floor};
use book::Book;
use market::{Market, Schedule};
use matching::{Matching, Report};
use tape::Tape;
use tape::following::Tapes;

pub use crate::models::events::{Event, PublicTrade};

/// What a successful input led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Order(u64),
    List(u64),
    /// The orders that a cancel ended, by id.
    Canceled(Vec<u64>),
    /// Both halves of a cancelReplace.
    Replaced(Replaced),
    /// The order that was amended; its last amendment record tells the rest.
    Amended(u64),
    Step(StepReply),
    /// The feed moved.
    Advanced(FeedReply),
    /// A deposit, a withdrawal, a symbol status, a reset.
    Done,
}

/// What became of a cancelReplace: 200 if both went well, 409 -2021 if one did, 400 -2022 if none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The orders that ended, or why the cancel failed.
    pub canceled: Result<Vec<u64>, VenueError>,
    /// The new order, or why it failed; `None` is NOT_ATTEMPTED.
    pub placed: Option<Result<u64, VenueError>>,
}

/// Result of one input.
#[derive(Debug, Clone)]
pub struct Applied {
    pub outcome: Outcome,
    pub events: Vec<Event>,
    /// Orders that got their first fill, by account; each gives one order count back
    /// (faqs/order_count_decrement.md).
    pub first_fills: BTreeMap<AccountId, u32>,
}

/// Collects what one input does while it is applied.
#[derive(Debug, Default)]
struct Effects {
    events: Vec<Event>,
    reports: Vec<Report>,
    first_fills: BTreeMap<AccountId, u32>,
}

/// The whole venue as a value.
#[derive(Debug)]
pub struct VenueState {
    matching: Matching,
    markets: Vec<Market>,
    schedule: Schedule,
    book: Book,
    step: u64,
    last_reply: Option<StepReply>,
    last_execution_id: u64,
    inputs: u64,
    chain: [u8; 32],
    tapes: Tapes,
}

impl VenueState {
    /// A venue at `start_step`: the bars of the steps up to it are history.
    pub fn new(
        matching: Matching,
        mut markets: Vec<Market>,
        start_step: u64,
    ) -> Result<Self, VenueError> {
        let schedule = Schedule::new(&markets);
        if let Some(at) = schedule.closes_at(start_step) {
            for market in &mut markets {
                market.skip_to(at);
            }
        }
        let mut state = Self {
            matching,
            markets,
            schedule,
            book: Book::default(),
            step: start_step,
            last_reply: None,
            last_execution_id: 0,
            inputs: 0,
            chain: [0; 32],
            tapes: Tapes::default(),
        };
        state.open_markets()?;
        Ok(state)
    }

    /// A venue in market mode. Its markets are made by [`Market::live`].
    pub fn market_mode(config: AuctionConfig, mut markets: Vec<Market>) -> Self {
        let auction = Auction::new(config, &mut markets);
        let tapes = markets.iter().map(|market| {
            let instrument = &market.instrument;
            Tape::new(instrument.price_scale, instrument.quantity_scale)
        });
        Self {
            tapes: Tapes::new(tapes.collect()),
            matching: Matching::Auction(Box::new(auction)),
            schedule: Schedule::new(&[]),
            markets,
            book: Book::default(),
            step: 0,
            last_reply: None,
            last_execution_id: 0,
            inputs: 0,
            chain: [0; 32],
        }
    }

    pub fn markets(&self) -> &[Market] {
        &self.markets
    }

    pub fn market(&self, index: usize) -> Result<&Market, VenueError> {
        self.markets.get(index).ok_or_else(VenueError::internal)
    }

    pub fn market_index(&self, symbol: &str) -> Result<usize, VenueError> {
        let position = self
            .markets
            .iter()
            .position(|market| market.symbol() == symbol);
        position.ok_or_else(VenueError::invalid_symbol)
    }

    /// The public record of a market; `None` in the bar modes.
    pub fn tape(&self, market: usize) -> Option<&Tape> {
        self.tapes.get(market)
    }

    /// The published book of a market mode market: its update id and at most `limit` levels of
    /// each side, best first.
    pub fn published(&self, market: usize, limit: usize) -> Option<(u64, Vec<Level>, Vec<Level>)> {
        let Matching::Auction(auction) = &self.matching else {
            return None;
        };
        let depth = auction.depth(market)?;
        let (bids, asks) = depth.published(limit);
        Some((depth.last_update_id(), bids, asks))
    }

    pub fn book(&self) -> &Book {
        &self.book
    }

    pub fn step(&self) -> u64 {
        self.step
    }

    pub fn steps(&self) -> u64 {
        self.schedule.steps()
    }

    /// The recording has ended; without bars, the feed has.
    pub fn is_done(&self) -> bool {
        match &self.matching {
            Matching::Bars(_) => self.step >= self.schedule.steps(),
            Matching::Auction(auction) => auction.is_feed_done(),
        }
    }

    /// Close time of the last step, or the open of the first bar before any step.
    pub fn market_time(&self) -> i64 {
        if let Matching::Auction(auction) = &self.matching {
            return auction.clock;
        }
        let first = || self.markets.iter().map(Market::time).min();
        self.schedule
            .closes_at(self.step)
            .or_else(first)
            .unwrap_or(0)
    }

    /// Close time of the step to come.
    pub fn next_close(&self) -> Option<i64> {
        self.schedule.closes_at(self.step + 1)
    }

    pub fn last_execution_id(&self) -> u64 {
        self.last_execution_id_of(AccountId::FIRST)
    }

    /// The stored answer, if `step` is the last one taken.
    pub fn stored_reply(&self, step: u64) -> Option<&StepReply> {
        self.last_reply.as_ref().filter(|reply| reply.step == step)
    }

    /// Free and locked amounts of the first account, at scale 8, by name.
    pub fn balances(&self) -> Vec<(String, i128, i128)> {
        self.matching.balances(AccountId::FIRST)
    }

    /// Maker and taker rate of the first account, in 1e-8.
    pub fn fee_rates(&self) -> (i64, i64) {
        self.matching.fee_rates(AccountId::FIRST)
    }

    /// Inputs applied so far.
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// A hash over every input and every execution so far: equal histories have equal hashes.
    pub fn chain_hash(&self) -> String {
        hex::encode(self.chain.get(..16).unwrap_or_default())
    }

    /// The input as this venue logs it: the bar modes write a pair as they always did.
    pub fn canonical<'a>(&self, input: &'a Input) -> Cow<'a, Input> {
        let plain = match input {
            Input::List(ticket) if !self.is_market_mode() => ticket.as_plain_oco().map(Input::Oco),
            Input::CancelList(ticket) if !self.is_market_mode() => {
                self.cancel_of_list(ticket).map(Input::Cancel)
            }
            _ => None,
        };
        plain.map_or(Cow::Borrowed(input), Cow::Owned)
    }

    /// Applies one input. A refusal leaves the state as it was.
    pub fn apply(&mut self, input: &Input) -> Result<Applied, VenueError> {
        let input = &*self.canonical(input);
        let mut effects = Effects::default();
        let outcome = self.execute(input, &mut effects)?;
        self.inputs += 1;
        self.link(input, &effects.reports);
        let now = self.market_time();
        Ok(Applied {
            outcome,
            events: self.tapes.follow(effects.events, now),
            first_fills: effects.first_fills,
        })
    }

    fn execute(&mut self, input: &Input, effects: &mut Effects) -> Result<Outcome, VenueError> {
        if let Matching::Auction(auction) = &mut self.matching {
            let mut floor = Floor {
                auction,
                book: &mut self.book,
                markets: &mut self.markets,
                effects,
                number: self.inputs + 1,
            };
            return floor.apply(input);
        }
        match input {
            Input::Order(ticket) => self.place(ticket, effects),
            Input::Oco(ticket) => self.place_oco(ticket, effects),
            Input::Cancel(ticket) => self.cancel(ticket, effects),
            Input::CancelAll {
                market, cancel_id, ..
            } => self.cancel_all(*market, cancel_id.as_deref(), effects),
            Input::Step { step } => self.advance(*step, effects),
            _ => Err(VenueError::unsupported()),
        }
    }

    fn link(&mut self, input: &Input, reports: &[Report]) {
        let mut hasher = Sha256::new();
        hasher.update(self.chain);
        for part in [serde_json::to_vec(input), serde_json::to_vec(reports)] {
            hasher.update(part.unwrap_or_default());
        }
        if let Matching::Auction(auction) = &self.matching {
            let mark = serde_json::to_vec(&auction.mark(&self.markets));
            hasher.update(mark.unwrap_or_default());
        }
        self.chain = hasher.finalize().into();
    }
}
