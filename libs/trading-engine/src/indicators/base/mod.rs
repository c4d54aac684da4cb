//! What every indicator and pattern stands on: the trait, the rings, the snapshot, the fused set.

pub mod histogram;
pub mod params;
pub mod set;
pub mod state;
pub mod study;
pub mod window;
