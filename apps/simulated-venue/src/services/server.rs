//! Composition: settings to a running venue, and a running venue to its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use rust_common::{Currency, Instrument};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::error::StartError;
use crate::services::accounts::Accounts;
use crate::services::control;
use crate::services::core::VenueState;
use crate::services::core::market::Market;
use crate::services::core::matching::Matching;
use crate::services::engine::{Ended, Engine};
use crate::services::faults::Faults;
use crate::services::faults::door::{self, Door};
use crate::services::faults::engine::lag::{Lag, Source};
use crate::services::feed::mirror;
use crate::services::http::{self, App};
use crate::services::limits::Limits;
use crate::services::opening;
use crate::services::playing::{play_bars, play_feed};
use crate::services::replay::Columns;
use crate::services::shell::{LogRecord, Shell, identity, replay};
use crate::services::store::{LOG_NAME, Store, Sync};
use crate::settings::{FeedKind, InstrumentSettings, Mode, Settings, timeframe_ms};

const GRACE: Duration = Duration::from_secs(3);

/// A venue that listens.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    pub control_address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    ended: Ended,
}

/// Loads data and state, listens on both ports, then writes the port file.
///
/// # Errors
/// `StartError` naming what is wrong; nothing listens in that case.
pub async fn start(settings: Settings, clock: Clock) -> Result<Running, StartError> {
    let listener = listen(settings.listen).await?;
    let control_listener = listen(settings.control_listen).await?;
    let address = local(&listener, settings.listen)?;
    let control_address = local(&control_listener, settings.control_listen)?;
    let faults = Faults::for_accounts(&settings.accounts);
    let clock = Clock::Skewed(Box::new(clock), faults.skew_ms());
    let mut shell = load(&settings, clock)?;
    shell.lag = Lag::new(faults.clone(), lag_source(&settings));
    let (engine, ended) = Engine::start(shell)?;
    let (stop, stopped) = watch::channel(false);
    let app = App {
        engine: engine.clone(),
        timing: settings.timing,
        stop: stopped.clone(),
    };
    let mut tasks = vec![
        door::serve(
            listener,
            http::router(app),
            Door {
                faults: faults.clone(),
                engine: engine.clone(),
            },
            stopped.clone(),
        ),
        serve(
            control_listener,
            control::router(engine.clone(), faults, &settings.control_token),
            stopped.clone(),
        ),
    ];
    match (settings.mode, &settings.feed) {
        (Mode::Free, _) => {
            tasks.push(tokio::spawn(play_bars(engine, settings.speed, stopped)));
        }
        (Mode::Market, Some(feed)) if feed.kind == FeedKind::Mirror => {
            let mirror = opening::mirror(&settings, feed)?;
            tasks.push(tokio::spawn(mirror::play(mirror, engine, stopped)));
        }
        (Mode::Market, Some(feed)) if feed.speed > 0.0 => {
            tasks.push(tokio::spawn(play_feed(engine, feed.speed, stopped)));
        }
        _ => {}
    }
    write_ports(&settings.port_file, address, control_address)?;
    tracing::info!(%address, %control_address, mode = settings.mode.name(), "venue is listening");
    Ok(Running {
        address,
        control_address,
        stop,
        tasks,
        ended,
    })
}

impl Running {
    /// Waits until the engine ends by itself, which it does only after a failure.
    pub async fn failed(&mut self) -> String {
        match (&mut self.ended.reason).await {
            Ok(Some(reason)) => reason,
            _ => "the engine thread ended unexpectedly".to_owned(),
        }
    }

    /// Stops taking requests, closes the streams, ends the engine.
    pub async fn stop(self) {
        // Nobody listens if every task has already ended.
        let _ = self.stop.send(true);
        for task in self.tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout(GRACE, task).await.is_err() {
                abort.abort();
            }
        }
        let thread = self.ended.thread;
        let joined = tokio::task::spawn_blocking(move || thread.join());
        if tokio::time::timeout(GRACE, joined).await.is_err() {
            tracing::warn!("a connection outlived the grace period");
        }
        tracing::info!("venue has stopped");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen {
            address: address.to_string(),
            source,
        })
}

fn local(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen {
        address: asked.to_string(),
        source,
    })
}

fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) -> JoinHandle<()> {
    let listener = listener.tap_io(|stream| {
        if let Err(e) = stream.set_nodelay(true) {
            tracing::warn!(error = %e, "TCP_NODELAY could not be set; replies may be slow");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        let stopped = async move {
            // An error means that the sender is gone, which also is the end.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        if let Err(e) = axum::serve(listener, service)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(error = %e, "the listener ended");
        }
    })
}

/// What lagging queries are answered from.
fn lag_source(settings: &Settings) -> Source {
    let log = settings.state_dir.join(LOG_NAME);
    let settings = settings.clone();
    let build = move || match open(&settings) {
        Ok((state, _)) => Ok(state),
        Err(e) => Err(e.to_string()),
    };
    Source {
        log,
        build: Box::new(build),
    }
}

/// The venue before its first input, and what its log belongs to.
fn open(settings: &Settings) -> Result<(VenueState, String), StartError> {
    match settings.mode {
        Mode::Market => opening::open(settings),
        Mode::Lockstep | Mode::Free => open_bars(settings),
    }
}

/// Builds the state from data and log, without any door open.
pub fn load(settings: &Settings, clock: Clock) -> Result<Shell, StartError> {
    let (mut state, identity) = open(settings)?;
    let opened = Store::open::<LogRecord>(&settings.state_dir)?;
    let mut store = opened.store;
    if opened.truncated > 0 {
        tracing::warn!(
            bytes = opened.truncated,
            "a torn last line was cut off the input log"
        );
    }
    replay(&mut state, &opened.records, &identity)
        .map_err(|message| StartError::state(store.path(), message))?;
    if opened.records.is_empty() {
        let path = store.path().to_owned();
        store
            .append(
                &LogRecord::Start {
                    version: 1,
                    identity,
                },
                Sync::Now,
            )
            .map_err(|source| StartError::Read { path, source })?;
    }
    tracing::info!(
        inputs = state.inputs(),
        step = state.step(),
        steps = state.steps(),
        hash = state.chain_hash(),
        "state rebuilt from the input log"
    );
    let limits = Limits::new(settings.limits);
    let who = (Accounts::new(&settings.accounts), settings.mode);
    let mut shell = Shell::new(state, store, limits, clock, who);
    shell.preventions = settings
        .instruments
        .iter()
        .map(|entry| entry.default_self_trade_prevention_mode)
        .collect();
    Ok(shell)
}

/// A venue of the bar modes before its first input, and what its log belongs to.
fn open_bars(settings: &Settings) -> Result<(VenueState, String), StartError> {
    let mut markets = Vec::new();
    for entry in &settings.instruments {
        markets.push(market(entry)?);
    }
    let identity = settings_identity(settings, &markets)?;
    Ok((build(settings, markets)?, identity))
}

fn build(settings: &Settings, markets: Vec<Market>) -> Result<VenueState, StartError> {
    let wrong = |message: String| StartError::State {
        path: settings.state_dir.clone(),
        message,
    };
    let mut balances = Vec::new();
    for (name, amount) in opening_balances(settings) {
        balances.push((
            Currency::new(name.clone()).map_err(|e| wrong(e.to_string()))?,
            amount,
        ));
    }
    let instruments: Vec<Instrument> = markets
        .iter()
        .map(|market| market.instrument.clone())
        .collect();
    let rates = (
        settings.maker_fee_rate,
        settings.taker_fee_rate,
        settings.slippage,
    );
    let matching =
        Matching::new(instruments, rates, &balances).map_err(|e| wrong(e.to_string()))?;
    let state = VenueState::new(matching, markets, settings.start_step)
        .map_err(|e| wrong(format!("the market could not be opened: {e}")))?;
    if settings.start_step >= state.steps() {
        return Err(wrong(format!(
            "start_step = {}: allowed 0 to {}",
            settings.start_step,
            state.steps().saturating_sub(1)
        )));
    }
    Ok(state)
}

fn market(entry: &InstrumentSettings) -> Result<Market, StartError> {
    let wrong = |message: String| StartError::columns(&entry.columns_dir, message);
    let instrument = entry.instrument().map_err(wrong)?;
    let interval_ms = timeframe_ms(&entry.timeframe)
        .ok_or_else(|| wrong(format!("timeframe {} is not known", entry.timeframe)))?;
    let columns = Arc::new(Columns::read(&entry.columns_dir, interval_ms)?);
    Ok(Market::new(
        instrument,
        entry.timeframe.clone(),
        interval_ms,
        columns,
    ))
}

/// What the only account of the bar modes begins with.
fn opening_balances(settings: &Settings) -> BTreeMap<String, i128> {
    let first = settings.accounts.first();
    first.map_or_else(BTreeMap::new, |account| account.balances.clone())
}

fn settings_identity(settings: &Settings, markets: &[Market]) -> Result<String, StartError> {
    let instruments: Vec<(Instrument, String)> = markets
        .iter()
        .map(|market| {
            (
                market.instrument.clone(),
                format!("{} {}", market.interval, market.digest()),
            )
        })
        .collect();
    let account = json!({
        "balances": opening_balances(settings)
            .iter()
            .map(|(k, v)| (k, v.to_string()))
            .collect::<Vec<_>>(),
        "maker_fee_rate": settings.maker_fee_rate,
        "taker_fee_rate": settings.taker_fee_rate,
        "slippage": settings.slippage,
        "start_step": settings.start_step,
    });
    identity(&instruments, &account).map_err(|e| StartError::State {
        path: settings.state_dir.clone(),
        message: e.to_string(),
    })
}

/// Two lines, REST port and control port, in place at once or not at all.
fn write_ports(path: &Path, rest: SocketAddr, control: SocketAddr) -> Result<(), StartError> {
    let draft = path.with_extension("port.tmp");
    std::fs::write(&draft, format!("{}\n{}\n", rest.port(), control.port()))
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|source| StartError::Read {
            path: path.to_owned(),
            source,
        })
}
