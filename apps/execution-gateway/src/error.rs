//! Why the gateway cannot start or go on.

use std::io;
use std::path::PathBuf;

use crate::services::venues::VenueUnavailable;
use crate::settings::ConfigError;

/// The end of the process, with its cause.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    #[error("cannot listen on {address}: {source}; choose a free port or use port 0")]
    Listen { address: String, source: io::Error },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Locked(io::Error),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("venue adapter: {0}")]
    Venue(#[from] VenueUnavailable),
    #[error(
        "the exchange key may withdraw funds; this gateway only trades: make a key without the \
         withdrawal right, or set venue.allow_withdraw_key = true"
    )]
    KeyMayWithdraw,
    #[error("process protection: {0}")]
    Protection(io::Error),
    #[error("signals: {0}")]
    Signals(io::Error),
}
