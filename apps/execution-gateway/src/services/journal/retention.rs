//! How long segments are kept: a segment goes when a checkpoint stands behind it and its age is
//! past what idempotency keys and readers of old events need.

use std::io;
use std::sync::PoisonError;

use super::writer::Writer;

const DAY_S: u64 = 86_400;

impl Writer {
    /// Drops segments that only their age has kept. Failing to do so costs space, not safety.
    pub(super) fn retire(&mut self) {
        crate::failpoints::reached("journal.before_retire");
        if let Some(began) = self.checkpoint_began.take() {
            self.base_segment = began;
        }
        if let Err(error) = self.drop_old_segments() {
            tracing::warn!(%error, "old journal segments could not be dropped");
        }
    }

    fn drop_old_segments(&mut self) -> io::Result<()> {
        let keep_s = u64::from(self.policy.retention_days) * DAY_S;
        let mut droppable = Vec::new();
        for segment in self.storage.list()? {
            let is_old = self.storage.age_s(segment)?.is_some_and(|age| age > keep_s);
            if segment >= self.base_segment || !is_old {
                break;
            }
            droppable.push(segment);
        }
        let Some(last) = droppable.last() else {
            return Ok(());
        };
        // Noted first: a crash in between leaves segments that recovery knows to be spare.
        self.first_segment = last + 1;
        self.note_manifest()?;
        for segment in &droppable {
            self.storage.remove(*segment)?;
        }
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.retain(|_, segment| *segment > *last);
        Ok(())
    }
}
