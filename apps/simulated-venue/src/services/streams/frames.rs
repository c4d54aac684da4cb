//! One message, written once for each form in which somebody wants it, and shared as bytes.

use axum::extract::ws::Utf8Bytes;

/// A text frame; copies share the bytes.
pub type Frame = Utf8Bytes;

/// The unit of the times in a message (`timeUnit` of the connection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeUnit {
    #[default]
    Millisecond,
    Microsecond,
}

impl TimeUnit {
    /// A time as this unit writes it.
    pub fn of(self, ms: i64) -> i64 {
        match self {
            Self::Millisecond => ms,
            Self::Microsecond => ms * 1_000,
        }
    }
}

/// The forms of one message that were asked for so far.
#[derive(Debug, Default)]
pub struct Forms {
    plain: [Option<Frame>; 2],
    combined: [Option<Frame>; 2],
}

impl Forms {
    /// The message in the form a listener wants, written at its first use.
    pub fn get(
        &mut self,
        (unit, is_combined): (TimeUnit, bool),
        name: &impl Fn() -> String,
        write: &impl Fn(TimeUnit) -> String,
    ) -> Frame {
        let index = usize::from(unit == TimeUnit::Microsecond);
        let plain = slot(&mut self.plain, index).get_or_insert_with(|| write(unit).into());
        if !is_combined {
            return plain.clone();
        }
        let combined = slot(&mut self.combined, index);
        let wrap = || format!("{{\"stream\":\"{}\",\"data\":{plain}}}", name()).into();
        combined.get_or_insert_with(wrap).clone()
    }
}

fn slot(slots: &mut [Option<Frame>; 2], index: usize) -> &mut Option<Frame> {
    let [first, second] = slots;
    if index == 0 { first } else { second }
}
