//! The gateway's HTTP and WebSocket surface (interfaces, sections 2 and 3).

pub mod auth;
pub mod control;
pub mod market;
pub mod orders;
pub mod problems;
pub mod public;
pub mod queries;
pub mod websockets;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use tokio::sync::watch;

use rust_common::{AccountId, ApprovalKey};

use crate::clock::Clock;
use crate::services::engine::{EngineHandle, Readiness};
use crate::services::journal::events::EventLog;
use crate::services::journal::writer::Durable;
use crate::services::metrics::Metrics;
use crate::services::streams::hub::MarketHub;
use crate::services::venues::Venue;
use crate::shutdown::Shutdown;

/// What every handler may use.
pub struct App {
    pub engine: EngineHandle,
    pub events: Arc<EventLog>,
    pub hub: Arc<MarketHub>,
    pub venue: Arc<dyn Venue>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub auth: auth::Authenticator,
    pub approval_key: ApprovalKey,
    pub account: AccountId,
    pub ready: watch::Receiver<Readiness>,
    pub journal: watch::Receiver<Durable>,
    pub shutdown: Shutdown,
}

pub type Shared = Arc<App>;

/// All routes.
pub fn router(app: Shared) -> Router {
    let signed = Router::new()
        .route("/v1/orders", post(orders::submit).get(orders::list))
        .route(
            "/v1/orders/{client_order_id}",
            get(orders::one).delete(orders::cancel),
        )
        .route("/v1/positions", get(queries::positions))
        .route("/v1/balances", get(queries::balances))
        .route("/v1/instruments", get(queries::instruments))
        .route("/v1/klines", get(queries::klines))
        .route("/v1/status", get(queries::status))
        .route("/v1/sync", post(control::sync))
        .route("/v1/kill", post(control::kill))
        .route("/v1/resume", post(control::resume))
        .route("/v1/events", get(websockets::events))
        .route("/v1/market", get(market::market))
        .method_not_allowed_fallback(problems::method_not_allowed)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            auth::require,
        ));
    Router::new()
        .merge(signed)
        .route("/healthz", get(public::healthz))
        .route("/readyz", get(public::readyz))
        .route("/metrics", get(public::metrics))
        .fallback(problems::no_route)
        .with_state(app)
}
