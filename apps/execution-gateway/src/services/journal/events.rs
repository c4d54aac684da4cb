//! Order events for `/v1/events`: the newest in memory, older ones read back from the journal.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::frame::{SEGMENT_HEADER, decode_unchained};
use super::storage::{FileStorage, Storage};
use super::writer::EventIndex;

/// Events kept in memory.
const RING: usize = 16_384;
/// Events handed out per call.
const PAGE: usize = 512;

/// One event: its `gateway_seq` and its JSON text.
pub type EventText = (u64, std::sync::Arc<str>);

/// Every published event, by contiguous `gateway_seq` from 1.
#[derive(Debug)]
pub struct EventLog {
    ring: Mutex<VecDeque<EventText>>,
    last: watch::Sender<u64>,
    index: EventIndex,
    dir: PathBuf,
    kind: u8,
}

impl EventLog {
    /// `kind` is the record type of events in the journal under `dir`; `last_seq` the newest event
    /// it holds.
    pub fn new(dir: &Path, index: EventIndex, kind: u8, last_seq: u64) -> Self {
        let (last, _) = watch::channel(last_seq);
        Self {
            ring: Mutex::default(),
            last,
            index,
            dir: dir.to_path_buf(),
            kind,
        }
    }

    /// Adds an event that is durable.
    pub fn publish(&self, seq: u64, text: &str) {
        {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.push_back((seq, text.into()));
            if ring.len() > RING {
                ring.pop_front();
            }
        }
        self.last.send_replace(seq);
    }

    pub fn last_seq(&self) -> u64 {
        *self.last.borrow()
    }

    pub fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// Up to a page of events from `from` on, if memory still holds them; `None` asks for
    /// `from_journal`.
    pub fn recent(&self, from: u64) -> Option<Vec<EventText>> {
        if from > self.last_seq() {
            return Some(Vec::new());
        }
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, _) = ring.front()?;
        if *first > from {
            return None;
        }
        let skip = ring.partition_point(|(seq, _)| *seq < from);
        Some(ring.iter().skip(skip).take(PAGE).cloned().collect())
    }

    /// Up to a page of events from `from` on, read from the segment files.
    ///
    /// # Errors
    /// Input/output errors of reading old segments.
    pub fn from_journal(&self, from: u64) -> io::Result<Vec<EventText>> {
        let last = self.last_seq();
        let segments: Vec<u32> = {
            let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            let before = index.range(..=from).next_back().map(|(first, _)| *first);
            index
                .range(before.unwrap_or(from)..)
                .map(|(_, segment)| *segment)
                .collect()
        };
        let storage = FileStorage::new(&self.dir);
        let mut page = Vec::new();
        for segment in segments {
            let bytes = storage.read(segment)?;
            let mut cursor = SEGMENT_HEADER;
            while page.len() < PAGE
                && let Ok((frame, size, _)) = decode_unchained(bytes.get(cursor..).unwrap_or(&[]))
            {
                cursor += size;
                if frame.kind == self.kind
                    && let Some((seq, text)) = parse(&frame.payload)
                    && (from..=last).contains(&seq)
                {
                    page.push((seq, text.into()));
                }
            }
            if page.len() >= PAGE {
                break;
            }
        }
        Ok(page)
    }
}

/// The payload of an event record is the event's own JSON.
pub fn parse(payload: &[u8]) -> Option<(u64, &str)> {
    #[derive(serde::Deserialize)]
    struct Head {
        gateway_seq: u64,
    }
    let text = std::str::from_utf8(payload).ok()?;
    let head: Head = serde_json::from_str(text).ok()?;
    Some((head.gateway_seq, text))
}
