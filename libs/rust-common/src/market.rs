//! Bars and timeframes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::DomainError;
use crate::ids::InstrumentId;
use crate::money::{Decimal, Price, checked};
use crate::time::UnixMillis;

/// The length of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timeframe {
    #[serde(rename = "1m")]
    M1,
    #[serde(rename = "5m")]
    M5,
    #[serde(rename = "15m")]
    M15,
    #[serde(rename = "30m")]
    M30,
    #[serde(rename = "1h")]
    H1,
    #[serde(rename = "4h")]
    H4,
    #[serde(rename = "1d")]
    D1,
}

impl Timeframe {
    pub const ALL: [Self; 7] = [
        Self::M1,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H4,
        Self::D1,
    ];

    pub fn minutes(self) -> i64 {
        match self {
            Self::M1 => 1,
            Self::M5 => 5,
            Self::M15 => 15,
            Self::M30 => 30,
            Self::H1 => 60,
            Self::H4 => 240,
            Self::D1 => 1_440,
        }
    }

    pub fn millis(self) -> i64 {
        self.minutes() * 60_000
    }

    /// The wire form: `15m`.
    pub fn code(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::D1 => "1d",
        }
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::str::FromStr for Timeframe {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        Self::ALL
            .into_iter()
            .find(|timeframe| timeframe.code() == text)
            .ok_or_else(|| DomainError::out_of_range("timeframe", text, "1m 5m 15m 30m 1h 4h 1d"))
    }
}

/// A remark on a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarFlag {
    ZeroVolume,
    AfterGap,
    Deduplicated,
}

impl BarFlag {
    pub const ALL: [Self; 3] = [Self::ZeroVolume, Self::AfterGap, Self::Deduplicated];

    /// The bit in a `flags.npy` column.
    pub fn bit(self) -> u8 {
        match self {
            Self::ZeroVolume => 1,
            Self::AfterGap => 2,
            Self::Deduplicated => 4,
        }
    }
}

/// A set of remarks; an array of names in bit order on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BarFlags(u8);

impl BarFlags {
    /// Flags from the bits of a `flags.npy` column.
    pub fn from_bits(bits: u8) -> Result<Self, DomainError> {
        if bits < 8 {
            Ok(Self(bits))
        } else {
            Err(DomainError::out_of_range("bar flags", bits, "0 to 7"))
        }
    }

    pub fn bits(self) -> u8 {
        self.0
    }

    pub fn contains(self, flag: BarFlag) -> bool {
        self.0 & flag.bit() != 0
    }

    #[must_use]
    pub fn with(self, flag: BarFlag) -> Self {
        Self(self.0 | flag.bit())
    }
}

impl Serialize for BarFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(BarFlag::ALL.into_iter().filter(|flag| self.contains(*flag)))
    }
}

impl<'de> Deserialize<'de> for BarFlags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<BarFlag>::deserialize(deserializer)?;
        Ok(names.into_iter().fold(Self::default(), Self::with))
    }
}

/// One bar, `[opened_at, closed_at)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Bar {
    pub instrument_id: InstrumentId,
    pub timeframe: Timeframe,
    pub opened_at: UnixMillis,
    pub closed_at: UnixMillis,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    pub volume: Decimal,
    pub flags: BarFlags,
    /// Base bars that a higher bar lacks.
    pub missing: u32,
    pub is_closed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    instrument_id: InstrumentId,
    timeframe: Timeframe,
    opened_at: UnixMillis,
    closed_at: UnixMillis,
    #[serde(deserialize_with = "checked::price")]
    open: Price,
    #[serde(deserialize_with = "checked::price")]
    high: Price,
    #[serde(deserialize_with = "checked::price")]
    low: Price,
    #[serde(deserialize_with = "checked::price")]
    close: Price,
    volume: Decimal,
    flags: BarFlags,
    missing: u32,
    is_closed: bool,
}

impl TryFrom<Fields> for Bar {
    type Error = DomainError;

    fn try_from(fields: Fields) -> Result<Self, DomainError> {
        let bar = Self {
            instrument_id: fields.instrument_id,
            timeframe: fields.timeframe,
            opened_at: fields.opened_at,
            closed_at: fields.closed_at,
            open: fields.open,
            high: fields.high,
            low: fields.low,
            close: fields.close,
            volume: fields.volume,
            flags: fields.flags,
            missing: fields.missing,
            is_closed: fields.is_closed,
        };
        bar.check()?;
        Ok(bar)
    }
}

impl Bar {
    /// The rules a bar must keep; deserialisation has checked them already.
    pub fn check(&self) -> Result<(), DomainError> {
        let refuse = |what: &str| {
            let message = format!("bar {} {}: {what}", self.instrument_id, self.opened_at);
            Err(DomainError::Inconsistent { message })
        };
        if self.low.mantissa() <= 0 {
            return refuse("prices must be above 0");
        }
        if self.high < self.open.max(self.close) {
            return refuse("high is below open or close");
        }
        if self.low > self.open.min(self.close) {
            return refuse("low is above open or close");
        }
        if self.closed_at <= self.opened_at {
            return refuse("closed_at is not after opened_at");
        }
        if self.volume.is_negative() {
            return refuse("volume is negative");
        }
        Ok(())
    }
}
