//! Control of mode "market": the feed, the ledger, deposits and withdrawals, symbols, the reset.

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{problem, wire_time};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::decimal;
use crate::models::orders::{FeedReply, Input, SymbolStatus, TransferTicket};
use crate::services::core::Outcome;
use crate::services::engine::Engine;
use crate::services::shell::Shell;

/// Feed events that one request may ask for.
const MOST_EVENTS: u64 = 1_000_000;

pub(super) fn routes() -> Router<Engine> {
    Router::new()
        .route("/sim/v1/advance", post(advance))
        .route("/sim/v1/ledger", get(ledger))
        .route("/sim/v1/ledger/hash", get(ledger_hash))
        .route("/sim/v1/deposit", post(deposit))
        .route("/sim/v1/withdraw", post(withdraw))
        .route("/sim/v1/symbol", post(symbol))
        .route("/sim/v1/forget", post(forget))
}

type Body<T> = Result<Json<T>, JsonRejection>;

/// The request, or a problem that shows what was expected.
fn read<T>(body: Body<T>, example: &str) -> Result<T, Box<Response>> {
    match body {
        Ok(Json(request)) => Ok(request),
        Err(e) => {
            let text = format!("expected {example}: {}", e.body_text());
            Err(Box::new(problem(400, &text)))
        }
    }
}

/// Runs `work` on a venue in market mode.
async fn run(
    engine: &Engine,
    work: impl FnOnce(&mut Shell) -> Result<Value, VenueError> + Send + 'static,
) -> Response {
    let guarded = move |shell: &mut Shell| {
        if !shell.state.is_market_mode() {
            let text = "this needs mode = \"market\"; POST /sim/v1/step moves recorded bars";
            return Err(VenueError::new(409, -1020, text));
        }
        work(shell)
    };
    match engine.call(guarded).await {
        Ok(Ok(body)) => Json(body).into_response(),
        Ok(Err(e)) | Err(e) => problem(e.status, &e.message),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceRequest {
    events: u64,
}

async fn advance(State(engine): State<Engine>, body: Body<AdvanceRequest>) -> Response {
    let events = match read(body, "{\"events\":n}") {
        Ok(request) => request.events,
        Err(answer) => return *answer,
    };
    if !(1..=MOST_EVENTS).contains(&events) {
        let text = format!("events = {events}: allowed 1 to {MOST_EVENTS}");
        return problem(400, &text);
    }
    run(&engine, move |shell| {
        let through = shell.state.feed_position().saturating_add(events);
        let outcome = shell.apply(&Input::Feed { through }, None)?;
        // The caller need not wait for more market time to see what the streams have.
        shell.show_now();
        match outcome {
            Outcome::Advanced(reply) => Ok(show_feed(&reply)),
            _ => Err(VenueError::internal()),
        }
    })
    .await
}

fn show_feed(reply: &FeedReply) -> Value {
    json!({
        "position": reply.position,
        "market_time": wire_time(reply.market_time),
        "done": reply.done,
    })
}

fn account_named(shell: &Shell, name: &str) -> Result<AccountId, VenueError> {
    shell.accounts.named(name).ok_or_else(|| {
        let text = format!("account \"{name}\" is not in venue.toml");
        VenueError::new(404, -1000, text)
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerQuery {
    account: Option<String>,
}

async fn ledger(State(engine): State<Engine>, Query(query): Query<LedgerQuery>) -> Response {
    run(&engine, move |shell| {
        let account = match &query.account {
            Some(name) => account_named(shell, name)?,
            None => AccountId::FIRST,
        };
        shell.state.ledger(account)
    })
    .await
}

async fn ledger_hash(State(engine): State<Engine>) -> Response {
    run(&engine, |shell| {
        Ok(json!({"sha256": shell.state.ledger_hash()?}))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferRequest {
    account: String,
    asset: String,
    amount: String,
}

const TRANSFER: &str = "{\"account\":\"name\",\"asset\":\"BTC\",\"amount\":\"1.5\"}";

async fn deposit(State(engine): State<Engine>, body: Body<TransferRequest>) -> Response {
    transfer(engine, body, Input::Deposit).await
}

async fn withdraw(State(engine): State<Engine>, body: Body<TransferRequest>) -> Response {
    transfer(engine, body, Input::Withdraw).await
}

async fn transfer(
    engine: Engine,
    body: Body<TransferRequest>,
    input: fn(TransferTicket) -> Input,
) -> Response {
    let request = match read(body, TRANSFER) {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    run(&engine, move |shell| {
        let account = account_named(shell, &request.account)?;
        let amount = decimal::parse(&request.amount)
            .ok()
            .and_then(|amount| i64::try_from(amount).ok())
            .filter(|amount| *amount > 0);
        let amount = amount.ok_or_else(|| {
            let text = format!(
                "amount = \"{}\": allowed are decimals above 0 with at most 8 places, up to \
                 92000000000",
                request.amount
            );
            VenueError::bad_request(-1100, text)
        })?;
        let ticket = TransferTicket {
            account,
            asset: request.asset.clone(),
            amount,
        };
        shell.apply(&input(ticket), None)?;
        let balances = shell.state.balances_of(account);
        let row = balances.iter().find(|(asset, ..)| *asset == request.asset);
        let (free, locked) = row.map_or((0, 0), |(_, free, locked)| (*free, *locked));
        Ok(json!({
            "account": request.account, "asset": request.asset,
            "free": decimal::format8(free, 8), "locked": decimal::format8(locked, 8),
        }))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SymbolRequest {
    symbol: String,
    status: SymbolStatus,
}

async fn symbol(State(engine): State<Engine>, body: Body<SymbolRequest>) -> Response {
    let request = match read(body, "{\"symbol\":\"BTCUSDT\",\"status\":\"HALT\"}") {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    run(&engine, move |shell| {
        let market = shell.state.market_index(&request.symbol)?;
        let status = request.status;
        shell.apply(&Input::SymbolStatus { market, status }, None)?;
        Ok(json!({"symbol": request.symbol, "status": status.name()}))
    })
    .await
}

async fn forget(State(engine): State<Engine>) -> Response {
    run(&engine, |shell| {
        shell.apply(&Input::Forget, None)?;
        Ok(json!({"forgotten": true}))
    })
    .await
}
