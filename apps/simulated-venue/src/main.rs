//! `simulated-venue --config venue.toml`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use simulated_venue::clock::Clock;
use simulated_venue::services::server;
use simulated_venue::settings::Settings;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A Binance-compatible spot exchange on loopback that replays recorded bars.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; relative paths in it are relative to its folder.
    #[arg(long)]
    config: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            tracing::error!(reason, "the venue could not run");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let settings = Settings::load(&arguments.config).map_err(|e| e.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
    let mut venue = server::start(settings, Clock::Wall)
        .await
        .map_err(|e| e.to_string())?;
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        reason = venue.failed() => Err(reason),
    };
    venue.stop().await;
    outcome
}
