use proptest::prelude::*;

use super::*;
use crate::fixed::Rounding;

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn values_compare_by_value_and_print_at_their_scale() {
    assert_eq!(price("1.0"), price("1.00"));
    assert!(price("1.01") > price("1.0"));
    assert_eq!(price("1.00").to_string(), "1.00");
    assert_eq!(price("-0.05").to_string(), "-0.05");
    assert_eq!(money("10").to_string(), "10.00000000");
    assert!("-1".parse::<Quantity>().is_err());
    assert!("92233720368547758.08".parse::<Price>().is_err());
}

#[test]
fn rounding_to_a_tick_keeps_the_scale_of_the_tick() {
    let tick = price("0.05");
    assert_eq!(
        price("1.07")
            .round_to_tick(tick, Rounding::Floor)
            .unwrap()
            .to_string(),
        "1.05"
    );
    assert_eq!(
        price("1.07")
            .round_to_tick(tick, Rounding::Ceil)
            .unwrap()
            .to_string(),
        "1.10"
    );
    assert_eq!(
        price("1.075")
            .round_to_tick(tick, Rounding::HalfEven)
            .unwrap()
            .to_string(),
        "1.10"
    );
    assert!(price("1.10").is_on_tick(tick));
    assert!(!price("1.07").is_on_tick(tick));
}

#[test]
fn slippage_rounds_the_way_it_is_told() {
    let (ratio, tick) = (Ratio::from_bps("2").unwrap(), price("0.01"));
    assert_eq!(ratio.to_string(), "0.00020000");
    let moved = |up, rounding| price("43443.06").moved(ratio, up, tick, rounding).unwrap();
    // 43443.06 x 1.0002 = 43451.748612; x 0.9998 = 43434.371388
    assert_eq!(moved(true, Rounding::Ceil).to_string(), "43451.75");
    assert_eq!(moved(false, Rounding::Floor).to_string(), "43434.37");
}

#[test]
fn notional_is_exact_and_averages_round_half_even() {
    assert_eq!(
        price("43557.48").notional(quantity("0.01000")).unwrap(),
        money("435.5748")
    );
    assert_eq!(
        price("0.00001").notional(quantity("0.00005")).unwrap(),
        money("0")
    );
    let tick = price("0.01");
    let average = Price::average(money("100.005"), quantity("1"), tick).unwrap();
    assert_eq!(average.to_string(), "100.00");
    let average = Price::average(money("100.015"), quantity("1"), tick).unwrap();
    assert_eq!(average.to_string(), "100.02");
}

#[test]
fn dust_is_what_flooring_leaves() {
    let held = money("0.00999000")
        .checked_sub(money("0.00000999"))
        .unwrap();
    assert_eq!(
        held.floor_to_step(quantity("0.00001")).unwrap().to_string(),
        "0.00998"
    );
    assert_eq!(
        quantity("7")
            .floor_to_step(quantity("2"))
            .unwrap()
            .to_string(),
        "6"
    );
}

#[test]
fn fees_round_half_even_to_eight_places() {
    let rate: Ratio = "0.001".parse().unwrap();
    let fee = |amount| money(amount).checked_mul(rate, Rounding::HalfEven).unwrap();
    assert_eq!(fee("0.01000000"), money("0.00001000"));
    assert_eq!(fee("0.00000500"), money("0.00000000"));
    assert_eq!(fee("0.00001500"), money("0.00000002"));
}

#[test]
fn arithmetic_is_checked() {
    let large = Price::new(i64::MAX, 0).unwrap();
    assert!(large.checked_add(price("1")).is_err());
    assert!(large.to_scale(1).is_err());
    assert!(price("1.23").to_scale(1).is_err());
    assert!(quantity("1").checked_sub(quantity("1.1")).is_err());
    let most = Money::from_mantissa(i128::MAX);
    assert!(most.checked_add(Money::from_mantissa(1)).is_err());
    assert!(Price::new(1, 9).is_err());
}

proptest! {
    #[test]
    fn text_round_trips(mantissa: i64, scale in 0_u8..=8) {
        let value = Price::new(mantissa, scale).unwrap();
        let back: Price = value.to_string().parse().unwrap();
        prop_assert_eq!((back.mantissa(), back.scale()), (mantissa, scale));
        let json = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<Price>(&json).unwrap(), value);
    }

    #[test]
    fn tick_rounding_brackets_the_value(
        mantissa in -1_000_000_000_i64..1_000_000_000,
        tick in 1_i64..1000,
    ) {
        let (value, tick) = (Price::new(mantissa, 4).unwrap(), Price::new(tick, 3).unwrap());
        let low = value.round_to_tick(tick, Rounding::Floor).unwrap();
        let high = value.round_to_tick(tick, Rounding::Ceil).unwrap();
        prop_assert!(low <= value && value <= high);
        prop_assert!(high.checked_sub(low).unwrap() <= tick);
        prop_assert!(low.is_on_tick(tick) && high.is_on_tick(tick));
    }
}
