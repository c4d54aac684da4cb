//! Where journal bytes live. A trait, so that tests can inject ENOSPC and EIO at any call.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Bytes set aside so that cancels and fills can still be journaled on a full disk.
pub const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
const RESERVE_NAME: &str = "reserve";

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
    /// Removes a segment that was quarantined.
    fn remove(&mut self, segment: u32) -> io::Result<()>;
    fn make_reserve(&mut self) -> io::Result<()>;
    fn release_reserve(&mut self) -> io::Result<()>;
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
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
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
    current: Option<File>,
}

impl FileStorage {
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            current: None,
        }
    }

    fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(format!("journal-{segment:08}.seg"))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.current
            .as_mut()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no open journal segment"))
    }
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
        let mut file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)?;
        let written = file.write_all(header).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // A half-made segment would look like a torn one after a restart.
            std::fs::remove_file(&path)?;
            return Err(error);
        }
        self.sync_dir()?;
        self.current = Some(file);
        Ok(())
    }

    fn reopen(&mut self, segment: u32, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().append(true).open(self.path(segment))?;
        if file.metadata()?.len() != len {
            file.set_len(len)?;
            file.sync_all()?;
        }
        self.current = Some(file);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file()?.set_len(len)
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
        file.sync_all()
    }

    fn release_reserve(&mut self) -> io::Result<()> {
        match std::fs::remove_file(self.dir.join(RESERVE_NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.sync_dir(),
        }
    }
}
