//! The parameters of each fault. Unknown names are refused; every number has a range.

use serde::{Deserialize, Serialize};

use crate::models::decimal;

pub use market::{
    CancelReplace, FilterChange, Half, LateFill, OutsiderOrder, OutsiderSide, PartialFill,
    SymbolChange, Trading, Transfer, While,
};

const LONGEST_MS: u64 = 600_000;

/// Ranges that the types cannot express.
pub trait Check {
    /// The first parameter that is out of range, with what is allowed.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn within<T: PartialOrd + std::fmt::Display + Copy>(
    name: &str,
    value: T,
    least: T,
    most: T,
) -> Result<(), String> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(format!("{name} = {value}: allowed {least} to {most}"))
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// FIN: the peer reads an end of file.
    #[default]
    Close,
    /// RST: the peer reads a reset.
    Reset,
}

/// On which side of the venue's processing something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Before,
    #[default]
    After,
}

/// What sets a stream fault off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The next matching event.
    #[default]
    Event,
    /// Posting the rule: every matching open connection, one firing each.
    Now,
}

/// Declares a parameter struct whose fields all have defaults.
macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }
        impl Default for $name {
            fn default() -> Self { Self { $($field: $default),* } }
        }
    };
}

// After the macro that it uses.
mod market;

params!(
    /// No parameters.
    Nothing {}
);
impl Check for Nothing {}

params!(Drop {
    how: How = How::Close
});
impl Check for Drop {}

params!(Delay {
    ms: u64 = 1_000,
    at: Phase = Phase::After
});
impl Check for Delay {
    fn check(&self) -> Result<(), String> {
        within("ms", self.ms, 0, LONGEST_MS)
    }
}

params!(AfterEvents {
    /// User events of the order that must have left first.
    events: u32 = 1,
    at_most_ms: u64 = 5_000,
});
impl Check for AfterEvents {
    fn check(&self) -> Result<(), String> {
        within("events", self.events, 1, 100)?;
        within("at_most_ms", self.at_most_ms, 1, LONGEST_MS)
    }
}

params!(AtMost {
    at_most_ms: u64 = 5_000
});
impl Check for AtMost {
    fn check(&self) -> Result<(), String> {
        within("at_most_ms", self.at_most_ms, 1, LONGEST_MS)
    }
}

params!(Lag {
    /// How long after the reply.
    ms: u64 = 0,
});
impl Check for Lag {
    fn check(&self) -> Result<(), String> {
        within("ms", self.ms, 0, LONGEST_MS)
    }
}

params!(Duplicate { copies: u32 = 1 });
impl Check for Duplicate {
    fn check(&self) -> Result<(), String> {
        within("copies", self.copies, 1, 100)
    }
}

params!(Reorder {
    /// Events that are held and then sent last first.
    hold: usize = 2,
    /// What is held after this time is sent all the same.
    at_most_ms: u64 = 1_000,
});
impl Check for Reorder {
    fn check(&self) -> Result<(), String> {
        within("hold", self.hold, 2, 100)?;
        within("at_most_ms", self.at_most_ms, 1, LONGEST_MS)
    }
}

params!(Stall {
    /// 0 = until the rule is deleted.
    ms: u64 = 0,
    at: Start = Start::Event,
});
impl Check for Stall {
    fn check(&self) -> Result<(), String> {
        within("ms", self.ms, 0, LONGEST_MS)
    }
}

params!(Cut {
    /// Bytes of the frame or reply, its header included, that still leave.
    byte: u64 = 1,
    how: How = How::Close,
});
impl Check for Cut {
    fn check(&self) -> Result<(), String> {
        within("byte", self.byte, 0, 100_000_000)
    }
}

params!(CloseStream {
    code: u16 = 1_001,
    reason: String = String::new(),
    at: Start = Start::Event,
});
impl Check for CloseStream {
    fn check(&self) -> Result<(), String> {
        within("code", self.code, 1_000, 4_999)?;
        within("length of reason", self.reason.len(), 0, 120)
    }
}

params!(ServerShutdown {
    /// From the notice to the close.
    notice_ms: u64 = 1_000,
    at: Start = Start::Event,
});
impl Check for ServerShutdown {
    fn check(&self) -> Result<(), String> {
        within("notice_ms", self.notice_ms, 0, LONGEST_MS)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// -1003
    #[default]
    Weight,
    /// -1015
    Orders,
}

params!(TooMany {
    retry_after_s: u64 = 1,
    limit: LimitKind = LimitKind::Weight
});
impl Check for TooMany {
    fn check(&self) -> Result<(), String> {
        within("retry_after_s", self.retry_after_s, 0, 86_400)
    }
}

params!(Ban {
    retry_after_s: u64 = 120
});
impl Check for Ban {
    fn check(&self) -> Result<(), String> {
        within("retry_after_s", self.retry_after_s, 1, 259_200)
    }
}

params!(Waf {
    executed: bool = false
});
impl Check for Waf {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorBody {
    #[default]
    Json,
    Html,
    Empty,
}

params!(ServerError {
    status: u16 = 500,
    code: i32 = -1_000,
    body: ErrorBody = ErrorBody::Json,
    executed: bool = false,
});
impl Check for ServerError {
    fn check(&self) -> Result<(), String> {
        within("status", self.status, 500, 599)
    }
}

params!(EngineTimeout {
    status: u16 = 504,
    code: i32 = -1_007,
    executed: bool = false
});
impl Check for EngineTimeout {
    fn check(&self) -> Result<(), String> {
        within("status", self.status, 500, 599)?;
        within("code", self.code, -1_007, -1_006)
    }
}

params!(Overload { status: u16 = 503 });
impl Check for Overload {
    fn check(&self) -> Result<(), String> {
        within("status", self.status, 400, 599)
    }
}

params!(Garbage {
    body: String = "{\"orderId\": 12, \"sym".to_owned(),
    executed: bool = true
});
impl Check for Garbage {
    fn check(&self) -> Result<(), String> {
        within("length of body", self.body.len(), 0, 100_000)
    }
}

params!(Truncate {
    /// Bytes of the body that are left; its length header says the same.
    byte: usize = 10,
});
impl Check for Truncate {
    fn check(&self) -> Result<(), String> {
        within("byte", self.byte, 0, 100_000_000)
    }
}

params!(QueryLag {
    /// Age of the answering state in wall time since the rule was posted.
    ms: Option<u64> = None,
    /// Its age in inputs of the venue's log.
    inputs: Option<u64> = None,
});
impl Check for QueryLag {
    fn check(&self) -> Result<(), String> {
        match (self.ms, self.inputs) {
            (Some(ms), None) => within("ms", ms, 0, LONGEST_MS),
            (None, Some(inputs)) => within("inputs", inputs, 0, 1_000_000),
            _ => Err("exactly one of ms and inputs is needed".to_owned()),
        }
    }
}

params!(QueryError {
    status: u16 = 500,
    code: i32 = -1_000
});
impl Check for QueryError {
    fn check(&self) -> Result<(), String> {
        within("status", self.status, 400, 599)
    }
}

params!(ClockSkew { ms: i64 = 1_000 });
impl Check for ClockSkew {
    fn check(&self) -> Result<(), String> {
        within("ms", self.ms, -86_400_000, 86_400_000)
    }
}

params!(LimitHeaders {
    weight: i64 = 0,
    orders: i64 = 0
});
impl Check for LimitHeaders {
    fn check(&self) -> Result<(), String> {
        within("weight", self.weight, -1_000_000, 1_000_000)?;
        within("orders", self.orders, -1_000_000, 1_000_000)
    }
}

params!(ExternalWeight { weight: u32 = 100 });
impl Check for ExternalWeight {
    fn check(&self) -> Result<(), String> {
        within("weight", self.weight, 1, 1_000_000)
    }
}

fn needed(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(format!("{name} is needed and must not be empty"));
    }
    Ok(())
}

fn amount(name: &str, text: &str) -> Result<(), String> {
    match decimal::parse(text) {
        Ok(value) if value > 0 => Ok(()),
        _ => Err(format!(
            "{name} = \"{text}\": allowed a decimal above 0 with at most 8 decimals"
        )),
    }
}
