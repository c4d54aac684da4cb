//! A checkpoint: the whole book as JSON, cut into records that begin a segment, so that recovery
//! reads from there and older segments are kept for their age alone.
//!
//! Each record is one line `{"part":i,"parts":n}` and then a piece of the text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::Frame;
use crate::services::core::book::Book;

/// Record type byte; the kinds below 100 belong to the core's records.
pub const KIND: u8 = 100;
const PIECE: usize = 1024 * 1024;
/// What recovery starts from.
#[derive(Debug, Deserialize)]
pub struct Checkpoint {
    pub at: i64,
    /// Newest event in the journal.
    pub published_seq: u64,
    /// First `gateway_seq` of each earlier segment.
    pub index: BTreeMap<u64, u32>,
    pub book: Book,
}

/// The text of a checkpoint.
///
/// # Errors
/// When the book cannot be written as JSON.
pub fn text(
    at: i64,
    published_seq: u64,
    index: &BTreeMap<u64, u32>,
    book: &Book,
) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        at: i64,
        published_seq: u64,
        index: &'a BTreeMap<u64, u32>,
        book: &'a Book,
    }
    serde_json::to_vec(&Borrowed {
        at,
        published_seq,
        index,
        book,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    part: usize,
    parts: usize,
}

/// The records of a checkpoint.
pub fn split(text: &[u8]) -> Vec<Vec<u8>> {
    let pieces: Vec<&[u8]> = text.chunks(PIECE).collect();
    let parts = pieces.len();
    let records = pieces.into_iter().enumerate().map(|(part, piece)| {
        let mut record = format!("{{\"part\":{part},\"parts\":{parts}}}\n").into_bytes();
        record.extend_from_slice(piece);
        record
    });
    records.collect()
}

fn read_part(payload: &[u8]) -> Option<(Part, &[u8])> {
    let end = payload.iter().position(|byte| *byte == b'\n')?;
    let head: Part = serde_json::from_slice(payload.get(..end)?).ok()?;
    Some((head, payload.get(end + 1..)?))
}

/// Puts a checkpoint together while records are read in order.
#[derive(Debug, Default)]
pub struct Collector {
    next: usize,
    text: Vec<u8>,
}

impl Collector {
    /// Takes a record; the checkpoint when this was its last part. A checkpoint that a crash cut
    /// short never completes and is ignored.
    ///
    /// # Errors
    /// When the parts are complete but not a checkpoint of this version.
    pub fn take(&mut self, frame: &Frame) -> Result<Option<Checkpoint>, serde_json::Error> {
        let Some((head, piece)) = read_part(&frame.payload) else {
            *self = Self::default();
            return Ok(None);
        };
        if head.part == 0 {
            *self = Self::default();
        }
        if head.part != self.next {
            return Ok(None);
        }
        self.next += 1;
        self.text.extend_from_slice(piece);
        if self.next < head.parts {
            return Ok(None);
        }
        let text = std::mem::take(&mut self.text);
        *self = Self::default();
        serde_json::from_slice(&text).map(Some)
    }
}

/// Whether the first records of a segment are a whole checkpoint.
pub fn is_whole(frames: &mut dyn Iterator<Item = Frame>) -> bool {
    let mut expected = 0;
    for frame in frames {
        if frame.kind != KIND {
            return false;
        }
        let Some((head, _)) = read_part(&frame.payload) else {
            return false;
        };
        if head.part != expected {
            return false;
        }
        expected += 1;
        if expected == head.parts {
            return true;
        }
    }
    false
}
