//! Files that gateway and venue start from.

use std::path::Path;

use serde_json::json;

use super::{APPROVAL_KEY, Bar, CONTROL_TOKEN, READER_SECRET, SERVICE_SECRET};

const FIRST_OPEN: i64 = 1_632_700_800_000;
const BAR_MS: i64 = 900_000;

fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

pub(super) fn write_secrets(dir: &Path) {
    write_secret(&dir.join("control-token"), CONTROL_TOKEN);
    let venue = json!({ "api_key": "venue-key", "api_secret": "venue-secret" });
    write_secret(&dir.join("venue-credentials.json"), &venue.to_string());
    let scopes = ["read", "orders:write", "orders:cancel", "admin:kill"];
    let keys = json!({
        "approval_key": APPROVAL_KEY,
        "keys": [
            { "id": "orchestrator", "secret": SERVICE_SECRET, "scopes": scopes },
            { "id": "reader", "secret": READER_SECRET, "scopes": ["read"] },
        ],
    });
    write_secret(&dir.join("keys.json"), &keys.to_string());
}

pub(super) fn write_venue_config(dir: &Path, port: u16, control_port: u16) {
    let text = format!(
        r#"
listen = "127.0.0.1:{port}"
control_listen = "127.0.0.1:{control_port}"
port_file = "venue.port"
state_dir = "venue-state"
control_token_file = "control-token"
credentials_file = "venue-credentials.json"
mode = "lockstep"
balances = {{ USD = "10000" }}
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
slippage_bps = "2"
[[instrument]]
instrument_id = "BTC-USD.SIM"
symbol = "BTCUSD"
base_currency = "BTC"
quote_currency = "USD"
price_scale = 2
quantity_scale = 5
tick_size = "0.01"
step_size = "0.00001"
min_quantity = "0.00001"
min_notional = "10"
timeframe = "15m"
columns_dir = "columns"
"#
    );
    std::fs::write(dir.join("venue.toml"), text).unwrap();
}

pub(super) fn write_columns(dir: &Path, bars: &[Bar]) {
    std::fs::create_dir_all(dir).unwrap();
    let count = i64::try_from(bars.len()).unwrap();
    let opened: Vec<[u8; 8]> = (0..count)
        .map(|index| (FIRST_OPEN + BAR_MS * index).to_le_bytes())
        .collect();
    npy(&dir.join("opened_at.npy"), "<i8", &opened);
    for (index, name) in ["open", "high", "low", "close"].into_iter().enumerate() {
        let column: Vec<[u8; 8]> = bars.iter().map(|bar| bar[index].to_le_bytes()).collect();
        npy(&dir.join(format!("{name}.npy")), "<i8", &column);
    }
    let volume: Vec<[u8; 8]> = bars.iter().map(|_| 1.5_f64.to_le_bytes()).collect();
    npy(&dir.join("volume.npy"), "<f8", &volume);
    npy(&dir.join("flags.npy"), "|u1", &vec![[0_u8]; bars.len()]);
}

fn npy<const N: usize>(path: &Path, kind: &str, values: &[[u8; N]]) {
    let shape = values.len();
    let mut header =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape},), }}");
    while (11 + header.len()) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values.concat());
    std::fs::write(path, file).unwrap();
}
