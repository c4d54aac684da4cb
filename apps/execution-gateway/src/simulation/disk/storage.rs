//! The disk as the journal sees it.

use std::io;
use std::path::PathBuf;

use super::{Death, Disk, Segment, dead, full, missing};
use crate::services::journal::storage::Storage;

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
