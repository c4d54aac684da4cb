//! The backtest loop: what is queued runs at the next open, and the books are worked out by hand.

use rust_common::DomainError;
use trading_engine::services::backtest::{Backtest, BacktestConfig, Columns};
use trading_engine::services::ledger::FillReason;

use crate::support::{MINUTES_15, bar, instrument, price, quantity};

struct Data {
    ints: [Vec<i64>; 6],
    atr: Vec<f64>,
}

impl Data {
    /// Bars (open, high, low, close) from the first quarter of an hour on; ATR 1.
    fn new(rows: &[(&str, &str, &str, &str)]) -> Self {
        let mut data = Self {
            ints: Default::default(),
            atr: vec![1.0; rows.len()],
        };
        for (n, (open, high, low, close)) in (0_i64..).zip(rows) {
            let bar = bar(n, open, high, low, close);
            let (opened_at, closed_at) = (bar.opened_at.as_millis(), bar.closed_at.as_millis());
            let row = [opened_at, bar.open, bar.high, bar.low, bar.close, closed_at];
            data.ints
                .iter_mut()
                .zip(row)
                .for_each(|(column, value)| column.push(value));
        }
        data
    }

    fn columns(&self) -> Columns<'_> {
        let [opened_at, open, high, low, close, closed_at] = &self.ints;
        Columns {
            opened_at,
            open,
            high,
            low,
            close,
            closed_at,
            atr: &self.atr,
        }
    }
}

/// 10000 USD, fee 0.1 % both ways, slippage 2 bp; break-even at 1 R, 3 bars at most.
fn backtest(usd: &str) -> Backtest {
    let config = format!(
        r#"{{"balances":{{"USD":"{usd}"}},"maker_fee_rate":"0.001","taker_fee_rate":"0.001",
        "slippage_bps":"2","position":{{"break_even_r":"1","trail_atr":"2","trail_start_r":null,
        "min_move_atr":"0","max_bars":3}},
        "drawdown":{{"daily_pct":"8","monthly_pct":"20","cooldown_hours":24}}}}"#
    );
    Backtest::new(
        &BacktestConfig::from_json(&config).unwrap(),
        instrument(),
        0,
    )
    .unwrap()
}

fn enter(backtest: &mut Backtest, stop_offset: &str, target_offset: &str) {
    backtest
        .enter(quantity("10"), price(stop_offset), price(target_offset))
        .unwrap();
}

fn reasons(backtest: &Backtest) -> Vec<(FillReason, String, String)> {
    let fills = backtest.result().ledger.fills().iter();
    fills
        .map(|f| (f.reason, f.price.to_string(), f.quantity.to_string()))
        .collect()
}

fn fill(reason: FillReason, price: &str, quantity: &str) -> (FillReason, String, String) {
    (reason, price.to_owned(), quantity.to_owned())
}

const FLAT: (&str, &str, &str, &str) = ("100", "100", "100", "100");

#[test]
fn entry_and_target_by_hand() {
    let data = Data::new(&[
        FLAT,
        ("100", "102", "99", "101"),
        ("101", "103.03", "100", "102"),
    ]);
    let mut backtest = backtest("10000");
    backtest.run_to(&data.columns(), 0).unwrap();
    enter(&mut backtest, "2.00", "3.00");
    backtest.run_to(&data.columns(), 1).unwrap();
    let view = backtest.account().unwrap();
    // 10 at 100.02 = 1000.20; fee 0.01 BTC; 8999.80 + 9.99 x 101 = 10008.79
    assert_eq!(view.equity.to_string(), "10008.79000000");
    assert_eq!(view.cash.to_string(), "8999.80000000");
    assert_eq!(view.position_quantity.to_string(), "9.99000");
    assert_eq!(view.average_entry_price, Some(price("100.02")));
    assert_eq!(
        (view.stop_price, view.target_price),
        (Some(price("98.02")), Some(price("103.02")))
    );
    backtest.run_to(&data.columns(), 2).unwrap();
    let result = backtest.result();
    // 9.99 x 103.02 = 1029.1698, fee 1.0291698; 8999.80 + 1028.1406302
    let equity = [1_000_000_000_000, 1_000_879_000_000, 1_002_794_063_020];
    assert_eq!(result.equity, equity);
    let trade = &result.trades[0];
    assert_eq!(trade.realized_pnl.to_string(), "27.94063020");
    // 0.01 x 100.02 + 1.0291698
    assert_eq!(trade.fees.to_string(), "2.02936980");
    assert_eq!(trade.return_pct.to_string(), "2.793504");
    // 27.9406302 / (10 x 2)
    assert_eq!(trade.r_multiple.to_string(), "1.397032");
    assert_eq!(
        (trade.bars_held, trade.exit_reason),
        (1, FillReason::Target)
    );
    assert_eq!(trade.entry_at.as_millis(), MINUTES_15);
    assert_eq!(trade.exit_at.as_millis(), 3 * MINUTES_15);
    assert_eq!(
        reasons(&backtest),
        [
            fill(FillReason::Entry, "100.02", "10.00000"),
            fill(FillReason::Target, "103.02", "9.99000")
        ]
    );
    assert!(result_is_flat(&backtest));
}

fn result_is_flat(backtest: &Backtest) -> bool {
    let view = backtest.account().unwrap();
    view.position_quantity.is_zero() && view.stop_price.is_none() && view.bars_held == 0
}

#[test]
fn the_moved_stop_takes_effect_at_the_next_open() {
    // the close of bar 1 is 1 R above 100.02: the stop goes to 100.02 at the open of bar 2
    let data = Data::new(&[
        FLAT,
        ("100", "102.50", "99", "102.02"),
        ("102", "102", "100.02", "101"),
    ]);
    let mut backtest = backtest("10000");
    backtest.run_to(&data.columns(), 0).unwrap();
    enter(&mut backtest, "2.00", "9.00");
    backtest.run_to(&data.columns(), 1).unwrap();
    assert_eq!(backtest.account().unwrap().pending, Some("move_stop"));
    assert_eq!(backtest.account().unwrap().stop_price, Some(price("98.02")));
    backtest.run_to(&data.columns(), 2).unwrap();
    // 100.02 x 0.9998 = 99.999996, down to 99.99
    assert_eq!(
        reasons(&backtest)[1],
        fill(FillReason::Stop, "99.99", "9.99000")
    );
}

#[test]
fn a_refused_new_stop_closes_at_the_same_open() {
    let data = Data::new(&[
        FLAT,
        ("100", "102.50", "99", "102.02"),
        ("100.02", "105", "100", "104"),
    ]);
    let mut backtest = backtest("10000");
    backtest.run_to(&data.columns(), 0).unwrap();
    enter(&mut backtest, "2.00", "9.00");
    backtest.run_to(&data.columns(), 2).unwrap();
    assert_eq!(
        reasons(&backtest)[1],
        fill(FillReason::Unprotected, "99.99", "9.99000")
    );
    let result = backtest.result();
    assert_eq!(result.refused.len(), 1);
    assert_eq!(result.trades[0].exit_at.as_millis(), 2 * MINUTES_15);
    assert!(result_is_flat(&backtest));
}

#[test]
fn a_refused_bracket_closes_at_the_same_open() {
    let data = Data::new(&[FLAT, FLAT]);
    let mut backtest = backtest("10000");
    backtest.run_to(&data.columns(), 0).unwrap();
    // the stop would be 100.01, above the market at 100.00
    enter(&mut backtest, "0.01", "9.00");
    backtest.run_to(&data.columns(), 1).unwrap();
    let expected = [
        fill(FillReason::Entry, "100.02", "10.00000"),
        fill(FillReason::Unprotected, "99.98", "9.99000"),
    ];
    assert_eq!(reasons(&backtest), expected);
    assert_eq!(backtest.result().trades[0].bars_held, 0);
    assert!(result_is_flat(&backtest));
}

#[test]
fn the_time_stop_comes_before_the_decision_and_leaves_it_nothing() {
    let data = Data::new(&[FLAT; 6]);
    let mut backtest = backtest("10000");
    backtest.run_to(&data.columns(), 0).unwrap();
    enter(&mut backtest, "2.00", "3.00");
    backtest.run_to(&data.columns(), 3).unwrap();
    assert_eq!(backtest.account().unwrap().pending, Some("close"));
    assert!(
        backtest
            .enter(quantity("1"), price("2"), price("3"))
            .is_err()
    );
    backtest.exit(FillReason::SignalExit).unwrap();
    backtest.run_to(&data.columns(), 4).unwrap();
    assert_eq!(
        reasons(&backtest)[1],
        fill(FillReason::TimeStop, "99.98", "9.99000")
    );
    assert_eq!(reasons(&backtest).len(), 2);
    assert_eq!(backtest.result().trades[0].bars_held, 3);
}

#[test]
fn an_exit_cancels_the_protection_first() {
    let data = Data::new(&[FLAT, FLAT, FLAT, ("100", "110", "90", "100")]);
    let mut backtest = backtest("10000");
    assert!(backtest.exit(FillReason::SignalExit).is_err());
    backtest.run_to(&data.columns(), 0).unwrap();
    enter(&mut backtest, "2.00", "3.00");
    backtest.run_to(&data.columns(), 1).unwrap();
    backtest.exit(FillReason::SignalExit).unwrap();
    backtest.run_to(&data.columns(), 3).unwrap();
    assert_eq!(reasons(&backtest)[1].0, FillReason::SignalExit);
    assert_eq!(
        reasons(&backtest).len(),
        2,
        "the last bar would have touched stop and target"
    );
}

#[test]
fn dust_stays_in_the_balance_and_out_of_the_position() {
    let data = Data::new(&[FLAT; 6]);
    let mut backtest = backtest("10000");
    for n in [0, 2] {
        backtest.run_to(&data.columns(), n).unwrap();
        // 0.12345 less 0.00012345 = 0.12332655, floored to 0.12332
        backtest
            .enter(quantity("0.12345"), price("2"), price("3"))
            .unwrap();
        backtest.run_to(&data.columns(), n + 1).unwrap();
        assert_eq!(
            backtest.account().unwrap().position_quantity.to_string(),
            "0.12332"
        );
        backtest.exit(FillReason::SignalExit).unwrap();
    }
    backtest.run_to(&data.columns(), 4).unwrap();
    assert_eq!(
        backtest.account().unwrap().base_quantity.to_string(),
        "0.00001310"
    );
    assert_eq!(backtest.result().trades.len(), 2);
    assert!(result_is_flat(&backtest));
}

#[test]
fn nothing_is_submitted_after_the_last_bar() {
    let data = Data::new(&[FLAT, ("100", "102", "99", "101")]);
    let mut backtest = backtest("10000");
    backtest.run_to(&data.columns(), 0).unwrap();
    enter(&mut backtest, "2.00", "3.00");
    backtest.run_to(&data.columns(), 1).unwrap();
    backtest.exit(FillReason::SignalExit).unwrap();
    let past_the_end = backtest.run_to(&data.columns(), 2);
    assert!(matches!(
        past_the_end,
        Err(DomainError::Inconsistent { .. })
    ));
    let result = backtest.result();
    assert_eq!((result.ledger.fills().len(), result.trades.len()), (1, 0));
    assert_eq!(result.equity[1], 1_000_879_000_000);
}

#[test]
fn an_entry_without_funds_is_noted_and_leaves_no_trace() {
    let data = Data::new(&[FLAT, FLAT]);
    let mut backtest = backtest("1000");
    backtest.run_to(&data.columns(), 0).unwrap();
    enter(&mut backtest, "2.00", "3.00");
    backtest.run_to(&data.columns(), 1).unwrap();
    let result = backtest.result();
    assert!(
        result.refused[0].detail.contains("1000.20000000 is needed"),
        "{result:?}"
    );
    assert!(result.ledger.fills().is_empty());
    assert!(result_is_flat(&backtest));
}

#[test]
fn running_bar_by_bar_equals_running_at_once() {
    let rows = [
        FLAT,
        ("100", "102.5", "99", "102.02"),
        ("102", "103", "100.5", "101"),
        FLAT,
        FLAT,
    ];
    let data = Data::new(&rows);
    let run = |stops: &[usize]| {
        let mut backtest = backtest("10000");
        backtest.run_to(&data.columns(), 0).unwrap();
        enter(&mut backtest, "2.00", "9.00");
        for n in stops {
            backtest.run_to(&data.columns(), *n).unwrap();
        }
        (
            backtest.result().ledger.sha256(),
            backtest.result().equity.to_vec(),
        )
    };
    assert_eq!(run(&[1, 2, 3, 4]), run(&[4]));
}

#[test]
fn bad_columns_are_named() {
    let good = [FLAT, FLAT];
    let refusal = |spoil: fn(&mut Data)| {
        let mut data = Data::new(&good);
        spoil(&mut data);
        data.columns().check().unwrap_err().to_string()
    };
    assert!(Data::new(&good).columns().check().is_ok());
    assert!(refusal(|d| d.atr.truncate(1)).contains("column atr has 1 rows"));
    assert!(refusal(|d| d.ints[2][1] = 9_999).contains("row 1: prices"));
    assert!(refusal(|d| d.ints[3][0] = 0).contains("row 0: prices"));
    assert!(refusal(|d| d.ints[0][1] = 0).contains("row 1: times"));
    assert!(refusal(|d| d.ints[5][1] = -1).contains("row 1: a time"));
}
