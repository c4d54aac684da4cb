//! Time windows at their exact edges, with the clock held still.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use simulated_venue::clock::Clock;
use simulated_venue::models::accounts::AccountId;
use simulated_venue::models::orders::{Input, OrderOptions, OrderTicket, Side, Terms};
use simulated_venue::services::api::dispatch::{Presented, Reply, Request, handle};
use simulated_venue::services::api::endpoints::Endpoint;
use simulated_venue::services::api::params::Params;
use simulated_venue::services::api::units::TimeUnit;
use simulated_venue::services::server::load;
use simulated_venue::services::shell::Shell;
use simulated_venue::services::signing::rest_payload;
use simulated_venue::settings::Settings;
use support::{API_KEY, quiet_path, signed_text, write_config};
use tempfile::TempDir;

const NOW: i64 = 1_800_000_000_000;

fn shell() -> (Shell, Arc<AtomicI64>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &quiet_path(), "lockstep", "");
    let settings = Settings::load(&dir.path().join("venue.toml")).unwrap();
    let now = Arc::new(AtomicI64::new(NOW));
    (
        load(&settings, Clock::Fixed(Arc::clone(&now))).unwrap(),
        now,
        dir,
    )
}

fn account(shell: &mut Shell, sent_at: i64, window: &str) -> Reply {
    let query = signed_text(
        sent_at,
        &[("timestamp", &sent_at.to_string()), ("recvWindow", window)],
    );
    let credentials = Presented {
        api_key: Some(API_KEY.to_owned()),
        payload: rest_payload(&query, ""),
        session_key: None,
    };
    let request = Request {
        endpoint: Endpoint::Account,
        params: Params::from_parts(&query, "").unwrap(),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        credentials,
        unit: TimeUnit::default(),
    };
    handle(shell, request)
}

#[test]
fn a_timestamp_is_good_within_the_window_and_a_second_ahead() {
    let (mut shell, _, _dir) = shell();
    for (offset, window, is_good) in [
        (0, "0", true),
        (-300, "300", true),
        (-301, "300", false),
        (-300, "300.999", true),
        (-5_000, "5000", true),
        (999, "300", true),
        (1_000, "300", false),
    ] {
        let result = account(&mut shell, NOW + offset, window).result;
        let code = result.as_ref().err().map(|e| e.code);
        assert_eq!(code, (!is_good).then_some(-1021), "{offset} {window}");
    }
}

#[test]
fn a_request_that_waited_too_long_does_not_reach_the_engine() {
    let (mut shell, now, _dir) = shell();
    let input = Input::Order(OrderTicket {
        market: 0,
        side: Side::Buy,
        quantity: 100_000,
        terms: Terms::Market,
        client_order_id: None,
        account: AccountId::FIRST,
        options: OrderOptions::default(),
    });
    now.store(NOW + 301, Ordering::SeqCst);
    assert_eq!(
        shell.apply(&input, Some(NOW + 300)).unwrap_err().code,
        -1021
    );
    assert_eq!(
        (shell.state.inputs(), shell.state.last_execution_id()),
        (0, 0)
    );
    now.store(NOW + 300, Ordering::SeqCst);
    shell.apply(&input, Some(NOW + 300)).unwrap();
    assert_eq!(shell.state.last_execution_id(), 2);
}
