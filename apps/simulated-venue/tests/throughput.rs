//! Many callers at once: every answered order is durable, and they share the disk.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "auction/support.rs"]
#[allow(dead_code, reason = "this test needs the venue only")]
mod support;

use std::time::Instant;

use simulated_venue::clock::Clock;
use simulated_venue::models::orders::{Input, Side};
use simulated_venue::services::accounts::Accounts;
use simulated_venue::services::engine::Engine;
use simulated_venue::services::limits::Limits;
use simulated_venue::services::shell::{LogRecord, Shell, replay};
use simulated_venue::services::store::Store;
use simulated_venue::settings::{LimitSettings, Mode};
use support::{ACCOUNTS, accounts, build, filters, limit};

const CALLERS: i64 = 64;
const EACH: i64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_orders_share_the_disk_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = || build(accounts(), filters(), Vec::new());
    let opened = Store::open::<LogRecord>(dir.path()).unwrap();
    let limits = Limits::new(LimitSettings::for_mode(false));
    let who = (Accounts::new(&[]), Mode::Market);
    let shell = Shell::new(fresh(), opened.store, limits, Clock::Wall, who);
    let (engine, ended) = Engine::start(shell).unwrap();
    let began = Instant::now();
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let engine = engine.clone();
        callers.push(tokio::spawn(async move {
            for n in 0..EACH {
                let (account, side) = match caller % 2 {
                    0 => (ACCOUNTS[0], Side::Buy),
                    _ => (ACCOUNTS[1], Side::Sell),
                };
                let input = Input::Order(limit(account, side, 95 + (caller + n) % 11, 10));
                let placed = engine.call(move |shell| shell.apply(&input, None).is_ok());
                assert!(placed.await.unwrap());
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
    let took = began.elapsed().as_secs_f64();
    let asked = engine.call(|shell| (shell.state.chain_hash(), shell.syncs()));
    let (hash, syncs) = asked.await.unwrap();
    drop(engine);
    ended.thread.join().unwrap();
    let total = CALLERS * EACH;
    let rate = total as f64 / took;
    eprintln!("{total} durable orders, {rate:.0} per second, {syncs} waits for the disk");
    assert!(
        syncs * 8 <= u64::try_from(total).unwrap(),
        "{syncs} waits for the disk"
    );
    let opened = Store::open::<LogRecord>(dir.path()).unwrap();
    assert_eq!(opened.records.len(), usize::try_from(total).unwrap());
    let mut again = fresh();
    replay(&mut again, &opened.records, "").unwrap();
    assert_eq!(again.chain_hash(), hash);
}
