//! One subscriber of market data: what it selects, and its frames in the order they are sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use rust_common::{InstrumentId, UnixMillis};

use super::events::Channel;
use super::frames::Frame;
use super::hub::MarketHub;
use super::queue::{BookSlot, Queue};

/// Channels and instruments of a subscriber; no instruments means all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub channels: BTreeSet<Channel>,
    pub instruments: Option<BTreeSet<InstrumentId>>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            channels: BTreeSet::from([Channel::Bars]),
            instruments: None,
        }
    }
}

impl Selection {
    pub fn has(&self, channel: Channel, id: &InstrumentId) -> bool {
        self.channels.contains(&channel) && self.has_instrument(id)
    }

    pub fn has_instrument(&self, id: &InstrumentId) -> bool {
        self.instruments.as_ref().is_none_or(|ids| ids.contains(id))
    }
}

/// The subscriber fell too far behind: frames that must arrive no longer fit its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOff;

/// A live subscription; dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    pub(super) hub: Arc<MarketHub>,
    pub(super) queue: Arc<Queue>,
    pub(super) number: u64,
    /// Sent before everything else.
    pub(super) first: VecDeque<Frame>,
    /// Closing time of the newest bar sent, per instrument: history and stream overlap.
    pub(super) newest: BTreeMap<InstrumentId, UnixMillis>,
    /// Update id of the last whole book sent, per instrument.
    pub(super) books: BTreeMap<InstrumentId, u64>,
}

impl Subscription {
    /// Puts history before the live frames; bars in both arrive once.
    pub fn begin_with(&mut self, frames: impl IntoIterator<Item = Frame>) {
        self.first.extend(frames);
    }

    /// The next frames to send, at least one.
    ///
    /// # Errors
    /// When the subscriber was cut off.
    pub async fn next(&mut self) -> Result<Vec<Utf8Bytes>, CutOff> {
        loop {
            let mut texts = Vec::new();
            for frame in std::mem::take(&mut self.first) {
                self.push(frame, &mut texts);
            }
            if !texts.is_empty() {
                return Ok(texts);
            }
            let batch = self.queue.take().await.ok_or(CutOff)?;
            for frame in batch.must {
                self.push(frame, &mut texts);
            }
            for (id, latest) in batch.latest {
                texts.extend(latest.forming.map(|frame| frame.text));
                texts.extend(latest.best.map(|frame| frame.text));
                self.push_book(&id, latest.book, &mut texts);
            }
            if !texts.is_empty() {
                return Ok(texts);
            }
        }
    }

    /// Ends when the subscriber is cut off, also while a frame is being sent.
    pub async fn cut_off(&self) {
        self.queue.cut_off().await;
    }

    fn push(&mut self, frame: Frame, texts: &mut Vec<Utf8Bytes>) {
        if let Some((id, closed_at)) = frame.closed {
            if self
                .newest
                .get(&id)
                .is_some_and(|known| *known >= closed_at)
            {
                return;
            }
            self.newest.insert(id, closed_at);
        }
        texts.push(frame.text);
    }

    fn push_book(&mut self, id: &InstrumentId, slot: BookSlot, texts: &mut Vec<Utf8Bytes>) {
        match slot {
            BookSlot::Quiet => {}
            BookSlot::Whole => {
                // A book that broke meanwhile sends a new whole one once it is proven again.
                if let Some((last, frame)) = self.hub.whole_book(id) {
                    self.books.insert(id.clone(), last);
                    texts.push(frame.text);
                }
            }
            BookSlot::Diffs(diffs) => {
                let whole = self.books.get(id).copied().unwrap_or(0);
                let newer = diffs.into_iter().filter(|(last, _)| *last > whole);
                texts.extend(newer.map(|(_, frame)| frame.text));
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(self.number);
    }
}
