//! Prometheus metrics, under the names of the specification (C9).

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry, TextEncoder,
};

const SECONDS: [f64; 14] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
const SIZES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];

/// All metrics of one gateway.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    pub order_accept_seconds: HistogramVec,
    pub journal_fsync_seconds: Histogram,
    pub journal_batch_size: Histogram,
    pub outcomes_total: IntCounterVec,
    pub unknown_orders: IntGauge,
    pub unknown_age_seconds: Gauge,
    pub late_fills_total: IntCounter,
    pub duplicate_events_total: IntCounter,
    pub external_orders_total: IntCounter,
    pub reconcile_mismatch_total: IntCounter,
    pub stream_gap_seconds: Gauge,
    pub weight_used_ratio: Gauge,
    pub clock_offset_ms: IntGauge,
    pub breaker_state: IntGauge,
    pub kill_state: IntGauge,
    pub invariant_violations_total: IntCounter,
    pub alarms_total: IntCounterVec,
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// When two metrics share a name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            order_accept_seconds: HistogramVec::new(
                buckets(
                    "order_accept_seconds",
                    "Time from request to stage",
                    &SECONDS,
                ),
                &["stage"],
            )?,
            journal_fsync_seconds: Histogram::with_opts(buckets(
                "journal_fsync_seconds",
                "Time of one fdatasync of the journal",
                &SECONDS,
            ))?,
            journal_batch_size: Histogram::with_opts(buckets(
                "journal_batch_size",
                "Records per fdatasync",
                &SIZES,
            ))?,
            outcomes_total: IntCounterVec::new(
                Opts::new(
                    "outcomes_total",
                    "Venue calls by name, outcome class and code",
                ),
                &["call", "class", "code"],
            )?,
            unknown_orders: gauge("unknown_orders", "Orders whose outcome is unknown")?,
            unknown_age_seconds: real("unknown_age_seconds", "Age of the oldest open question")?,
            late_fills_total: counter("late_fills_total", "Fills after an order had ended")?,
            duplicate_events_total: counter(
                "duplicate_events_total",
                "Venue messages that said nothing new",
            )?,
            external_orders_total: counter(
                "external_orders_total",
                "Orders of the account that this gateway did not send",
            )?,
            reconcile_mismatch_total: counter(
                "reconcile_mismatch_total",
                "Positions that differed from the venue",
            )?,
            stream_gap_seconds: real("stream_gap_seconds", "Time without a user stream")?,
            weight_used_ratio: real("weight_used_ratio", "Used share of the request weight")?,
            clock_offset_ms: gauge("clock_offset_ms", "Clock of the venue minus ours")?,
            breaker_state: gauge("breaker_state", "1 while entries are closed")?,
            kill_state: gauge("kill_state", "0 active, 1 to 4 by stop level")?,
            invariant_violations_total: counter(
                "invariant_violations_total",
                "Broken invariants; must stay 0",
            )?,
            alarms_total: IntCounterVec::new(
                Opts::new("alarms_total", "Events that a person should look at"),
                &["alarm"],
            )?,
            registry,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        let all: [Box<dyn prometheus::core::Collector>; 17] = [
            Box::new(self.order_accept_seconds.clone()),
            Box::new(self.journal_fsync_seconds.clone()),
            Box::new(self.journal_batch_size.clone()),
            Box::new(self.outcomes_total.clone()),
            Box::new(self.unknown_orders.clone()),
            Box::new(self.unknown_age_seconds.clone()),
            Box::new(self.late_fills_total.clone()),
            Box::new(self.duplicate_events_total.clone()),
            Box::new(self.external_orders_total.clone()),
            Box::new(self.reconcile_mismatch_total.clone()),
            Box::new(self.stream_gap_seconds.clone()),
            Box::new(self.weight_used_ratio.clone()),
            Box::new(self.clock_offset_ms.clone()),
            Box::new(self.breaker_state.clone()),
            Box::new(self.kill_state.clone()),
            Box::new(self.invariant_violations_total.clone()),
            Box::new(self.alarms_total.clone()),
        ];
        for collector in all {
            self.registry.register(collector)?;
        }
        Ok(())
    }

    /// Counts the outcome of a venue call.
    pub fn outcome(&self, call: &str, class: &str, code: i64) {
        self.outcomes_total
            .with_label_values(&[call, class, &code.to_string()])
            .inc();
    }

    /// The Prometheus text format.
    ///
    /// # Errors
    /// When encoding fails.
    pub fn text(&self) -> prometheus::Result<String> {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn buckets(name: &str, help: &str, bounds: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(bounds.to_vec())
}

fn counter(name: &str, help: &str) -> prometheus::Result<IntCounter> {
    IntCounter::new(name, help)
}

fn gauge(name: &str, help: &str) -> prometheus::Result<IntGauge> {
    IntGauge::new(name, help)
}

fn real(name: &str, help: &str) -> prometheus::Result<Gauge> {
    Gauge::new(name, help)
}
