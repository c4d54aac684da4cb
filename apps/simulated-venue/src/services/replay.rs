//! Recorded bars: the `.npy` columns of one instrument.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::StartError;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The columns of one instrument, ascending by `opened_at`. Prices are mantissas at `price_scale`.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    pub opened_at: Vec<i64>,
    pub open: Vec<i64>,
    pub high: Vec<i64>,
    pub low: Vec<i64>,
    pub close: Vec<i64>,
    pub volume: Vec<f64>,
    pub flags: Vec<u8>,
    /// SHA-256 over all column files: the identity of the recording.
    pub digest: String,
}

/// One row of [`Columns`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub opened_at: i64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub volume: f64,
}

impl Columns {
    /// Reads and checks all columns in `dir`.
    ///
    /// # Errors
    /// `StartError` naming the file and the row that breaks a rule.
    pub fn read(dir: &Path, timeframe_ms: i64) -> Result<Self, StartError> {
        let mut hasher = Sha256::new();
        let mut raw = |name: &str, descr: &str, width: usize| -> Result<Vec<u8>, StartError> {
            let path = dir.join(format!("{name}.npy"));
            let bytes = std::fs::read(&path).map_err(|source| StartError::Read {
                path: path.clone(),
                source,
            })?;
            hasher.update(&bytes);
            data(&bytes, descr, width).map_err(|message| StartError::columns(&path, message))
        };
        let mut columns = Self {
            opened_at: integers(&raw("opened_at", "<i8", 8)?),
            open: integers(&raw("open", "<i8", 8)?),
            high: integers(&raw("high", "<i8", 8)?),
            low: integers(&raw("low", "<i8", 8)?),
            close: integers(&raw("close", "<i8", 8)?),
            volume: floats(&raw("volume", "<f8", 8)?),
            flags: raw("flags", "|u1", 1)?,
            digest: String::new(),
        };
        columns.digest = hex::encode(hasher.finalize());
        columns
            .check(timeframe_ms)
            .map_err(|message| StartError::columns(dir, message))?;
        Ok(columns)
    }

    pub fn len(&self) -> usize {
        self.opened_at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.opened_at.is_empty()
    }

    pub fn row(&self, index: usize) -> Option<Row> {
        Some(Row {
            opened_at: *self.opened_at.get(index)?,
            open: *self.open.get(index)?,
            high: *self.high.get(index)?,
            low: *self.low.get(index)?,
            close: *self.close.get(index)?,
            volume: *self.volume.get(index)?,
        })
    }

    fn check(&self, timeframe_ms: i64) -> Result<(), String> {
        let lengths = [
            ("open", self.open.len()),
            ("high", self.high.len()),
            ("low", self.low.len()),
            ("close", self.close.len()),
            ("volume", self.volume.len()),
            ("flags", self.flags.len()),
        ];
        if self.is_empty() {
            return Err("opened_at.npy holds no rows. Import data first (ats data import).".into());
        }
        if let Some((name, length)) = lengths.iter().find(|(_, length)| *length != self.len()) {
            return Err(format!(
                "{name}.npy has {length} rows, opened_at.npy {}. Rebuild the cache.",
                self.len()
            ));
        }
        (0..self.len()).try_for_each(|index| self.check_row(index, timeframe_ms))
    }

    fn check_row(&self, index: usize, timeframe_ms: i64) -> Result<(), String> {
        let Some(row) = self.row(index) else {
            return Err(format!("row {index} is missing"));
        };
        let ordered = row.low <= row.open.min(row.close) && row.high >= row.open.max(row.close);
        if row.low <= 0 || !ordered {
            return Err(format!(
                "row {index}: open {} high {} low {} close {} is no bar \
                 (low > 0, low <= open, close <= high).",
                row.open, row.high, row.low, row.close
            ));
        }
        if !row.volume.is_finite() || row.volume < 0.0 {
            return Err(format!(
                "row {index}: volume {} is not a finite number >= 0",
                row.volume
            ));
        }
        match self.opened_at.get(index + 1) {
            Some(next) if *next < row.opened_at + timeframe_ms => Err(format!(
                "row {}: opened_at {next} lies before the close of the row above ({})",
                index + 1,
                row.opened_at + timeframe_ms
            )),
            _ => Ok(()),
        }
    }
}

/// The data part of a one-dimensional `.npy` file of the given element type.
fn data(bytes: &[u8], descr: &str, width: usize) -> Result<Vec<u8>, String> {
    let damaged = || "not a NumPy .npy file. Rebuild the cache.".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let major = *rest.first().ok_or_else(damaged)?;
    let (length, start) = match (major, rest.get(2..6)) {
        (1, Some(&[low, high, ..])) => (usize::from(u16::from_le_bytes([low, high])), 4),
        (2 | 3, Some(&[a, b, c, d])) => (
            usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| damaged())?,
            6,
        ),
        _ => return Err(damaged()),
    };
    let header = rest.get(start..start + length).ok_or_else(damaged)?;
    let header: String = String::from_utf8_lossy(header).split_whitespace().collect();
    if !header.contains(&format!("'descr':'{descr}'")) {
        return Err(format!(
            "element type must be {descr}; the header says {header}"
        ));
    }
    if !header.contains("'fortran_order':False") {
        return Err(format!("must be in C order; the header says {header}"));
    }
    let shape = header
        .split_once("'shape':(")
        .and_then(|(_, after)| after.split_once(')'))
        .map(|(inside, _)| inside.trim_end_matches(','))
        .ok_or_else(damaged)?;
    let rows: usize = shape
        .parse()
        .map_err(|_| format!("must have one dimension; the shape is ({shape})"))?;
    let body = rest.get(start + length..).unwrap_or_default();
    if body.len() != rows * width {
        return Err(format!(
            "holds {} bytes of data, {rows} rows need {}",
            body.len(),
            rows * width
        ));
    }
    Ok(body.to_vec())
}

fn integers(bytes: &[u8]) -> Vec<i64> {
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks
        .iter()
        .map(|chunk| i64::from_le_bytes(*chunk))
        .collect()
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks
        .iter()
        .map(|chunk| f64::from_le_bytes(*chunk))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, rows: usize, body: &[u8]) -> Vec<u8> {
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows},), }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&[1, 0]);
        file.extend_from_slice(&u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(body);
        file
    }

    #[test]
    fn reads_what_numpy_writes_and_names_what_is_wrong() {
        let body: Vec<u8> = [7i64, -1].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(
            integers(&data(&npy("<i8", 2, &body), "<i8", 8).unwrap()),
            [7, -1]
        );
        assert!(
            data(&npy("<f8", 2, &body), "<i8", 8)
                .unwrap_err()
                .contains("must be <i8")
        );
        assert!(
            data(&npy("<i8", 3, &body), "<i8", 8)
                .unwrap_err()
                .contains("3 rows need 24")
        );
        assert!(
            data(b"PK\x03\x04", "<i8", 8)
                .unwrap_err()
                .contains("not a NumPy")
        );
    }

    #[test]
    fn impossible_rows_are_refused_by_number() {
        let mut columns = Columns {
            opened_at: vec![0, 60_000],
            open: vec![10, 11],
            high: vec![12, 12],
            low: vec![9, 10],
            close: vec![11, 12],
            volume: vec![1.0, 2.0],
            flags: vec![0, 0],
            digest: String::new(),
        };
        columns.check(60_000).unwrap();
        columns.high[1] = 11;
        assert!(columns.check(60_000).unwrap_err().starts_with("row 1:"));
        columns.high[1] = 12;
        columns.opened_at[1] = 59_999;
        assert!(
            columns
                .check(60_000)
                .unwrap_err()
                .contains("before the close")
        );
        columns.flags.pop();
        assert!(
            columns
                .check(60_000)
                .unwrap_err()
                .contains("flags.npy has 1 rows")
        );
    }
}
