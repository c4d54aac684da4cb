//! `proxy.toml`. Relative paths are relative to the file; unknown keys are errors.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::Link;
use crate::error::StartError;

/// What the proxy needs to start.
#[derive(Debug, Clone)]
pub struct Settings {
    pub control_listen: SocketAddr,
    pub control_token: String,
    pub port_file: PathBuf,
    /// Of the jitter and the chances that rules ask for.
    pub seed: u64,
    pub links: Vec<LinkSettings>,
}

/// One `[[link]]`: connections to `listen` lead to `target`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkSettings {
    pub name: String,
    pub listen: SocketAddr,
    pub target: SocketAddr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the keys of proxy.toml"
)]
struct File {
    control_listen: SocketAddr,
    control_token_file: PathBuf,
    port_file: PathBuf,
    #[serde(default)]
    seed: u64,
    link: Vec<LinkSettings>,
}

fn read(path: &Path) -> Result<String, StartError> {
    std::fs::read_to_string(path).map_err(|source| StartError::Read {
        path: path.to_owned(),
        source,
    })
}

impl Settings {
    /// Reads `path` and the token file it names.
    ///
    /// # Errors
    /// `StartError` with the file, the key and what is allowed.
    pub fn load(path: &Path) -> Result<Self, StartError> {
        let file: File =
            toml::from_str(&read(path)?).map_err(|e| StartError::config(path, e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let token_path = folder.join(&file.control_token_file);
        let token = read(&token_path)?.trim().to_owned();
        if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let text =
                "the control token must be one line of at least 16 printable ASCII characters";
            return Err(StartError::config(&token_path, text));
        }
        let wrong = |text: String| Err(StartError::config(path, text));
        if file.link.is_empty() {
            return wrong("no [[link]]: at least one is needed".to_owned());
        }
        for (index, link) in file.link.iter().enumerate() {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if link.name.is_empty() || !link.name.bytes().all(legal) {
                let name = &link.name;
                return wrong(format!("link.name = \"{name}\": allowed a-z A-Z 0-9 - _"));
            }
            if file
                .link
                .iter()
                .take(index)
                .any(|other| other.name == link.name)
            {
                return wrong(format!("link \"{}\" is listed twice", link.name));
            }
        }
        let addresses = file.link.iter().map(|link| ("listen", link.listen));
        for (key, address) in addresses.chain([("control_listen", file.control_listen)]) {
            if !address.ip().is_loopback() {
                return wrong(format!("{key} = \"{address}\": allowed loopback addresses"));
            }
        }
        Ok(Self {
            control_listen: file.control_listen,
            control_token: token,
            port_file: folder.join(file.port_file),
            seed: file.seed,
            links: file.link,
        })
    }
}

/// In place at once or not at all.
pub(super) fn write_ports(
    path: &Path,
    control: SocketAddr,
    links: &[Arc<Link>],
) -> Result<(), StartError> {
    let mut text = format!("{}\n", control.port());
    for link in links {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{} {}", link.name, link.address.port());
    }
    let draft = path.with_extension("port.tmp");
    std::fs::write(&draft, text)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|source| StartError::Read {
            path: path.to_owned(),
            source,
        })
}
