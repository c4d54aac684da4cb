//! A plain TCP proxy with faults, for any two processes: it knows bytes and connections, nothing of
//! what they mean.

pub mod board;
mod control;
mod relay;
pub mod rules;
pub mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::error::StartError;
use board::Board;
use settings::{LinkSettings, Settings};

/// One proxied address.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    target: Mutex<SocketAddr>,
    pub(crate) connections: AtomicU64,
    pub(crate) to_target: AtomicU64,
    pub(crate) to_client: AtomicU64,
}

impl Link {
    pub(crate) fn target(&self) -> SocketAddr {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where connections from now on lead: a target that restarted may have another port.
    pub(crate) fn set_target(&self, target: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }
}

/// What control and relays share.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    pub(crate) links: Arc<Vec<Arc<Link>>>,
    pub(crate) board: Board,
}

/// A proxy that listens.
#[derive(Debug)]
pub struct Running {
    pub control_address: SocketAddr,
    /// By link name.
    pub addresses: BTreeMap<String, SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Ends everything at once, open connections included.
    pub fn stop(self) {
        for task in self.tasks {
            task.abort();
        }
    }
}

/// Listens on every link and on the control port, then writes the port file: the control port,
/// then `name port` per link.
///
/// # Errors
/// `StartError` naming what is wrong; nothing listens in that case.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let (control, control_address) = listen(settings.control_listen).await?;
    let mut listeners = Vec::new();
    let mut links = Vec::new();
    for link in &settings.links {
        let (listener, address) = listen(link.listen).await?;
        listeners.push(listener);
        links.push(Arc::new(open(link, address)));
    }
    let names = links.iter().map(|link| link.name.clone()).collect();
    let proxy = Proxy {
        links: Arc::new(links),
        board: Board::new(names, settings.seed),
    };
    let mut tasks: Vec<JoinHandle<()>> = listeners
        .into_iter()
        .zip(proxy.links.iter())
        .map(|(listener, link)| {
            tokio::spawn(relay::accept(listener, link.clone(), proxy.board.clone()))
        })
        .collect();
    let router = control::router(proxy.clone(), &settings.control_token);
    tasks.push(tokio::spawn(async move {
        if let Err(e) = axum::serve(control, router).await {
            tracing::error!(error = %e, "the control port ended");
        }
    }));
    let addresses: BTreeMap<String, SocketAddr> = proxy
        .links
        .iter()
        .map(|link| (link.name.clone(), link.address))
        .collect();
    settings::write_ports(&settings.port_file, control_address, &proxy.links)?;
    tracing::info!(%control_address, ?addresses, "proxy is listening");
    Ok(Running {
        control_address,
        addresses,
        tasks,
    })
}

fn open(settings: &LinkSettings, address: SocketAddr) -> Link {
    Link {
        name: settings.name.clone(),
        address,
        target: Mutex::new(settings.target),
        connections: AtomicU64::new(0),
        to_target: AtomicU64::new(0),
        to_client: AtomicU64::new(0),
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let wrong = |source| StartError::Listen {
        address: address.to_string(),
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok((listener, address))
}

pub(crate) fn counted(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
