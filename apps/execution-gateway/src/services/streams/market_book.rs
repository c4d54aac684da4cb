//! The market task's part for books and best prices.

use std::sync::PoisonError;
use std::time::Duration;

use rust_common::{InstrumentId, UnixMillis};

use super::book::Step;
use super::events::{BestQuote, BookSnapshot, Channel, DepthDiff};
use super::market::Market;
use crate::services::venues::VenueUnavailable;

impl Market {
    pub(super) fn best(&mut self, best: &BestQuote, received_at: UnixMillis) {
        if let Some(track) = self.tracks.get_mut(&best.instrument_id)
            && best.update_id > track.best_id
        {
            track.best_id = best.update_id;
            if self.demand.wants(Channel::Best, &best.instrument_id) {
                self.parts.hub.best(best, received_at);
            }
        }
    }

    pub(super) fn depth(&mut self, diff: &DepthDiff, received_at: UnixMillis) {
        let id = diff.instrument_id.clone();
        if !self.demand.wants(Channel::Book, &id) {
            return;
        }
        let shared = self.parts.hub.book(&id);
        let (step, top) = {
            let mut book = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let step = book.on_diff(diff);
            (step, book.best().zip(book.update_id()))
        };
        match step {
            Step::Live => self.parts.hub.book_diff(diff),
            Step::Stale | Step::Applied | Step::SnapshotTooOld { .. } => {}
            step => self.book_step(&id, &step),
        }
        if let Some(((bid, ask), update_id)) = top {
            let best = BestQuote {
                instrument_id: id,
                update_id,
                bid,
                ask,
            };
            self.best(&best, received_at);
        }
    }

    /// What follows from a change of a book's standing.
    pub(super) fn book_step(&mut self, id: &InstrumentId, step: &Step) {
        match step {
            Step::Proven => self.parts.hub.book_ready(id),
            Step::Gap { .. } | Step::Crossed { .. } => {
                tracing::warn!(instrument = %id, ?step, "the local book starts again");
                self.parts.hub.gap(Channel::Book, id, None, self.now());
                self.ask_book(id, Duration::ZERO);
            }
            Step::Held => self.ask_book(id, Duration::ZERO),
            Step::SnapshotTooOld { .. } => self.ask_book(id, self.parts.times.repair),
            Step::Stale | Step::Applied | Step::Live => {}
        }
    }

    pub(super) fn ask_book(&mut self, id: &InstrumentId, pause: Duration) {
        if let Some(track) = self.tracks.get_mut(id)
            && !track.is_asking_book
        {
            track.is_asking_book = true;
            self.repairs.book(id.clone(), pause);
        }
    }

    pub(super) fn book_lost(&self, id: &InstrumentId) {
        let shared = self.parts.hub.book(id);
        let mut book = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let was_proven = book.is_proven();
        book.reset();
        drop(book);
        if was_proven {
            self.parts.hub.gap(Channel::Book, id, None, self.now());
        }
    }

    pub(super) fn snapshot(
        &mut self,
        id: &InstrumentId,
        snapshot: Result<BookSnapshot, VenueUnavailable>,
    ) {
        if let Some(track) = self.tracks.get_mut(id) {
            track.is_asking_book = false;
        }
        if !self.demand.wants(Channel::Book, id) {
            return;
        }
        let shared = self.parts.hub.book(id);
        let mut book = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let step = match snapshot {
            Ok(snapshot) => book.on_snapshot(snapshot),
            Err(error) => {
                tracing::warn!(instrument = %id, %error, "book snapshot");
                drop(book);
                return self.ask_book(id, self.parts.times.repair);
            }
        };
        drop(book);
        self.book_step(id, &step);
    }
}
