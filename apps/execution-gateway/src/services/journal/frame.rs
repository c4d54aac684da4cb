//! The byte layout of a journal record (specification C3) and of a segment header.
//!
//! Record: `len u32 | header_crc u32 | seq u64 | epoch u32 | kind u8 | prev_hash[16] | payload |
//! crc u32`, little-endian. `header_crc` covers the header alone so that `len` can be trusted
//! before the payload is read; the trailing CRC covers header and payload. `prev_hash` is the first 16
//! bytes of the SHA-256 of the whole previous record: a record lost from the middle breaks the
//! chain.

use sha2::{Digest, Sha256};

pub const RECORD_HEADER: usize = 37;
pub const RECORD_TRAILER: usize = 4;
pub const SEGMENT_HEADER: usize = 44;
pub const FORMAT_VERSION: u32 = 1;
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

/// Header of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    pub segment: u32,
    pub first_seq: u64,
    pub prev_hash: ChainHash,
}

impl SegmentHeader {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.first_seq.to_le_bytes());
        bytes.extend_from_slice(&self.prev_hash);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header; `None` when magic, version or checksum do not fit.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let body = bytes.get(..SEGMENT_HEADER - 4)?;
        let crc = read_u32(bytes, SEGMENT_HEADER - 4)?;
        let fits = body.starts_with(MAGIC)
            && read_u32(bytes, 8)? == FORMAT_VERSION
            && crc == crc32c::crc32c(body);
        if !fits {
            return None;
        }
        Some(Self {
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
    let mut header = Vec::with_capacity(RECORD_HEADER - 8);
    header.extend_from_slice(&frame.seq.to_le_bytes());
    header.extend_from_slice(&frame.epoch.to_le_bytes());
    header.push(frame.kind);
    header.extend_from_slice(prev_hash);
    let header_crc = crc32c::crc32c_append(crc32c::crc32c(&len.to_le_bytes()), &header);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(&header);
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
    if carried != *prev_hash {
        return Err(FrameFault::Chain);
    }
    let hash = chain_hash(bytes.get(..size).unwrap_or_default());
    Ok((frame, size, hash))
}

/// Decodes a record without looking at the chain (used to look for whole records behind a fault).
pub fn decode_unchained(bytes: &[u8]) -> Result<(Frame, usize, ChainHash), FrameFault> {
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
    if crc != crc32c::crc32c(covered) {
        return Err(FrameFault::BodyChecksum);
    }
    let frame = Frame {
        seq: read_u64(header, 8).ok_or(FrameFault::Short)?,
        epoch: read_u32(header, 16).ok_or(FrameFault::Short)?,
        kind: header.get(20).copied().ok_or(FrameFault::Short)?,
        payload: covered.get(RECORD_HEADER..).unwrap_or_default().to_vec(),
    };
    Ok((frame, size, read_hash(header, 21).ok_or(FrameFault::Short)?))
}
