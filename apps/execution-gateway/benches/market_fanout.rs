//! Deliveries per second of the market fan-out in one process: a burst of trades to many
//! subscribers that read at the same time, beside tokio's broadcast channel in the same run.
//!
//! `cargo bench -p execution-gateway --bench market_fanout [-- --json]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement prints"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use execution_gateway::services::streams::events::{Channel, TradeTick};
use execution_gateway::services::streams::hub::MarketHub;
use execution_gateway::services::streams::subscription::Selection;
use rust_common::{InstrumentId, OrderSide, Price, Quantity, UnixMillis};

const SUBSCRIBERS: usize = 100;
const MESSAGES: u64 = 20_000;
const ROUNDS: usize = 5;

fn tick(trade_id: u64) -> TradeTick {
    TradeTick {
        instrument_id: InstrumentId::new("BTC-USD.SIM").unwrap(),
        trade_id,
        price: Price::new(6_173_763, 2).unwrap(),
        quantity: Quantity::new(154_698, 5).unwrap(),
        taker_side: OrderSide::Buy,
        event_at: UnixMillis::new(1_723_161_255_208).unwrap(),
    }
}

/// Time until every subscriber has read every trade.
async fn hub_round() -> Duration {
    let hub = Arc::new(MarketHub::new());
    let selection = Selection {
        channels: BTreeSet::from([Channel::Trades]),
        instruments: None,
    };
    let readers: Vec<_> = (0..SUBSCRIBERS)
        .map(|_| {
            let mut reader = hub.subscribe(selection.clone(), false);
            tokio::spawn(async move {
                // The first frame tells the link.
                let mut missing = MESSAGES + 1;
                while missing > 0 {
                    missing -= reader.next().await.unwrap().len() as u64;
                }
            })
        })
        .collect();
    let received_at = UnixMillis::new(1_723_161_255_209).unwrap();
    let began = Instant::now();
    for number in 1..=MESSAGES {
        hub.trade(&tick(number), received_at);
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
    began.elapsed()
}

/// The same with a broadcast channel of shared text, written once per message as well.
async fn broadcast_round() -> Duration {
    let (sender, _) = broadcast::channel::<Arc<str>>(32_768);
    let readers: Vec<_> = (0..SUBSCRIBERS)
        .map(|_| {
            let mut reader = sender.subscribe();
            tokio::spawn(async move {
                for _ in 0..MESSAGES {
                    reader.recv().await.unwrap();
                }
            })
        })
        .collect();
    let began = Instant::now();
    for number in 1..=MESSAGES {
        let tick = tick(number);
        let text = format!("{} {} {}", tick.trade_id, tick.price, tick.quantity);
        sender.send(text.into()).unwrap();
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
    began.elapsed()
}

fn rate(spent: Duration) -> f64 {
    SUBSCRIBERS as f64 * MESSAGES as f64 / spent.as_secs_f64()
}

fn main() {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    let (mut own, mut base) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(rate(
            runtime.block_on(async { tokio::spawn(hub_round()).await.unwrap() }),
        ));
        base.push(rate(runtime.block_on(async {
            tokio::spawn(broadcast_round()).await.unwrap()
        })));
    }
    for rates in [&mut own, &mut base] {
        rates.sort_by(f64::total_cmp);
    }
    let (own, base) = (own[ROUNDS / 2], base[ROUNDS / 2]);
    if std::env::args().any(|word| word == "--json") {
        let report = serde_json::json!({
            "subscribers": SUBSCRIBERS, "messages": MESSAGES, "rounds": ROUNDS,
            "processors": workers, "deliveries_per_s": own.round(),
            "broadcast_deliveries_per_s": base.round(), "goal": 1_000_000,
            "is_met": own >= 1e6,
        });
        println!("{report}");
        return;
    }
    println!("{SUBSCRIBERS} subscribers, {MESSAGES} trades, median of {ROUNDS}, {workers} CPUs");
    println!("market hub           {own:>12.0} deliveries/s (goal 1,000,000)");
    println!("tokio broadcast      {base:>12.0} deliveries/s (bare channel, no cut-off)");
}
