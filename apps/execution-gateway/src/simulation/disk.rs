//! A disk in memory: it keeps what was synced, and loses, tears, flips and refuses on demand.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::random::Random;
use crate::services::journal::frame::{RECORD_HEADER, RECORD_TRAILER, SEGMENT_HEADER};
use crate::services::journal::storage::Storage;

/// Where inside a commit the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    BeforeWrite,
    /// After this share (of 256) of the bytes.
    InWrite(u8),
    BeforeSync,
    AfterSync,
}

/// One segment file.
#[derive(Debug, Clone, Default)]
struct Segment {
    bytes: Vec<u8>,
    synced: usize,
}

/// What the disk does wrong at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Defects {
    pub is_full: bool,
    pub fails_sync: bool,
    pub death: Option<Death>,
}

#[derive(Debug, Default)]
struct Inner {
    segments: BTreeMap<u32, Segment>,
    current: u32,
    has_reserve: bool,
    /// The segment that was made of the reserve: its space is its own.
    reserve_segment: Option<u32>,
    manifest: Option<(u32, u32)>,
    defects: Defects,
    /// The process died inside a call: nothing more reaches the disk.
    is_dead: bool,
    /// Sequence number of the last record that is really on the disk.
    synced_seq: u64,
    syncs: u64,
    failed_syncs: u64,
    writes_after_failed_sync: u64,
    quarantined: u32,
}

/// Shared between the journal writer and the simulator.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Inner>>);

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_defects(&self, defects: Defects) {
        self.inner().defects = defects;
    }

    pub fn defects(&self) -> Defects {
        self.inner().defects
    }

    pub fn is_dead(&self) -> bool {
        self.inner().is_dead
    }

    pub fn synced_seq(&self) -> u64 {
        self.inner().synced_seq
    }

    /// After a restart: what recovery found is what counts.
    pub fn set_synced_seq(&self, seq: u64) {
        self.inner().synced_seq = seq;
    }

    pub fn syncs(&self) -> u64 {
        self.inner().syncs
    }

    /// Writes that followed a failed sync on the same descriptor (must stay 0).
    pub fn writes_after_failed_sync(&self) -> u64 {
        self.inner().writes_after_failed_sync
    }

    /// An independent copy, to replay without touching the journal.
    #[must_use]
    pub fn copy(&self) -> Self {
        let inner = self.inner();
        let copy = Inner {
            segments: inner.segments.clone(),
            current: inner.current,
            has_reserve: inner.has_reserve,
            manifest: inner.manifest,
            synced_seq: inner.synced_seq,
            ..Inner::default()
        };
        Self(Arc::new(Mutex::new(copy)))
    }

    /// The process ends: what was not synced is lost, kept or torn at any byte.
    pub fn crash(&self, random: &mut Random) {
        let mut inner = self.inner();
        inner.is_dead = false;
        inner.defects.death = None;
        inner.failed_syncs = 0;
        for segment in inner.segments.values_mut() {
            let unsynced = segment.bytes.len().saturating_sub(segment.synced);
            let kept = match random.below(3) {
                0 => 0,
                1 => unsynced,
                _ => random.index(unsynced + 1),
            };
            segment.bytes.truncate(segment.synced + kept);
            segment.synced = segment.bytes.len();
        }
    }

    /// Appends half a record, as a crash inside a write leaves it.
    pub fn tear(&self, random: &mut Random) -> usize {
        let mut inner = self.inner();
        let current = inner.current;
        let length = 1 + random.index(300);
        if let Some(segment) = inner.segments.get_mut(&current) {
            let from = segment.bytes.len().saturating_sub(length);
            let tail = segment.bytes.get(from..).unwrap_or_default();
            let torn: Vec<u8> = tail.iter().map(|byte| byte.wrapping_add(1)).collect();
            segment.bytes.extend_from_slice(&torn);
            segment.synced = segment.bytes.len();
        }
        length
    }

    /// Flips one bit in a record that has a whole record behind it; false when there is none.
    pub fn flip_middle(&self, random: &mut Random) -> bool {
        let mut inner = self.inner();
        let last_segment = inner.segments.keys().next_back().copied();
        let numbers: Vec<u32> = inner.segments.keys().copied().collect();
        let Some(number) = random.pick(&numbers).copied() else {
            return false;
        };
        let Some(segment) = inner.segments.get_mut(&number) else {
            return false;
        };
        let starts = record_starts(&segment.bytes);
        let end = match (Some(number) == last_segment, starts.last()) {
            (true, Some(last)) => *last,
            _ => segment.bytes.len(),
        };
        if starts.len() < 3 || end <= SEGMENT_HEADER {
            return false;
        }
        let at = SEGMENT_HEADER + random.index(end - SEGMENT_HEADER);
        let bit = 1_u8 << random.below(8);
        if let Some(byte) = segment.bytes.get_mut(at) {
            *byte ^= bit;
        }
        true
    }

    /// Removes a segment that is not the newest; false when there is only one.
    pub fn lose_segment(&self, random: &mut Random) -> bool {
        let mut inner = self.inner();
        let mut numbers: Vec<u32> = inner.segments.keys().copied().collect();
        numbers.pop();
        let Some(number) = random.pick(&numbers).copied() else {
            return false;
        };
        inner.segments.remove(&number);
        true
    }

    pub fn segments(&self) -> usize {
        self.inner().segments.len()
    }

    /// Bytes of all segments, in order (for the trace hash).
    pub fn tail(&self) -> Vec<u8> {
        let inner = self.inner();
        let last = inner.segments.values().next_back();
        last.map(|segment| segment.bytes.clone())
            .unwrap_or_default()
    }
}

/// Offsets of the records of a segment, read from their lengths alone.
fn record_starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = SEGMENT_HEADER;
    while let Some(size) = record_size(bytes, at) {
        starts.push(at);
        at += size;
    }
    starts
}

fn record_size(bytes: &[u8], at: usize) -> Option<usize> {
    let length: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    let size = RECORD_HEADER + u32::from_le_bytes(length) as usize + RECORD_TRAILER;
    bytes.get(at..at + size).map(|_| size)
}

fn seq_at(bytes: &[u8], at: usize) -> Option<u64> {
    let seq: [u8; 8] = bytes.get(at + 8..at + 16)?.try_into().ok()?;
    Some(u64::from_le_bytes(seq))
}

impl Inner {
    fn note_synced(&mut self) {
        let current = self.current;
        let Some(segment) = self.segments.get_mut(&current) else {
            return;
        };
        let mut at = segment.synced.max(SEGMENT_HEADER);
        while let Some(size) = record_size(&segment.bytes, at) {
            if let Some(seq) = seq_at(&segment.bytes, at) {
                self.synced_seq = self.synced_seq.max(seq);
            }
            at += size;
        }
        segment.synced = segment.bytes.len();
    }
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<u32>> {
        Ok(self.inner().segments.keys().copied().collect())
    }

    fn read(&self, segment: u32) -> io::Result<Vec<u8>> {
        let inner = self.inner();
        let found = inner.segments.get(&segment).ok_or_else(missing)?;
        Ok(found.bytes.clone())
    }

    fn create(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.is_dead {
            return Err(dead());
        }
        if inner.defects.is_full {
            return Err(full());
        }
        let made = Segment {
            bytes: header.to_vec(),
            synced: header.len(),
        };
        inner.segments.insert(segment, made);
        inner.current = segment;
        Ok(())
    }

    fn reopen(&mut self, segment: u32, len: u64) -> io::Result<()> {
        let mut inner = self.inner();
        inner.current = segment;
        let found = inner.segments.get_mut(&segment).ok_or_else(missing)?;
        found
            .bytes
            .truncate(usize::try_from(len).unwrap_or(usize::MAX));
        found.synced = found.bytes.len();
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        let death = inner.defects.death;
        if inner.is_dead || death == Some(Death::BeforeWrite) {
            inner.is_dead = true;
            return Err(dead());
        }
        inner.writes_after_failed_sync += u64::from(inner.failed_syncs > 0);
        let share = match death {
            Some(Death::InWrite(share)) => usize::from(share),
            _ => 256,
        };
        let is_refused = inner.defects.is_full && inner.reserve_segment != Some(inner.current);
        let kept = if is_refused {
            bytes.len() / 3
        } else {
            bytes.len() * share / 256
        };
        let current = inner.current;
        let segment = inner.segments.get_mut(&current).ok_or_else(missing)?;
        segment
            .bytes
            .extend_from_slice(bytes.get(..kept).unwrap_or(bytes));
        if share < 256 {
            inner.is_dead = true;
            return Err(dead());
        }
        if is_refused { Err(full()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.is_dead || inner.defects.death == Some(Death::BeforeSync) {
            inner.is_dead = true;
            return Err(dead());
        }
        if inner.defects.fails_sync {
            inner.failed_syncs += 1;
            return Err(io::Error::other("EIO"));
        }
        inner.syncs += 1;
        inner.note_synced();
        if inner.defects.death == Some(Death::AfterSync) {
            inner.is_dead = true;
        }
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut inner = self.inner();
        let current = inner.current;
        let segment = inner.segments.get_mut(&current).ok_or_else(missing)?;
        segment
            .bytes
            .truncate(usize::try_from(len).unwrap_or(usize::MAX));
        segment.synced = segment.synced.min(segment.bytes.len());
        Ok(())
    }

    fn quarantine(&mut self, segment: u32) -> io::Result<PathBuf> {
        let mut inner = self.inner();
        inner.quarantined += 1;
        Ok(PathBuf::from(format!(
            "quarantine-{segment:08}-{}.seg",
            inner.quarantined
        )))
    }

    fn remove(&mut self, segment: u32) -> io::Result<()> {
        self.inner().segments.remove(&segment);
        Ok(())
    }

    fn make_reserve(&mut self) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.defects.is_full && !inner.has_reserve {
            return Err(full());
        }
        inner.has_reserve = true;
        Ok(())
    }

    fn adopt_reserve(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.is_dead {
            return Err(dead());
        }
        if !inner.has_reserve {
            return Err(full());
        }
        inner.has_reserve = false;
        inner.reserve_segment = Some(segment);
        let made = Segment {
            bytes: header.to_vec(),
            synced: header.len(),
        };
        inner.segments.insert(segment, made);
        inner.current = segment;
        Ok(())
    }

    fn manifest(&self) -> io::Result<Option<(u32, u32)>> {
        Ok(self.inner().manifest)
    }

    fn note_manifest(&mut self, first: u32, last: u32) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.is_dead {
            return Err(dead());
        }
        inner.manifest = Some((first, last));
        Ok(())
    }
}
