//! Indicators: one file each, one line in the list below. Formulas, seeding and parameters follow
//! TA-Lib (default compatibility, unstable period 0) wherever TA-Lib has the indicator.

pub mod base;

use base::set::Spec;
use base::study::Entry;

/// Declares the modules and the catalogue; a new indicator is one file and one line here.
macro_rules! indicators {
    ($($module:ident :: $study:ident),+ $(,)?) => {
        $(pub mod $module;)+
        /// Every indicator, in the order of the product's default set.
        pub const CATALOG: &[Entry] = &[$(Entry::of::<$module::$study>()),+];
    };
}

indicators! {
    rsi::Rsi,
    ema::Ema,
    macd::Macd,
    bollinger::Bollinger,
    atr::Atr,
    stochastic::Stochastic,
    cci::Cci,
    mfi::Mfi,
    adx::Adx,
    obv::Obv,
    vwap::Vwap,
    volume_profile::VolumeProfile,
    regime::Regime,
}

/// Every indicator with its defaults, and the EMA three times (20, 50, 200).
pub fn default_specs() -> Vec<Spec> {
    let mut specs = Vec::new();
    for entry in CATALOG {
        let periods: &[f64] = if entry.name == "ema" {
            &[20.0, 50.0, 200.0]
        } else {
            &[]
        };
        for period in periods {
            specs.push((entry.name.to_owned(), vec![("period".to_owned(), *period)]));
        }
        if periods.is_empty() {
            specs.push((entry.name.to_owned(), Vec::new()));
        }
    }
    specs
}

#[cfg(test)]
mod tests;
