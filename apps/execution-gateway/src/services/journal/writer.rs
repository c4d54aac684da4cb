//! The journal's writer thread: one write and one fdatasync per batch (group commit).
//!
//! Batches come from queueing alone: while one sync runs, the next records gather.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::frame::{
    ChainHash, FORMAT_VERSION, Frame, RECORD_HEADER, RECORD_TRAILER, SegmentHeader, encode,
};
use super::queue::AppendQueue;
use super::recover::Position;
use super::storage::{RESERVE_BYTES, Storage};
use crate::failpoints::reached;
use crate::mutants::{Mutant, is_on};

pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// How often a full disk is looked at again.
const SPACE_EVERY: Duration = Duration::from_secs(2);

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
    /// Bytes of the current segment.
    pub segment_used: u64,
}

/// One record on its way to the disk.
#[derive(Debug)]
pub struct Append {
    pub frame: Frame,
    /// `gateway_seq` when the record is an order event; feeds the segment index.
    pub event_seq: Option<u64>,
    /// A checkpoint begins: it stands first in a segment of its own.
    pub starts_segment: bool,
    /// A checkpoint is complete: what is before it is only kept for its age.
    pub ends_checkpoint: bool,
}

/// First `gateway_seq` written in each segment.
pub type EventIndex = Arc<Mutex<BTreeMap<u64, u32>>>;

/// Told about each batch: seconds of the sync and records in the batch.
pub type BatchObserver = Box<dyn Fn(f64, usize) + Send>;

/// Sizes and ages of one journal.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub segment_bytes: u64,
    pub retention_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES,
            retention_days: 90,
        }
    }
}

pub struct Writer {
    pub(super) storage: Box<dyn Storage>,
    pub(super) position: Position,
    health: Health,
    pub(super) index: EventIndex,
    pub(super) policy: Policy,
    observer: BatchObserver,
    pub(super) first_segment: u32,
    /// First segment that recovery needs: the one the newest complete checkpoint begins.
    pub(super) base_segment: u32,
    pub(super) checkpoint_began: Option<u32>,
    looked_at: Instant,
    bytes: Vec<u8>,
}

impl Writer {
    /// Prepares a writer. A journal without segments gets its first one; one that ends in an older
    /// format goes on in a new segment.
    ///
    /// # Errors
    /// Input/output errors of creating a segment.
    pub fn open(
        mut storage: Box<dyn Storage>,
        position: Option<Position>,
        index: EventIndex,
        observer: BatchObserver,
    ) -> io::Result<Self> {
        let is_new = position.is_none();
        let position = match position {
            Some(position) => position,
            None => first_segment(storage.as_mut())?,
        };
        let health = match storage.make_reserve() {
            Ok(()) => Health::Good,
            Err(error) if is_full(&error) => Health::Full,
            Err(error) => return Err(error),
        };
        let first_segment = storage.list()?.first().copied().unwrap_or(1);
        let mut writer = Self {
            storage,
            position,
            health,
            index,
            policy: Policy::default(),
            observer,
            first_segment,
            base_segment: first_segment,
            checkpoint_began: None,
            looked_at: Instant::now(),
            bytes: Vec::new(),
        };
        if position.version < FORMAT_VERSION {
            writer.roll()?;
        } else if is_new || writer.storage.manifest()?.is_none() {
            writer.note_manifest()?;
        }
        Ok(writer)
    }

    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Smaller segments, for tests of rolling over.
    #[must_use]
    pub fn with_segment_bytes(mut self, bytes: u64) -> Self {
        self.policy.segment_bytes = bytes;
        self
    }

    pub fn durable(&self) -> Durable {
        Durable {
            seq: self.position.next_seq.saturating_sub(1),
            health: self.health,
            segment: self.position.segment,
            bytes: self.position.earlier_bytes + self.position.offset,
            segment_used: self.position.offset,
        }
    }

    /// Runs until the queue is closed.
    pub fn run(mut self, queue: &AppendQueue, durable: &watch::Sender<Durable>) {
        let mut batch = Vec::new();
        loop {
            let patience = (self.health == Health::Full).then_some(SPACE_EVERY);
            let is_open = queue.take(&mut batch, patience);
            if !batch.is_empty() {
                self.commit(&batch);
                batch.clear();
            } else if !is_open {
                return;
            }
            self.look_for_space();
            let now = self.durable();
            durable.send_if_modified(|known| std::mem::replace(known, now) != now);
        }
    }

    /// Writes and syncs one batch; on failure the health says so and `seq` does not move.
    pub fn commit(&mut self, batch: &[Append]) {
        if self.health == Health::Failed {
            return;
        }
        let mut rest = batch;
        while !rest.is_empty() {
            // A checkpoint begins a batch of its own.
            let next = rest.iter().skip(1).position(|append| append.starts_segment);
            let (now, later) = rest.split_at(next.map_or(rest.len(), |at| at + 1));
            rest = later;
            if let Err(error) = self.commit_part(now) {
                tracing::error!(%error, "journal write failed; the gateway goes to cancel-only");
                self.health = Health::Failed;
                return;
            }
        }
    }

    fn commit_part(&mut self, batch: &[Append]) -> io::Result<()> {
        match self.write(batch) {
            Err(error) if is_full(&error) && self.health == Health::Good => {
                tracing::error!("disk full: entries are refused, cancels and fills go on");
                self.health = Health::Full;
                self.go_to_reserve()?;
                self.write(batch)
            }
            other => other,
        }
    }

    fn write(&mut self, batch: &[Append]) -> io::Result<()> {
        let size: usize = batch
            .iter()
            .map(|append| RECORD_HEADER + append.frame.payload.len() + RECORD_TRAILER)
            .sum();
        let begins = batch.first().is_some_and(|append| append.starts_segment);
        let is_full = self.position.offset + size as u64 > self.policy.segment_bytes;
        if self.health == Health::Good && (begins || is_full) {
            self.roll()?;
        }
        if begins {
            self.checkpoint_began = Some(self.position.segment);
        }
        let base = self.position;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut hash = base.prev_hash;
        for append in batch {
            hash = encode(&mut bytes, &append.frame, &hash);
        }
        reached("journal.before_write");
        let appended = self.append_or_cut(&bytes, base.offset);
        reached("journal.after_write");
        let written = bytes.len() as u64;
        self.bytes = bytes;
        appended?;
        let clock = Instant::now();
        reached("journal.before_sync");
        self.sync_or_cut(base.offset)?;
        reached("journal.after_sync");
        (self.observer)(clock.elapsed().as_secs_f64(), batch.len());
        self.note_events(batch);
        self.position.offset += written;
        self.position.next_seq += batch.len() as u64;
        self.position.prev_hash = hash;
        if batch.iter().any(|append| append.ends_checkpoint) {
            self.retire();
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

    /// A failed sync is final for this file: the kernel may have dropped the pages. Only after
    /// ENOSPC the same records may go to the reserve, which is another file.
    fn sync_or_cut(&mut self, offset: u64) -> io::Result<()> {
        if is_on(Mutant::AckBeforeSync) {
            return Ok(());
        }
        let mut synced = self.storage.sync();
        if synced.is_err() && is_on(Mutant::RetryFailedSync) {
            synced = Ok(());
        }
        let Err(error) = synced else {
            return Ok(());
        };
        if is_full(&error) {
            self.storage.truncate(offset)?;
            return Err(error);
        }
        Err(io::Error::other(format!("fdatasync: {error}")))
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

    fn next_header(&self) -> SegmentHeader {
        SegmentHeader {
            version: FORMAT_VERSION,
            segment: self.position.segment + 1,
            first_seq: self.position.next_seq,
            prev_hash: self.position.prev_hash,
        }
    }

    fn roll(&mut self) -> io::Result<()> {
        reached("journal.before_roll");
        let header = self.next_header();
        let encoded = header.encode();
        // Space that was filled beforehand and never used is given back.
        self.storage.truncate(self.position.offset)?;
        self.storage.create(header.segment, &encoded)?;
        self.moved_to(header.segment, encoded.len());
        reached("journal.after_roll");
        self.note_manifest()?;
        reached("journal.after_manifest");
        Ok(())
    }

    fn go_to_reserve(&mut self) -> io::Result<()> {
        let header = self.next_header();
        let encoded = header.encode();
        reached("journal.before_reserve");
        self.storage.adopt_reserve(header.segment, &encoded)?;
        reached("journal.after_reserve");
        // The manifest is a new file and may not fit: it then tells of fewer segments than exist.
        self.moved_to(header.segment, encoded.len());
        Ok(())
    }

    fn moved_to(&mut self, segment: u32, header_bytes: usize) {
        self.position.earlier_bytes += self.position.offset;
        self.position.segment = segment;
        self.position.version = FORMAT_VERSION;
        self.position.offset = header_bytes as u64;
    }

    pub(super) fn note_manifest(&mut self) -> io::Result<()> {
        self.storage
            .note_manifest(self.first_segment, self.position.segment)
    }

    /// Leaves the reserve once there is room for a new one.
    fn look_for_space(&mut self) {
        if self.health != Health::Full || self.looked_at.elapsed() < SPACE_EVERY {
            return;
        }
        self.looked_at = Instant::now();
        let has_room = match self.storage.free_bytes() {
            Ok(free) => free.is_none_or(|free| free > 2 * RESERVE_BYTES),
            Err(_) => false,
        };
        if has_room && self.storage.make_reserve().is_ok() && self.roll().is_ok() {
            tracing::warn!("disk space is back: entries are taken again");
            self.health = Health::Good;
        }
    }

    /// Looks for space now, for tests.
    #[cfg(test)]
    pub(super) fn look_now(&mut self) {
        self.looked_at = Instant::now()
            .checked_sub(SPACE_EVERY)
            .unwrap_or_else(Instant::now);
        self.look_for_space();
    }
}

fn first_segment(storage: &mut dyn Storage) -> io::Result<Position> {
    let header = SegmentHeader {
        version: FORMAT_VERSION,
        segment: 1,
        first_seq: 1,
        prev_hash: ChainHash::default(),
    };
    let encoded = header.encode();
    storage.create(1, &encoded)?;
    Ok(Position {
        segment: 1,
        version: FORMAT_VERSION,
        offset: encoded.len() as u64,
        next_seq: 1,
        prev_hash: header.prev_hash,
        earlier_bytes: 0,
    })
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
