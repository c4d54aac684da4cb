//! The append-only log of accepted inputs. A line: CRC32C in hex, a space, JSON, newline.
//!
//! Lines of requests that queued up together go to the disk together; no answer to any of them leaves
//! before ([`Store::flush`]). Only lines after the last flush may be torn or missing; damage before
//! the last line means that history was lost, and the venue refuses to guess.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StartError;

pub const LOG_NAME: &str = "inputs.log";
const LOCK_NAME: &str = "lock";

/// When a line must be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before `append` returns.
    Now,
    /// With the next [`Store::flush`]: the caller holds back what depends on it until then.
    Later,
}

/// An open log. Holds the exclusive lock of its directory until it is dropped.
#[derive(Debug)]
pub struct Store {
    file: File,
    path: PathBuf,
    unsynced: u32,
    syncs: u64,
    lock: File,
}

/// What was found when a log was opened.
#[derive(Debug)]
pub struct Opened<R> {
    pub store: Store,
    pub records: Vec<R>,
    /// Bytes of a torn last line that were cut off.
    pub truncated: u64,
}

impl Store {
    /// Opens or creates the log in `dir`.
    ///
    /// # Errors
    /// `StartError::State` if another process holds the lock or a line before the last is damaged.
    pub fn open<R: DeserializeOwned>(dir: &Path) -> Result<Opened<R>, StartError> {
        let at = |source| StartError::Read {
            path: dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(at)?;
        let lock = lock(dir)?;
        let path = dir.join(LOG_NAME);
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(at)?;
        if is_new {
            File::open(dir)
                .and_then(|folder| folder.sync_all())
                .map_err(at)?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(at)?;
        let (records, valid) = decode(&bytes, &path)?;
        let truncated = (bytes.len() - valid) as u64;
        if truncated > 0 {
            file.set_len(valid as u64)
                .and_then(|()| file.sync_all())
                .map_err(at)?;
        }
        Ok(Opened {
            store: Self {
                file,
                path,
                unsynced: 0,
                syncs: 0,
                lock,
            },
            records,
            truncated,
        })
    }

    /// Appends one record, and waits for the disk as `sync` asks.
    ///
    /// # Errors
    /// After an error the log's end is unknown: the caller must stop accepting inputs.
    pub fn append<R: Serialize>(&mut self, record: &R, sync: Sync) -> std::io::Result<()> {
        let line = encode(record)?;
        self.file.write_all(&line)?;
        self.unsynced += 1;
        match sync {
            Sync::Now => self.flush(),
            Sync::Later => Ok(()),
        }
    }

    /// Waits until every line is on disk; one fdatasync for all that wait.
    pub fn flush(&mut self) -> std::io::Result<()> {
        if self.unsynced == 0 {
            return Ok(());
        }
        self.file.sync_data()?;
        self.syncs += 1;
        self.unsynced = 0;
        Ok(())
    }

    /// How often the disk was waited for since the log was opened.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Closing would not do: a process that is being started elsewhere in this program may hold
        // a copy of the descriptor for a moment, and the lock with it. Nothing can be done about a
        // failure here, and the lock ends with the process at the latest.
        let _ = self.lock.unlock();
    }
}

/// The records of a log that its owner may still be writing.
pub fn read<R: DeserializeOwned>(path: &Path) -> Result<Vec<R>, StartError> {
    let bytes = std::fs::read(path).map_err(|source| StartError::Read {
        path: path.to_owned(),
        source,
    })?;
    decode(&bytes, path).map(|(records, _)| records)
}

fn lock(dir: &Path) -> Result<File, StartError> {
    let path = dir.join(LOCK_NAME);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| StartError::Read {
            path: path.clone(),
            source,
        })?;
    file.try_lock().map_err(|e| {
        StartError::state(
            &path,
            format!(
                "another venue uses this state_dir ({e}). Stop it or choose another state_dir."
            ),
        )
    })?;
    Ok(file)
}

fn encode<R: Serialize>(record: &R) -> std::io::Result<Vec<u8>> {
    let body = serde_json::to_vec(record)?;
    let mut line = format!("{:08x} ", crc32c::crc32c(&body)).into_bytes();
    line.extend_from_slice(&body);
    line.push(b'\n');
    Ok(line)
}

/// Records of the intact prefix and its length in bytes.
fn decode<R: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<(Vec<R>, usize), StartError> {
    let mut records = Vec::new();
    let mut valid = 0;
    while valid < bytes.len() {
        let rest = bytes.get(valid..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n');
        let record = end.and_then(|end| rest.get(..end)).and_then(decode_line);
        match (record, end) {
            (Some(record), Some(end)) => {
                records.push(record);
                valid += end + 1;
            }
            (None, Some(end)) if end + 1 < rest.len() => {
                return Err(StartError::state(
                    path,
                    format!(
                        "line {} is damaged and is not the last one. Restore the file from a copy, \
                         or start again with an empty state_dir.",
                        records.len() + 1
                    ),
                ));
            }
            _ => break,
        }
    }
    Ok((records, valid))
}

fn decode_line<R: DeserializeOwned>(line: &[u8]) -> Option<R> {
    let (crc, body) = line.split_at_checked(9)?;
    let crc = std::str::from_utf8(crc.get(..8)?).ok()?;
    let expected = u32::from_str_radix(crc, 16).ok()?;
    (crc32c::crc32c(body) == expected).then(|| serde_json::from_slice(body).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> Result<Opened<Vec<u32>>, StartError> {
        Store::open(dir)
    }

    fn filled(dir: &Path) -> Vec<u8> {
        let mut opened = open(dir).unwrap();
        for n in 0..4u32 {
            opened.store.append(&vec![n, n * n], Sync::Now).unwrap();
        }
        std::fs::read(dir.join(LOG_NAME)).unwrap()
    }

    #[test]
    fn a_tail_torn_at_any_byte_loses_only_the_last_record() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = filled(dir.path());
        let last = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|b| *b == b'\n')
            .unwrap()
            + 1;
        for cut in last..bytes.len() {
            std::fs::write(dir.path().join(LOG_NAME), &bytes[..cut]).unwrap();
            let mut opened = open(dir.path()).unwrap();
            assert_eq!(opened.records.len(), 3);
            assert_eq!(opened.truncated, (cut - last) as u64);
            opened.store.append(&vec![9], Sync::Later).unwrap();
            drop(opened);
            assert_eq!(open(dir.path()).unwrap().records.last(), Some(&vec![9]));
        }
    }

    #[test]
    fn damage_in_the_middle_is_refused_by_line_number() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = filled(dir.path());
        bytes[12] ^= 1;
        std::fs::write(dir.path().join(LOG_NAME), &bytes).unwrap();
        let text = open(dir.path()).unwrap_err().to_string();
        assert!(text.contains("line 1 is damaged"), "{text}");
    }

    #[test]
    fn a_second_owner_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let _first = open(dir.path()).unwrap();
        assert!(
            open(dir.path())
                .unwrap_err()
                .to_string()
                .contains("another venue uses")
        );
    }
}
