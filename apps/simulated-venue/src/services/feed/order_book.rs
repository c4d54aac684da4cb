//! Replays recorded order-book streams. Update ids stay those of the recording.
//!
//! Several files of one symbol follow each other; files of different symbols are merged by their
//! receive times. The whole recording is read once when it is opened, so that a defect is refused
//! at the start and named by file and line.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::PathBuf;

use super::FeedMarket;
use super::recording::{self, Body, DepthMessage, Message, TextLevel};
use crate::error::StartError;
use crate::models::feed::{Feed, FeedEvent, Level};
use crate::models::orders::Side;

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
                Some(plan) => plan.files.push(path.clone()),
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

fn set_at(event: &mut FeedEvent, time: i64) {
    match event {
        FeedEvent::Snapshot { at, .. }
        | FeedEvent::Depth { at, .. }
        | FeedEvent::Print { at, .. }
        | FeedEvent::Best { at, .. } => *at = time,
    }
}

/// The symbol of the first stream message of a file.
fn first_symbol(path: &PathBuf) -> Result<String, String> {
    for line in recording::lines(path)?.lines() {
        let line = line.map_err(|e| e.to_string())?;
        if let Some(symbol) = recording::parse(&line)?.and_then(|message| message.symbol) {
            return Ok(symbol);
        }
    }
    Err("holds no depth, trade or bookTicker message".to_owned())
}

#[derive(Debug, Clone)]
struct Plan {
    market: usize,
    details: FeedMarket,
    files: Vec<PathBuf>,
}

struct Source {
    path: PathBuf,
    line: u64,
    reader: Box<dyn BufRead + Send>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// The files of one symbol, one after the other.
#[derive(Debug)]
struct Chain {
    market: usize,
    details: FeedMarket,
    files: VecDeque<PathBuf>,
    source: Option<Source>,
    /// Last update id of the book; `None` until a snapshot fits.
    book: Option<u64>,
    /// Depth messages that arrived before their snapshot. They are kept: the snapshot is usually
    /// older than the last of them.
    waiting: Vec<DepthMessage>,
    latest_at: i64,
    out: VecDeque<(u64, FeedEvent)>,
    last_path: PathBuf,
}

type Located = (PathBuf, String);

impl Chain {
    fn new(plan: &Plan) -> Self {
        Self {
            market: plan.market,
            details: plan.details.clone(),
            files: plan.files.iter().cloned().collect(),
            source: None,
            book: None,
            waiting: Vec::new(),
            latest_at: 0,
            out: VecDeque::new(),
            last_path: PathBuf::new(),
        }
    }

    /// Receive time of the next event; an unreadable rest ends the chain.
    fn head(&mut self) -> Option<u64> {
        if self.out.is_empty()
            && let Err((path, reason)) = self.read_on()
        {
            tracing::error!(path = %path.display(), reason, "the recording changed; it ends here");
            self.files.clear();
            self.source = None;
        }
        self.out.front().map(|(received_ns, _)| *received_ns)
    }

    fn pull(&mut self) -> Result<Option<(u64, FeedEvent)>, Located> {
        if self.out.is_empty() {
            self.read_on()?;
        }
        Ok(self.out.pop_front())
    }

    /// After the last line: was there a book, and did it last?
    fn check(&self) -> Result<(), Located> {
        let problem = match (self.book, self.waiting.first()) {
            (Some(_), _) => return Ok(()),
            (None, Some(depth)) => format!(
                "no REST snapshot that fits the depth messages from U = {} on; record one \
                 (GET /api/v3/depth) or name the file before it first",
                depth.first
            ),
            (None, None) => "holds no REST depth snapshot".to_owned(),
        };
        Err((self.last_path.clone(), problem))
    }

    /// Reads lines until one gives an event or the files end.
    fn read_on(&mut self) -> Result<(), Located> {
        while self.out.is_empty() {
            let Some(source) = &mut self.source else {
                let Some(path) = self.files.pop_front() else {
                    return Ok(());
                };
                self.last_path.clone_from(&path);
                let reader = recording::lines(&path).map_err(|e| (path.clone(), e))?;
                let line = 0;
                self.source = Some(Source { path, line, reader });
                continue;
            };
            let mut text = String::new();
            source.line += 1;
            let line = source.line;
            let located = |path: &PathBuf, e: String| (path.clone(), format!("line {line}: {e}"));
            let read = source.reader.read_line(&mut text);
            let read = read.map_err(|e| located(&source.path, e.to_string()))?;
            if read == 0 {
                self.source = None;
                continue;
            }
            let path = source.path.clone();
            recording::parse(text.trim_end())
                .and_then(|message| message.map_or(Ok(()), |message| self.accept(message)))
                .map_err(|e| located(&path, e))?;
        }
        Ok(())
    }

    fn accept(&mut self, message: Message) -> Result<(), String> {
        if let Some(symbol) = &message.symbol
            && symbol != self.details.symbol()
        {
            return Err(format!(
                "holds {symbol} beside {}; one file records one symbol",
                self.details.symbol()
            ));
        }
        let received_ns = message.received_ns;
        let market = self.market;
        let event = match message.body {
            Body::Depth(depth) => return self.depth(received_ns, depth),
            Body::Snapshot {
                last_update_id,
                bids,
                asks,
            } => return self.snapshot(received_ns, last_update_id, (&bids, &asks)),
            Body::Trade {
                trade_id,
                price,
                quantity,
                is_buyer_maker,
                at,
            } => FeedEvent::Print {
                market,
                price: self.details.price(&price)?,
                quantity: self.details.quantity(&quantity)?,
                taker: if is_buyer_maker {
                    Side::Sell
                } else {
                    Side::Buy
                },
                at,
                trade_id,
            },
            // Before there is a book there is nothing for a best price to belong to.
            Body::Best { .. } if self.book.is_none() => return Ok(()),
            Body::Best {
                update_id,
                bid,
                ask,
                at,
            } => FeedEvent::Best {
                market,
                update_id,
                bid: self.details.level((&bid.0, &bid.1))?,
                ask: self.details.level((&ask.0, &ask.1))?,
                at: at.unwrap_or(self.latest_at),
            },
        };
        self.tell(received_ns, event);
        Ok(())
    }

    fn tell(&mut self, received_ns: u64, event: FeedEvent) {
        self.latest_at = self.latest_at.max(event.at());
        self.out.push_back((received_ns, event));
    }

    /// The rules of web-socket-streams.md, "How to manage a local order book correctly".
    fn depth(&mut self, received_ns: u64, depth: DepthMessage) -> Result<(), String> {
        self.latest_at = self.latest_at.max(depth.at);
        let Some(book) = self.book else {
            self.waiting.push(depth);
            return Ok(());
        };
        if depth.last <= book {
            return Ok(());
        }
        let follows = match depth.previous {
            Some(previous) => previous == book || (depth.first <= book && book <= depth.last),
            None => depth.first <= book + 1,
        };
        if !follows {
            // A gap: the book is lost until a snapshot is found that lies beyond it.
            self.book = None;
            self.waiting = vec![depth];
            return Ok(());
        }
        self.book = Some(depth.last);
        let event = FeedEvent::Depth {
            market: self.market,
            first_update_id: depth.first,
            final_update_id: depth.last,
            bids: self.levels(&depth.bids)?,
            asks: self.levels(&depth.asks)?,
            at: depth.at,
        };
        self.tell(received_ns, event);
        Ok(())
    }

    fn snapshot(
        &mut self,
        received_ns: u64,
        last_update_id: u64,
        (bids, asks): (&[TextLevel], &[TextLevel]),
    ) -> Result<(), String> {
        if self.book.is_some() {
            // The book is whole; a snapshot knows fewer levels than it does.
            return Ok(());
        }
        let is_too_old = self
            .waiting
            .first()
            .is_some_and(|depth| last_update_id + 1 < depth.first);
        if is_too_old {
            return Ok(());
        }
        let event = FeedEvent::Snapshot {
            market: self.market,
            last_update_id,
            bids: self.levels(bids)?,
            asks: self.levels(asks)?,
            at: self.latest_at,
        };
        self.book = Some(last_update_id);
        self.tell(received_ns, event);
        for depth in std::mem::take(&mut self.waiting) {
            self.depth(received_ns, depth)?;
        }
        Ok(())
    }

    fn levels(&self, levels: &[TextLevel]) -> Result<Vec<Level>, String> {
        levels
            .iter()
            .map(|(price, quantity)| self.details.level((price, quantity)))
            .collect()
    }
}
