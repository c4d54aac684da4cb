//! The pure parts of market data against naive references: local book, bars, trades.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken fixture must stop the test"
)]

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use execution_gateway::services::streams::bars::{BarFill, BarStep, BarTrack};
use execution_gateway::services::streams::book::{LocalBook, Step};
use execution_gateway::services::streams::events::{BookSnapshot, DepthDiff, Level, TradeTick};
use execution_gateway::services::streams::prints::{TradeStep, TradeTrack, TradesFilled};
use rust_common::{Bar, BarFlags, InstrumentId, OrderSide, Price, Quantity, Timeframe, UnixMillis};

fn id() -> InstrumentId {
    InstrumentId::new("BTC-USD.SIM").unwrap()
}

fn price(mantissa: i64) -> Price {
    Price::new(mantissa, 2).unwrap()
}

fn quantity(mantissa: i64) -> Quantity {
    Quantity::new(mantissa, 5).unwrap()
}

type Side = BTreeMap<i64, i64>;

/// A venue whose book after every update id is known in full.
struct Venue {
    /// Book after the update of that id (ids may be sparse, as on USD-M).
    states: BTreeMap<u64, (Side, Side)>,
    diffs: Vec<DepthDiff>,
}

impl Venue {
    /// `changes`: per update (id step, is bid, level, quantity); `cuts`: updates per difference.
    fn new(changes: &[(u64, bool, i64, i64)], cuts: &[usize], is_sparse: bool) -> Self {
        let mut state = (Side::from([(90, 5)]), Side::from([(110, 5)]));
        let mut states = BTreeMap::from([(100, state.clone())]);
        let (mut diffs, mut last, mut after) = (Vec::new(), 100, 100);
        let mut cuts = cuts.iter().cycle();
        let mut rest = changes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            let (mut bids, mut asks) = (Side::new(), Side::new());
            for (step, is_bid, level, amount) in now {
                last += if is_sparse { *step } else { 1 };
                let (side, told, level) = if *is_bid {
                    (&mut state.0, &mut bids, 99 - level)
                } else {
                    (&mut state.1, &mut asks, 101 + level)
                };
                told.insert(level, *amount);
                if *amount == 0 {
                    side.remove(&level);
                } else {
                    side.insert(level, *amount);
                }
                states.insert(last, state.clone());
            }
            diffs.push(DepthDiff {
                instrument_id: id(),
                after,
                last,
                bids: levels(&bids),
                asks: levels(&asks),
            });
            (after, rest) = (last, later);
        }
        Self { states, diffs }
    }

    /// The book at the newest update that is not after `at`.
    fn snapshot(&self, at: u64) -> BookSnapshot {
        let (last, (bids, asks)) = self.states.range(..=at).next_back().unwrap();
        BookSnapshot {
            last: *last,
            bids: levels(bids),
            asks: levels(asks),
        }
    }

    fn assert_equal(&self, book: &LocalBook) {
        let Some(at) = book.update_id() else {
            assert!(book.best().is_none() && book.bids().next().is_none());
            return;
        };
        let (bids, asks) = self.states.range(..=at).next_back().unwrap().1;
        let mut own: Vec<Level> = book.bids().collect();
        own.reverse();
        assert_eq!(own, levels(bids), "bids at {at}");
        assert_eq!(
            book.asks().collect::<Vec<_>>(),
            levels(asks),
            "asks at {at}"
        );
    }
}

fn levels(side: &Side) -> Vec<Level> {
    side.iter()
        .map(|(p, q)| (price(*p), quantity(*q)))
        .collect()
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Comes after the next one.
    Late,
    /// The stream breaks before it.
    Break,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Late),
        1 => Just(Fate::Break),
    ]
}

fn delivered(diffs: &[DepthDiff], fates: &[Fate]) -> Vec<Option<DepthDiff>> {
    let mut order = Vec::new();
    let mut late: Option<DepthDiff> = None;
    for (index, diff) in diffs.iter().enumerate() {
        match fates[index % fates.len()] {
            Fate::Lost => {}
            Fate::Late if late.is_none() => late = Some(diff.clone()),
            fate => {
                if matches!(fate, Fate::Break) {
                    order.push(None);
                }
                order.push(Some(diff.clone()));
                if matches!(fate, Fate::Twice) {
                    order.push(Some(diff.clone()));
                }
                order.extend(late.take().map(Some));
            }
        }
    }
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is lost, doubled, late or broken: a served book equals the venue's at its id, and
    /// after some undisturbed differences it is served.
    #[test]
    fn a_served_book_is_the_venues_book(
        changes in prop::collection::vec((1_u64..4, any::<bool>(), 0_i64..9, 0_i64..5), 40..160),
        cuts in prop::collection::vec(1_usize..5, 1..9),
        script in prop::collection::vec(fates(), 5..60),
        delays in prop::collection::vec((0_usize..6, 0_u64..12), 1..9),
        is_sparse in any::<bool>(),
    ) {
        let venue = Venue::new(&changes, &cuts, is_sparse);
        let calm = venue.diffs.len() * 2 / 3;
        let mut order = delivered(&venue.diffs[..calm], &script);
        order.extend(venue.diffs[calm..].iter().cloned().map(Some));
        let mut book = LocalBook::new();
        let mut delays = delays.iter().cycle();
        // Snapshots under way: when they arrive, and at which update they were taken.
        let mut asked: VecDeque<(usize, u64)> = VecDeque::new();
        for (turn, arrival) in order.iter().enumerate() {
            let Some(diff) = arrival else {
                book.reset();
                continue;
            };
            book.on_diff(diff);
            venue.assert_equal(&book);
            if book.needs_snapshot() && asked.is_empty() {
                let (delay, lag) = delays.next().unwrap();
                let lag = if turn > order.len() * 5 / 6 { 0 } else { *lag };
                asked.push_back((turn + delay, diff.last.saturating_sub(lag).max(100)));
            }
            while asked.front().is_some_and(|(due, _)| *due <= turn) {
                let (_, at) = asked.pop_front().unwrap();
                book.on_snapshot(venue.snapshot(at));
                venue.assert_equal(&book);
            }
        }
        if let Some((_, at)) = asked.pop_front() {
            book.on_snapshot(venue.snapshot(at));
        }
        let newest = venue.diffs.last().unwrap();
        if book.needs_snapshot() {
            book.on_snapshot(venue.snapshot(newest.last));
        }
        // The newest difference again: it proves a snapshot taken exactly there.
        book.on_diff(newest);
        venue.assert_equal(&book);
        prop_assert_eq!(book.update_id(), Some(newest.last));
    }
}

#[test]
fn the_edges_of_the_rule() {
    let changes: Vec<_> = (0..9).map(|n| (1, true, n, n + 1)).collect();
    let venue = Venue::new(&changes, &[3], false);
    let diff = |n: usize| &venue.diffs[n];
    // Snapshot before the first buffered difference.
    let mut book = LocalBook::new();
    assert_eq!(book.on_diff(diff(1)), Step::Held);
    let old = book.on_snapshot(venue.snapshot(102));
    assert_eq!(
        old,
        Step::SnapshotTooOld {
            snapshot: 102,
            first: 104
        }
    );
    // It ends where the difference begins: they join.
    assert_eq!(book.on_snapshot(venue.snapshot(103)), Step::Proven);
    assert_eq!(book.on_diff(diff(1)), Step::Stale);
    assert_eq!(book.on_diff(diff(2)), Step::Live);
    // A snapshot alone is not served; the difference that ends at it proves it.
    let mut book = LocalBook::new();
    assert_eq!(book.on_snapshot(venue.snapshot(103)), Step::Applied);
    assert_eq!((book.best(), book.update_id()), (None, None));
    assert_eq!(book.on_diff(diff(0)), Step::Proven);
    assert_eq!(
        book.on_diff(diff(2)),
        Step::Gap {
            book: 103,
            after: 106
        }
    );
    assert!(book.needs_snapshot() && book.best().is_none());
    // A book whose sides meet is wrong.
    let mut book = LocalBook::new();
    book.on_diff(diff(0));
    book.on_snapshot(venue.snapshot(103));
    let mut crossing = diff(1).clone();
    crossing.bids = vec![(price(110), quantity(1))];
    assert_eq!(book.on_diff(&crossing), Step::Crossed { update_id: 106 });
    assert!(!book.is_proven());
}

const FIRST: i64 = 1_632_700_800_000;
const STEP: i64 = 60_000;

fn bar(number: i64) -> Bar {
    let at = |n: i64| UnixMillis::new(FIRST + STEP * n).unwrap();
    Bar {
        instrument_id: id(),
        timeframe: Timeframe::M1,
        opened_at: at(number),
        closed_at: at(number + 1),
        open: price(100),
        high: price(100),
        low: price(100),
        close: price(100),
        volume: "1".parse().unwrap(),
        flags: BarFlags::default(),
        missing: 0,
        is_closed: true,
    }
}

fn numbers(bars: &[Bar]) -> Vec<i64> {
    let opened = bars.iter().map(|bar| bar.opened_at.as_millis());
    opened.map(|at| (at - FIRST) / STEP).collect()
}

/// Bars of the venue that its query gives: those below `known`, without the holes.
fn answer(fill: BarFill, known: i64, holes: &[i64]) -> Vec<Bar> {
    let mut all = (0..known).filter(|n| !holes.contains(n)).map(bar);
    match fill {
        BarFill::Newest => all.next_back().into_iter().collect(),
        BarFill::From(at) => all.filter(|bar| bar.opened_at >= at).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The stream loses, doubles and mixes bars and breaks; queries lag and fail. From the first
    /// bar told, each bar the venue has comes once and in order.
    #[test]
    fn closed_bars_come_once_in_order_and_all(
        script in prop::collection::vec((fates(), 0_i64..3, any::<bool>()), 20..60),
        holes in prop::collection::vec(5_i64..40, 0..5),
    ) {
        let count = i64::try_from(script.len()).unwrap();
        let mut track = BarTrack::default();
        let mut told: Vec<Bar> = Vec::new();
        let mut fill = track.on_up();
        for (number, (fate, lag, fails)) in (0..count).zip(&script) {
            let mut arrivals = Vec::new();
            if !holes.contains(&number) {
                match fate {
                    Fate::Lost => {}
                    Fate::Twice => arrivals.extend([number, number]),
                    Fate::Late => arrivals.extend([number, number - 1]),
                    Fate::Arrives => arrivals.push(number),
                    Fate::Break => {
                        arrivals.push(number);
                        fill = fill.or(track.on_up());
                    }
                }
            }
            for number in arrivals.into_iter().filter(|n| *n >= 0 && !holes.contains(n)) {
                match track.on_closed(bar(number)) {
                    BarStep::Deliver(bar) => told.push(*bar),
                    BarStep::Fill(wish) => fill = Some(wish),
                    BarStep::Known | BarStep::Held => {}
                }
            }
            if let Some(wish) = fill.take() {
                if *fails {
                    fill = Some(track.on_failed());
                } else {
                    let filled = track.on_filled(answer(wish, number + 1 - lag, &holes));
                    told.extend(filled.deliver);
                    fill = filled.again;
                }
            }
        }
        let mut wish = fill.or_else(|| track.on_up());
        while let Some(now) = wish {
            let filled = track.on_filled(answer(now, count, &holes));
            told.extend(filled.deliver);
            wish = filled.again;
        }
        let told = numbers(&told);
        let first = told.first().copied().unwrap_or(count);
        let expected: Vec<i64> = (first..count).filter(|n| !holes.contains(n)).collect();
        prop_assert_eq!(told, expected);
    }

    /// The same for trades; what a lagging venue cannot give in time is told as lost.
    #[test]
    fn trades_come_once_in_order_and_losses_are_told(
        script in prop::collection::vec((fates(), any::<bool>(), 0_u64..4), 30..90),
        page in 1_u64..40,
    ) {
        let mut track = TradeTrack::default();
        let mut told: Vec<u64> = Vec::new();
        let mut lost: Vec<u64> = Vec::new();
        let mut take = |filled: TradesFilled, wish: &mut Option<u64>| {
            told.extend(filled.deliver.iter().map(|tick| tick.trade_id));
            lost.extend(filled.lost.into_iter().flat_map(|(first, last)| first..=last));
            told.extend(filled.behind.iter().map(|tick| tick.trade_id));
            *wish = filled.again;
        };
        let mut wish = None;
        let count = script.len() as u64;
        for (number, (fate, fails, lag)) in (0..count).zip(&script) {
            let arrivals = match fate {
                Fate::Lost | Fate::Break => vec![],
                Fate::Twice => vec![number, number],
                Fate::Late => vec![number, number.saturating_sub(1)],
                Fate::Arrives => vec![number],
            };
            for number in arrivals {
                match track.on_trade(tick(number)) {
                    TradeStep::Deliver(tick) => {
                        let mut same = wish;
                        take(TradesFilled { deliver: vec![tick], ..TradesFilled::default() }, &mut same);
                    }
                    TradeStep::Fill(from) => wish = Some(from),
                    TradeStep::Known | TradeStep::Held | TradeStep::Overflow => {}
                }
            }
            if let Some(from) = wish.take() {
                let known = (number + 1).saturating_sub(*lag);
                let filled = if *fails {
                    track.on_failed()
                } else {
                    track.on_filled((from..known.min(from + page)).map(tick).collect())
                };
                take(filled, &mut wish);
            }
        }
        while let Some(from) = wish.take() {
            let filled = track.on_filled((from..count.min(from + page)).map(tick).collect());
            take(filled, &mut wish);
        }
        let Some(first) = told.first().copied() else { return Ok(()) };
        let newest = told.last().copied().unwrap();
        prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
        let mut all: Vec<u64> = told.iter().chain(&lost).copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (first..=newest).collect::<Vec<_>>(), "told or lost, never neither");
    }
}

fn tick(trade_id: u64) -> TradeTick {
    TradeTick {
        instrument_id: id(),
        trade_id,
        price: price(100),
        quantity: quantity(1),
        taker_side: OrderSide::Buy,
        event_at: UnixMillis::new(FIRST).unwrap(),
    }
}

#[test]
fn a_hole_the_venue_confirms_is_believed_at_once_and_one_it_cannot_fill_later() {
    let mut track = BarTrack::default();
    assert_eq!(track.on_up(), Some(BarFill::Newest));
    assert_eq!(numbers(&track.on_filled(vec![bar(3)]).deliver), [3]);
    let from = BarFill::From(bar(4).opened_at);
    assert_eq!(track.on_closed(bar(6)), BarStep::Fill(from));
    let filled = track.on_filled(vec![bar(6)]);
    assert_eq!(
        (numbers(&filled.deliver), filled.again, filled.hole),
        (vec![6], None, None)
    );
    // Now the venue's answer never reaches the bar of its own stream.
    let mut filled = match track.on_closed(bar(9)) {
        BarStep::Fill(_) => track.on_filled(Vec::new()),
        other => panic!("{other:?}"),
    };
    let mut tries = 1;
    while filled.again.is_some() {
        assert!(filled.deliver.is_empty());
        filled = track.on_filled(Vec::new());
        tries += 1;
    }
    assert_eq!((numbers(&filled.deliver), tries), (vec![9], 8));
    assert_eq!(filled.hole, Some((bar(7).opened_at, bar(9).opened_at)));
}

#[test]
fn before_the_first_closed_bar_nothing_is_skipped_later() {
    let mut track = BarTrack::default();
    track.on_up();
    assert!(track.on_filled(Vec::new()).deliver.is_empty());
    // Two bars closed while the connection was down.
    assert_eq!(track.on_up(), Some(BarFill::From(UnixMillis::default())));
    assert_eq!(
        numbers(&track.on_filled(vec![bar(0), bar(1)]).deliver),
        [0, 1]
    );
}
