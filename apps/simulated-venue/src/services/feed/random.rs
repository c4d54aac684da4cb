//! Seeded random numbers that stay the same in every build: replaying a log depends on them.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0. The bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.draw()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// True `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of the values, each as likely as the other; 0 of none.
    pub fn pick(&mut self, values: &[i64]) -> i64 {
        let index = usize::try_from(self.below(values.len() as u64)).unwrap_or(0);
        values.get(index).copied().unwrap_or(0)
    }

    /// A count out of a table of thousandths: rounded up or down so that the mean is kept.
    pub fn count(&mut self, thousandths: &[i64]) -> u64 {
        let value = u64::try_from(self.pick(thousandths)).unwrap_or(0);
        value / 1_000 + u64::from(self.chance(value % 1_000))
    }
}
