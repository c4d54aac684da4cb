//! History for a subscriber that resumes: every bar closed after the last one it has.

use std::time::Duration;

use rust_common::{InstrumentId, UnixMillis};

use super::bars::BarFill;
use super::events::MarketSource;
use super::frames::Frame;
use super::hub::MarketHub;
use super::repair::missed_bars;

/// A gateway that has just started needs a moment to know where its bars stand.
const SEED: Duration = Duration::from_secs(10);
const TRIES: u32 = 8;

/// Frames of the bars of `instrument_id` that closed after `from`, oldest first. The subscription
/// must stand already: what closes meanwhile comes through it.
///
/// # Errors
/// Why the history is not complete; the subscriber has to come again.
pub async fn history(
    source: &dyn MarketSource,
    hub: &MarketHub,
    instrument_id: &InstrumentId,
    from: UnixMillis,
    pause: Duration,
) -> Result<Vec<Frame>, String> {
    let seeded = tokio::time::timeout(SEED, hub.until_seeded(instrument_id)).await;
    seeded.map_err(|_| "the venue's bars are not known yet".to_owned())?;
    for attempt in 1..=TRIES {
        let recent = hub.recent(instrument_id);
        if recent.first().is_some_and(|bar| bar.opened_at <= from) {
            let missed = recent.into_iter().filter(|bar| bar.closed_at > from);
            return Ok(missed.map(|bar| bar.frame).collect());
        }
        let bars = missed_bars(source, instrument_id.clone(), BarFill::From(from)).await;
        let bars = bars.map_err(|error| error.to_string())?;
        let newest = bars.last().map(|bar| bar.closed_at);
        // The query may lag behind the stream; joined they must have no hole.
        let joins = recent
            .first()
            .is_none_or(|bar| newest.is_some_and(|newest| newest >= bar.closed_at));
        if joins {
            let told = bars.iter().filter(|bar| bar.closed_at > from);
            let mut frames: Vec<Frame> = told.filter_map(Frame::bar).collect();
            let later = recent
                .into_iter()
                .filter(|bar| Some(bar.closed_at) > newest);
            frames.extend(later.map(|bar| bar.frame));
            return Ok(frames);
        }
        tokio::time::sleep(pause * attempt).await;
    }
    Err("the venue's history lags behind its stream".to_owned())
}
