//! Reads a journal back: verifies every record, cuts a torn tail, sets damage aside.

use std::io;
use std::path::PathBuf;

use super::frame::{
    ChainHash, Frame, FrameFault, SEGMENT_HEADER, SegmentHeader, decode, decode_unchained,
};
use super::storage::Storage;

/// Where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub segment: u32,
    pub offset: u64,
    pub next_seq: u64,
    pub prev_hash: ChainHash,
    /// Bytes of all earlier segments.
    pub earlier_bytes: u64,
}

/// Corruption before the last record: the gateway starts in cancel-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub segment: u32,
    pub offset: u64,
    pub fault: String,
    pub quarantined: Vec<PathBuf>,
}

/// What a journal directory holds.
#[derive(Debug)]
pub struct Recovered {
    /// Segment and record, in order.
    pub frames: Vec<(u32, Frame)>,
    /// `None` when the journal is empty.
    pub position: Option<Position>,
    /// Bytes cut from the tail because the last record was torn.
    pub torn_bytes: u64,
    pub damage: Option<Damage>,
}

struct Scan {
    frames: Vec<(u32, Frame)>,
    position: Option<Position>,
    torn_bytes: u64,
}

/// Reads, verifies and repairs (tail only) the journal; afterwards the storage is open for
/// appending when a segment exists.
///
/// # Errors
/// Input/output errors. Corruption is no error: it is reported in `damage`.
pub fn recover(storage: &mut dyn Storage) -> io::Result<Recovered> {
    let segments = storage.list()?;
    let mut scan = Scan {
        frames: Vec::new(),
        position: None,
        torn_bytes: 0,
    };
    let mut damage = None;
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        let bytes = storage.read(*segment)?;
        if is_last && bytes.len() < SEGMENT_HEADER {
            // A crash between creating the segment and writing its header: it holds nothing.
            scan.torn_bytes += bytes.len() as u64;
            storage.remove(*segment)?;
            break;
        }
        if let Err((offset, fault)) = scan_segment(&mut scan, *segment, &bytes, is_last) {
            let rest = segments.get(index..).unwrap_or_default();
            damage = Some(set_aside(storage, rest, offset, fault)?);
            break;
        }
    }
    if let Some(position) = scan.position {
        storage.reopen(position.segment, position.offset)?;
    }
    Ok(Recovered {
        frames: scan.frames,
        position: scan.position,
        torn_bytes: scan.torn_bytes,
        damage,
    })
}

fn set_aside(
    storage: &mut dyn Storage,
    segments: &[u32],
    offset: u64,
    fault: String,
) -> io::Result<Damage> {
    let mut quarantined = Vec::new();
    for segment in segments {
        quarantined.push(storage.quarantine(*segment)?);
    }
    // The first damaged segment keeps its good prefix unless not even its header can be read;
    // later segments cannot be chained any more.
    let keep_prefix = offset >= SEGMENT_HEADER as u64;
    for segment in segments.iter().skip(usize::from(keep_prefix)) {
        storage.remove(*segment)?;
    }
    let segment = segments.first().copied().unwrap_or_default();
    Ok(Damage {
        segment,
        offset,
        fault,
        quarantined,
    })
}

fn scan_segment(
    scan: &mut Scan,
    segment: u32,
    bytes: &[u8],
    is_last: bool,
) -> Result<(), (u64, String)> {
    let before = scan.position;
    let header = SegmentHeader::decode(bytes)
        .ok_or_else(|| (0, "the segment header is not readable".to_owned()))?;
    check_header(before.as_ref(), segment, &header)?;
    let mut at = Position {
        segment,
        offset: SEGMENT_HEADER as u64,
        next_seq: header.first_seq,
        prev_hash: header.prev_hash,
        earlier_bytes: before.map_or(0, |position| position.earlier_bytes + position.offset),
    };
    scan.position = Some(at);
    let mut cursor = SEGMENT_HEADER;
    while let Some(rest) = bytes.get(cursor..).filter(|rest| !rest.is_empty()) {
        match decode(rest, &at.prev_hash) {
            Ok((frame, size, hash)) if frame.seq == at.next_seq => {
                cursor += size;
                at.offset = cursor as u64;
                at.next_seq += 1;
                at.prev_hash = hash;
                scan.frames.push((segment, frame));
                scan.position = Some(at);
            }
            Ok(_) => return Err((at.offset, FrameFault::Sequence.to_string())),
            Err(fault) if is_last && is_torn_tail(rest, fault) => {
                scan.torn_bytes += rest.len() as u64;
                break;
            }
            Err(fault) => return Err((at.offset, fault.to_string())),
        }
    }
    Ok(())
}

fn check_header(
    before: Option<&Position>,
    segment: u32,
    header: &SegmentHeader,
) -> Result<(), (u64, String)> {
    let fits = match before {
        None => header.segment == segment && header.first_seq == 1 && segment == 1,
        Some(last) => {
            header.segment == segment
                && segment == last.segment + 1
                && header.first_seq == last.next_seq
                && header.prev_hash == last.prev_hash
        }
    };
    if fits {
        Ok(())
    } else {
        Err((0, "a segment is missing or out of order".to_owned()))
    }
}

/// A bad record is a torn tail only when no whole record stands behind it.
fn is_torn_tail(rest: &[u8], fault: FrameFault) -> bool {
    if matches!(fault, FrameFault::Chain | FrameFault::Sequence) {
        return false;
    }
    (1..rest.len()).all(|skip| {
        let tail = rest.get(skip..).unwrap_or_default();
        decode_unchained(tail).is_err()
    })
}
