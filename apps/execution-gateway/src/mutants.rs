//! Seeded bugs: switches that break one rule each, to prove that the simulator sees it. Without
//! feature `simulation` every switch is the constant false and costs nothing.

macro_rules! mutants {
    ($($variant:ident, $name:literal, $about:literal;)*) => {
        /// One bug that can be switched on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant { $($variant),* }

        impl Mutant {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mutant| mutant.name() == text)
            }
        }
    };
}

mutants! {
    BlindResend, "blind-resend", "an ambiguous placement is sent again at once";
    AckBeforeSync, "ack-before-sync", "records count as durable without a sync";
    TimeoutRejects, "timeout-rejects", "an ambiguous placement becomes REJECTED";
    DropTerminalFills, "drop-terminal-fills", "fills of ended orders are ignored";
    NoFillDedupe, "no-fill-dedupe", "a trade told twice is booked twice";
    FailedQueryIsEmpty, "failed-query-is-empty", "a failed query proves absence";
    TrustFirstMiss, "trust-first-miss", "one -2013 proves absence at once";
    SkipHorizon, "skip-horizon", "absence is judged before the horizon has passed";
    RetryServerError, "retry-server-error", "a 5xx on a placement is answered by a new one";
    CancelBehindEntries, "cancel-behind-entries", "cancels use the lane of entries";
    NoRecordChecksum, "no-record-checksum", "record checksums are not compared";
    TruncateMiddle, "truncate-middle", "damage in the middle is cut off like a torn tail";
    NoWriterLock, "no-writer-lock", "the journal lock is not taken";
    RandomClientId, "random-client-id", "an order leaves under another id than the one on record";
    EventOrderByArrival, "event-order-by-arrival", "the last report decides, not the join";
    FillsExpire, "fills-expire", "fills of orders that ended 30 s ago are dropped";
    InferredFill, "inferred-fill", "a missing fill is made up from the reported quantity";
    PlaceBeforeRecord, "place-before-record", "an order leaves before its dispatch is on record";
    AmbiguousIsNotSent, "ambiguous-is-not-sent", "an ambiguous placement becomes NOT_SENT";
    ForgetKeys, "forget-keys", "a repeated key is taken for a new one";
    IgnoreStop, "ignore-stop", "a stop refuses no entry";
    StopForgotten, "stop-forgotten", "a stop does not survive a restart";
    NoSweep, "no-sweep", "trades are not swept";
    DropBuffered, "drop-buffered", "reports that came before the reconciliation are dropped";
    IgnoreDamage, "ignore-damage", "a damaged journal keeps entries open";
    RetryFailedSync, "retry-failed-sync", "a failed sync is tried again on the same file";
    UnknownReservesNothing, "unknown-reserves-nothing", "unknown orders reserve no exposure";
    NoExternalOrders, "no-external-orders", "orders of others are not adopted";
    FeesIgnored, "fees-ignored", "commission in the base asset is not taken off";
    NoMismatchHalt, "no-mismatch-halt", "a position that differs from the venue's halts nothing";
    SilentChildren, "silent-children", "changes of an order are not published";
    NeverProbe, "never-probe", "an unknown order is not asked for";
    CancelsAreLost, "cancels-are-lost", "a stop cancels nothing";
}

#[cfg(feature = "simulation")]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Whether a bug is switched on in this thread.
#[cfg(feature = "simulation")]
pub fn is_on(mutant: Mutant) -> bool {
    ACTIVE.with(|active| active.get() == Some(mutant))
}

/// Whether a bug is switched on: never in this build.
#[cfg(not(feature = "simulation"))]
#[inline]
pub const fn is_on(_mutant: Mutant) -> bool {
    false
}

/// Switches one bug on for this thread, or all off.
#[cfg(feature = "simulation")]
pub fn switch(mutant: Option<Mutant>) {
    ACTIVE.with(|active| active.set(mutant));
}
