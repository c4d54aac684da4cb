//! The journal's writer thread: one write and one fdatasync per batch (group commit).
//!
//! Batches come from queueing alone: while one sync runs, the next records gather.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::frame::{ChainHash, Frame, RECORD_HEADER, RECORD_TRAILER, SegmentHeader, encode};
use super::recover::Position;
use super::storage::Storage;

pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
const BATCH_BYTES: usize = 1024 * 1024;

/// How far the journal can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    #[default]
    Good,
    /// The disk is full: the reserve carries cancels and fills, entries are refused.
    Full,
    /// A write or sync failed: nothing more is written (a retried fdatasync may lie).
    Failed,
}

/// Published after every batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    pub seq: u64,
    pub health: Health,
    pub segment: u32,
    pub bytes: u64,
}

/// One record on its way to the disk.
#[derive(Debug)]
pub struct Append {
    pub frame: Frame,
    /// `gateway_seq` when the record is an order event; feeds the segment index.
    pub event_seq: Option<u64>,
}

/// First `gateway_seq` written in each segment.
pub type EventIndex = Arc<Mutex<BTreeMap<u64, u32>>>;

/// Told about each batch: seconds of the sync and records in the batch.
pub type BatchObserver = Box<dyn Fn(f64, usize) + Send>;

pub struct Writer {
    storage: Box<dyn Storage>,
    position: Position,
    health: Health,
    index: EventIndex,
    segment_bytes: u64,
    observer: BatchObserver,
}

impl Writer {
    /// Prepares a writer. A journal without segments gets its first one.
    ///
    /// # Errors
    /// Input/output errors of creating the first segment.
    pub fn open(
        mut storage: Box<dyn Storage>,
        position: Option<Position>,
        index: EventIndex,
        observer: BatchObserver,
    ) -> io::Result<Self> {
        let position = match position {
            Some(position) => position,
            None => first_segment(storage.as_mut())?,
        };
        let health = match storage.make_reserve() {
            Ok(()) => Health::Good,
            Err(error) if is_full(&error) => Health::Full,
            Err(error) => return Err(error),
        };
        Ok(Self {
            storage,
            position,
            health,
            index,
            segment_bytes: SEGMENT_BYTES,
            observer,
        })
    }

    /// Smaller segments, for tests of rolling over.
    #[must_use]
    pub fn with_segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    pub fn durable(&self) -> Durable {
        Durable {
            seq: self.position.next_seq.saturating_sub(1),
            health: self.health,
            segment: self.position.segment,
            bytes: self.position.earlier_bytes + self.position.offset,
        }
    }

    /// Runs until every sender is gone.
    pub fn run(mut self, mut queue: mpsc::Receiver<Append>, durable: &watch::Sender<Durable>) {
        while let Some(first) = queue.blocking_recv() {
            let mut size = first.frame.payload.len();
            let mut batch = vec![first];
            while size < BATCH_BYTES {
                let Ok(next) = queue.try_recv() else { break };
                size += next.frame.payload.len();
                batch.push(next);
            }
            self.commit(&batch);
            durable.send_replace(self.durable());
        }
    }

    /// Writes and syncs one batch; on failure the health says so and `seq` does not move.
    pub fn commit(&mut self, batch: &[Append]) {
        if self.health == Health::Failed {
            return;
        }
        let outcome = self.write(batch);
        let outcome = match outcome {
            Err(error) if is_full(&error) => self.write_from_reserve(batch),
            other => other,
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "journal write failed; the gateway goes to cancel-only");
            self.health = Health::Failed;
        }
    }

    fn write_from_reserve(&mut self, batch: &[Append]) -> io::Result<()> {
        tracing::error!("disk full: entries are refused, cancels and fills use the reserve");
        self.health = Health::Full;
        self.storage.release_reserve()?;
        self.write(batch)
    }

    fn write(&mut self, batch: &[Append]) -> io::Result<()> {
        let started = self.position;
        let mut bytes = Vec::new();
        let mut hash = started.prev_hash;
        let size: usize = batch
            .iter()
            .map(|append| RECORD_HEADER + append.frame.payload.len() + RECORD_TRAILER)
            .sum();
        if started.offset + size as u64 > self.segment_bytes {
            self.roll()?;
        }
        let base = self.position;
        for append in batch {
            hash = encode(&mut bytes, &append.frame, &hash);
        }
        self.append_or_cut(&bytes, base.offset)?;
        let clock = Instant::now();
        // Also ENOSPC is final here: after a failed sync the kernel may have dropped the pages.
        self.storage
            .sync()
            .map_err(|error| io::Error::other(format!("fdatasync: {error}")))?;
        (self.observer)(clock.elapsed().as_secs_f64(), batch.len());
        self.note_events(batch);
        self.advance(batch, bytes.len() as u64, hash);
        if self.health == Health::Full && self.storage.make_reserve().is_ok() {
            tracing::warn!("disk space is back: the reserve was made again");
            self.health = Health::Good;
        }
        Ok(())
    }

    fn append_or_cut(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let Err(error) = self.storage.append(bytes) else {
            return Ok(());
        };
        if is_full(&error) {
            self.storage.truncate(offset)?;
        }
        Err(error)
    }

    fn advance(&mut self, batch: &[Append], bytes: u64, hash: ChainHash) {
        self.position.offset += bytes;
        self.position.next_seq += batch.len() as u64;
        self.position.prev_hash = hash;
    }

    fn note_events(&mut self, batch: &[Append]) {
        let Some(first) = batch.iter().find_map(|append| append.event_seq) else {
            return;
        };
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let known = index.values().next_back().copied();
        if known != Some(self.position.segment) {
            index.insert(first, self.position.segment);
        }
    }

    fn roll(&mut self) -> io::Result<()> {
        let header = SegmentHeader {
            segment: self.position.segment + 1,
            first_seq: self.position.next_seq,
            prev_hash: self.position.prev_hash,
        };
        let encoded = header.encode();
        self.storage.create(header.segment, &encoded)?;
        self.position.earlier_bytes += self.position.offset;
        self.position.segment = header.segment;
        self.position.offset = encoded.len() as u64;
        Ok(())
    }
}

fn first_segment(storage: &mut dyn Storage) -> io::Result<Position> {
    let header = SegmentHeader {
        segment: 1,
        first_seq: 1,
        prev_hash: [0; 16],
    };
    let encoded = header.encode();
    storage.create(1, &encoded)?;
    Ok(Position {
        segment: 1,
        offset: encoded.len() as u64,
        next_seq: 1,
        prev_hash: header.prev_hash,
        earlier_bytes: 0,
    })
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
