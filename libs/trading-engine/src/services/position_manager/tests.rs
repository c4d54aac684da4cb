use proptest::prelude::*;

use super::*;

fn params(json: &str) -> PositionParams {
    serde_json::from_str(json).unwrap()
}

/// Break-even at 1 R, trailing 2 ATR from 1.5 R on, moves of at least 0.25 ATR, 5 bars at most.
fn manager() -> PositionManager {
    let text = r#"{"break_even_r":"1","trail_atr":"2","trail_start_r":1.5,"min_move_atr":"0.25",
        "max_bars":5,"tick":5,"price_scale":2}"#;
    PositionManager::new(params(text)).unwrap()
}

#[test]
fn break_even_at_one_r_rounds_the_entry_up_to_the_tick() {
    let mut manager = manager();
    manager.open(10_002, 9_902, 10_402).unwrap();
    assert_eq!(manager.on_bar(10_101, 1.0), None, "99 of 100 is not 1 R");
    // 10002 goes up to 10005: an improvement of 103 against 0.25 x 100
    assert_eq!(
        manager.on_bar(10_102, 1.0),
        Some(PositionAction::MoveStop(10_005))
    );
    assert_eq!(
        manager.stop(),
        Some(9_902),
        "nothing moves before the venue says so"
    );
    assert_eq!(
        manager.on_bar(10_102, 1.0),
        Some(PositionAction::MoveStop(10_005))
    );
    manager.stop_moved(10_005).unwrap();
    assert_eq!(manager.on_bar(10_102, 1.0), None);
}

#[test]
fn trailing_keeps_two_atr_below_the_close() {
    let mut manager = manager();
    manager.open(10_000, 9_900, 10_900).unwrap();
    // 1.5 R = 10150; 10163 - 2 x 0.41 x 100 = 10081, down to 10080, above break-even
    assert_eq!(
        manager.on_bar(10_163, 0.41),
        Some(PositionAction::MoveStop(10_080))
    );
    manager.stop_moved(10_080).unwrap();
    // 10170 - 82 = 10088, down to 10085: 5 better, 0.25 ATR = 10.25 needed
    assert_eq!(manager.on_bar(10_170, 0.41), None);
    // a fall loosens nothing
    assert_eq!(manager.on_bar(10_155, 0.41), None);
}

#[test]
fn the_time_stop_closes_and_keeps_asking() {
    let mut manager = manager();
    manager.open(10_000, 9_900, 10_900).unwrap();
    for _ in 0..4 {
        assert_eq!(manager.on_bar(10_000, 1.0), None);
    }
    assert_eq!(manager.on_bar(10_000, 1.0), Some(PositionAction::TimeStop));
    assert_eq!(
        manager.on_bar(10_000, f64::NAN),
        Some(PositionAction::TimeStop)
    );
    assert_eq!(manager.bars_held(), 6);
    manager.close();
    assert_eq!(manager.on_bar(10_000, 1.0), None);
    assert!(!manager.is_open());
}

#[test]
fn a_short_position_is_the_mirror() {
    let mut manager = manager();
    manager.open(10_002, 10_102, 9_602).unwrap();
    assert_eq!(manager.side(), Some(OrderSide::Sell));
    assert_eq!(
        manager.on_bar(9_902, 1.0),
        Some(PositionAction::MoveStop(10_000))
    );
    // 1.5 R = 9852; 9837 + 82 = 9919, up to 9920
    assert_eq!(
        manager.on_bar(9_837, 0.41),
        Some(PositionAction::MoveStop(9_920))
    );
    assert!(manager.stop_moved(10_103).is_err());
    manager.stop_moved(9_920).unwrap();
}

#[test]
fn no_stop_moves_without_an_atr() {
    let mut manager = manager();
    manager.open(10_000, 9_900, 10_900).unwrap();
    assert_eq!(manager.on_bar(10_500, f64::NAN), None);
}

#[test]
fn wrong_calls_and_parameters_are_refused() {
    let mut manager = manager();
    assert!(manager.open(10_000, 10_000, 10_900).is_err());
    assert!(manager.open(10_000, 9_900, 9_950).is_err());
    assert!(manager.stop_moved(9_900).is_err());
    manager.open(10_000, 9_900, 10_900).unwrap();
    assert!(manager.open(10_000, 9_900, 10_900).is_err());
    assert!(manager.stop_moved(9_899).is_err());
    let base = r#"{"break_even_r":null,"trail_atr":2,"trail_start_r":null,"min_move_atr":0,
        "max_bars":0,"tick":1,"price_scale":2}"#;
    assert!(PositionManager::new(params(base)).is_ok());
    for (from, to) in [
        ("\"tick\":1", "\"tick\":0"),
        (",\"price_scale\":2", ""),
        ("\"trail_atr\":2", "\"trail_atr\":-2"),
        ("\"break_even_r\":null", "\"break_even_r\":\"-1\""),
    ] {
        let changed = base.replace(from, to);
        assert_ne!(changed, base);
        assert!(PositionManager::new(params(&changed)).is_err(), "{to}");
    }
    assert!(serde_json::from_str::<PositionParams>(&base.replace("tick", "tock")).is_err());
}

#[test]
fn a_snapshot_restores_the_state() {
    let mut manager = manager();
    let empty = manager.snapshot().unwrap();
    manager.open(10_000, 9_900, 10_900).unwrap();
    manager.on_bar(10_010, 1.0);
    let data = manager.snapshot().unwrap();
    let mut other = self::manager();
    other.restore(&data).unwrap();
    assert_eq!((other.stop(), other.target()), (Some(9_900), Some(10_900)));
    assert_eq!(other.bars_held(), 1);
    other.restore(&empty).unwrap();
    assert!(!other.is_open());
    assert!(other.restore(b"{").is_err());
}

proptest! {
    #[test]
    fn a_stop_never_loosens_and_stays_on_its_side_of_the_close(
        is_long: bool,
        closes in prop::collection::vec((5_000_i64..20_000, 0.0_f64..5.0), 1..40),
    ) {
        let text = r#"{"break_even_r":1,"trail_atr":1.5,"trail_start_r":1,"min_move_atr":0.1,
            "max_bars":0,"tick":5,"price_scale":2}"#;
        let mut manager = PositionManager::new(params(text)).unwrap();
        let (stop, target) = if is_long { (9_800, 30_000) } else { (10_200, 100) };
        manager.open(10_000, stop, target).unwrap();
        for (close, atr) in closes {
            let before = manager.stop().unwrap();
            let Some(PositionAction::MoveStop(stop)) = manager.on_bar(close, atr) else { continue };
            prop_assert!(stop % 5 == 0);
            if is_long {
                prop_assert!(stop > before && stop < close);
            } else {
                prop_assert!(stop < before && stop > close);
            }
            manager.stop_moved(stop).unwrap();
        }
    }
}
