//! From journal records back to the book.

use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::models::record::{EVENT_KIND, Entry};
use crate::services::core::book::{Book, Event};
use crate::services::journal::checkpoint::{self, Checkpoint, Collector};
use crate::services::journal::events::parse;
use crate::services::journal::frame::Frame;
use crate::services::journal::recover::Recovered;
use crate::services::journal::writer::EventIndex;

/// The book as the journal tells it.
#[derive(Debug)]
pub struct Replayed {
    pub book: Book,
    /// Events whose cause is journaled but which were not journaled themselves: nobody has seen
    /// them, and they are published now.
    pub unpublished: Vec<Event>,
    /// Newest event in the journal.
    pub published_seq: u64,
    /// Why the gateway must start in cancel-only.
    pub damage: Option<String>,
}

/// Applies every record in order; fills the index of events by segment.
pub fn replay(recovered: &Recovered, index: &EventIndex) -> Replayed {
    let mut book = Book::default();
    let mut expected: VecDeque<Event> = VecDeque::new();
    let mut collector = Collector::default();
    let mut published_seq = 0;
    let mut damage = recovered.damage.as_ref().map(|damage| {
        format!(
            "journal segment {} is damaged at byte {} ({}); copies: {:?}; check the account, then \
             POST /v1/resume",
            damage.segment, damage.offset, damage.fault, damage.quarantined
        )
    });
    if recovered.torn_bytes > 0 {
        tracing::warn!(
            bytes = recovered.torn_bytes,
            "the torn tail of the journal was cut off"
        );
    }
    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
    for (segment, frame) in &recovered.frames {
        if frame.kind == EVENT_KIND {
            let Some((seq, text)) = parse(&frame.payload) else {
                continue;
            };
            if index.values().next_back() != Some(segment) {
                index.insert(seq, *segment);
            }
            published_seq = seq;
            let known = expected.pop_front();
            if known.is_none_or(|(known_seq, known)| known_seq != seq || known != text) {
                damage.get_or_insert_with(|| {
                    format!("event {seq} in the journal is not what its records give now")
                });
            }
            book.gateway_seq = book.gateway_seq.max(seq);
            continue;
        }
        if frame.kind == checkpoint::KIND {
            match take_checkpoint(&mut collector, frame, &book) {
                Ok(Some(found)) => {
                    (book, published_seq) = (found.book, found.published_seq);
                    index.extend(found.index);
                }
                Ok(None) => {}
                Err(fault) => {
                    damage.get_or_insert(fault);
                }
            }
            continue;
        }
        match serde_json::from_slice::<Entry>(&frame.payload) {
            Ok(entry) => expected.extend(book.apply(&entry)),
            Err(error) => {
                damage.get_or_insert_with(|| {
                    format!(
                        "record {} cannot be read by this version: {error}",
                        frame.seq
                    )
                });
            }
        }
    }
    Replayed {
        book,
        unpublished: expected.into(),
        published_seq,
        damage,
    }
}

/// The checkpoint that replay starts from. One met on the way must be the book so far.
fn take_checkpoint(
    collector: &mut Collector,
    frame: &Frame,
    book: &Book,
) -> Result<Option<Checkpoint>, String> {
    let seq = frame.seq;
    let found = collector
        .take(frame)
        .map_err(|error| format!("the checkpoint at record {seq} cannot be read: {error}"))?;
    let is_base = *book == Book::default();
    match found {
        Some(found) if !is_base && book.state_hash() != found.book.state_hash() => {
            Err(format!("the checkpoint at record {seq} is not the book"))
        }
        found => Ok(found.filter(|_| is_base)),
    }
}
