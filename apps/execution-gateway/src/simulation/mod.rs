//! The simulation harness (C10 to C12): the real pure core and the real journal code under a seeded
//! scheduler with virtual time, a model venue, a model caller, a network and a disk between them,
//! and every fault of C10. The same seed gives the same trace, bit by bit.

pub mod caller;
pub mod campaign;
pub mod coverage;
pub mod disk;
pub mod faults;
pub mod finish;
pub mod gateway;
pub mod history;
pub mod invariants;
pub mod link;
pub mod nemesis;
pub mod plan;
pub mod process;
pub mod random;
pub mod run;
pub mod stream;
pub mod venue;
pub mod world;
