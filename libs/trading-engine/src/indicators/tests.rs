//! What can be checked without a reference library: the others are in `tests/contract`.

use super::base::set::StudySet;
use super::base::study::{Bar64, Columns, StudyError};
use super::{CATALOG, default_specs};
use crate::patterns;

/// A seeded walk with flat stretches and bars without volume.
fn bars(count: usize) -> Vec<Bar64> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut close = 100.0_f64;
    let mut opened_at = 0;
    let mut out = Vec::new();
    for index in 0..count {
        opened_at += if draw() < 0.02 { 4_500_000 } else { 900_000 };
        let open = close;
        if index % 200 < 160 {
            close = (close + (draw() - 0.5) * 2.0).max(1.0);
        }
        let reach = if index % 200 < 160 { draw() } else { 0.0 };
        let volume = if draw() < 0.2 { 0.0 } else { draw() * 10.0 };
        let (high, low) = (open.max(close) + reach, open.min(close) - reach / 2.0);
        out.push(Bar64 {
            opened_at,
            open,
            high,
            low,
            close,
            volume,
        });
    }
    out
}

fn both_sets() -> [StudySet; 2] {
    [
        StudySet::new("indicator", CATALOG, &default_specs()).unwrap(),
        StudySet::new("pattern", patterns::CATALOG, &patterns::default_specs()).unwrap(),
    ]
}

fn stream(set: &mut StudySet, bars: &[Bar64]) -> Vec<Vec<u64>> {
    let mut row = vec![0.0; set.outputs().len()];
    let mut out = Vec::new();
    for bar in bars {
        set.update(bar, &mut row).unwrap();
        out.push(row.iter().map(|v| v.to_bits()).collect());
    }
    out
}

fn batch(set: &mut StudySet, bars: &[Bar64]) -> Vec<Vec<u64>> {
    let column = |f: fn(&Bar64) -> f64| bars.iter().map(f).collect::<Vec<_>>();
    let opened_at: Vec<_> = bars.iter().map(|bar| bar.opened_at).collect();
    let (open, high) = (column(|b| b.open), column(|b| b.high));
    let (low, close) = (column(|b| b.low), column(|b| b.close));
    let volume = column(|b| b.volume);
    let columns = Columns {
        opened_at: &opened_at,
        open: &open,
        high: &high,
        low: &low,
        close: &close,
        volume: &volume,
    };
    let mut out = vec![0.0; set.outputs().len() * bars.len()];
    set.batch(&columns, &mut out).unwrap();
    let rows = bars.len();
    (0..rows)
        .map(|i| {
            out.iter()
                .skip(i)
                .step_by(rows)
                .map(|v| v.to_bits())
                .collect()
        })
        .collect()
}

#[test]
fn batch_equals_streaming_to_the_bit() {
    let bars = bars(3000);
    for (mut one, mut other) in both_sets().into_iter().zip(both_sets()) {
        assert_eq!(stream(&mut one, &bars), batch(&mut other, &bars));
    }
}

#[test]
fn a_restored_set_continues_to_the_bit() {
    let bars = bars(900);
    for cut in [0, 1, 5, 14, 60, 97, 300, 777] {
        let (past, future) = bars.split_at(cut);
        for (mut one, mut other) in both_sets().into_iter().zip(both_sets()) {
            stream(&mut one, past);
            other.restore(&one.snapshot().unwrap()).unwrap();
            assert_eq!(
                stream(&mut one, future),
                batch(&mut other, future),
                "cut {cut}"
            );
        }
    }
}

#[test]
fn a_damaged_or_foreign_snapshot_changes_nothing() {
    let bars = bars(400);
    let [mut indicators, mut patterns] = both_sets();
    stream(&mut indicators, &bars);
    let good = indicators.snapshot().unwrap();
    assert!(patterns.restore(&good).is_err());
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(indicators.restore(&bad).is_err(), "byte {at}");
    }
    assert!(indicators.restore(&good[..good.len() - 1]).is_err());
    assert_eq!(indicators.snapshot().unwrap(), good);
}

#[test]
fn first_values_come_at_the_stated_bar() {
    let mut bars = bars(600);
    for bar in &mut bars {
        bar.volume += 1.0;
    }
    let [mut set, _] = both_sets();
    let rows = stream(&mut set, &bars);
    for (output, warmup) in set.warmups().iter().enumerate() {
        let first = rows
            .iter()
            .position(|row| !f64::from_bits(row[output]).is_nan());
        assert_eq!(first, Some(warmup - 1), "{}", set.outputs()[output]);
        let all = rows[warmup - 1..]
            .iter()
            .all(|row| f64::from_bits(row[output]).is_finite());
        assert!(all, "{} has a hole", set.outputs()[output]);
    }
}

#[test]
fn a_refused_bar_changes_nothing() {
    let bars = bars(50);
    let [mut one, _] = both_sets();
    let [mut other, _] = both_sets();
    let mut row = vec![0.0; one.outputs().len()];
    for bar in &bars {
        one.update(bar, &mut row).unwrap();
        let again = one.update(bar, &mut row);
        assert!(matches!(again, Err(StudyError::Disorder { .. })));
        let later = Bar64 {
            opened_at: bar.opened_at + 1,
            ..*bar
        };
        let nan = one.update(
            &Bar64 {
                close: f64::NAN,
                ..later
            },
            &mut row,
        );
        assert!(matches!(nan, Err(StudyError::NotFinite { .. })));
        let negative = one.update(
            &Bar64 {
                volume: -1.0,
                ..later
            },
            &mut row,
        );
        assert!(matches!(negative, Err(StudyError::Impossible { .. })));
    }
    stream(&mut other, &bars);
    assert_eq!(one.snapshot().unwrap(), other.snapshot().unwrap());
}

#[test]
fn specs_are_checked_and_name_the_outputs() {
    let build = |name: &str, params: &[(&str, f64)]| {
        let given = params.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        StudySet::new("indicator", CATALOG, &[(name.to_owned(), given)])
    };
    let names = |set: StudySet| set.outputs().join(",");
    assert_eq!(
        build("rsi", &[("period", 7.0)]).map(names).unwrap(),
        "rsi_7"
    );
    assert_eq!(
        build("bollinger", &[]).map(names).unwrap(),
        "bb_upper,bb_middle,bb_lower"
    );
    let changed = build("bollinger", &[("width", 2.5)]).map(names).unwrap();
    assert_eq!(changed, "bb_upper_20_2.5,bb_middle_20_2.5,bb_lower_20_2.5");
    for (name, param, value) in [
        ("rsi", "period", 1.0),
        ("rsi", "period", 2.5),
        ("rsi", "period", f64::NAN),
        ("rsi", "length", 14.0),
        ("macd", "fast", 26.0),
        ("magic", "period", 3.0),
    ] {
        assert!(
            build(name, &[(param, value)]).is_err(),
            "{name} {param}={value}"
        );
    }
}
