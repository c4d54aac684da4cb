//! Where journal bytes live. A trait, so that tests can inject ENOSPC and EIO at any call.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::mutants::{Mutant, is_on};

/// Bytes set aside so that cancels and fills can still be journaled on a full disk.
pub const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
const RESERVE_NAME: &str = "reserve";
const MANIFEST_NAME: &str = "manifest";

/// Append-only segment files of one journal.
pub trait Storage: Send {
    /// Segment numbers present, ascending.
    fn list(&self) -> io::Result<Vec<u32>>;
    fn read(&self, segment: u32) -> io::Result<Vec<u8>>;
    /// Creates a segment holding `header`, syncs file and directory, and appends to it from now on.
    fn create(&mut self, segment: u32, header: &[u8]) -> io::Result<()>;
    /// Continues an existing segment after cutting it to `len` bytes.
    fn reopen(&mut self, segment: u32, len: u64) -> io::Result<()>;
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the current segment back to `len` bytes (a failed append must leave no half record).
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// Copies a damaged segment aside; returns where to.
    fn quarantine(&mut self, segment: u32) -> io::Result<PathBuf>;
    /// Removes a segment.
    fn remove(&mut self, segment: u32) -> io::Result<()>;
    /// Sets the reserve aside, unless it is there.
    fn make_reserve(&mut self) -> io::Result<()>;
    /// Turns the reserve into a segment holding `header` and appends to it from now on; its space
    /// is allocated already.
    fn adopt_reserve(&mut self, segment: u32, header: &[u8]) -> io::Result<()>;
    /// Space for others on the journal's disk; `None` when it cannot be told.
    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
    /// First and last segment that must exist, if that was ever noted.
    fn manifest(&self) -> io::Result<Option<(u32, u32)>> {
        Ok(None)
    }
    fn note_manifest(&mut self, first: u32, last: u32) -> io::Result<()> {
        let _ = (first, last);
        Ok(())
    }
    /// Seconds since a segment was last written; `None` when it cannot be told.
    fn age_s(&self, segment: u32) -> io::Result<Option<u64>> {
        let _ = segment;
        Ok(None)
    }
}

/// Exclusive ownership of a journal directory; released when dropped or when the process dies.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// `AlreadyExists` when another gateway holds it, or the operating system's error.
    pub fn acquire(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        let is_locked = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        if !is_locked && !is_on(Mutant::NoWriterLock) {
            let mut owner = String::new();
            file.read_to_string(&mut owner)?;
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "another gateway (process {}) holds {}; one journal has one gateway: \
                     stop the other process or give this one its own journal_dir",
                    owner.trim(),
                    path.display()
                ),
            ));
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

/// Journal segments as files `journal-00000001.seg` in one directory.
#[derive(Debug)]
pub struct FileStorage {
    dir: PathBuf,
    current: Option<Current>,
    /// Fill new segments with zeros up to this size beforehand.
    prepared_bytes: u64,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Current {
    file: File,
    offset: u64,
}

impl FileStorage {
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            current: None,
            prepared_bytes: 0,
        }
    }

    /// New segments are written into space that was filled with zeros beforehand.
    #[must_use]
    pub fn with_prepared_bytes(mut self, bytes: u64) -> Self {
        self.prepared_bytes = bytes;
        self
    }

    fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(format!("journal-{segment:08}.seg"))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn current(&mut self) -> io::Result<&mut Current> {
        self.current
            .as_mut()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no open journal segment"))
    }

    fn fill(&self, file: &File, from: u64) -> io::Result<()> {
        let zeros = vec![0_u8; 1024 * 1024];
        let mut at = from;
        while at < self.prepared_bytes {
            let rest = usize::try_from(self.prepared_bytes - at).unwrap_or(usize::MAX);
            let chunk = zeros.get(..rest.min(zeros.len())).unwrap_or(&zeros);
            file.write_all_at(chunk, at)?;
            at += chunk.len() as u64;
        }
        Ok(())
    }

    /// Writes a small file beside and renames it, so that a reader never sees half of it.
    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let beside = self.dir.join(format!("{name}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, self.dir.join(name))?;
        self.sync_dir()
    }
}

fn parse_manifest(text: &str) -> Option<(u32, u32)> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|digits| digits.parse().ok())
    };
    Some((value("first_segment=")?, value("last_segment=")?))
}

impl Storage for FileStorage {
    fn list(&self) -> io::Result<Vec<u32>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let number: Option<u32> = name
                .to_str()
                .and_then(|name| name.strip_prefix("journal-"))
                .and_then(|name| name.strip_suffix(".seg"))
                .and_then(|digits| digits.parse().ok());
            segments.extend(number);
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn read(&self, segment: u32) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(segment))
    }

    fn create(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        let path = self.path(segment);
        let file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)?;
        let written = file
            .write_all_at(header, 0)
            .and_then(|()| self.fill(&file, header.len() as u64))
            .and_then(|()| file.sync_all());
        if let Err(error) = written {
            // A half-made segment would look like a torn one after a restart.
            std::fs::remove_file(&path)?;
            return Err(error);
        }
        self.sync_dir()?;
        let offset = header.len() as u64;
        self.current = Some(Current { file, offset });
        Ok(())
    }

    fn reopen(&mut self, segment: u32, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(segment))?;
        if file.metadata()?.len() != len {
            file.set_len(len)?;
            file.sync_all()?;
        }
        self.current = Some(Current { file, offset: len });
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let current = self.current()?;
        current.file.write_all_at(bytes, current.offset)?;
        current.offset += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.current()?.file.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let current = self.current()?;
        current.offset = len;
        // A needless change would make an old segment look new.
        if current.file.metadata()?.len() == len {
            return Ok(());
        }
        current.file.set_len(len)
    }

    fn quarantine(&mut self, segment: u32) -> io::Result<PathBuf> {
        let mut copy = 0_u32;
        let target = loop {
            let name = format!("quarantine-{segment:08}-{copy}.seg");
            let candidate = self.dir.join(name);
            if !candidate.exists() {
                break candidate;
            }
            copy += 1;
        };
        std::fs::copy(self.path(segment), &target)?;
        File::open(&target)?.sync_all()?;
        self.sync_dir()?;
        Ok(target)
    }

    fn remove(&mut self, segment: u32) -> io::Result<()> {
        std::fs::remove_file(self.path(segment))?;
        self.sync_dir()
    }

    fn make_reserve(&mut self) -> io::Result<()> {
        let path = self.dir.join(RESERVE_NAME);
        if path
            .metadata()
            .is_ok_and(|meta| meta.len() == RESERVE_BYTES)
        {
            return Ok(());
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)?;
        let filled =
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE_BYTES);
        if let Err(error) = filled {
            drop(file);
            std::fs::remove_file(&path)?;
            return Err(error.into());
        }
        file.sync_all()?;
        self.sync_dir()
    }

    fn adopt_reserve(&mut self, segment: u32, header: &[u8]) -> io::Result<()> {
        let path = self.path(segment);
        std::fs::rename(self.dir.join(RESERVE_NAME), &path)?;
        let file = OpenOptions::new().write(true).open(&path)?;
        file.write_all_at(header, 0)?;
        file.sync_all()?;
        self.sync_dir()?;
        let offset = header.len() as u64;
        self.current = Some(Current { file, offset });
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let disk = rustix::fs::statvfs(&self.dir)?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }

    fn manifest(&self) -> io::Result<Option<(u32, u32)>> {
        match std::fs::read_to_string(self.dir.join(MANIFEST_NAME)) {
            Ok(text) => Ok(parse_manifest(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn note_manifest(&mut self, first: u32, last: u32) -> io::Result<()> {
        let text = format!("first_segment={first}\nlast_segment={last}\n");
        self.replace(MANIFEST_NAME, &text)
    }

    fn age_s(&self, segment: u32) -> io::Result<Option<u64>> {
        let modified = std::fs::metadata(self.path(segment))?.modified()?;
        Ok(modified.elapsed().ok().map(|age| age.as_secs()))
    }
}
