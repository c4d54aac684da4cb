//! Closed bars of one instrument: each once, in order, none missing.
//!
//! No I/O. The stream's bars are checked against the last one delivered; a hole is filled by a
//! query, and bars behind the hole wait. A hole is believed only when the venue's own answer goes
//! past it (K19).

use std::collections::VecDeque;

use rust_common::{Bar, UnixMillis};

/// Answers that end before the held bar are asked again this often; then the hole is accepted.
const FILL_TRIES: u32 = 8;

/// Which bars to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarFill {
    /// The newest closed bar: nothing was delivered yet.
    Newest,
    /// All bars opened at or after.
    From(UnixMillis),
}

/// What to do with a closed bar of the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum BarStep {
    Deliver(Box<Bar>),
    Known,
    Held,
    Fill(BarFill),
}

/// What an answered query gives.
#[derive(Debug, Default)]
pub struct BarsFilled {
    pub deliver: Vec<Bar>,
    /// Ask again after a pause.
    pub again: Option<BarFill>,
    /// The venue never told the bars between these times.
    pub hole: Option<(UnixMillis, UnixMillis)>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    opened_at: UnixMillis,
    closed_at: UnixMillis,
}

/// The bars of one instrument.
#[derive(Debug, Default)]
pub struct BarTrack {
    last: Option<Mark>,
    is_seeded: bool,
    is_filling: bool,
    tries: u32,
    held: VecDeque<Bar>,
}

impl BarTrack {
    /// True once a query was answered: from then on no closed bar is skipped.
    pub fn is_seeded(&self) -> bool {
        self.is_seeded
    }

    pub fn is_filling(&self) -> bool {
        self.is_filling
    }

    /// A forming bar is news unless its closed bar was already told.
    pub fn is_open(&self, forming: &Bar) -> bool {
        self.last
            .is_none_or(|last| forming.opened_at > last.opened_at)
    }

    /// A connection came up: whatever closed meanwhile is asked for. None while a query runs.
    pub fn on_up(&mut self) -> Option<BarFill> {
        if self.is_filling {
            return None;
        }
        Some(self.fill())
    }

    /// A closed bar of the stream.
    pub fn on_closed(&mut self, bar: Bar) -> BarStep {
        if self.is_filling {
            self.held.push_back(bar);
            return BarStep::Held;
        }
        match self.last {
            Some(last) if bar.opened_at <= last.opened_at => BarStep::Known,
            Some(last) if bar.opened_at > last.closed_at => {
                self.held.push_back(bar);
                BarStep::Fill(self.fill())
            }
            None if !self.is_seeded => {
                self.held.push_back(bar);
                BarStep::Fill(self.fill())
            }
            _ => {
                self.note(&bar);
                BarStep::Deliver(Box::new(bar))
            }
        }
    }

    /// The query failed: the same again after a pause.
    pub fn on_failed(&mut self) -> BarFill {
        self.fill()
    }

    /// The query was answered completely; `bars` are oldest first.
    pub fn on_filled(&mut self, bars: Vec<Bar>) -> BarsFilled {
        self.is_filling = false;
        self.is_seeded = true;
        let mut filled = BarsFilled::default();
        for bar in bars {
            if self.last.is_none_or(|last| bar.opened_at > last.opened_at) {
                self.note(&bar);
                filled.deliver.push(bar);
            }
        }
        while let Some(bar) = self.held.pop_front() {
            if self
                .last
                .is_some_and(|last| bar.opened_at <= last.opened_at)
            {
                continue;
            }
            let hole = self.last.filter(|last| bar.opened_at > last.closed_at);
            if let Some(last) = hole {
                self.tries += 1;
                if self.tries < FILL_TRIES {
                    self.held.push_front(bar);
                    filled.again = Some(self.fill());
                    return filled;
                }
                filled.hole = Some((last.closed_at, bar.opened_at));
            }
            self.note(&bar);
            filled.deliver.push(bar);
        }
        self.tries = 0;
        filled
    }

    fn fill(&mut self) -> BarFill {
        self.is_filling = true;
        match self.last {
            Some(last) => BarFill::From(last.closed_at),
            // Nothing had closed at the first look, so whatever has closed since is wanted.
            None if self.is_seeded => BarFill::From(UnixMillis::default()),
            None => BarFill::Newest,
        }
    }

    fn note(&mut self, bar: &Bar) {
        self.last = Some(Mark {
            opened_at: bar.opened_at,
            closed_at: bar.closed_at,
        });
    }
}
