//! The venue's public port with faults in it: every connection can be cut, every reply and every
//! stream frame can be lost, delayed or replaced.

pub mod events;
pub mod frames;
pub mod link;
pub mod plan;
pub mod queue;
pub mod requests;
pub mod rest;
pub mod wire;

use axum::Router;
use axum::middleware;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::board::Faults;
use crate::services::engine::Engine;
use wire::{Listener, Peer};

/// What the layers of the door share.
#[derive(Debug, Clone)]
pub struct Door {
    pub faults: Faults,
    pub engine: Engine,
}

/// Serves `router` on `listener` until `stop`.
pub fn serve(
    listener: TcpListener,
    router: Router,
    door: Door,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let faults = door.faults.clone();
    let listener = Listener::new(listener, door.clone());
    let service = router
        .layer(middleware::from_fn_with_state(door, rest::around))
        .into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move {
        let stopped = async move {
            // An error means that the sender is gone, which also is the end.
            let _ = stop.wait_for(|stop| *stop).await;
            // What is held back must not keep the venue from closing its connections.
            faults.remove(None);
        };
        if let Err(e) = axum::serve(listener, service)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(error = %e, "the listener ended");
        }
    })
}
