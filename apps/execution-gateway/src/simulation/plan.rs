//! What a seed stands for: the caller's operations and the faults of one schedule.

use rust_common::{OrderSide, OrderStatus, StopLevel, TimeInForce};

use super::coverage::Impossible;
use super::faults::{Fault, Planned};
use super::random::Random;

pub const MARKETS: usize = 3;
/// Operations of the caller lie within this many milliseconds.
pub const BUSY_MS: i64 = 40_000;
/// Faults stop here; afterwards everything is reachable again.
pub const FAULTS_END_MS: i64 = 62_000;
const ORDERS_MIN: i64 = 20;
const ORDERS_MAX: i64 = 26;
const FAULTS_MIN: i64 = 9;
const FAULTS_MAX: i64 = 12;

/// What the caller wants to trade, in units of its own: ticks from the price, steps of quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Market {
        side: OrderSide,
    },
    Limit {
        side: OrderSide,
        away: i64,
        time_in_force: TimeInForce,
    },
    Stop {
        side: OrderSide,
        away: i64,
    },
    Bracket {
        stop: i64,
        target: i64,
    },
    Oco {
        stop: i64,
        target: i64,
    },
}

/// One thing the caller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Submit {
        market: usize,
        wish: Wish,
        lots: i64,
        wait_ms: i64,
    },
    /// Cancels the order submitted `back` submissions ago.
    Cancel {
        back: usize,
    },
    Sync,
    Read,
    Kill {
        level: StopLevel,
    },
    Resume,
}

/// A deed and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    pub at: i64,
    pub deed: Deed,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub operations: Vec<Operation>,
    pub faults: Vec<Planned>,
    /// Faults are added when too few of the planned ones strike.
    pub is_topped_up: bool,
}

impl Plan {
    /// The schedule of a seed; `only` restricts its faults (empty: all).
    pub fn of(seed: u64, only: &[Fault], impossible: &Impossible) -> Self {
        let root = Random::new(seed);
        let operations = operations(&mut root.fork(1));
        let faults = faults(seed, &mut root.fork(2), only, impossible);
        Self {
            seed,
            operations,
            faults,
            is_topped_up: only.is_empty(),
        }
    }
}

fn operations(random: &mut Random) -> Vec<Operation> {
    let orders = random.between(ORDERS_MIN, ORDERS_MAX);
    let mut all = Vec::new();
    for number in 0..orders {
        let at = 500 + number * (BUSY_MS - 1_000) / orders + random.between(0, 700);
        all.push(Operation {
            at,
            deed: submit(random, number),
        });
        if random.chance(30) {
            let later = at + random.between(1, 6_000);
            let back = random.index(4);
            all.push(Operation {
                at: later,
                deed: Deed::Cancel { back },
            });
        }
        if random.chance(6) {
            all.push(Operation {
                at: at + random.between(0, 500),
                deed: Deed::Sync,
            });
        }
        if random.chance(4) {
            all.push(Operation {
                at: at + random.between(0, 500),
                deed: Deed::Read,
            });
        }
    }
    if random.chance(15) {
        let levels = [
            StopLevel::NoEntries,
            StopLevel::ReduceOnly,
            StopLevel::CancelAll,
            StopLevel::Flatten,
        ];
        let level = random
            .pick(&levels)
            .copied()
            .unwrap_or(StopLevel::CancelAll);
        let at = random.between(BUSY_MS / 2, BUSY_MS + 5_000);
        all.push(Operation {
            at,
            deed: Deed::Kill { level },
        });
        if random.chance(60) {
            let later = at + random.between(4_000, 12_000);
            all.push(Operation {
                at: later,
                deed: Deed::Resume,
            });
        }
    }
    all.sort_by_key(|operation| operation.at);
    all
}

fn submit(random: &mut Random, number: i64) -> Deed {
    let market = random.index(MARKETS);
    let gtc = TimeInForce::Gtc { post_only: false };
    let post_only = TimeInForce::Gtc { post_only: true };
    // The first orders buy, so that there is something to sell.
    let weights: [u64; 11] = match number < 6 {
        true => [6, 0, 2, 1, 1, 1, 0, 4, 0, 0, 1],
        false => [3, 4, 3, 2, 2, 2, 2, 4, 3, 2, 1],
    };
    let mut lots = random.between(2, 9);
    let away = random.between(1, 25);
    let limit = |side, away, time_in_force| Wish::Limit {
        side,
        away,
        time_in_force,
    };
    let wish = match random.weighted(&weights) {
        0 => Wish::Market {
            side: OrderSide::Buy,
        },
        1 => Wish::Market {
            side: OrderSide::Sell,
        },
        2 => limit(OrderSide::Buy, -away, gtc),
        3 => limit(OrderSide::Buy, away, post_only),
        4 => limit(OrderSide::Buy, -away, TimeInForce::Ioc {}),
        5 => limit(OrderSide::Buy, away, TimeInForce::Fok {}),
        6 => limit(OrderSide::Sell, away, gtc),
        7 => Wish::Bracket {
            stop: away + 2,
            target: random.between(2, 25),
        },
        8 => Wish::Oco {
            stop: away + 1,
            target: random.between(2, 25),
        },
        9 => Wish::Stop {
            side: OrderSide::Sell,
            away: -away,
        },
        _ => {
            lots = 1_000_000;
            Wish::Market {
                side: OrderSide::Buy,
            }
        }
    };
    let wait_ms = if random.chance(50) {
        0
    } else {
        random.between(100, 2_000)
    };
    Deed::Submit {
        market,
        wish,
        lots,
        wait_ms,
    }
}

/// Faults are drawn so that the cells of the coverage matrix fill evenly: each seed takes the next
/// cells of a fixed walk over all possible ones.
fn faults(seed: u64, random: &mut Random, only: &[Fault], impossible: &Impossible) -> Vec<Planned> {
    let cells: Vec<(Fault, OrderStatus)> = Fault::ALL
        .into_iter()
        .filter(|fault| only.is_empty() || only.contains(fault))
        .flat_map(|fault| OrderStatus::ALL.map(|status| (fault, status)))
        .filter(|(fault, status)| !impossible.contains(*fault, *status))
        .collect();
    let count = random.between(FAULTS_MIN, FAULTS_MAX);
    let mut all = Vec::new();
    let stride = stride(cells.len() as u64);
    for number in 0..count {
        let walk = seed.wrapping_mul(10).wrapping_add(number.unsigned_abs());
        let step = walk.wrapping_mul(stride) % (cells.len().max(1) as u64);
        let cell = usize::try_from(step)
            .ok()
            .and_then(|at| cells.get(at))
            .copied();
        let Some((fault, wanted)) = cell else { break };
        let not_before = random.between(800, BUSY_MS);
        all.push(Planned {
            fault,
            not_before,
            patience: not_before + random.between(2_000, 14_000),
            wanted,
            variant: random.next(),
        });
    }
    all.sort_by_key(|planned| planned.not_before);
    all
}

/// Near the golden section of the walk and prime to its length: consecutive steps lie far apart and
/// every cell is reached equally often.
fn stride(cells: u64) -> u64 {
    let prime_to = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let start = cells * 618 / 1_000;
    (start.max(1)..start.max(1) + cells)
        .find(|step| prime_to(*step, cells))
        .unwrap_or(1)
}
