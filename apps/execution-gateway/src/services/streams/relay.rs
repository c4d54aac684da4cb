//! The user stream without a seam: before the venue's 24 h close a second subscription is opened,
//! both run, and what the second brought meanwhile follows when the first is closed. The core
//! knows what it has seen by execution id, so nothing counts twice.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::times::StreamTimes;
use crate::models::venue::StreamEvent;
use crate::services::venues::Venue;

const QUEUE: usize = 4_096;

/// One life of a user stream in a task of its own; dropping it ends the life.
struct Life {
    events: mpsc::Receiver<StreamEvent>,
    task: JoinHandle<String>,
}

impl Life {
    fn begin(venue: Arc<dyn Venue>) -> Self {
        let (sink, events) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move { venue.user_stream(sink).await });
        Self { events, task }
    }

    /// Why it ended, once its events are read.
    async fn reason(&mut self) -> String {
        let ended = (&mut self.task).await;
        ended.unwrap_or_else(|error| format!("the stream's task failed: {error}"))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Successor {
    life: Life,
    held: Vec<StreamEvent>,
    /// Set once its subscription stands.
    takes_over_at: Option<Instant>,
}

/// What the relay brings.
#[derive(Debug, PartialEq)]
pub enum Relayed {
    Event(StreamEvent),
    Ended(String),
}

/// The current life, its successor, and what has to be told first.
pub struct Relay {
    venue: Arc<dyn Venue>,
    times: StreamTimes,
    current: Life,
    successor: Option<Successor>,
    next_at: Instant,
    due: std::collections::VecDeque<StreamEvent>,
}

enum Turn {
    Current(Option<StreamEvent>),
    Standby(Option<StreamEvent>),
    Begin,
    TakeOver,
}

impl Relay {
    pub fn new(venue: Arc<dyn Venue>, times: StreamTimes) -> Self {
        Self {
            current: Life::begin(Arc::clone(&venue)),
            venue,
            successor: None,
            next_at: Instant::now() + times.life,
            times,
            due: std::collections::VecDeque::new(),
        }
    }

    /// The next event, or the end of the stream. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Relayed {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Relayed::Event(event);
            }
            match self.turn().await {
                Turn::Current(Some(event)) => return Relayed::Event(event),
                Turn::Current(None) => {
                    let stands = self.successor.as_ref();
                    if stands.is_none_or(|next| next.takes_over_at.is_none()) {
                        return Relayed::Ended(self.current.reason().await);
                    }
                    // The old life broke off: something may be missing, so the core must compare
                    // its picture with the venue's, as after any break.
                    self.due.extend([StreamEvent::Down, StreamEvent::Up]);
                    self.take_over();
                }
                Turn::Standby(event) => self.hold(event),
                Turn::Begin => {
                    self.successor = Some(Successor {
                        life: Life::begin(Arc::clone(&self.venue)),
                        held: Vec::new(),
                        takes_over_at: None,
                    });
                }
                Turn::TakeOver => {
                    // What has arrived of the old life goes first.
                    while let Ok(event) = self.current.events.try_recv() {
                        self.due.push_back(event);
                    }
                    self.take_over();
                }
            }
        }
    }

    async fn turn(&mut self) -> Turn {
        let Self {
            current,
            successor,
            next_at,
            ..
        } = self;
        let Some(next) = successor else {
            return tokio::select! {
                biased;
                event = current.events.recv() => Turn::Current(event),
                () = sleep_until(*next_at) => Turn::Begin,
            };
        };
        let takes_over_at = next.takes_over_at;
        let take_over = async {
            match takes_over_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = current.events.recv() => Turn::Current(event),
            event = next.life.events.recv() => Turn::Standby(event),
            () = take_over => Turn::TakeOver,
        }
    }

    fn hold(&mut self, event: Option<StreamEvent>) {
        let Some(next) = &mut self.successor else {
            return;
        };
        match event {
            Some(StreamEvent::Up) => {
                next.takes_over_at = Some(Instant::now() + self.times.overlap);
            }
            Some(event) => next.held.push(event),
            // It failed; the present life goes on, and another try follows.
            None => {
                self.successor = None;
                self.next_at = Instant::now() + self.times.retry_first;
            }
        }
    }

    fn take_over(&mut self) {
        if let Some(next) = self.successor.take() {
            self.due.extend(next.held);
            self.current = next.life;
            self.next_at = Instant::now() + self.times.life;
            tracing::info!("the user stream's successor took over");
        }
    }
}
