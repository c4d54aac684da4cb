//! `execution-gateway --config gateway.toml`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Sends orders to a venue at most once and never loses a fill.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Settings file; its keys are in docs/concepts/interfaces.md section 3.
    #[arg(long)]
    config: PathBuf,
    /// Watch a gateway instead of being one: cancel every open order when its heartbeat stops.
    #[arg(long)]
    watchdog: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    if let Err(error) = execution_gateway::secrets::forbid_core_dumps() {
        tracing::error!(%error, "core dumps cannot be switched off; they would hold the keys");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let ended = if arguments.watchdog {
        runtime.block_on(execution_gateway::watchdog::run(&arguments.config))
    } else {
        runtime.block_on(execution_gateway::run(&arguments.config))
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
