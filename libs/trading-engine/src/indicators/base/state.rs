//! Saving and loading the state of studies: one walk over the fields serves both ways, so the two
//! cannot drift apart. Little-endian, floats by their bits (a restored study continues to the bit).

use thiserror::Error;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StateError {
    #[error("snapshot is not one of this kind (wrong header or version)")]
    Header,
    #[error("snapshot was taken of other studies: it holds {found:?}, this set is {wanted:?}")]
    OtherStudies { found: String, wanted: String },
    #[error("snapshot is damaged: {0}")]
    Damaged(&'static str),
}

enum Mode<'a> {
    Save(&'a mut Vec<u8>),
    Load(&'a [u8]),
}

/// A cursor that either appends fields to a buffer or fills them from one.
pub struct State<'a> {
    mode: Mode<'a>,
}

impl<'a> State<'a> {
    pub fn save(buffer: &'a mut Vec<u8>) -> Self {
        Self {
            mode: Mode::Save(buffer),
        }
    }

    pub fn load(bytes: &'a [u8]) -> Self {
        Self {
            mode: Mode::Load(bytes),
        }
    }

    /// Fails when loaded bytes are left over.
    pub fn finish(self) -> Result<(), StateError> {
        match self.mode {
            Mode::Load(rest) if !rest.is_empty() => Err(StateError::Damaged("bytes left over")),
            _ => Ok(()),
        }
    }

    pub fn u64(&mut self, value: &mut u64) -> Result<(), StateError> {
        let mut bytes = value.to_le_bytes();
        self.raw(&mut bytes)?;
        *value = u64::from_le_bytes(bytes);
        Ok(())
    }

    pub fn i64(&mut self, value: &mut i64) -> Result<(), StateError> {
        let mut bytes = value.to_le_bytes();
        self.raw(&mut bytes)?;
        *value = i64::from_le_bytes(bytes);
        Ok(())
    }

    pub fn i128(&mut self, value: &mut i128) -> Result<(), StateError> {
        let mut bytes = value.to_le_bytes();
        self.raw(&mut bytes)?;
        *value = i128::from_le_bytes(bytes);
        Ok(())
    }

    pub fn f64(&mut self, value: &mut f64) -> Result<(), StateError> {
        let mut bits = value.to_bits();
        self.u64(&mut bits)?;
        *value = f64::from_bits(bits);
        Ok(())
    }

    pub fn f64s(&mut self, values: &mut [f64]) -> Result<(), StateError> {
        values.iter_mut().try_for_each(|value| self.f64(value))
    }

    pub fn flag(&mut self, value: &mut bool) -> Result<(), StateError> {
        let mut byte = usize::from(*value);
        self.count(&mut byte, 1)?;
        *value = byte == 1;
        Ok(())
    }

    /// A counter or a position that may not exceed `most`.
    pub fn count(&mut self, value: &mut usize, most: usize) -> Result<(), StateError> {
        let mut wide = *value as u64;
        self.u64(&mut wide)?;
        match usize::try_from(wide) {
            Ok(read) if read <= most => {
                *value = read;
                Ok(())
            }
            _ => Err(StateError::Damaged("a counter is out of range")),
        }
    }

    fn raw(&mut self, bytes: &mut [u8]) -> Result<(), StateError> {
        match &mut self.mode {
            Mode::Save(buffer) => buffer.extend_from_slice(bytes),
            Mode::Load(rest) => {
                let cut = rest.split_at_checked(bytes.len());
                let (head, tail) = cut.ok_or(StateError::Damaged("bytes missing"))?;
                bytes.copy_from_slice(head);
                *rest = tail;
            }
        }
        Ok(())
    }
}

/// 64-bit FNV-1a: finds a damaged snapshot, not a forged one.
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
