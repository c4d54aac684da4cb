use proptest::prelude::*;

use super::*;

const UNIT: i128 = 100_000_000;

fn guard(cooldown_hours: u32) -> DrawdownGuard {
    let text =
        format!(r#"{{"daily_pct":"8","monthly_pct":"20","cooldown_hours":{cooldown_hours}}}"#);
    DrawdownGuard::new(serde_json::from_str(&text).unwrap()).unwrap()
}

fn at(text: &str) -> UnixMillis {
    format!("{text}:00.000Z").parse().unwrap()
}

fn update(guard: &mut DrawdownGuard, time: &str, equity: i128) {
    guard.update(at(time), equity * UNIT);
}

fn until(guard: &DrawdownGuard) -> Option<String> {
    guard
        .safe_mode_until()
        .map(|ms| UnixMillis::new(ms).unwrap().to_string())
}

#[test]
fn eight_percent_of_the_day_start_trips_exactly() {
    let mut guard = guard(0);
    update(&mut guard, "2021-09-27T10:00", 10_000);
    guard.update(at("2021-09-27T11:00"), 9_200 * UNIT + 1);
    assert!(!guard.safe_mode());
    update(&mut guard, "2021-09-27T12:00", 9_200);
    assert_eq!(
        guard.latch().map(|(reason, _)| reason.as_str()),
        Some("daily_drawdown")
    );
    assert!((guard.daily_drawdown_pct() - 8.0).abs() < 1e-12);
    update(&mut guard, "2021-09-27T13:00", 10_000);
    assert!(guard.safe_mode(), "latched, whatever equity does");
    assert_eq!(until(&guard).as_deref(), Some("2021-09-28T00:00:00.000Z"));
    update(&mut guard, "2021-09-28T00:00", 10_000);
    assert!(!guard.safe_mode());
}

#[test]
fn the_cooldown_can_outlast_the_day_but_does_not_restart() {
    let mut guard = guard(24);
    update(&mut guard, "2021-09-27T10:00", 10_000);
    update(&mut guard, "2021-09-27T15:00", 9_000);
    update(&mut guard, "2021-09-27T16:00", 8_900);
    assert_eq!(until(&guard).as_deref(), Some("2021-09-28T15:00:00.000Z"));
    update(&mut guard, "2021-09-28T14:45", 8_900);
    assert!(guard.safe_mode());
    update(&mut guard, "2021-09-28T15:00", 8_900);
    assert!(!guard.safe_mode());
}

#[test]
fn a_loss_at_midnight_counts_for_the_new_day() {
    let mut guard = guard(0);
    update(&mut guard, "2021-09-27T23:45", 10_000);
    update(&mut guard, "2021-09-28T00:00", 9_100);
    assert!((guard.daily_drawdown_pct() - 9.0).abs() < 1e-12);
    assert_eq!(until(&guard).as_deref(), Some("2021-09-29T00:00:00.000Z"));
}

#[test]
fn small_days_add_up_to_the_monthly_limit() {
    let mut guard = guard(0);
    update(&mut guard, "2021-09-01T00:15", 10_000);
    for (day, equity) in [("02", 9_300), ("03", 8_700), ("04", 8_100)] {
        update(&mut guard, &format!("2021-09-{day}T12:00"), equity);
        assert!(!guard.safe_mode(), "{day}");
    }
    update(&mut guard, "2021-09-05T12:00", 8_000);
    assert_eq!(
        guard.latch().map(|(reason, _)| reason.as_str()),
        Some("monthly_drawdown")
    );
    assert_eq!(until(&guard).as_deref(), Some("2021-10-01T00:00:00.000Z"));
    update(&mut guard, "2021-10-01T00:00", 8_000);
    assert!(!guard.safe_mode());
    assert!((guard.max_drawdown_pct() - 20.0).abs() < 1e-12);
    assert_eq!(guard.peak_equity(), 10_000 * UNIT);
    update(&mut guard, "2021-10-01T00:15", 8_100);
    assert!((guard.monthly_drawdown_pct()).abs() < 1e-12);
}

#[test]
fn the_later_release_wins() {
    let mut guard = guard(24);
    update(&mut guard, "2021-09-30T10:00", 10_000);
    update(&mut guard, "2021-09-30T12:00", 7_000);
    // the month ends first; the daily cooldown lasts to noon
    assert_eq!(until(&guard).as_deref(), Some("2021-10-01T12:00:00.000Z"));
    assert_eq!(
        guard.latch().map(|(reason, _)| reason.as_str()),
        Some("daily_drawdown")
    );
}

#[test]
fn parameters_out_of_range_are_refused() {
    for (daily, hours) in [("0", 1), ("101", 1), ("-1", 1), ("8", 9_000)] {
        let text =
            format!(r#"{{"daily_pct":"{daily}","monthly_pct":"20","cooldown_hours":{hours}}}"#);
        let params = serde_json::from_str(&text).unwrap();
        assert!(DrawdownGuard::new(params).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_restored_guard_goes_on_the_same(
        equities in prop::collection::vec(5_000_i128..15_000, 2..60),
        cut in 1_i64..59,
    ) {
        let mut guard = guard(30);
        let mut copy = self::guard(30);
        for (hour, equity) in (0_i64..).zip(&equities) {
            if hour == cut {
                copy.restore(&guard.snapshot().unwrap()).unwrap();
            }
            let at = UnixMillis::new(1_632_700_000_000 + hour * 7_200_000).unwrap();
            guard.update(at, equity * UNIT);
            copy.update(at, equity * UNIT);
            let peak = guard.peak_equity();
            prop_assert!(guard.max_drawdown_pct() <= 100.0 && peak >= equity * UNIT);
        }
        prop_assert_eq!(guard.state, copy.state);
    }
}
