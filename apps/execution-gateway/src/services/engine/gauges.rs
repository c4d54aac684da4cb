//! What the metrics say of the whole state.

use super::Engine;

/// Gauges of the whole state are refreshed this often, not at every message.
const MEASURE_EVERY_MS: i64 = 100;

impl Engine {
    pub(super) fn measure(&mut self) {
        let is_open = self.parts.state.are_entries_open();
        self.parts.ready.send_if_modified(|ready| {
            let changed = ready.is_ready != is_open;
            ready.is_ready = is_open;
            changed
        });
        if (self.now - self.measured_at).abs() < MEASURE_EVERY_MS {
            return;
        }
        self.measured_at = self.now;
        let metrics = &self.parts.metrics;
        let state = &self.parts.state;
        let unknown = state.unresolved().len();
        metrics
            .unknown_orders
            .set(i64::try_from(unknown).unwrap_or(i64::MAX));
        let oldest = state
            .live
            .probes
            .values()
            .map(|probe| self.now - probe.since)
            .max();
        metrics
            .unknown_age_seconds
            .set(oldest.unwrap_or(0) as f64 / 1_000.0);
        metrics.clock_offset_ms.set(state.live.clock_offset_ms);
        metrics.breaker_state.set(i64::from(!is_open));
        let level = state
            .book
            .stop
            .as_ref()
            .map_or(0, |stop| stop.level as i64 + 1);
        metrics.kill_state.set(level);
        let external = state.book.counters.external_orders;
        let known = metrics.external_orders_total.get();
        metrics
            .external_orders_total
            .inc_by(external.saturating_sub(known));
        let duplicates = state.live.duplicate_reports;
        metrics
            .duplicate_events_total
            .inc_by(duplicates - self.seen_duplicates);
        self.seen_duplicates = duplicates;
    }
}
