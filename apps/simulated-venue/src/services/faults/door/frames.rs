//! WebSocket frames (RFC 6455, section 5.2) cut out of a byte stream.

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;

/// One frame with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub raw: Vec<u8>,
    header: usize,
}

impl Frame {
    /// A whole text message; fragments are passed on unread.
    pub fn is_text(&self) -> bool {
        self.raw.first() == Some(&(FIN | TEXT))
    }

    pub fn payload(&self) -> Vec<u8> {
        let body = self.raw.get(self.header..).unwrap_or_default();
        let is_masked = self.raw.get(1).is_some_and(|byte| byte & 0x80 != 0);
        let mask = self
            .header
            .checked_sub(4)
            .and_then(|at| self.raw.get(at..self.header));
        match mask {
            Some(mask) if is_masked => body
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, key)| byte ^ key)
                .collect(),
            _ => body.to_vec(),
        }
    }
}

/// Bytes in, frames out.
#[derive(Debug, Default)]
pub struct Splitter {
    bytes: Vec<u8>,
    taken: usize,
}

impl Splitter {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub fn take(&mut self) -> Option<Frame> {
        let rest = self.bytes.get(self.taken..)?;
        let second = *rest.get(1)?;
        let (length, mut header): (u64, usize) = match second & 0x7f {
            126 => {
                let field: [u8; 2] = rest.get(2..4)?.try_into().ok()?;
                (u64::from(u16::from_be_bytes(field)), 4)
            }
            127 => {
                let field: [u8; 8] = rest.get(2..10)?.try_into().ok()?;
                (u64::from_be_bytes(field), 10)
            }
            short => (u64::from(short), 2),
        };
        if second & 0x80 != 0 {
            header += 4;
        }
        let end = header.checked_add(usize::try_from(length).ok()?)?;
        let raw = rest.get(..end)?.to_vec();
        self.taken += end;
        Some(Frame { raw, header })
    }
}

fn server_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut raw = vec![FIN | opcode];
    match payload.len() {
        length @ 0..126 => raw.push(u8::try_from(length).unwrap_or(0)),
        length @ 126..0x1_0000 => {
            raw.push(126);
            raw.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
        }
        length => {
            raw.push(127);
            raw.extend((length as u64).to_be_bytes());
        }
    }
    raw.extend_from_slice(payload);
    raw
}

/// A text frame as a server sends it.
pub fn text(body: &str) -> Vec<u8> {
    server_frame(TEXT, body.as_bytes())
}

/// A close frame as a server sends it.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    server_frame(CLOSE, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        let mut raw = text(&"x".repeat(payload.len()));
        let header = raw.len() - payload.len();
        raw.truncate(header);
        raw[1] |= 0x80;
        raw.extend(key);
        raw.extend(
            payload
                .iter()
                .zip(key.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        raw
    }

    proptest! {
        #[test]
        fn frames_come_out_whole_however_the_bytes_arrive(
            lengths in prop::collection::vec(prop_oneof![0_usize..130, 65_530_usize..65_540], 1..6),
            piece in 1_usize..4_000,
            is_masked: bool,
        ) {
            let payloads: Vec<Vec<u8>> =
                lengths.iter().map(|length| vec![b'a'; *length]).collect();
            let stream: Vec<u8> = payloads
                .iter()
                .flat_map(|payload| if is_masked {
                    masked(payload, [1, 2, 3, 4])
                } else {
                    text(std::str::from_utf8(payload).unwrap())
                })
                .collect();
            let mut splitter = Splitter::default();
            let mut frames = Vec::new();
            for part in stream.chunks(piece) {
                splitter.push(part);
                while let Some(frame) = splitter.take() {
                    frames.push(frame);
                }
            }
            prop_assert!(frames.iter().all(Frame::is_text));
            let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.clone()).collect();
            prop_assert_eq!(raw, stream);
            let read: Vec<Vec<u8>> = frames.iter().map(Frame::payload).collect();
            prop_assert_eq!(read, payloads);
        }
    }
}
