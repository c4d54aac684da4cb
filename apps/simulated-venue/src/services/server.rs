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
use crate::models::accounts::AccountId;
use crate::services::control;
use crate::services::core::VenueState;
use crate::services::core::market::Market;
use crate::services::core::matching::Matching;
use crate::services::engine::{Ended, Engine};
use crate::services::faults::Faults;
use crate::services::faults::board::Account;
use crate::services::faults::door::{self, Door};
use crate::services::faults::engine::lag::{Lag, Source};
use crate::services::http::{self, App};
use crate::services::limits::{Ceilings, Limits};
use crate::services::replay::Columns;
use crate::services::shell::{LogRecord, Shell, identity, replay};
use crate::services::store::{LOG_NAME, Store, Sync};
use crate::settings::{InstrumentSettings, Mode, Settings, timeframe_ms};

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
    let faults = Faults::new(accounts(&settings));
    let clock = Clock::Skewed(Box::new(clock), faults.skew_ms());
    let mut shell = load(&settings, clock)?;
    shell.lag = Lag::new(faults.clone(), lag_source(&settings));
    let (engine, ended) = Engine::start(shell)?;
    let (stop, stopped) = watch::channel(false);
    let app = App {
        engine: engine.clone(),
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
    if settings.mode == Mode::Free {
        tasks.push(tokio::spawn(play(engine, settings.speed, stopped)));
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

/// Free mode: one step per base bar, `speed` market seconds per wall second.
async fn play(engine: Engine, speed: f64, mut stopped: watch::Receiver<bool>) {
    let mut due = tokio::time::Instant::now();
    loop {
        let ahead = engine
            .call(|shell| {
                let state = &shell.state;
                state
                    .next_close()
                    .map(|close| (state.step() + 1, close - state.market_time()))
            })
            .await;
        let Ok(Some((step, market_ms))) = ahead else {
            return;
        };
        let wall_s = (market_ms.max(0) as f64) / 1_000.0 / speed;
        due += Duration::try_from_secs_f64(wall_s).unwrap_or(Duration::MAX / 4);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            _ = stopped.changed() => return,
        }
        match engine
            .call(move |shell| control::advance(shell, step))
            .await
        {
            Ok(Ok(_)) => {}
            Ok(Err(e)) | Err(e) => {
                tracing::error!(error = %e, step, "the replay stopped");
                return;
            }
        }
    }
}

/// The accounts by API key, as fault rules name them.
fn accounts(settings: &Settings) -> BTreeMap<String, Account> {
    let only = Account {
        name: "main".to_owned(),
        id: AccountId::FIRST,
    };
    BTreeMap::from([(settings.credentials.api_key.clone(), only)])
}

/// What lagging queries are answered from.
fn lag_source(settings: &Settings) -> Source {
    let log = settings.state_dir.join(LOG_NAME);
    let settings = settings.clone();
    let build = move || {
        let markets: Result<Vec<Market>, StartError> =
            settings.instruments.iter().map(market).collect();
        markets
            .and_then(|markets| build(&settings, markets))
            .map_err(|e| e.to_string())
    };
    Source {
        log,
        build: Box::new(build),
    }
}

/// Builds the state from data and log, without any door open.
pub fn load(settings: &Settings, clock: Clock) -> Result<Shell, StartError> {
    let mut markets = Vec::new();
    for entry in &settings.instruments {
        markets.push(market(entry)?);
    }
    let identity = settings_identity(settings, &markets)?;
    let mut state = build(settings, markets)?;
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
    let limits = Limits::new(Ceilings::for_mode(settings.mode == Mode::Lockstep));
    let who = (settings.credentials.clone(), settings.mode);
    Ok(Shell::new(state, store, limits, clock, who))
}

fn build(settings: &Settings, markets: Vec<Market>) -> Result<VenueState, StartError> {
    let wrong = |message: String| StartError::State {
        path: settings.state_dir.clone(),
        message,
    };
    let mut balances = Vec::new();
    for (name, amount) in &settings.balances {
        balances.push((
            Currency::new(name.clone()).map_err(|e| wrong(e.to_string()))?,
            *amount,
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
    let fields = json!({
        "instrument_id": entry.instrument_id,
        "symbol": entry.symbol,
        "base_currency": entry.base_currency,
        "quote_currency": entry.quote_currency,
        "price_scale": entry.price_scale,
        "quantity_scale": entry.quantity_scale,
        "tick_size": entry.tick_size,
        "step_size": entry.step_size,
        "min_quantity": entry.min_quantity,
        "min_notional": entry.min_notional,
    });
    let instrument: Instrument = serde_json::from_value(fields)
        .map_err(|e| wrong(format!("instrument {}: {e}", entry.instrument_id)))?;
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
        "balances": settings.balances.iter().map(|(k, v)| (k, v.to_string())).collect::<Vec<_>>(),
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
