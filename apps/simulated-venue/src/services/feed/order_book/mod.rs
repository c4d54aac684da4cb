//! Replays recorded order-book streams. Update ids stay those of the recording.
//!
//! Several files of one symbol follow each other; files of different symbols are merged by their
//! receive times. The whole recording is read once when it is opened, so that a defect is refused
//! at the start and named by file and line.

mod chain;

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::FeedMarket;
use super::recording::{self, Body, Message};
use crate::error::StartError;
use crate::models::feed::{Feed, FeedEvent};
use chain::{Chain, Plan};

/// Streams reach the recorder at different speeds. Within this span a trade that arrives after a
/// younger message pulls that message's time back to its own: market time never runs backwards
/// and every trade keeps its own time.
const LOOKAHEAD_NS: u64 = 1_000_000_000;

/// A recording that is played from its first line on.
#[derive(Debug)]
pub struct OrderBookFeed {
    chains: Vec<Chain>,
    window: VecDeque<(u64, FeedEvent)>,
    /// Time of the last event that left the window.
    told_at: i64,
    identity: String,
}

impl OrderBookFeed {
    /// Opens and checks the recordings.
    ///
    /// # Errors
    /// `StartError` naming the file, the line and what is wrong with it.
    pub fn open(paths: &[PathBuf], markets: &[FeedMarket]) -> Result<Self, StartError> {
        let plain = |path: &PathBuf, message: String| StartError::config(path, message);
        let mut identity = Vec::new();
        let mut plans: Vec<Plan> = Vec::new();
        for path in paths {
            identity.push(recording::digest(path).map_err(|e| plain(path, e))?);
            let symbol = first_symbol(path).map_err(|e| plain(path, e))?;
            let Some(market) = markets.iter().position(|market| market.symbol() == symbol) else {
                let known: Vec<&str> = markets.iter().map(FeedMarket::symbol).collect();
                let text = format!(
                    "records {symbol}; the instruments have the symbols {}",
                    known.join(", ")
                );
                return Err(plain(path, text));
            };
            match plans.iter_mut().find(|plan| plan.market == market) {
                Some(known) => known.files.push(path.clone()),
                None => plans.push(Plan {
                    market,
                    details: markets
                        .get(market)
                        .cloned()
                        .ok_or_else(|| plain(path, format!("market {market} does not exist")))?,
                    files: vec![path.clone()],
                }),
            }
        }
        for plan in &plans {
            let mut chain = Chain::new(plan);
            while chain.pull().map_err(|(path, e)| plain(&path, e))?.is_some() {}
            chain.check().map_err(|(path, e)| plain(&path, e))?;
        }
        Ok(Self {
            chains: plans.iter().map(Chain::new).collect(),
            window: VecDeque::new(),
            told_at: 0,
            identity: format!("order_book {}", identity.join(" ")),
        })
        .map(|mut feed| {
            feed.fill();
            feed
        })
    }

    fn fill(&mut self) {
        while self.span() < LOOKAHEAD_NS {
            let Some((received_ns, mut event)) = self.take() else {
                return;
            };
            let latest = self.window.back().map_or(self.told_at, |(_, e)| e.at());
            if let FeedEvent::Print { at, .. } = event {
                self.pull_back(at);
                set_at(&mut event, at.max(self.told_at));
            } else {
                let at = event.at().max(latest);
                set_at(&mut event, at);
            }
            self.window.push_back((received_ns, event));
        }
    }

    fn span(&self) -> u64 {
        match (self.window.front(), self.window.back()) {
            (Some((first, _)), Some((last, _))) => last.saturating_sub(*first),
            _ => 0,
        }
    }

    fn pull_back(&mut self, at: i64) {
        let later = self
            .window
            .iter_mut()
            .rev()
            .take_while(|(_, event)| event.at() > at);
        for (_, event) in later {
            set_at(event, at.max(self.told_at));
        }
    }

    /// The message that arrived first among all symbols.
    fn take(&mut self) -> Option<(u64, FeedEvent)> {
        let mut earliest: Option<(u64, usize)> = None;
        for (index, chain) in self.chains.iter_mut().enumerate() {
            if let Some(received_ns) = chain.head()
                && earliest.is_none_or(|(first, _)| received_ns < first)
            {
                earliest = Some((received_ns, index));
            }
        }
        self.chains.get_mut(earliest?.1)?.out.pop_front()
    }
}

impl Feed for OrderBookFeed {
    fn next(&mut self) -> Option<FeedEvent> {
        self.fill();
        let (_, event) = self.window.pop_front()?;
        self.told_at = self.told_at.max(event.at());
        Some(event)
    }

    fn next_at(&self) -> Option<i64> {
        self.window.front().map(|(_, event)| event.at())
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }
}

/// The book rules for one market whose messages arrive one by one, as from a live connection.
#[derive(Debug)]
pub struct Follower {
    chain: Chain,
}

impl Follower {
    pub fn new(market: usize, details: FeedMarket) -> Self {
        let chain = Chain::new(&Plan {
            market,
            details,
            files: Vec::new(),
        });
        Self { chain }
    }

    pub fn symbol(&self) -> &str {
        self.chain.symbol()
    }

    /// Takes a message; what it leads to is appended to `due`.
    ///
    /// # Errors
    /// What does not fit the instrument.
    pub fn take(&mut self, body: Body, due: &mut VecDeque<FeedEvent>) -> Result<(), String> {
        self.chain.accept(Message {
            received_ns: 0,
            symbol: None,
            body,
        })?;
        due.extend(self.chain.out.drain(..).map(|(_, event)| event));
        Ok(())
    }

    /// Whether depth messages wait for a snapshot to begin from.
    pub fn wants_snapshot(&self) -> bool {
        self.chain.waits()
    }
}

fn set_at(event: &mut FeedEvent, time: i64) {
    match event {
        FeedEvent::Snapshot { at, .. }
        | FeedEvent::Depth { at, .. }
        | FeedEvent::Print { at, .. }
        | FeedEvent::Best { at, .. } => *at = time,
    }
}

/// The symbol of the first stream message of a file.
fn first_symbol(path: &Path) -> Result<String, String> {
    for line in recording::lines(path)?.lines() {
        let line = line.map_err(|e| e.to_string())?;
        if let Some(symbol) = recording::parse(&line)?.and_then(|message| message.symbol) {
            return Ok(symbol);
        }
    }
    Err("holds no depth, trade or bookTicker message".to_owned())
}
