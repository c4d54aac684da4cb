//! The execution gateway: at most one execution per intent, no lost fill, through any crash.
//!
//! A pure core decides (`services::core`), a journal makes every decision durable before it has an
//! effect (`services::journal`), one task owns the state (`services::engine`), adapters speak to
//! the venue (`services::venues`), and `services::http` is the only way in.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod clock;
mod constants;
pub mod error;
pub mod failpoints;
pub mod models;
pub mod mutants;
pub mod projection;
pub mod replay;
pub mod secrets;
pub mod services;
pub mod settings;
pub mod shutdown;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod tasks;
pub mod tls;
pub mod watchdog;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use clock::{Clock, SystemClock};
use constants::{account, approval_key, config_hash, core_config, timeframe};
use error::GatewayError;
use failpoints::reached;
use models::input::Effect;
use models::record::EVENT_KIND;
use secrets::{Keys, load_credentials, load_keys};
use services::core::{State, begin};
use services::engine::{Engine, EngineHandle, EngineParts, Readiness};
use services::http::auth::Authenticator;
use services::http::{App, router};
use services::journal::events::EventLog;
use services::journal::storage::{DirectoryLock, FileStorage};
use services::journal::writer::{BatchObserver, Policy};
use services::journal::{Journal, event_index};
use services::metrics::Metrics;
use services::streams::hub::MarketHub;
use services::streams::link::Link;
use services::streams::market::{self, MarketParts};
use services::streams::times::StreamTimes;
use services::venues::{self, Venue};
use settings::Settings;
use tasks::{KillSignals, Tasks};

/// How long open connections may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the gateway until SIGTERM or SIGINT.
///
/// # Errors
/// Everything that keeps it from starting, in words that name the cause and the next step.
pub async fn run(config: &Path) -> Result<(), GatewayError> {
    reached("start.begin");
    let settings = Settings::load(config)?;
    let keys = load_keys(&settings.keys_file)?;
    let credentials = load_credentials(&settings.venue.credentials_file)?;
    let metrics = Arc::new(Metrics::new()?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let venue = venues::connect(
        &settings.venue,
        credentials,
        Arc::clone(&clock),
        Arc::clone(&metrics),
    )?;
    let shared = Shared {
        venue,
        clock,
        metrics,
    };
    let stop = async { shutdown::signaled().await.map_err(GatewayError::Signals) };
    serve_gateway(settings, keys, shared, stop).await
}

/// Runs a gateway on a venue until `stop` is ready.
///
/// # Errors
/// As `run`.
pub async fn serve_gateway(
    settings: Settings,
    keys: Keys,
    shared: Shared,
    stop: impl Future<Output = Result<(), GatewayError>>,
) -> Result<(), GatewayError> {
    let _lock = DirectoryLock::acquire(&settings.journal_dir).map_err(GatewayError::Locked)?;
    let (trigger, shutdown) = shutdown::channel();
    let opened = open_journal(&settings, &shared.metrics)?;
    let (ready, readiness) = watch::channel(Readiness { is_ready: false });
    let (events, journal) = (Arc::clone(&opened.events), opened.journal.watch());
    let epoch = opened.replayed.book.epoch + 1;
    let (engine, handle, first) = make_engine(&settings, opened, &shared, ready)?;
    let hub = Arc::new(MarketHub::new());
    let link = Link {
        venue: Arc::clone(&shared.venue),
        engine: handle.clone(),
        clock: Arc::clone(&shared.clock),
        metrics: Arc::clone(&shared.metrics),
        times: StreamTimes::of(settings.venue.is_fast_profile()),
        timeframe: timeframe(&settings)?,
        shutdown: shutdown.clone(),
    };
    let market = market_task(&link, &hub);
    let tasks = Tasks {
        engine: handle.clone(),
        venue: Arc::clone(&shared.venue),
        clock: Arc::clone(&shared.clock),
        metrics: Arc::clone(&shared.metrics),
        shutdown: shutdown.clone(),
    };
    let app = Arc::new(App {
        engine: handle,
        events,
        hub,
        venue: shared.venue,
        clock: shared.clock,
        metrics: shared.metrics,
        auth: Authenticator::new(&keys),
        approval_key: approval_key(&settings, &keys)?,
        account: account(&settings)?,
        ready: readiness,
        journal,
        shutdown: shutdown.clone(),
    });
    let signals = KillSignals::install().map_err(GatewayError::Signals)?;
    let listener = listen(&settings).await?;
    let projecting = settings.projection_file.clone().map(|path| {
        let events = Arc::clone(&app.events);
        tokio::spawn(projection::follow(path, events, shutdown.clone()))
    });
    let engine = tokio::spawn(engine.run(first, shutdown.clone()));
    let key_checked = start_tasks(&settings, &tasks, signals, epoch);
    if let Some(market) = market {
        tokio::spawn(market);
    }
    let key_checked = async move {
        let checked = key_checked.await;
        if checked.is_ok() {
            // No order before the key is known to be harmless.
            tokio::spawn(link.follow_user_stream());
        }
        checked
    };
    let served = serve(listener, app, (&trigger, shutdown), (stop, key_checked)).await;
    if let Err(error) = engine.await {
        tracing::error!(%error, "the engine ended abnormally");
    }
    if let Some(projecting) = projecting
        && tokio::time::timeout(DRAIN, projecting).await.is_err()
    {
        tracing::warn!("the projection is behind; it catches up at the next start");
    }
    served
}

/// The task that follows the venue's market data, where it has any.
fn market_task(link: &Link, hub: &Arc<MarketHub>) -> Option<impl Future<Output = ()> + use<>> {
    let source = Arc::clone(&link.venue).market()?;
    Some(market::follow(MarketParts {
        source,
        hub: Arc::clone(hub),
        prices: Arc::new(link.engine.clone()),
        clock: Arc::clone(&link.clock),
        times: link.times,
        shutdown: link.shutdown.clone(),
    }))
}

/// Starts the tasks beside the engine; the result is that of the check of the key.
fn start_tasks(
    settings: &Settings,
    tasks: &Tasks,
    signals: KillSignals,
    epoch: u32,
) -> impl Future<Output = Result<(), GatewayError>> + Send + 'static {
    let (kill_file, heartbeat) = (settings.kill_file.clone(), settings.heartbeat_file.clone());
    tokio::spawn(tasks.clone().follow_kill_file(kill_file));
    tokio::spawn(tasks.clone().follow_signals(signals));
    tokio::spawn(tasks.clone().beat(heartbeat, epoch));
    tokio::spawn(tasks.clone().follow_clock());
    tokio::spawn(tasks.clone().follow_throttles());
    tasks.clone().check_key(settings.venue.allow_withdraw_key)
}

/// Serves until a signal or a reason to end, then lets open requests end.
async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    (trigger, mut shutdown): (&shutdown::Trigger, shutdown::Shutdown),
    (stop, key_check): (
        impl Future<Output = Result<(), GatewayError>>,
        impl Future<Output = Result<(), GatewayError>>,
    ),
) -> Result<(), GatewayError> {
    // Small frames must not wait for each other: Nagle's algorithm is off.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let server = axum::serve(listener, router(app))
        .with_graceful_shutdown(async move { shutdown.requested().await });
    let server = tokio::spawn(server.into_future());
    reached("start.listening");
    let refused = async {
        match key_check.await {
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    };
    let ended = tokio::select! {
        ended = stop => ended,
        error = refused => Err(error),
    };
    tracing::info!("stopping");
    reached("shutdown.begin");
    trigger.fire();
    if tokio::time::timeout(DRAIN, server).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    ended
}

/// What every task uses.
pub struct Shared {
    pub venue: Arc<dyn Venue>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
}

/// The engine on a replayed book, its handle, and the effects that start its epoch.
fn make_engine(
    settings: &Settings,
    opened: Opened,
    shared: &Shared,
    ready: watch::Sender<Readiness>,
) -> Result<(Engine, EngineHandle, Vec<Effect>), GatewayError> {
    let Opened {
        journal,
        events,
        replayed,
    } = opened;
    let mut state = State::new(core_config(settings)?, replayed.book);
    state.live.damage = replayed.damage;
    state.live.journal = journal.durable().health;
    let now = shared.clock.now_ms();
    reached("epoch.before");
    let first = begin(
        &mut state,
        now,
        &config_hash(settings),
        replayed.unpublished,
    );
    let (engine, handle) = Engine::new(EngineParts {
        state,
        journal,
        events,
        venue: Arc::clone(&shared.venue),
        clock: Arc::clone(&shared.clock),
        metrics: Arc::clone(&shared.metrics),
        ready,
        // Before the writer begins a segment of its own.
        checkpoint_bytes: settings.journal.segment_mib * 1024 * 1024 * 3 / 4,
    });
    Ok((engine, handle, first))
}

struct Opened {
    journal: Journal,
    events: Arc<EventLog>,
    replayed: replay::Replayed,
}

fn open_journal(settings: &Settings, metrics: &Arc<Metrics>) -> Result<Opened, GatewayError> {
    let dir = &settings.journal_dir;
    let file_error = |source| GatewayError::File {
        path: dir.clone(),
        source,
    };
    let policy = Policy {
        segment_bytes: settings.journal.segment_mib * 1024 * 1024,
        retention_days: settings.journal.retention_days,
    };
    let prepared = if settings.journal.preallocate {
        policy.segment_bytes
    } else {
        0
    };
    reached("recover.before");
    let mut storage = FileStorage::new(dir).with_prepared_bytes(prepared);
    let recovered = services::journal::recover::recover(&mut storage).map_err(file_error)?;
    reached("recover.after");
    let index = event_index();
    let replayed = replay::replay(&recovered, &index);
    reached("replay.after");
    tracing::info!(
        records = recovered.frames.len(),
        torn_bytes = recovered.torn_bytes,
        gateway_seq = replayed.book.gateway_seq,
        orders = replayed.book.orders.len(),
        "journal replayed"
    );
    let events = Arc::new(EventLog::new(
        dir,
        Arc::clone(&index),
        EVENT_KIND,
        replayed.published_seq,
    ));
    let histograms = Arc::clone(metrics);
    let observer = Box::new(move |seconds: f64, records: usize| {
        histograms.journal_fsync_seconds.observe(seconds);
        histograms.journal_batch_size.observe(records as f64);
    });
    let epoch = replayed.book.epoch + 1;
    let shared = (index, observer as BatchObserver);
    reached("journal.open_before");
    let journal =
        Journal::start(Box::new(storage), &recovered, epoch, policy, shared).map_err(file_error)?;
    reached("journal.open_after");
    Ok(Opened {
        journal,
        events,
        replayed,
    })
}

async fn listen(settings: &Settings) -> Result<TcpListener, GatewayError> {
    let failed = |source| GatewayError::Listen {
        address: settings.listen.clone(),
        source,
    };
    let listener = TcpListener::bind(&settings.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let path = &settings.port_file;
    // Written beside and renamed, so that a reader never sees half a number.
    let temporary = path.with_extension("port.new");
    std::fs::write(&temporary, format!("{}\n", address.port()))
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|source| GatewayError::File {
            path: path.clone(),
            source,
        })?;
    tracing::info!(%address, "listening");
    Ok(listener)
}
