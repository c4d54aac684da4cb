//! Price patterns: one file each, one line in the list below. Same trait, snapshot and promises as
//! the indicators; a value at a bar uses that bar and earlier ones only.

pub mod swings;

use crate::indicators::base::set::Spec;
use crate::indicators::base::study::Entry;

/// Declares the modules and the catalogue; a new pattern is one file and one line here.
macro_rules! patterns {
    ($($module:ident :: $study:ident),+ $(,)?) => {
        $(pub mod $module;)+
        /// Every pattern, in the order of the product's default set.
        pub const CATALOG: &[Entry] = &[$(Entry::of::<$module::$study>()),+];
    };
}

patterns! {
    pin_bar::PinBar,
    engulfing::Engulfing,
    doji::Doji,
    breakout::Breakout,
    divergence::Divergence,
    support_resistance::SupportResistance,
}

/// Every pattern with its defaults.
pub fn default_specs() -> Vec<Spec> {
    CATALOG
        .iter()
        .map(|entry| (entry.name.to_owned(), Vec::new()))
        .collect()
}
