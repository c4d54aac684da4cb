//! The count of executions seen on the user stream, contiguous per account where the venue says so.

use std::collections::BTreeSet;

/// Execution ids seen on the user stream. Contiguous per account on the simulated venue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Executions {
    /// Every execution up to here is journaled.
    pub watermark: u64,
    /// Seen beyond a gap.
    beyond: BTreeSet<u64>,
    first_since_up: Option<u64>,
    pub up_since_step: u64,
    began: bool,
}

impl Executions {
    pub fn starting_at(watermark: u64) -> Self {
        Self {
            watermark,
            ..Self::default()
        }
    }

    pub(super) fn stream_began(&mut self) {
        self.first_since_up = None;
        self.began = true;
    }

    pub(super) fn mark_up(&mut self, step: u64) {
        if self.began {
            self.up_since_step = step;
            self.began = false;
        }
    }

    pub(super) fn seen(&mut self, id: u64) {
        self.first_since_up = Some(self.first_since_up.map_or(id, |first| first.min(id)));
        if id > self.watermark {
            self.beyond.insert(id);
        }
        self.close_gap();
    }

    /// A reconciliation that began after the stream covers everything before its first event.
    pub(super) fn reconciled(&mut self, through: u64) {
        let before_stream = self
            .first_since_up
            .map_or(0, |first| first.saturating_sub(1));
        self.watermark = self.watermark.max(through).max(before_stream);
        self.close_gap();
    }

    fn close_gap(&mut self) {
        self.beyond = self.beyond.split_off(&(self.watermark + 1));
        while self.beyond.remove(&(self.watermark + 1)) {
            self.watermark += 1;
        }
    }
}
