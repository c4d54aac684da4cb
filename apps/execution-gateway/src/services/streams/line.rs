//! A line: one logical connection of market streams that outlives its sockets.
//!
//! Before the venue ends a connection (24 h, or its shutdown notice) a successor is opened; both
//! run for a while, what the successor brings is held, and when the old one has been read to its
//! end the held events follow. Duplicates are recognised by their numbers further on, so nothing
//! is lost and nothing comes twice.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::events::{MarketEvent, MarketSource, Message};
use super::socket::Connection;
use super::times::{BackOff, StreamTimes};
use crate::clock::Clock;
use crate::shutdown::Shutdown;

/// Events of a successor that may be held before it takes over early.
const HELD_MAX: usize = 100_000;

/// What a line tells.
#[derive(Debug)]
pub enum Arrival {
    /// A connection stands; whatever was said before it is missing.
    Up,
    Down(String),
    Event(MarketEvent, i64),
}

/// What a line is made of.
pub struct Line {
    pub number: usize,
    pub base: String,
    pub source: Arc<dyn MarketSource>,
    pub wanted: watch::Receiver<BTreeSet<String>>,
    pub sink: mpsc::Sender<(usize, Arrival)>,
    pub clock: Arc<dyn Clock>,
    pub times: StreamTimes,
    pub shutdown: Shutdown,
}

type Opening = Pin<Box<dyn Future<Output = Result<Box<Connection>, String>> + Send>>;

/// The connection that will take over.
enum Successor {
    None,
    Opening(Opening),
    Standing {
        connection: Box<Connection>,
        held: Vec<(MarketEvent, i64)>,
        takes_over_at: Instant,
    },
}

enum Turn {
    Primary(Result<Utf8Bytes, String>),
    Opened(Result<Box<Connection>, String>),
    Standby(Result<Utf8Bytes, String>),
    TakeOver,
    Aged,
    Wanted,
    Stop,
}

impl Line {
    /// Keeps the line up until shutdown.
    pub async fn run(mut self) {
        let mut back_off = BackOff::new(&self.times, self.number as u64);
        while !self.shutdown.is_requested() {
            if !self.until_wanted().await {
                return;
            }
            let wanted = self.wanted.borrow_and_update().clone();
            let opened = Connection::open_streams(&self.base, wanted, self.times).await;
            let ended = match opened {
                Ok(connection) => {
                    if !self.tell(Arrival::Up).await {
                        return;
                    }
                    let began = Instant::now();
                    let ended = self.follow(connection).await;
                    // A connection that dies at once must not be retried without a pause.
                    if began.elapsed() >= self.times.retry_first {
                        back_off.reset();
                    }
                    ended
                }
                Err(reason) => reason,
            };
            tracing::info!(line = self.number, reason = ended, "market stream ended");
            if !self.tell(Arrival::Down(ended)).await || !back_off.wait(&mut self.shutdown).await {
                return;
            }
        }
    }

    /// A line without streams has no connection.
    async fn until_wanted(&mut self) -> bool {
        tokio::select! {
            wanted = self.wanted.wait_for(|wanted| !wanted.is_empty()) => wanted.is_ok(),
            () = self.shutdown.requested() => false,
        }
    }

    async fn tell(&self, arrival: Arrival) -> bool {
        self.sink.send((self.number, arrival)).await.is_ok()
    }

    async fn follow(&mut self, mut primary: Connection) -> String {
        let mut successor = Successor::None;
        // Before this time no further successor is opened.
        let mut next_at = primary.opened_at + self.times.life;
        loop {
            match self.turn(&mut primary, &mut successor, next_at).await {
                Turn::Primary(Ok(text)) => match self.handle(&text).await {
                    Ok(false) => {}
                    Ok(true) => self.begin(&mut successor),
                    Err(reason) => return reason,
                },
                Turn::Primary(Err(reason)) => {
                    tracing::info!(line = self.number, reason, "connection ended");
                    match self.take_over(primary, &mut successor).await {
                        Some(next) => primary = next,
                        None => return reason,
                    }
                    next_at = primary.opened_at + self.times.life;
                }
                Turn::Opened(Ok(connection)) => {
                    successor = Successor::Standing {
                        connection,
                        held: Vec::new(),
                        takes_over_at: Instant::now() + self.times.overlap,
                    };
                }
                Turn::Opened(Err(reason)) | Turn::Standby(Err(reason)) => {
                    tracing::info!(line = self.number, reason, "no successor yet");
                    successor = Successor::None;
                    next_at = Instant::now() + self.times.retry_first;
                }
                Turn::Standby(Ok(text)) => match self.hold(&text, &mut successor) {
                    Ok(false) => {}
                    Ok(true) => {
                        if let Some(next) = self.take_over(primary, &mut successor).await {
                            primary = next;
                            next_at = primary.opened_at + self.times.life;
                        } else {
                            return "the successor is gone".to_owned();
                        }
                    }
                    Err(reason) => return reason,
                },
                Turn::TakeOver => match self.take_over(primary, &mut successor).await {
                    Some(next) => {
                        primary = next;
                        next_at = primary.opened_at + self.times.life;
                    }
                    None => return "the successor is gone".to_owned(),
                },
                Turn::Aged => self.begin(&mut successor),
                Turn::Wanted => {
                    let wanted = self.wanted.borrow_and_update().clone();
                    if wanted.is_empty() {
                        primary.close().await;
                        return "no stream is wanted".to_owned();
                    }
                    if let Successor::Standing { connection, .. } = &mut successor {
                        connection.want(wanted.clone());
                    }
                    primary.want(wanted);
                }
                Turn::Stop => return "shutdown".to_owned(),
            }
        }
    }

    async fn turn(
        &mut self,
        primary: &mut Connection,
        successor: &mut Successor,
        next_at: Instant,
    ) -> Turn {
        let is_alone = matches!(successor, Successor::None);
        tokio::select! {
            () = self.shutdown.requested() => Turn::Stop,
            changed = self.wanted.changed() => {
                if changed.is_ok() { Turn::Wanted } else { Turn::Stop }
            }
            turn = successor.turn() => turn,
            text = primary.next() => Turn::Primary(text),
            () = sleep_until(next_at), if is_alone => Turn::Aged,
        }
    }

    fn begin(&self, successor: &mut Successor) {
        if matches!(successor, Successor::None) {
            let (base, times) = (self.base.clone(), self.times);
            let wanted = self.wanted.borrow().clone();
            let opening = async move {
                let opened = Connection::open_streams(&base, wanted, times).await;
                opened.map(Box::new)
            };
            *successor = Successor::Opening(Box::pin(opening));
        }
    }

    /// Hands an event on; true when the venue announces the end of the connection.
    async fn handle(&self, text: &str) -> Result<bool, String> {
        match self.source.read(text)? {
            Message::Event(event) => {
                let received_at = self.clock.now_ms();
                if !self.tell(Arrival::Event(event, received_at)).await {
                    return Err("the gateway is stopping".to_owned());
                }
            }
            Message::ShutdownNotice => return Ok(true),
            Message::Refused(reason) => {
                tracing::warn!(line = self.number, reason, "a subscription was refused");
            }
            Message::Other => {}
        }
        Ok(false)
    }

    /// Keeps an event of the successor; true when it holds so much that it takes over now.
    fn hold(&self, text: &str, successor: &mut Successor) -> Result<bool, String> {
        let Successor::Standing { held, .. } = successor else {
            return Ok(false);
        };
        if let Message::Event(event) = self.source.read(text)? {
            // A forming bar would be old news by then; the next is at most 2 s away.
            let is_forming = matches!(&event, MarketEvent::Bar(bar) if !bar.is_closed);
            if !is_forming {
                held.push((event, self.clock.now_ms()));
            }
        }
        Ok(held.len() >= HELD_MAX)
    }

    /// Reads what the old connection still has, then lets the held events follow.
    async fn take_over(
        &self,
        mut old: Connection,
        successor: &mut Successor,
    ) -> Option<Connection> {
        let Successor::Standing {
            mut connection,
            held,
            ..
        } = std::mem::replace(successor, Successor::None)
        else {
            return None;
        };
        while let Some(Ok(text)) = old.next().now_or_never() {
            if let Err(reason) = self.handle(&text).await {
                tracing::info!(line = self.number, reason, "the old connection's rest");
                break;
            }
        }
        tokio::spawn(old.close());
        for (event, received_at) in held {
            if !self.tell(Arrival::Event(event, received_at)).await {
                return None;
            }
        }
        connection.want(self.wanted.borrow().clone());
        tracing::info!(line = self.number, "the successor took over");
        // An old connection that died early may have lagged: bars are checked by query.
        self.tell(Arrival::Up).await.then_some(*connection)
    }
}

impl Successor {
    async fn turn(&mut self) -> Turn {
        match self {
            Self::None => std::future::pending().await,
            Self::Opening(opening) => Turn::Opened(opening.await),
            Self::Standing {
                connection,
                takes_over_at,
                ..
            } => {
                tokio::select! {
                    text = connection.next() => Turn::Standby(text),
                    () = sleep_until(*takes_over_at) => Turn::TakeOver,
                }
            }
        }
    }
}
