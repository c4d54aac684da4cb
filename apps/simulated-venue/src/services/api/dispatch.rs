//! One request from arrival to answer: weight, key, signature, time window, handler.

use std::net::IpAddr;

use serde_json::Value;

use super::endpoints::{Endpoint, Security};
use super::params::Params;
use super::units::TimeUnit;
use super::{account, history, info, lists, market, replace, trade};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::decimal::{self, DecimalError};
use crate::services::faults::Faults;
use crate::services::faults::calls::Call;
use crate::services::faults::engine::lag;
use crate::services::limits::OrderCounts;
use crate::services::shell::Shell;

const DEFAULT_WINDOW_US: i64 = 5_000_000;
const LONGEST_WINDOW_US: i64 = 60_000_000;
/// Timestamps beyond this are microseconds: it is the year 5138 in milliseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// A request as it came in.
#[derive(Debug)]
pub struct Request {
    pub endpoint: Endpoint,
    pub params: Params,
    pub address: IpAddr,
    pub credentials: Presented,
    pub unit: TimeUnit,
}

impl Request {
    /// The request as fault rules see it, once they ask.
    fn as_call(&self) -> impl FnOnce(&Faults) -> Call + use<> {
        let (endpoint, params) = (self.endpoint, self.params.clone());
        let Presented {
            api_key,
            session_key,
            ..
        } = &self.credentials;
        let api_key = api_key.clone().or_else(|| session_key.clone());
        move |faults| Call::of_endpoint(endpoint, params.into_map(), faults, api_key.as_deref())
    }
}

/// What the caller shows to prove who it is.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    pub api_key: Option<String>,
    /// The bytes that should have been signed; `None` if they were not properly encoded.
    pub payload: Option<Vec<u8>>,
    /// The key that a WebSocket API session is logged on with; it signs for its requests.
    pub session_key: Option<String>,
}

/// Who a request turned out to come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub account: AccountId,
    pub can_trade: bool,
    pub can_withdraw: bool,
    /// Only these keys may log on to a session.
    pub is_ed25519: bool,
    /// The last millisecond at which the request may reach the engine.
    pub valid_until: i64,
}

/// The answer and the counters that go with it.
#[derive(Debug)]
pub struct Reply {
    pub result: Result<Value, VenueError>,
    pub used_weight: u32,
    /// Orders in the current ten seconds and day, for requests that place orders.
    pub order_counts: Option<OrderCounts>,
}

/// Answers one request on the engine thread.
pub fn handle(shell: &mut Shell, request: Request) -> Reply {
    let now = shell.clock.now_ms();
    let (endpoint, address) = (request.endpoint, request.address);
    let weight = endpoint.weight(&request.params);
    let mut account = None;
    let result = shell.limits.charge(address, weight, now).and_then(|()| {
        let call = request.as_call();
        lag::around(shell, call, |shell| {
            answer(shell, request, now, &mut account)
        })
    });
    if result.is_ok() && endpoint.is_free_on_success() {
        shell.limits.refund(address, weight);
    }
    let counted = account.filter(|_| endpoint.orders_placed() > 0);
    Reply {
        result,
        used_weight: shell.limits.used_weight(address),
        order_counts: counted.map(|account| shell.limits.order_counts(account, now)),
    }
}

/// `account` tells whose request it was, also when it is refused later on.
fn answer(
    shell: &mut Shell,
    request: Request,
    now: i64,
    account: &mut Option<AccountId>,
) -> Result<Value, VenueError> {
    let Request {
        endpoint,
        mut params,
        credentials,
        unit,
        ..
    } = request;
    let value = if endpoint.is_signed() {
        let caller = authenticate(shell, &mut params, &credentials, now)?;
        *account = Some(caller.account);
        if endpoint.security() == Security::Trade && !caller.can_trade {
            return Err(VenueError::rejected_key());
        }
        private(shell, endpoint, &mut params, &caller)?
    } else {
        // Some clients send their key with everything; public requests do not look at it.
        params.forget(&["apiKey"]);
        public(shell, endpoint, &mut params, now)?
    };
    let has_bars = matches!(endpoint, Endpoint::Klines | Endpoint::UiKlines);
    Ok(unit.show(value, has_bars))
}

/// Checks key, signature and time window; removes their parameters.
///
/// # Errors
/// `-2014`, `-2015`, `-1102`, `-1022`, `-1021`, in the order in which the checks are made.
pub fn authenticate(
    shell: &Shell,
    params: &mut Params,
    credentials: &Presented,
    now: i64,
) -> Result<Caller, VenueError> {
    // A request that brings its own key is judged by it, also within a session.
    let session = credentials
        .session_key
        .as_ref()
        .filter(|_| credentials.api_key.is_none());
    let api_key = session.or(credentials.api_key.as_ref());
    let is_key = |key: &&String| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
    let Some(api_key) = api_key.filter(is_key) else {
        return Err(VenueError::new(401, -2014, "API-key format invalid."));
    };
    let Some(known) = shell.accounts.key(api_key) else {
        return Err(VenueError::rejected_key());
    };
    let timestamp = params
        .integer("timestamp")?
        .ok_or_else(|| VenueError::missing("timestamp"))?;
    let window = window_us(params)?;
    if session.is_none() {
        let signature = params.required("signature")?;
        let is_signed = |payload: &Vec<u8>| known.key.verify(payload, &signature);
        if !credentials.payload.as_ref().is_some_and(is_signed) {
            let text = "Signature for this request is not valid.";
            return Err(VenueError::bad_request(-1022, text));
        }
    }
    params.forget(&["apiKey", "signature"]);
    Ok(Caller {
        account: known.account,
        can_trade: known.can_trade,
        can_withdraw: known.can_withdraw,
        is_ed25519: known.key.is_ed25519(),
        valid_until: valid_until(timestamp, window, now)?,
    })
}

/// `timestamp < server + 1000 ms` and `server - timestamp <= recvWindow`, in microseconds.
fn valid_until(timestamp: i64, window: i64, now: i64) -> Result<i64, VenueError> {
    let sent_at = if timestamp >= MICROSECONDS_FROM {
        timestamp
    } else {
        timestamp * 1_000
    };
    let now_us = now * 1_000;
    if sent_at >= now_us + 1_000_000 {
        let text = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(VenueError::bad_request(-1021, text));
    }
    if now_us - sent_at > window {
        return Err(VenueError::stale_timestamp());
    }
    Ok((sent_at + window).div_euclid(1_000))
}

/// `recvWindow`: milliseconds with up to three decimals, at most 60 000.
fn window_us(params: &mut Params) -> Result<i64, VenueError> {
    let name = "recvWindow";
    let Some(text) = params.take(name)? else {
        return Ok(DEFAULT_WINDOW_US);
    };
    let wire = decimal::parse(&text).map_err(|e| match e {
        DecimalError::Illegal => VenueError::illegal(name, "^[0-9]{1,5}(\\.[0-9]{1,3})?$"),
        DecimalError::TooPrecise => VenueError::too_precise(name),
        DecimalError::Overflow => VenueError::overflow(name),
    })?;
    // Scale 8 in milliseconds to microseconds.
    let unit = 100_000;
    if wire % unit != 0 {
        return Err(VenueError::too_precise(name));
    }
    i64::try_from(wire / unit)
        .ok()
        .filter(|window| *window <= LONGEST_WINDOW_US)
        .ok_or_else(|| {
            // errors.md, "-1131 BAD_RECV_WINDOW".
            VenueError::bad_request(-1131, "recvWindow must be less than 60000.")
        })
}

fn public(
    shell: &Shell,
    endpoint: Endpoint,
    params: &mut Params,
    now: i64,
) -> Result<Value, VenueError> {
    match endpoint {
        Endpoint::ExchangeInfo => info::exchange_info(shell, params, now),
        Endpoint::ExecutionRules => info::execution_rules(shell, params),
        _ => market::answer(shell, endpoint, params, now),
    }
}

fn private(
    shell: &mut Shell,
    endpoint: Endpoint,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    match endpoint {
        Endpoint::PlaceOrder => trade::place_order(shell, params, caller),
        Endpoint::TestOrder => trade::test_order(shell, params, caller),
        Endpoint::CancelOrder => trade::cancel_order(shell, params, caller),
        Endpoint::CancelOpenOrders => trade::cancel_open_orders(shell, params, caller),
        Endpoint::CancelReplace => replace::cancel_replace(shell, params, caller),
        Endpoint::AmendOrder => replace::amend(shell, params, caller),
        Endpoint::PlaceOldOco => lists::place_old_oco(shell, params, caller),
        Endpoint::PlaceOco => lists::place_oco(shell, params, caller),
        Endpoint::PlaceOto => lists::place_oto(shell, params, caller),
        Endpoint::PlaceOtoco => lists::place_otoco(shell, params, caller),
        Endpoint::PlaceOpo | Endpoint::PlaceOpoco => Err(VenueError::rejected(
            "OPO orders are not supported for this symbol.",
        )),
        Endpoint::CancelList => lists::cancel_list(shell, params, caller),
        Endpoint::QueryList => lists::query_list(shell, params, caller),
        Endpoint::OpenLists => lists::open_lists(shell, params, caller),
        Endpoint::AllLists => lists::all_lists(shell, params, caller),
        Endpoint::QueryOrder => history::query_order(shell, params, caller),
        Endpoint::OpenOrders => history::open_orders(shell, params, caller),
        Endpoint::AllOrders => history::all_orders(shell, params, caller),
        Endpoint::Amendments => history::amendments(shell, params, caller),
        Endpoint::MyTrades => history::my_trades(shell, params, caller),
        Endpoint::PreventedMatches => history::prevented_matches(shell, params, caller),
        Endpoint::Allocations => history::allocations(shell, params),
        Endpoint::Account => account::account(shell, params, caller),
        Endpoint::Commission => account::commission(shell, params, caller),
        Endpoint::OrderCounts => account::order_counts(shell, params, caller),
        Endpoint::MyFilters => info::my_filters(shell, params, caller),
        // Smart order routing is not modelled; `sors` is absent from exchangeInfo.
        _ => Err(VenueError::unsupported()),
    }
}
