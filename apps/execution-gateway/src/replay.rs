//! From journal records back to the book.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::PoisonError;

use crate::models::record::{EVENT_KIND, Entry, Record};
use crate::services::core::book::{Book, Event};
use crate::services::journal::checkpoint::{self, Collector};
use crate::services::journal::events::parse;
use crate::services::journal::frame::{Frame, SEGMENT_HEADER, decode_unchained};
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
    if recovered.torn_bytes > 0 {
        tracing::warn!(
            bytes = recovered.torn_bytes,
            "the torn tail of the journal was cut off"
        );
    }
    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
    let mut run = Run::default();
    if let Some(damage) = &recovered.damage {
        run.note_damage(format!(
            "journal segment {} is damaged at byte {} ({}); copies: {:?}; check the account, then \
             POST /v1/resume",
            damage.segment, damage.offset, damage.fault, damage.quarantined
        ));
    }
    for (segment, frame) in &recovered.frames {
        match frame.kind {
            EVENT_KIND => run.event(frame, *segment, &mut index),
            checkpoint::KIND => run.checkpoint(frame, &mut index),
            _ => run.record(frame),
        }
    }
    if let Some(found) = &recovered.damage {
        let (seq, epoch) = salvage(&found.quarantined);
        run.book.gateway_seq = run.book.gateway_seq.max(seq);
        run.book.epoch = run.book.epoch.max(epoch);
    }
    Replayed {
        book: run.book,
        unpublished: run.expected.into(),
        published_seq: run.published_seq,
        damage: run.damage,
    }
}

/// A replay under way.
#[derive(Default)]
struct Run {
    book: Book,
    /// Events that the records so far have caused and the journal has not shown yet.
    expected: VecDeque<Event>,
    collector: Collector,
    published_seq: u64,
    damage: Option<String>,
}

impl Run {
    /// The first damage is told.
    fn note_damage(&mut self, damage: String) {
        self.damage.get_or_insert(damage);
    }

    fn event(&mut self, frame: &Frame, segment: u32, index: &mut BTreeMap<u64, u32>) {
        let Some((seq, text)) = parse(&frame.payload) else {
            return;
        };
        if index.values().next_back() != Some(&segment) {
            index.insert(seq, segment);
        }
        self.published_seq = seq;
        let known = self.expected.pop_front();
        if known.is_none_or(|(known_seq, known)| known_seq != seq || known != text) {
            let fault = format!("event {seq} in the journal is not what its records give now");
            self.note_damage(fault);
        }
        self.book.gateway_seq = self.book.gateway_seq.max(seq);
    }

    /// Read from the start of the journal a checkpoint must say what the records say.
    fn checkpoint(&mut self, frame: &Frame, index: &mut BTreeMap<u64, u32>) {
        match self.collector.take(frame) {
            Ok(Some(found)) if self.book == Book::default() => {
                (self.book, self.published_seq) = (found.book, found.published_seq);
                index.extend(found.index);
            }
            Ok(Some(found)) => {
                if self.book.state_hash() != found.book.state_hash() {
                    let fault = format!("the checkpoint at record {} is not the book", frame.seq);
                    self.note_damage(fault);
                }
            }
            Ok(None) => {}
            Err(error) => {
                let seq = frame.seq;
                self.note_damage(format!(
                    "the checkpoint at record {seq} cannot be read: {error}"
                ));
            }
        }
    }

    fn record(&mut self, frame: &Frame) {
        match serde_json::from_slice::<Entry>(&frame.payload) {
            Ok(entry) => {
                if let Some(fault) = checkpoint_fault(&self.book, &entry, frame.seq) {
                    self.note_damage(fault);
                }
                self.expected.extend(self.book.apply(&entry));
            }
            Err(error) => {
                let seq = frame.seq;
                self.note_damage(format!(
                    "record {seq} cannot be read by this version: {error}"
                ));
            }
        }
    }
}

/// A checkpoint holds the hash of the book before it: a replay must arrive at the same.
fn checkpoint_fault(book: &Book, entry: &Entry, seq: u64) -> Option<String> {
    let Record::Checkpoint { state_hash } = &entry.record else {
        return None;
    };
    let now = book.state_hash();
    (now != *state_hash).then(|| {
        format!("checkpoint {seq} of the journal says {state_hash}, the replay gives {now}")
    })
}

/// The newest event number and epoch in damaged segments: whatever else is lost, a number that a
/// subscriber has seen is never given to another event.
fn salvage(quarantined: &[PathBuf]) -> (u64, u32) {
    let mut newest = (0, 0);
    for path in quarantined {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "a damaged segment is unreadable");
                continue;
            }
        };
        let (seq, epoch) = newest_in(&bytes);
        newest = (seq.max(newest.0), epoch.max(newest.1));
    }
    newest
}

/// Steps over whole records, and byte by byte over what is none.
fn newest_in(bytes: &[u8]) -> (u64, u32) {
    let mut newest = (0, 0);
    let mut cursor = SEGMENT_HEADER.min(bytes.len());
    while let Some(rest) = bytes.get(cursor..).filter(|rest| !rest.is_empty()) {
        let Ok((frame, size, _)) = decode_unchained(rest) else {
            cursor += 1;
            continue;
        };
        cursor += size.max(1);
        newest.1 = frame.epoch.max(newest.1);
        if frame.kind == EVENT_KIND
            && let Some((seq, _)) = parse(&frame.payload)
        {
            newest.0 = seq.max(newest.0);
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::journal::frame::{ChainHash, encode};

    fn event(seq: u64, gateway_seq: u64) -> Vec<u8> {
        let frame = Frame {
            seq,
            epoch: 3,
            kind: EVENT_KIND,
            payload: format!("{{\"gateway_seq\":{gateway_seq}}}").into_bytes(),
        };
        let mut bytes = Vec::new();
        encode(&mut bytes, &frame, &ChainHash::default());
        bytes
    }

    #[test]
    fn numbers_of_damaged_segments_are_not_given_again() {
        let mut bytes = vec![0; SEGMENT_HEADER];
        bytes.extend(event(1, 7));
        let damaged = bytes.len();
        bytes.extend(event(2, 8));
        bytes.extend(event(3, 9));
        if let Some(byte) = bytes.get_mut(damaged + 20) {
            *byte ^= 1;
        }
        assert_eq!(
            newest_in(&bytes),
            (9, 3),
            "what stands behind the damage counts"
        );
        bytes.truncate(damaged);
        assert_eq!(newest_in(&bytes), (7, 3));
    }
}
