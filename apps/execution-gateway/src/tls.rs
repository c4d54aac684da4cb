//! TLS towards the venue: rustls with ring, the public web roots, and an optional root of one's
//! own for test venues.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use crate::settings::ConfigError;

static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();

fn refuse(path: &Path, problem: String) -> ConfigError {
    ConfigError {
        file: path.display().to_string(),
        line: None,
        key: "venue.ca_file".to_owned(),
        problem,
        allowed: "PEM file with at least one CERTIFICATE block".to_owned(),
    }
}

/// Roots of the public web plus those of `ca_file`.
///
/// # Errors
/// `ConfigError` when the file cannot be read or holds no certificate.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, ConfigError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = ca_file {
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| refuse(path, error.to_string()))?;
        let (added, ignored) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            let problem = format!("no usable certificate ({ignored} ignored)");
            return Err(refuse(path, problem));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(ca_file.unwrap_or(Path::new("-")), error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Makes the configuration the one of this process; the first call wins.
pub fn install(config: ClientConfig) -> Arc<ClientConfig> {
    Arc::clone(CONFIG.get_or_init(|| Arc::new(config)))
}

/// Opens a WebSocket, `ws://` or `wss://`.
///
/// # Errors
/// What the connection or the handshake failed with.
pub async fn connect_socket(
    url: &str,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, String> {
    let config = CONFIG.get().cloned();
    let config = match config {
        Some(config) => config,
        None => install(client_config(None).map_err(|error| error.to_string())?),
    };
    let connector = Some(Connector::Rustls(config));
    tokio_tungstenite::connect_async_tls_with_config(url, None, true, connector)
        .await
        .map(|(socket, _)| socket)
        .map_err(|error| error.to_string())
}
