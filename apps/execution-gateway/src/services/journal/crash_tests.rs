//! Journals cut at every byte, flipped bits, lost segments, formats old and new.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::event_index;
use super::frame::{FORMAT_VERSION, Frame, SEGMENT_HEADER, SegmentHeader, decode, encode};
use super::recover::{Position, Recovered, recover, scan_tail};
use super::storage::{FileStorage, Storage};
use super::writer::{Append, Policy, Writer};

/// Segments in memory, so that a journal can be cut many thousand times.
#[derive(Default)]
struct MemoryStorage {
    segments: BTreeMap<u32, Vec<u8>>,
    current: u32,
    manifest: Option<(u32, u32)>,
}

impl MemoryStorage {
    fn file(&mut self) -> io::Result<&mut Vec<u8>> {
        let current = self.segments.get_mut(&self.current);
        current.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Storage for MemoryStorage {
    fn list(&self) -> io::Result<Vec<u32>> {
        Ok(self.segments.keys().copied().collect())
    }
    fn read(&self, segment: u32) -> io::Result<Vec<u8>> {
        let bytes = self.segments.get(&segment);
        bytes.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn create(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        self.segments.insert(segment, header.to_vec());
        self.current = segment;
        Ok(())
    }
    fn reopen(&mut self, segment: u32, len: u64) -> io::Result<()> {
        self.current = segment;
        self.truncate(len)
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.file()?.truncate(len);
        Ok(())
    }
    fn quarantine(&mut self, segment: u32) -> io::Result<PathBuf> {
        Ok(PathBuf::from(format!("quarantine-{segment}")))
    }
    fn remove(&mut self, segment: u32) -> io::Result<()> {
        self.segments.remove(&segment);
        Ok(())
    }
    fn make_reserve(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn adopt_reserve(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        self.create(segment, header)
    }
    fn manifest(&self) -> io::Result<Option<(u32, u32)>> {
        Ok(self.manifest)
    }
    fn note_manifest(&mut self, first: u32, last: u32) -> io::Result<()> {
        self.manifest = Some((first, last));
        Ok(())
    }
}

pub(super) fn append(seq: u64, kind: u8, payload: Vec<u8>) -> Append {
    Append {
        frame: Frame {
            seq,
            epoch: 1,
            kind,
            payload,
        },
        event_seq: None,
        starts_segment: false,
        ends_checkpoint: false,
    }
}

pub(super) fn writer(storage: FileStorage, recovered: &Recovered, policy: Policy) -> Writer {
    let observer = Box::new(|_, _| {});
    let storage = Box::new(storage);
    let writer = Writer::open(storage, recovered.position, event_index(), observer).unwrap();
    writer.with_policy(policy)
}

pub(super) fn small(segment_bytes: u64) -> Policy {
    Policy {
        segment_bytes,
        retention_days: 90,
    }
}

/// Records of sizes as in a real journal (events, intents, reports), seeded.
fn recorded(bytes: usize) -> Vec<u8> {
    let header = SegmentHeader {
        version: FORMAT_VERSION,
        segment: 1,
        first_seq: 1,
        prev_hash: [0; 16],
    };
    let mut file = header.encode();
    let mut random = fastrand::Rng::with_seed(34);
    let (mut seq, mut hash) = (1, [0; 16]);
    while file.len() < bytes {
        let size = random.usize(40..900);
        let payload = (0..size).map(|_| random.u8(..)).collect();
        let frame = append(seq, 3, payload).frame;
        hash = encode(&mut file, &frame, &hash);
        seq += 1;
    }
    file
}

/// C12: every byte-truncation of the last 64 KiB recovers (here: nothing but the torn record is
/// lost). The tail behind the last whole record is scanned at every byte; the whole recovery, which
/// reads the same prefix again and again, runs around each record's end and at each 97th byte.
#[test]
fn the_last_64_kib_cut_at_every_byte_recover() {
    let whole = recorded(64 * 1024 + SEGMENT_HEADER);
    let mut storage = MemoryStorage::default();
    storage.segments.insert(1, whole.clone());
    let all = recover(&mut storage).unwrap();
    let mut position = Position {
        segment: 1,
        version: FORMAT_VERSION,
        offset: SEGMENT_HEADER as u64,
        next_seq: 1,
        prev_hash: [0; 16],
        earlier_bytes: 0,
    };
    let mut cut = SEGMENT_HEADER;
    for (number, (_, frame)) in all.frames.iter().enumerate() {
        let start = cut;
        let end = start + 41 + frame.payload.len();
        while cut <= end {
            let kept = usize::from(cut == end);
            let good = if cut == end { end } else { start };
            let tail = scan_tail(position, &whole[..cut]);
            assert_eq!(tail, Ok((kept, good as u64)), "cut at {cut}");
            if cut.is_multiple_of(97) || end - cut < 2 || cut - start < 2 {
                let mut storage = MemoryStorage::default();
                storage.segments.insert(1, whole[..cut].to_vec());
                let recovered = recover(&mut storage).unwrap();
                assert_eq!(recovered.frames.len(), number + kept, "cut at {cut}");
                assert!(recovered.damage.is_none(), "cut at {cut}");
                assert_eq!(storage.segments[&1].len(), good, "cut at {cut}");
            }
            cut += 1;
        }
        let (_, _, hash) = decode(&whole[start..], &position.prev_hash).unwrap();
        (position.offset, position.prev_hash) = (end as u64, hash);
        position.next_seq += 1;
        cut = end;
    }
    assert_eq!(cut, whole.len());
}

/// The same file with zeros behind the cut: prepared space, or a page that never reached the disk.
#[test]
fn unused_space_behind_a_torn_record_is_no_damage() {
    let whole = recorded(4 * 1024);
    for cut in SEGMENT_HEADER..whole.len() {
        let mut bytes = whole[..cut].to_vec();
        bytes.resize(8 * 1024, 0);
        let mut storage = MemoryStorage::default();
        storage.segments.insert(1, bytes);
        let recovered = recover(&mut storage).unwrap();
        assert!(
            recovered.damage.is_none(),
            "cut at {cut}: {:?}",
            recovered.damage
        );
        let position = recovered.position.unwrap();
        assert_eq!(storage.segments[&1].len() as u64, position.offset);
        assert!(storage.segments[&1].len() <= cut);
    }
}

/// F34: a flipped bit anywhere but in the last record is damage that is set aside; nothing behind
/// it is trusted.
#[test]
fn a_flipped_bit_anywhere_is_cut_or_set_aside() {
    let whole = recorded(6 * 1024);
    let mut storage = MemoryStorage::default();
    storage.segments.insert(1, whole.clone());
    let frames = recover(&mut storage).unwrap().frames;
    let last_start = whole.len() - 41 - frames.last().unwrap().1.payload.len();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let mut storage = MemoryStorage::default();
        storage.segments.insert(1, bytes);
        let recovered = recover(&mut storage);
        // A flip in the version is refused, or it is damage like any other.
        let Ok(recovered) = recovered else { continue };
        let good: Vec<_> = frames
            .iter()
            .take(recovered.frames.len())
            .cloned()
            .collect();
        assert_eq!(recovered.frames, good, "flip at {at}");
        assert!(recovered.frames.len() < frames.len(), "flip at {at}");
        assert_eq!(recovered.damage.is_none(), at >= last_start, "flip at {at}");
    }
}

#[test]
fn version_1_is_upgraded_by_reading() {
    let dir = tempfile::tempdir().unwrap();
    let header = SegmentHeader {
        version: 1,
        segment: 1,
        first_seq: 1,
        prev_hash: [0; 16],
    };
    let mut file = header.encode();
    let hash = encode(&mut file, &append(1, 3, vec![1; 30]).frame, &[0; 16]);
    encode(&mut file, &append(2, 3, vec![2; 30]).frame, &hash);
    std::fs::write(dir.path().join("journal-00000001.seg"), file).unwrap();
    let mut storage = FileStorage::new(dir.path());
    let recovered = recover(&mut storage).unwrap();
    assert_eq!(recovered.frames.len(), 2);
    let mut writer = writer(storage, &recovered, small(1 << 20));
    writer.commit(&[append(3, 3, vec![3; 30])]);
    drop(writer);
    let mut storage = FileStorage::new(dir.path());
    assert_eq!(
        storage.list().unwrap(),
        vec![1, 2],
        "new records are in a new segment"
    );
    let again = recover(&mut storage).unwrap();
    assert!(again.damage.is_none());
    assert_eq!(again.frames.len(), 3);
    assert_eq!(again.position.unwrap().version, 2);
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let header = SegmentHeader {
        version: 3,
        segment: 1,
        first_seq: 1,
        prev_hash: [0; 16],
    };
    let path = dir.path().join("journal-00000001.seg");
    std::fs::write(&path, header.encode()).unwrap();
    let error = recover(&mut FileStorage::new(dir.path()))
        .unwrap_err()
        .to_string();
    for word in ["version 3", "up to 2", "newer build", "journal_dir"] {
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), header.encode());
}

/// F35: whichever segment is lost, also the last one, it is noticed.
#[test]
fn any_missing_segment_is_noticed() {
    let fill = |dir: &std::path::Path| {
        let mut storage = FileStorage::new(dir);
        let recovered = recover(&mut storage).unwrap();
        let mut writer = writer(storage, &recovered, small(1_000));
        for seq in 1..=20 {
            writer.commit(&[append(seq, 3, vec![1; 200])]);
        }
    };
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let segments = FileStorage::new(dir.path()).list().unwrap();
    assert!(segments.len() >= 4);
    for lost in segments {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path());
        std::fs::remove_file(dir.path().join(format!("journal-{lost:08}.seg"))).unwrap();
        let recovered = recover(&mut FileStorage::new(dir.path())).unwrap();
        let damage = recovered
            .damage
            .unwrap_or_else(|| panic!("{lost} was lost unnoticed"));
        assert!(damage.fault.contains("missing"), "{damage:?}");
    }
}

#[test]
fn prepared_segments_hold_the_same_journal() {
    let dir = tempfile::tempdir().unwrap();
    let open = || FileStorage::new(dir.path()).with_prepared_bytes(8_192);
    for round in 0..3_u64 {
        let mut storage = open();
        let recovered = recover(&mut storage).unwrap();
        assert!(recovered.damage.is_none() && recovered.torn_bytes == 0);
        assert_eq!(recovered.frames.len() as u64, round * 20);
        let mut writer = writer(storage, &recovered, small(8_192));
        for seq in round * 20 + 1..=round * 20 + 20 {
            writer.commit(&[append(seq, 3, vec![7; 300])]);
        }
    }
    assert!(open().list().unwrap().len() > 2);
}
