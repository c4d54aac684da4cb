//! The faults of specification C10 and where the simulator injects them.

use rust_common::OrderStatus;

/// What a fault acts on; decides which orders it is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One request to the venue and its reply: counted for the orders it is about (all orders of
    /// record when it is about the account).
    Call,
    /// One event of the user stream: counted for its order.
    Event,
    /// What the venue does with one order: counted for that order.
    Order,
    /// The link, the disk, the clock, the process, the account: counted for every state that an
    /// order of record is in.
    Everything,
}

macro_rules! faults {
    ($($variant:ident = $number:literal, $scope:ident, $about:literal;)*) => {
        /// One fault of C10.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($variant = $number),* }

        impl Fault {
            pub const ALL: [Self; 45] = [$(Self::$variant),*];

            pub fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope),* }
            }

            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),* }
            }
        }
    };
}

faults! {
    DropBeforeSend = 1, Call, "the request is dropped before a byte leaves";
    ExecutedThenReset = 2, Call, "the venue executes, the connection breaks";
    DropReply = 3, Call, "the reply is lost, the client runs into its timeout";
    LateReply = 4, Call, "the reply comes after the client's timeout";
    ReplyAfterEvent = 5, Call, "the reply comes after the user events";
    EventBeforeReply = 6, Call, "a user event overtakes the reply";
    DuplicateEvent = 7, Event, "a user event is delivered twice";
    ReorderedEvents = 8, Event, "a user event is overtaken by later ones";
    LostEvent = 9, Event, "one user event is lost on a healthy stream";
    StreamStall = 10, Everything, "the user stream stalls while its connection lives";
    Disconnect = 11, Call, "the connection breaks at some byte of the request";
    StreamEnd = 12, Everything, "the user stream is ended (24 h, serverShutdown)";
    PartialFills = 13, Order, "partial fills, also while a cancel is pending";
    CancelLosesRace = 14, Order, "the order fills before the cancel arrives (-2011)";
    FillAfterCancel = 15, Order, "a fill is told after the end of its order";
    TooManyRequests = 16, Call, "429 with Retry-After";
    Banned = 17, Call, "418 with Retry-After";
    Forbidden = 18, Call, "403 with an HTML body";
    ServerError = 19, Call, "5xx, executed or not";
    EngineTimeout = 20, Call, "-1006/-1007, executed or not";
    Overloaded = 21, Call, "-1008 under 4xx or 5xx";
    PartialOutcome = 22, Call, "409 -2021 or 400 -2022";
    Garbage = 23, Call, "a 2xx body that cannot be read";
    QueryLag = 24, Call, "queries do not see the order yet";
    RecoveryQueryError = 25, Everything, "a query fails in the middle of a reconciliation";
    ClockSkew = 26, Everything, "the clock is wrong or jumps";
    Crash = 27, Everything, "kill -9";
    DoubleCrash = 28, Everything, "a second crash during recovery";
    VenueRestart = 29, Everything, "the venue restarts with its state";
    VenueReset = 30, Everything, "the venue restarts without its orders and trades";
    DiskFull = 31, Everything, "ENOSPC";
    SyncError = 32, Everything, "EIO on fdatasync";
    TornTail = 33, Everything, "a crash tears the last write at any byte";
    BitFlip = 34, Everything, "a bit flips in the journal's middle or unsynced tail";
    MissingSegment = 35, Everything, "a journal segment is gone";
    Partition = 36, Everything, "gateway-venue or orchestrator-gateway partition";
    SlowDisk = 37, Everything, "each sync takes 500 ms";
    SecondGateway = 38, Everything, "a second gateway on the same journal";
    ReusedId = 39, Order, "an outsider reuses the client id of an ended order";
    SymbolStatus = 40, Everything, "HALT, CANCEL_ONLY or a changed filter while orders rest";
    SelfTrade = 41, Order, "self-trade prevention ends the order";
    ProtectionRefused = 42, Order, "the list that protects an entry is not accepted";
    CallerRetry = 43, Order, "the caller repeats a key, concurrently and after restarts";
    OutsideActivity = 44, Everything, "deposit, withdrawal or an order of somebody else";
    LimitWindow = 45, Everything, "the limiter's window rolls, its count is wrong";
}

impl Fault {
    pub fn number(self) -> usize {
        self as usize
    }

    pub fn label(self) -> String {
        format!("F{}", self.number())
    }

    /// `F7`, `f7` or `7`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().trim_start_matches(['F', 'f']);
        let number: usize = digits.parse().ok()?;
        Self::ALL.into_iter().find(|fault| fault.number() == number)
    }
}

/// Position of a status among the twelve.
pub fn status_index(status: OrderStatus) -> usize {
    let found = OrderStatus::ALL.iter().position(|one| *one == status);
    found.unwrap_or_default()
}

/// One fault of a schedule: when it may strike, and which state it looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub fault: Fault,
    pub not_before: i64,
    /// From here on it strikes whatever the state is.
    pub patience: i64,
    pub wanted: OrderStatus,
    /// Bits that choose among variants.
    pub variant: u64,
}
