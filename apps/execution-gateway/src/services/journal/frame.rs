//! The byte layout of a journal record (specification C3) and of a segment header.
//!
//! Record: `len u32 | header_crc u32 | seq u64 | epoch u32 | kind u8 | prev_hash[16] | payload |
//! crc u32`, little-endian. `header_crc` covers the header alone so that `len` can be trusted
//! before the payload is read; the trailing CRC covers header and payload. `prev_hash` is the first 16
//! bytes of the SHA-256 of the whole previous record: a record lost from the middle breaks the
//! chain.

use sha2::{Digest, Sha256};

use crate::mutants::{Mutant, is_on};

pub const RECORD_HEADER: usize = 37;
pub const RECORD_TRAILER: usize = 4;
pub const SEGMENT_HEADER: usize = 44;
/// Version 2 adds checkpoints (kind 100) and unused space (zeros) behind the last record; its
/// records are laid out like those of version 1, which is therefore upgraded by reading.
pub const FORMAT_VERSION: u32 = 2;
const OLDEST_VERSION: u32 = 1;
pub const MAX_PAYLOAD: usize = 4 * 1024 * 1024;
const MAGIC: &[u8; 8] = b"ATSJRNL\x01";

pub type ChainHash = [u8; 16];

/// One decoded journal record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub seq: u64,
    pub epoch: u32,
    pub kind: u8,
    pub payload: Vec<u8>,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("the record ends before its announced length")]
    Short,
    #[error("the record header fails its checksum")]
    HeaderChecksum,
    #[error("the record body fails its checksum")]
    BodyChecksum,
    #[error("the record does not continue the hash chain")]
    Chain,
    #[error("the record's sequence number is not the next one")]
    Sequence,
}

/// Why a segment header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    Unreadable,
    /// Written by a newer build: nothing may be touched.
    Newer(u32),
}

/// Header of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    pub version: u32,
    pub segment: u32,
    pub first_seq: u64,
    pub prev_hash: ChainHash,
}

impl SegmentHeader {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.first_seq.to_le_bytes());
        bytes.extend_from_slice(&self.prev_hash);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// `Newer` when a later build wrote it, `Unreadable` when magic or checksum do not fit.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let header = Self::parse(bytes).ok_or(HeaderFault::Unreadable)?;
        if header.version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(header.version));
        }
        if header.version < OLDEST_VERSION {
            return Err(HeaderFault::Unreadable);
        }
        Ok(header)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let body = bytes.get(..SEGMENT_HEADER - 4)?;
        let crc = read_u32(bytes, SEGMENT_HEADER - 4)?;
        if !body.starts_with(MAGIC) || crc != crc32c::crc32c(body) {
            return None;
        }
        Some(Self {
            version: read_u32(bytes, 8)?,
            segment: read_u32(bytes, 12)?,
            first_seq: read_u64(bytes, 16)?,
            prev_hash: read_hash(bytes, 24)?,
        })
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let slice = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(slice.try_into().ok()?))
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    let slice = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(slice.try_into().ok()?))
}

fn read_hash(bytes: &[u8], at: usize) -> Option<ChainHash> {
    bytes.get(at..at + 16)?.try_into().ok()
}

/// The link to the next record: first 16 bytes of the SHA-256 of a whole record.
pub fn chain_hash(record: &[u8]) -> ChainHash {
    let digest = Sha256::digest(record);
    let mut hash = [0; 16];
    for (to, from) in hash.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    hash
}

/// Appends one encoded record to `out` and returns the hash the next record must carry.
pub fn encode(out: &mut Vec<u8>, frame: &Frame, prev_hash: &ChainHash) -> ChainHash {
    let start = out.len();
    let len = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
    out.reserve(RECORD_HEADER + frame.payload.len() + RECORD_TRAILER);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&frame.seq.to_le_bytes());
    out.extend_from_slice(&frame.epoch.to_le_bytes());
    out.push(frame.kind);
    out.extend_from_slice(prev_hash);
    let covered = out.get(start + 8..).unwrap_or_default();
    let header_crc = crc32c::crc32c_append(crc32c::crc32c(&len.to_le_bytes()), covered);
    if let Some(slot) = out.get_mut(start + 4..start + 8) {
        slot.copy_from_slice(&header_crc.to_le_bytes());
    }
    out.extend_from_slice(&frame.payload);
    let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
    chain_hash(out.get(start..).unwrap_or_default())
}

/// Decodes the record at the start of `bytes`; returns it, its length on disk and its chain hash.
///
/// # Errors
/// The first fault found, in the order length, header checksum, body checksum, chain.
pub fn decode(
    bytes: &[u8],
    prev_hash: &ChainHash,
) -> Result<(Frame, usize, ChainHash), FrameFault> {
    let (frame, size, carried) = decode_unchained(bytes)?;
    if carried != *prev_hash && !is_on(Mutant::NoRecordChecksum) {
        return Err(FrameFault::Chain);
    }
    let hash = chain_hash(bytes.get(..size).unwrap_or_default());
    Ok((frame, size, hash))
}

/// A record that was checked and not copied.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    record: &'a [u8],
    payload: &'a [u8],
}

fn check(bytes: &[u8]) -> Result<Seen<'_>, FrameFault> {
    let header = bytes.get(..RECORD_HEADER).ok_or(FrameFault::Short)?;
    let len = read_u32(header, 0).ok_or(FrameFault::Short)?;
    let header_crc = read_u32(header, 4).ok_or(FrameFault::Short)?;
    let body = header.get(8..).unwrap_or_default();
    if header_crc != crc32c::crc32c_append(crc32c::crc32c(&len.to_le_bytes()), body) {
        return Err(FrameFault::HeaderChecksum);
    }
    let size = RECORD_HEADER + len as usize + RECORD_TRAILER;
    let record = bytes.get(..size).ok_or(FrameFault::Short)?;
    let crc = read_u32(record, size - RECORD_TRAILER).ok_or(FrameFault::Short)?;
    let covered = record.get(..size - RECORD_TRAILER).unwrap_or_default();
    if crc != crc32c::crc32c(covered) && !is_on(Mutant::NoRecordChecksum) {
        return Err(FrameFault::BodyChecksum);
    }
    let payload = covered.get(RECORD_HEADER..).unwrap_or_default();
    Ok(Seen { record, payload })
}

/// Whether a whole record starts here (used to look behind a fault).
pub fn is_record(bytes: &[u8]) -> bool {
    check(bytes).is_ok()
}

/// Decodes a record without looking at the chain.
///
/// # Errors
/// The first fault found.
pub fn decode_unchained(bytes: &[u8]) -> Result<(Frame, usize, ChainHash), FrameFault> {
    let Seen { record, payload } = check(bytes)?;
    let frame = Frame {
        seq: read_u64(record, 8).ok_or(FrameFault::Short)?,
        epoch: read_u32(record, 16).ok_or(FrameFault::Short)?,
        kind: record.get(20).copied().ok_or(FrameFault::Short)?,
        payload: payload.to_vec(),
    };
    let carried = read_hash(record, 21).ok_or(FrameFault::Short)?;
    Ok((frame, record.len(), carried))
}
