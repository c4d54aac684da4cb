//! `simulated-venue --config venue.toml`, `simulated-venue proxy --config proxy.toml`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use simulated_venue::clock::Clock;
use simulated_venue::services::faults::proxy;
use simulated_venue::services::server;
use simulated_venue::settings::Settings;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A Binance-compatible spot exchange on loopback that replays recorded bars.
#[derive(Debug, Parser)]
#[command(
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    /// The configuration file; relative paths in it are relative to its folder.
    #[arg(long, required = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A TCP proxy that loses, delays and cuts on demand, for any two processes on loopback.
    Proxy {
        /// The proxy's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
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
    match (arguments.command, arguments.config) {
        (Some(Command::Proxy { config }), _) => run_proxy(&config).await,
        (None, Some(config)) => run_venue(&config).await,
        (None, None) => Err("--config is needed".to_owned()),
    }
}

async fn run_proxy(config: &Path) -> Result<(), String> {
    let settings = proxy::settings::Settings::load(config).map_err(|e| e.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
    let running = proxy::start(settings).await.map_err(|e| e.to_string())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop();
    Ok(())
}

async fn run_venue(config: &Path) -> Result<(), String> {
    let settings = Settings::load(config).map_err(|e| e.to_string())?;
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
