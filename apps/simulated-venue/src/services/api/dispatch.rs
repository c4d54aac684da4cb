//! One request from arrival to answer: weight, key, signature, time window, handler.

use std::net::IpAddr;

use serde_json::Value;

use super::endpoints::Endpoint;
use super::params::Params;
use super::{account, market, trade};
use crate::error::VenueError;
use crate::services::faults::Faults;
use crate::services::faults::calls::Call;
use crate::services::faults::engine::lag;
use crate::services::shell::Shell;
use crate::services::signing;

const DEFAULT_WINDOW_MS: i128 = 5_000;
const LONGEST_WINDOW_MS: i128 = 60_000;
/// Timestamps beyond this are microseconds: it is the year 5138 in milliseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// A request as it came in.
#[derive(Debug)]
pub struct Request {
    pub endpoint: Endpoint,
    pub params: Params,
    pub address: IpAddr,
    pub credentials: Presented,
}

impl Request {
    /// The request as fault rules see it, once they ask.
    fn as_call(&self) -> impl FnOnce(&Faults) -> Call + use<> {
        let (endpoint, params) = (self.endpoint, self.params.clone());
        let api_key = self.credentials.api_key.clone();
        move |faults| Call::of_endpoint(endpoint, params.into_map(), faults, api_key.as_deref())
    }
}

/// What the caller shows to prove who it is.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    pub api_key: Option<String>,
    /// The bytes that should have been signed; `None` if they were not properly encoded.
    pub payload: Option<Vec<u8>>,
}

/// The answer and the counters that go with it.
#[derive(Debug)]
pub struct Reply {
    pub result: Result<Value, VenueError>,
    pub used_weight: u32,
    /// Orders in the current ten seconds and day, for requests that place orders.
    pub order_counts: Option<(u32, u32)>,
}

/// Answers one request on the engine thread.
pub fn handle(shell: &mut Shell, request: Request) -> Reply {
    let now = shell.clock.now_ms();
    let (endpoint, address) = (request.endpoint, request.address);
    let weight = endpoint.weight(&request.params);
    let result = shell.limits.charge(address, weight, now).and_then(|()| {
        let call = request.as_call();
        lag::around(shell, call, |shell| answer(shell, request, now))
    });
    if result.is_ok() && endpoint.is_free_on_success() {
        shell.limits.refund(address, weight);
    }
    let places = matches!(endpoint, Endpoint::PlaceOrder | Endpoint::PlaceOco);
    Reply {
        result,
        used_weight: shell.limits.used_weight(address),
        order_counts: places.then(|| shell.limits.order_counts(now)),
    }
}

fn answer(shell: &mut Shell, request: Request, now: i64) -> Result<Value, VenueError> {
    let Request {
        endpoint,
        mut params,
        credentials,
        ..
    } = request;
    if !endpoint.is_signed() {
        return public(shell, endpoint, &mut params, now);
    }
    let valid_until = authenticate(shell, &mut params, &credentials, now)?;
    private(shell, endpoint, &mut params, valid_until)
}

/// Checks key, signature and time window; removes their parameters.
///
/// Returns the last millisecond at which the request may reach the engine.
pub fn authenticate(
    shell: &Shell,
    params: &mut Params,
    credentials: &Presented,
    now: i64,
) -> Result<i64, VenueError> {
    let is_key = |key: &&String| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
    let Some(api_key) = credentials.api_key.as_ref().filter(is_key) else {
        return Err(VenueError::new(401, -2014, "API-key format invalid."));
    };
    if *api_key != shell.credentials.api_key {
        let text = "Invalid API-key, IP, or permissions for action.";
        return Err(VenueError::new(401, -2015, text));
    }
    let timestamp = params
        .integer("timestamp")?
        .ok_or_else(|| VenueError::missing("timestamp"))?;
    let window = window_ms(params)?;
    let signature = params.required("signature")?;
    params.forget(&["apiKey"]);
    let secret = &shell.credentials.api_secret;
    let is_signed = |payload: &Vec<u8>| signing::verify(secret, payload, &signature);
    if !credentials.payload.as_ref().is_some_and(is_signed) {
        return Err(VenueError::bad_request(
            -1022,
            "Signature for this request is not valid.",
        ));
    }
    let sent_at = if timestamp >= MICROSECONDS_FROM {
        timestamp / 1_000
    } else {
        timestamp
    };
    if sent_at >= now + 1_000 {
        let text = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(VenueError::bad_request(-1021, text));
    }
    if now - sent_at > window {
        return Err(VenueError::stale_timestamp());
    }
    Ok(sent_at + window)
}

/// `recvWindow` in whole milliseconds; the documented maximum is 60 000.
fn window_ms(params: &mut Params) -> Result<i64, VenueError> {
    let unit = 100_000_000;
    let window = params
        .decimal("recvWindow")?
        .unwrap_or(DEFAULT_WINDOW_MS * unit)
        / unit;
    if window > LONGEST_WINDOW_MS {
        let text = "'recvWindow' contains unexpected value. Cannot be greater than '60000'.";
        return Err(VenueError::bad_request(-1102, text));
    }
    i64::try_from(window).map_err(|_| VenueError::internal())
}

fn public(
    shell: &Shell,
    endpoint: Endpoint,
    params: &mut Params,
    now: i64,
) -> Result<Value, VenueError> {
    match endpoint {
        Endpoint::Time => market::time(params, now),
        Endpoint::ExchangeInfo => market::exchange_info(shell, params, now),
        Endpoint::Klines => market::klines(shell, params),
        Endpoint::Depth => market::depth(shell, params),
        Endpoint::TickerPrice => market::ticker_price(shell, params),
        Endpoint::BookTicker => market::book_ticker(shell, params),
        Endpoint::Ticker24h => market::ticker_24h(shell, params),
        _ => market::ping(params),
    }
}

fn private(
    shell: &mut Shell,
    endpoint: Endpoint,
    params: &mut Params,
    valid_until: i64,
) -> Result<Value, VenueError> {
    match endpoint {
        Endpoint::PlaceOrder => trade::place_order(shell, params, valid_until),
        Endpoint::TestOrder => trade::test_order(shell, params),
        Endpoint::CancelOrder => trade::cancel_order(shell, params, valid_until),
        Endpoint::CancelOpenOrders => trade::cancel_open_orders(shell, params, valid_until),
        Endpoint::PlaceOco => trade::place_oco(shell, params, valid_until),
        Endpoint::CancelList => trade::cancel_list(shell, params, valid_until),
        Endpoint::QueryOrder => account::query_order(shell, params),
        Endpoint::OpenOrders => account::open_orders(shell, params),
        Endpoint::AllOrders => account::all_orders(shell, params),
        Endpoint::MyTrades => account::my_trades(shell, params),
        Endpoint::Account => account::account(shell, params),
        Endpoint::OrderCounts => account::order_counts(shell, params),
        Endpoint::QueryList => account::query_list(shell, params),
        Endpoint::OpenLists => account::open_lists(shell, params),
        Endpoint::AllLists => account::all_lists(shell, params),
        _ => Err(VenueError::unsupported()),
    }
}
