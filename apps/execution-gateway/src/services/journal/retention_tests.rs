//! Checkpoints: where recovery begins, and what may be dropped behind them.

use std::collections::BTreeMap;

use super::checkpoint::{self, Collector};
use super::crash_tests::{append, small, writer};
use super::recover::recover;
use super::storage::{FileStorage, Storage};
use super::writer::{Policy, Writer};
use crate::services::core::book::Book;

fn with_checkpoint(dir: &std::path::Path, policy: Policy, parts: usize) -> Writer {
    let mut storage = FileStorage::new(dir);
    let recovered = recover(&mut storage).unwrap();
    let mut writer = writer(storage, &recovered, policy);
    for seq in 1..=9 {
        writer.commit(&[append(seq, 3, vec![1; 200])]);
    }
    let index = BTreeMap::from([(1, 1)]);
    let mut text = checkpoint::text(5, 4, &index, &Book::default()).unwrap();
    text.extend(std::iter::repeat_n(b' ', (parts - 1) << 20));
    let records = checkpoint::split(&text);
    assert_eq!(records.len(), parts);
    let mut batch = Vec::new();
    for (number, record) in records.into_iter().enumerate() {
        let mut append = append(10 + number as u64, checkpoint::KIND, record);
        append.starts_segment = number == 0;
        append.ends_checkpoint = number + 1 == parts;
        batch.push(append);
    }
    let next = 10 + parts as u64;
    batch.push(append(next, 3, vec![2; 20]));
    writer.commit(&batch);
    assert_eq!(writer.durable().seq, next);
    writer
}

#[test]
fn recovery_begins_at_the_newest_whole_checkpoint() {
    for parts in [1, 3] {
        let dir = tempfile::tempdir().unwrap();
        drop(with_checkpoint(dir.path(), small(1_000), parts));
        let recovered = recover(&mut FileStorage::new(dir.path())).unwrap();
        assert!(recovered.damage.is_none());
        assert_eq!(recovered.frames[0].1.seq, 10, "nothing before it is read");
        let mut collector = Collector::default();
        let found = recovered
            .frames
            .iter()
            .filter(|(_, frame)| frame.kind == checkpoint::KIND)
            .find_map(|(_, frame)| collector.take(frame).unwrap());
        let found = found.unwrap();
        assert_eq!((found.at, found.published_seq, found.index[&1]), (5, 4, 1));
    }
}

#[test]
fn a_checkpoint_cut_short_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_checkpoint(dir.path(), small(1_000), 3));
    let last = FileStorage::new(dir.path()).list().unwrap().pop().unwrap();
    let path = dir.path().join(format!("journal-{last:08}.seg"));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let recovered = recover(&mut FileStorage::new(dir.path())).unwrap();
    assert!(recovered.damage.is_none());
    assert!(recovered.torn_bytes > 0);
    assert_eq!(recovered.frames[0].1.seq, 1, "read from the start");
}

#[test]
fn segments_are_dropped_only_behind_a_checkpoint_and_past_their_age() {
    let age = |dir: &std::path::Path, days: u64| {
        for segment in FileStorage::new(dir).list().unwrap() {
            let path = dir.join(format!("journal-{segment:08}.seg"));
            let then = std::time::SystemTime::now() - std::time::Duration::from_secs(days * 86_400);
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_modified(then).unwrap();
        }
    };
    for (days, is_dropped) in [(89, false), (91, true)] {
        let dir = tempfile::tempdir().unwrap();
        drop(with_checkpoint(dir.path(), small(1_000), 1));
        let before = FileStorage::new(dir.path()).list().unwrap();
        age(dir.path(), days);
        let mut storage = FileStorage::new(dir.path());
        let recovered = recover(&mut storage).unwrap();
        let mut writer = writer(storage, &recovered, small(1_000));
        assert_eq!(FileStorage::new(dir.path()).list().unwrap(), before);
        let text = checkpoint::text(6, 4, &BTreeMap::new(), &Book::default()).unwrap();
        let mut record = append(12, checkpoint::KIND, checkpoint::split(&text).remove(0));
        (record.starts_segment, record.ends_checkpoint) = (true, true);
        writer.commit(&[record]);
        drop(writer);
        let mut storage = FileStorage::new(dir.path());
        let left = storage.list().unwrap();
        if is_dropped {
            assert_eq!(left.len(), 1, "{left:?}");
        } else {
            assert_eq!(left.len(), before.len() + 1, "{left:?}");
        }
        let again = recover(&mut storage).unwrap();
        assert!(again.damage.is_none(), "{:?}", again.damage);
        assert_eq!(again.frames.last().unwrap().1.seq, 12);
    }
}
