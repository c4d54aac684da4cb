//! Faults on demand: what a venue and the network in front of it do when they misbehave.
//!
//! A rule names a fault and what it hits. Nothing here is random: a caller that wants a random
//! schedule draws it from its own seed and posts the rules. Three layers act:
//! `door` sits on the venue's sockets (connections, replies, stream frames), `engine` puts logged
//! inputs before or after a request so that the fault is part of the venue's truth, and `proxy` is
//! a TCP proxy of its own for any two processes.

pub mod board;
pub mod calls;
pub mod catalogue;
pub mod control;
pub mod door;
pub mod engine;
mod holds;

pub mod params;
pub mod proxy;
pub mod rules;
mod slots;
pub mod traffic;

pub use board::Faults;
