//! Reads a journal back: verifies every record from the newest checkpoint on, cuts a torn tail,
//! sets damage aside.

use std::io;
use std::path::PathBuf;

use super::checkpoint;
use super::frame::{
    ChainHash, FORMAT_VERSION, Frame, FrameFault, HeaderFault, SEGMENT_HEADER, SegmentHeader,
    decode, decode_unchained, is_record,
};
use super::storage::Storage;
use crate::failpoints::reached;
use crate::mutants::{Mutant, is_on};

/// Where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub segment: u32,
    /// Format version of the segment.
    pub version: u32,
    pub offset: u64,
    pub next_seq: u64,
    pub prev_hash: ChainHash,
    /// Bytes of all earlier segments that were read.
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

#[derive(Default)]
struct Scan {
    frames: Vec<(u32, Frame)>,
    position: Option<Position>,
    torn_bytes: u64,
}

type Fault = (u64, String);

/// Reads, verifies and repairs (tail only) the journal; afterwards the storage is open for
/// appending when a segment exists.
///
/// # Errors
/// Input/output errors, and a journal written by a newer build. Corruption is no error: it is
/// reported in `damage`.
pub fn recover(storage: &mut dyn Storage) -> io::Result<Recovered> {
    let mut segments = storage.list()?;
    reached("recover.after_list");
    let manifest = storage.manifest()?;
    if let Some((first, _)) = manifest {
        // Dropped for their age, but a crash came before the file was removed.
        for spare in segments.iter().filter(|segment| **segment < first) {
            storage.remove(*spare)?;
        }
        segments.retain(|segment| *segment >= first);
    }
    refuse_newer(storage, &segments)?;
    let checkpoint = newest_checkpoint(storage, &segments)?;
    let start = checkpoint.unwrap_or(0);
    let mut scan = Scan::default();
    let mut damage = None;
    let read = segments.get(start..).unwrap_or_default();
    for (index, segment) in read.iter().enumerate() {
        let is_last = index + 1 == read.len();
        let bytes = storage.read(*segment)?;
        reached("recover.segment_read");
        if is_last && bytes.len() < SEGMENT_HEADER {
            // A crash between creating the segment and writing its header: it holds nothing.
            scan.torn_bytes += bytes.len() as u64;
            storage.remove(*segment)?;
            break;
        }
        let is_start = index == 0 && checkpoint.is_some();
        if let Err((offset, fault)) = scan_segment(&mut scan, (*segment, is_start), &bytes, is_last)
        {
            let rest = read.get(index..).unwrap_or_default();
            damage = Some(set_aside(storage, rest, offset, fault)?);
            break;
        }
    }
    if damage.is_none() {
        damage = missing(&segments, manifest);
    }
    reached("recover.before_truncate");
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

/// A newer build's journal is left as it is.
fn refuse_newer(storage: &dyn Storage, segments: &[u32]) -> io::Result<()> {
    for segment in segments.iter().rev().take(1) {
        let bytes = storage.read(*segment)?;
        if let Err(HeaderFault::Newer(version)) = SegmentHeader::decode(&bytes) {
            let text = format!(
                "journal segment {segment} has format version {version}, this build reads up to \
                 {FORMAT_VERSION}; start the newer build that wrote it (a downgrade would lose \
                 what only the newer format tells), or give this one its own journal_dir"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
    }
    Ok(())
}

/// Index of the newest segment that begins with a whole checkpoint.
fn newest_checkpoint(storage: &dyn Storage, segments: &[u32]) -> io::Result<Option<usize>> {
    for (index, segment) in segments.iter().enumerate().rev() {
        let bytes = storage.read(*segment)?;
        if SegmentHeader::decode(&bytes).is_err() {
            continue;
        }
        let mut cursor = SEGMENT_HEADER;
        let mut frames = std::iter::from_fn(|| {
            let rest = bytes.get(cursor..)?;
            let (frame, size, _) = decode_unchained(rest).ok()?;
            cursor += size;
            Some(frame)
        });
        if checkpoint::is_whole(&mut frames) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Segments the manifest knows of and the directory does not have. Their records cannot be
/// recovered, so the operator must look at the account.
fn missing(segments: &[u32], manifest: Option<(u32, u32)>) -> Option<Damage> {
    let (first, last) = manifest?;
    let absent = (first..=last).find(|segment| segments.binary_search(segment).is_err())?;
    Some(Damage {
        segment: absent,
        offset: 0,
        fault: format!("the segment is missing; the manifest lists {first} to {last}"),
        quarantined: Vec::new(),
    })
}

fn set_aside(
    storage: &mut dyn Storage,
    segments: &[u32],
    offset: u64,
    fault: String,
) -> io::Result<Damage> {
    reached("recover.before_quarantine");
    let mut quarantined = Vec::new();
    for segment in segments {
        quarantined.push(storage.quarantine(*segment)?);
    }
    reached("recover.after_quarantine");
    // The first damaged segment keeps its good prefix unless not even its header can be read;
    // later segments cannot be chained any more.
    let keep_prefix = offset >= SEGMENT_HEADER as u64;
    for segment in segments.iter().skip(usize::from(keep_prefix)) {
        storage.remove(*segment)?;
    }
    let segment = segments.first().copied().unwrap_or_default();
    if let Some((first, _)) = storage.manifest()? {
        let last = if keep_prefix {
            segment
        } else {
            segment.saturating_sub(1)
        };
        storage.note_manifest(first, last.max(first))?;
    }
    Ok(Damage {
        segment,
        offset,
        fault,
        quarantined,
    })
}

fn scan_segment(
    scan: &mut Scan,
    (segment, is_start): (u32, bool),
    bytes: &[u8],
    is_last: bool,
) -> Result<(), Fault> {
    let before = scan.position;
    let header = SegmentHeader::decode(bytes)
        .map_err(|_| (0, "the segment header is not readable".to_owned()))?;
    check_header(before.as_ref(), (segment, is_start), &header)?;
    scan.position = Some(Position {
        segment,
        version: header.version,
        offset: SEGMENT_HEADER as u64,
        next_seq: header.first_seq,
        prev_hash: header.prev_hash,
        earlier_bytes: before.map_or(0, |position| position.earlier_bytes + position.offset),
    });
    scan_records(scan, bytes, is_last)
}

/// Reads records from the scan's position on.
fn scan_records(scan: &mut Scan, bytes: &[u8], is_last: bool) -> Result<(), Fault> {
    let Some(mut at) = scan.position else {
        return Ok(());
    };
    let used = used_bytes(bytes);
    let mut cursor = usize::try_from(at.offset).unwrap_or(usize::MAX);
    while let Some(rest) = bytes.get(cursor..).filter(|_| cursor < used) {
        match decode(rest, &at.prev_hash) {
            Ok((frame, size, hash)) if frame.seq == at.next_seq => {
                cursor += size;
                at.offset = cursor as u64;
                at.next_seq += 1;
                at.prev_hash = hash;
                scan.frames.push((at.segment, frame));
                scan.position = Some(at);
            }
            Ok(_) => return Err((at.offset, FrameFault::Sequence.to_string())),
            Err(fault) if is_on(Mutant::TruncateMiddle) || is_last && is_torn_tail(rest, fault) => {
                scan.torn_bytes += rest.len() as u64;
                break;
            }
            Err(fault) => return Err((at.offset, fault.to_string())),
        }
    }
    Ok(())
}

/// The tail behind a position that was recovered before: records read, end, whether it is whole.
#[cfg(test)]
pub(super) fn scan_tail(position: Position, bytes: &[u8]) -> Result<(usize, u64), String> {
    let mut scan = Scan {
        position: Some(position),
        ..Scan::default()
    };
    scan_records(&mut scan, bytes, true).map_err(|(_, fault)| fault)?;
    let end = scan.position.map_or(0, |position| position.offset);
    Ok((scan.frames.len(), end))
}

/// End of the bytes that are not unused space.
fn used_bytes(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |at| at + 1)
}

fn check_header(
    before: Option<&Position>,
    (segment, is_start): (u32, bool),
    header: &SegmentHeader,
) -> Result<(), Fault> {
    let fits = match before {
        // A checkpoint needs nothing from before it.
        None if is_start => header.segment == segment,
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
    let used = used_bytes(rest);
    (1..used).all(|skip| !is_record(rest.get(skip..).unwrap_or_default()))
}
