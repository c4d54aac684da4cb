//! What waits for one subscriber: frames that must arrive in a bounded queue, of everything else
//! only the latest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use rust_common::InstrumentId;

use super::frames::Frame;

/// Book differences that wait before a whole book replaces them.
const DIFFS_MAX: usize = 32;

/// What a subscriber of a book has to get next.
#[derive(Debug, Default)]
pub(super) enum BookSlot {
    /// Nothing until the book is proven.
    #[default]
    Quiet,
    /// The whole book.
    Whole,
    /// Differences after the whole book, each with its update id.
    Diffs(VecDeque<(u64, Frame)>),
}

/// The latest of one instrument that was not sent yet.
#[derive(Debug, Default)]
pub(super) struct Latest {
    pub(super) forming: Option<Frame>,
    pub(super) best: Option<Frame>,
    pub(super) book: BookSlot,
}

/// What is taken at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) must: VecDeque<Frame>,
    pub(super) latest: Vec<(InstrumentId, Latest)>,
}

#[derive(Debug, Default)]
struct Waiting {
    must: VecDeque<Frame>,
    latest: BTreeMap<InstrumentId, Latest>,
    has_latest: bool,
    is_cut: bool,
}

/// The queue between the fan-out and one subscriber.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Notify,
    cut: Notify,
    capacity: usize,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            news: Notify::new(),
            cut: Notify::new(),
            capacity,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame that must arrive; a full queue cuts the subscriber off. A closed bar makes the
    /// forming one before it obsolete.
    pub(super) fn must(&self, frame: &Frame) {
        let mut waiting = self.lock();
        if waiting.is_cut {
            return;
        }
        if waiting.must.len() >= self.capacity {
            waiting.is_cut = true;
            waiting.must = VecDeque::new();
            waiting.latest.clear();
            drop(waiting);
            self.news.notify_one();
            self.cut.notify_one();
            return;
        }
        if let Some((id, _)) = &frame.closed
            && let Some(latest) = waiting.latest.get_mut(id)
        {
            latest.forming = None;
        }
        let was_idle = waiting.must.is_empty() && !waiting.has_latest;
        waiting.must.push_back(frame.clone());
        drop(waiting);
        if was_idle {
            self.news.notify_one();
        }
    }

    /// Changes the latest of an instrument.
    pub(super) fn latest(&self, id: &InstrumentId, change: impl FnOnce(&mut Latest)) {
        let mut waiting = self.lock();
        if waiting.is_cut {
            return;
        }
        if let Some(latest) = waiting.latest.get_mut(id) {
            change(latest);
        } else {
            change(waiting.latest.entry(id.clone()).or_default());
        }
        let was_idle = waiting.must.is_empty() && !waiting.has_latest;
        waiting.has_latest = true;
        drop(waiting);
        if was_idle {
            self.news.notify_one();
        }
    }

    /// A difference of a proven book; nothing while the whole book is due anyway.
    pub(super) fn book_diff(&self, id: &InstrumentId, last: u64, frame: &Frame) {
        self.latest(id, |latest| {
            if let BookSlot::Diffs(diffs) = &mut latest.book {
                if diffs.len() < DIFFS_MAX {
                    diffs.push_back((last, frame.clone()));
                } else {
                    latest.book = BookSlot::Whole;
                }
            }
        });
    }

    /// Everything that waits; None when the subscriber was cut off.
    pub(super) async fn take(&self) -> Option<Batch> {
        loop {
            let news = self.news.notified();
            {
                let mut waiting = self.lock();
                if waiting.is_cut {
                    return None;
                }
                if !waiting.must.is_empty() || waiting.has_latest {
                    return Some(waiting.batch());
                }
            }
            news.await;
        }
    }

    /// Waits until the subscriber is cut off.
    pub(super) async fn cut_off(&self) {
        while !self.lock().is_cut {
            self.cut.notified().await;
        }
    }
}

impl Waiting {
    fn batch(&mut self) -> Batch {
        let mut batch = Batch {
            must: std::mem::take(&mut self.must),
            latest: Vec::new(),
        };
        if std::mem::take(&mut self.has_latest) {
            for (id, latest) in &mut self.latest {
                // A slot that follows a book keeps following it while its batch is sent.
                let book = match &mut latest.book {
                    BookSlot::Quiet => BookSlot::Quiet,
                    BookSlot::Diffs(diffs) => BookSlot::Diffs(std::mem::take(diffs)),
                    BookSlot::Whole => {
                        latest.book = BookSlot::Diffs(VecDeque::new());
                        BookSlot::Whole
                    }
                };
                let taken = Latest {
                    forming: latest.forming.take(),
                    best: latest.best.take(),
                    book,
                };
                batch.latest.push((id.clone(), taken));
            }
        }
        batch
    }
}
