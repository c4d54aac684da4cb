use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::event_index;
use super::frame::{Frame, SEGMENT_HEADER, decode, encode};
use super::recover::{Recovered, recover};
use super::storage::{DirectoryLock, FileStorage, Storage};
use super::writer::{Append, Health, Writer};

fn frame(seq: u64, size: usize) -> Frame {
    let byte = u8::try_from(seq % 251).unwrap();
    Frame {
        seq,
        epoch: 7,
        kind: 3,
        payload: vec![byte; size],
    }
}

fn append(seq: u64, size: usize) -> Append {
    Append {
        frame: frame(seq, size),
        event_seq: None,
        starts_segment: false,
        ends_checkpoint: false,
    }
}

fn writer(storage: Box<dyn Storage>, recovered: &Recovered) -> Writer {
    Writer::open(
        storage,
        recovered.position,
        event_index(),
        Box::new(|_, _| {}),
    )
    .unwrap()
}

fn open(dir: &std::path::Path) -> (Recovered, Writer) {
    let mut storage = FileStorage::new(dir);
    let recovered = recover(&mut storage).unwrap();
    let writer = writer(Box::new(storage), &recovered);
    (recovered, writer)
}

fn seqs(recovered: &Recovered) -> Vec<u64> {
    recovered
        .frames
        .iter()
        .map(|(_, frame)| frame.seq)
        .collect()
}

/// A journal with `count` records in segments of `segment_bytes`.
fn filled(count: u64, segment_bytes: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (_, writer) = open(dir.path());
    let mut writer = writer.with_segment_bytes(segment_bytes);
    for seq in 1..=count {
        writer.commit(&[append(seq, 20 + usize::try_from(seq % 7).unwrap())]);
    }
    assert_eq!(writer.durable().seq, count);
    dir
}

fn segment(dir: &tempfile::TempDir, number: u32) -> PathBuf {
    dir.path().join(format!("journal-{number:08}.seg"))
}

#[test]
fn records_come_back_in_order_over_segments() {
    let dir = filled(40, 600);
    assert!(segment(&dir, 3).exists());
    let (recovered, mut writer) = open(dir.path());
    assert_eq!(seqs(&recovered), (1..=40).collect::<Vec<_>>());
    assert_eq!(recovered.torn_bytes, 0);
    assert!(recovered.damage.is_none());
    writer.commit(&[append(41, 5), append(42, 5)]);
    drop(writer);
    assert_eq!(seqs(&open(dir.path()).0).len(), 42);
}

#[test]
fn a_tail_cut_at_any_byte_loses_only_the_torn_record() {
    let dir = filled(6, 1 << 20);
    let whole = std::fs::read(segment(&dir, 1)).unwrap();
    let mut ends = vec![SEGMENT_HEADER];
    let mut cursor = SEGMENT_HEADER;
    let mut hash = [0; 16];
    while cursor < whole.len() {
        let (_, size, next) = decode(&whole[cursor..], &hash).unwrap();
        cursor += size;
        hash = next;
        ends.push(cursor);
    }
    for cut in 0..=whole.len() {
        std::fs::write(segment(&dir, 1), &whole[..cut]).unwrap();
        let (recovered, mut writer) = open(dir.path());
        let kept = ends
            .iter()
            .filter(|end| **end <= cut)
            .count()
            .saturating_sub(1);
        assert_eq!(recovered.frames.len(), kept, "cut at {cut}");
        assert!(recovered.damage.is_none(), "cut at {cut}");
        let next = u64::try_from(kept).unwrap() + 1;
        writer.commit(&[append(next, 9)]);
        drop(writer);
        let (again, _) = open(dir.path());
        assert_eq!(seqs(&again), (1..=next).collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(again.torn_bytes, 0);
        std::fs::remove_file(segment(&dir, 1)).unwrap();
    }
}

#[test]
fn a_flipped_bit_in_the_middle_is_quarantined_and_reported() {
    for offset in [
        SEGMENT_HEADER + 2,
        SEGMENT_HEADER + 60,
        SEGMENT_HEADER + 130,
    ] {
        let dir = filled(6, 1 << 20);
        let mut bytes = std::fs::read(segment(&dir, 1)).unwrap();
        bytes[offset] ^= 4;
        std::fs::write(segment(&dir, 1), &bytes).unwrap();
        let (recovered, _) = open(dir.path());
        let damage = recovered.damage.expect("corruption is reported");
        assert_eq!(damage.segment, 1);
        assert_eq!(std::fs::read(&damage.quarantined[0]).unwrap(), bytes);
        assert!(recovered.frames.len() < 6);
        let (again, _) = open(dir.path());
        assert!(again.damage.is_none(), "the good prefix stays usable");
        assert_eq!(again.frames.len(), recovered.frames.len());
    }
}

#[test]
fn a_missing_segment_is_damage() {
    let dir = filled(40, 600);
    std::fs::remove_file(segment(&dir, 2)).unwrap();
    let (recovered, _) = open(dir.path());
    assert!(recovered.damage.is_some());
    assert!(recovered.frames.iter().all(|(segment, _)| *segment == 1));
}

#[test]
fn a_replaced_record_breaks_the_chain() {
    let dir = filled(5, 1 << 20);
    let bytes = std::fs::read(segment(&dir, 1)).unwrap();
    let (_, first, hash) = decode(&bytes[SEGMENT_HEADER..], &[0; 16]).unwrap();
    let start = SEGMENT_HEADER + first;
    let (old, size, _) = decode(&bytes[start..], &hash).unwrap();
    let mut forged = bytes[..start].to_vec();
    let payload = vec![9; old.payload.len()];
    encode(&mut forged, &Frame { payload, ..old }, &hash);
    forged.extend_from_slice(&bytes[start + size..]);
    std::fs::write(segment(&dir, 1), forged).unwrap();
    assert!(open(dir.path()).0.damage.is_some());
}

#[test]
fn a_second_owner_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let lock = DirectoryLock::acquire(dir.path()).unwrap();
    let error = DirectoryLock::acquire(dir.path()).unwrap_err().to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    assert!(error.contains("journal_dir"), "{error}");
    drop(lock);
    DirectoryLock::acquire(dir.path()).unwrap();
}

#[derive(Default)]
struct Faults {
    /// Bytes that still fit; the reserve adds to them when it is released.
    room: Option<usize>,
    reserve: usize,
    sync_fails: bool,
    syncs: usize,
}

/// A real directory with a disk that fills up or fails on demand.
struct FaultyStorage {
    inner: FileStorage,
    faults: Arc<Mutex<Faults>>,
}

impl Storage for FaultyStorage {
    fn list(&self) -> io::Result<Vec<u32>> {
        self.inner.list()
    }
    fn read(&self, segment: u32) -> io::Result<Vec<u8>> {
        self.inner.read(segment)
    }
    fn create(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        self.inner.create(segment, header)
    }
    fn reopen(&mut self, segment: u32, len: u64) -> io::Result<()> {
        self.inner.reopen(segment, len)
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut faults = self.faults.lock().unwrap();
        let room = faults.room.unwrap_or(usize::MAX);
        if bytes.len() > room {
            // A full disk takes a part of the write.
            self.inner.append(&bytes[..room])?;
            faults.room = Some(0);
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        faults.room = faults.room.map(|room| room - bytes.len());
        self.inner.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        let mut faults = self.faults.lock().unwrap();
        faults.syncs += 1;
        if faults.sync_fails {
            return Err(io::Error::other("EIO"));
        }
        self.inner.sync()
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.inner.truncate(len)
    }
    fn quarantine(&mut self, segment: u32) -> io::Result<PathBuf> {
        self.inner.quarantine(segment)
    }
    fn remove(&mut self, segment: u32) -> io::Result<()> {
        self.inner.remove(segment)
    }
    fn make_reserve(&mut self) -> io::Result<()> {
        let faults = self.faults.lock().unwrap();
        match faults.room {
            Some(room) if room < faults.reserve => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
    fn adopt_reserve(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        let mut faults = self.faults.lock().unwrap();
        faults.room = faults.room.map(|room| room + faults.reserve);
        self.inner.create(segment, header)
    }
    fn manifest(&self) -> io::Result<Option<(u32, u32)>> {
        self.inner.manifest()
    }
    fn note_manifest(&mut self, first: u32, last: u32) -> io::Result<()> {
        self.inner.note_manifest(first, last)
    }
}

fn faulty() -> (tempfile::TempDir, Arc<Mutex<Faults>>, Writer) {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Mutex::new(Faults {
        reserve: 4_000,
        ..Faults::default()
    }));
    let mut storage = FaultyStorage {
        inner: FileStorage::new(dir.path()),
        faults: Arc::clone(&faults),
    };
    let recovered = recover(&mut storage).unwrap();
    let writer = writer(Box::new(storage), &recovered);
    (dir, faults, writer)
}

#[test]
fn a_full_disk_closes_entries_but_the_reserve_takes_cancels_and_fills() {
    let (dir, faults, mut writer) = faulty();
    writer.commit(&[append(1, 50)]);
    faults.lock().unwrap().room = Some(70);
    writer.commit(&[append(2, 50)]);
    assert_eq!(writer.durable().health, Health::Full);
    assert_eq!(
        writer.durable().seq,
        2,
        "the record that met the full disk is in the reserve"
    );
    writer.commit(&[append(3, 50)]);
    assert_eq!(
        (writer.durable().seq, writer.durable().health),
        (3, Health::Full)
    );
    faults.lock().unwrap().room = None;
    writer.look_now();
    writer.commit(&[append(4, 50)]);
    assert_eq!(writer.durable().health, Health::Good, "space came back");
    drop(writer);
    let recovered = open(dir.path()).0;
    assert_eq!(seqs(&recovered), vec![1, 2, 3, 4]);
    assert!(recovered.damage.is_none() && recovered.torn_bytes == 0);
}

#[test]
fn a_failed_sync_is_final() {
    let (_dir, faults, mut writer) = faulty();
    writer.commit(&[append(1, 50)]);
    faults.lock().unwrap().sync_fails = true;
    writer.commit(&[append(2, 50)]);
    assert_eq!(
        (writer.durable().seq, writer.durable().health),
        (1, Health::Failed)
    );
    faults.lock().unwrap().sync_fails = false;
    let syncs = faults.lock().unwrap().syncs;
    writer.commit(&[append(3, 50)]);
    assert_eq!(
        (writer.durable().seq, writer.durable().health),
        (1, Health::Failed)
    );
    assert_eq!(
        faults.lock().unwrap().syncs,
        syncs,
        "nothing is tried again"
    );
}

#[test]
fn one_batch_is_one_sync() {
    let (_dir, faults, mut writer) = faulty();
    let before = faults.lock().unwrap().syncs;
    let batch: Vec<Append> = (1..=64).map(|seq| append(seq, 100)).collect();
    writer.commit(&batch);
    assert_eq!(faults.lock().unwrap().syncs - before, 1);
    assert_eq!(writer.durable().seq, 64);
}

proptest! {
    #[test]
    fn any_record_survives_encoding(
        seq in any::<u64>(), epoch in any::<u32>(), kind in any::<u8>(),
        payload in proptest::collection::vec(any::<u8>(), 0..300), hash in any::<[u8; 16]>(),
    ) {
        let frame = Frame { seq, epoch, kind, payload };
        let mut bytes = Vec::new();
        let next = encode(&mut bytes, &frame, &hash);
        prop_assert_eq!(decode(&bytes, &hash).unwrap(), (frame, bytes.len(), next));
    }

    #[test]
    fn any_flipped_bit_is_noticed(
        payload in proptest::collection::vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let frame = Frame { seq: 5, epoch: 1, kind: 3, payload };
        let mut bytes = Vec::new();
        encode(&mut bytes, &frame, &[3; 16]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(decode(&bytes, &[3; 16]).is_err());
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, &[0; 16]);
    }
}
