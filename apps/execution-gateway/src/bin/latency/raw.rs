//! What the disk can do: raw append + fdatasync, and the calibration of contract K38.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

/// A file that grows, or one that was filled with zeros beforehand.
pub(crate) struct RawFile {
    file: File,
    offset: u64,
    record: Vec<u8>,
}

impl RawFile {
    pub(crate) fn create(path: &Path, record: usize, filled: u64) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(path)?;
        let zeros = vec![0_u8; 1024 * 1024];
        let mut at = 0;
        while at < filled {
            file.write_all_at(&zeros, at)?;
            at += zeros.len() as u64;
        }
        file.sync_all()?;
        Ok(Self {
            file,
            offset: 0,
            record: vec![0x5a; record],
        })
    }

    /// Seconds of one append with its fdatasync.
    pub(crate) fn commit(&mut self) -> std::io::Result<f64> {
        let clock = Instant::now();
        self.file.write_all_at(&self.record, self.offset)?;
        self.offset += self.record.len() as u64;
        self.file.sync_data()?;
        Ok(clock.elapsed().as_secs_f64())
    }
}

/// Two spinning threads against one: 2.0 on two free cores.
pub(crate) fn spin_ratio() -> f64 {
    fn spin() -> u64 {
        let clock = Instant::now();
        let mut count = 0_u64;
        while clock.elapsed().as_millis() < 300 {
            for _ in 0..1_000 {
                count = std::hint::black_box(count + 1);
            }
        }
        count
    }
    let one = spin();
    let two: u64 = std::thread::scope(|scope| {
        let threads = [scope.spawn(spin), scope.spawn(spin)];
        threads.into_iter().filter_map(|t| t.join().ok()).sum()
    });
    two as f64 / one.max(1) as f64
}

/// The value below which `share_pct` percent of the samples lie.
pub(crate) fn percentile(samples: &[f64], share_pct: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1) * share_pct + 50) / 100;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
