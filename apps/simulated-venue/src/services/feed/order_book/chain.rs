//! The files of one symbol, one after the other, with the book rules of
//! web-socket-streams.md.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::PathBuf;

use crate::models::feed::{FeedEvent, Level};
use crate::models::orders::Side;
use crate::services::feed::FeedMarket;
use crate::services::feed::recording::{self, Body, DepthMessage, Message, TextLevel};

/// Which files make one market.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) market: usize,
    pub(super) details: FeedMarket,
    pub(super) files: Vec<PathBuf>,
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
pub(super) struct Chain {
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
    pub(super) out: VecDeque<(u64, FeedEvent)>,
    last_path: PathBuf,
}

pub(super) type Located = (PathBuf, String);

impl Chain {
    pub(super) fn new(plan: &Plan) -> Self {
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
    pub(super) fn head(&mut self) -> Option<u64> {
        if self.out.is_empty()
            && let Err((path, reason)) = self.read_on()
        {
            tracing::error!(path = %path.display(), reason, "the recording changed; it ends here");
            self.files.clear();
            self.source = None;
        }
        self.out.front().map(|(received_ns, _)| *received_ns)
    }

    pub(super) fn pull(&mut self) -> Result<Option<(u64, FeedEvent)>, Located> {
        if self.out.is_empty() {
            self.read_on()?;
        }
        Ok(self.out.pop_front())
    }

    /// After the last line: was there a book, and did it last?
    pub(super) fn check(&self) -> Result<(), Located> {
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

    pub(super) fn symbol(&self) -> &str {
        self.details.symbol()
    }

    /// Whether depth messages wait for a snapshot.
    pub(super) fn waits(&self) -> bool {
        self.book.is_none() && !self.waiting.is_empty()
    }

    pub(super) fn accept(&mut self, message: Message) -> Result<(), String> {
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
            // Futures ids jump from message to message. Spot readers expect each to begin where
            // the last one ended, and this one says that it does.
            first_update_id: depth.previous.map_or(depth.first, |_| book + 1),
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
