//! A running gateway on the stub venue.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use execution_gateway::clock::SystemClock;
use execution_gateway::secrets::load_keys;
use execution_gateway::services::metrics::Metrics;
use execution_gateway::settings::Settings;
use execution_gateway::{Shared, serve_gateway};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::load::{self, Caller, Maker};
use super::stub::StubVenue;
use super::{Outcome, text};

/// A running gateway on the stub.
pub(crate) struct Rig {
    pub(crate) port: u16,
    pub(crate) journal: PathBuf,
    pub(crate) venue: Arc<StubVenue>,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<Result<(), execution_gateway::error::GatewayError>>,
    _dir: tempfile::TempDir,
}

fn write_secret(path: &Path, body: &Value) -> Outcome<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, body.to_string()).map_err(text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(text)
}

impl Rig {
    pub(crate) async fn start(base: &Path) -> Outcome<Self> {
        let dir = tempfile::tempdir_in(base).map_err(text)?;
        let at = dir.path();
        let scopes = ["read", "orders:write", "orders:cancel", "admin:kill"];
        let key = json!({ "id": "bench", "secret": load::SERVICE_SECRET, "scopes": scopes });
        let keys = json!({ "approval_key": load::APPROVAL_KEY, "keys": [key] });
        write_secret(&at.join("keys.json"), &keys)?;
        let config = include_str!("gateway.toml");
        std::fs::write(at.join("gateway.toml"), config).map_err(text)?;
        let settings = Settings::load(&at.join("gateway.toml")).map_err(text)?;
        let keys = load_keys(&settings.keys_file).map_err(text)?;
        let venue = Arc::new(StubVenue::new()?);
        let shared = Shared {
            venue: Arc::clone(&venue) as _,
            clock: Arc::new(SystemClock),
            metrics: Arc::new(Metrics::new().map_err(text)?),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (journal, port_file) = (settings.journal_dir.clone(), settings.port_file.clone());
        let until = async move {
            stopped.await.ok();
            Ok(())
        };
        let task = tokio::spawn(serve_gateway(settings, keys, shared, until));
        let port = wait_for_port(&port_file).await?;
        let rig = Self {
            port,
            journal,
            venue,
            stop: Some(stop),
            task,
            _dir: dir,
        };
        rig.until_ready().await?;
        Ok(rig)
    }

    async fn until_ready(&self) -> Outcome<()> {
        let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let started = Instant::now();
        let mut last = String::new();
        while started.elapsed() < Duration::from_secs(10) {
            let mut caller = Caller::connect(self.port).await.map_err(text)?;
            let (status, body) = caller.send(request).await.map_err(text)?;
            if status == 200 {
                return Ok(());
            }
            last = body;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let status = Maker::new()?.request("GET", "/v1/status", "", "")?;
        let mut caller = Caller::connect(self.port).await.map_err(text)?;
        let (_, status) = caller.send(&status).await.map_err(text)?;
        Err(format!("the gateway never became ready: {last} {status}"))
    }

    pub(crate) async fn finish(mut self) -> Outcome<()> {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        self.task.await.map_err(text)?.map_err(text)
    }
}

async fn wait_for_port(file: &Path) -> Outcome<u16> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        if let Ok(port) = std::fs::read_to_string(file)
            && let Ok(port) = port.trim().parse()
        {
            return Ok(port);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err("the gateway opened no port".to_owned())
}
