//! A rule as it is posted, checked against what exists.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::calls::{self, Call};
use super::catalogue::{Fault, Layer};
use super::params::{Start, While};
use super::traffic::{EventFacts, STREAM_KINDS};

const MOST_FIRINGS: u64 = 1_000_000;

/// One rule: which fault, on what, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub id: String,
    #[serde(flatten)]
    pub fault: Fault,
    /// `POST /api/v3/order`; the WebSocket method name means the same call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Matches that pass before the first firing.
    pub skip: u64,
    pub count: u64,
}

/// What the caller writes; the fault is read in a second step so that errors name their field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    id: String,
    fault: String,
    endpoint: Option<String>,
    stream: Option<String>,
    client_order_id: Option<String>,
    account: Option<String>,
    #[serde(default)]
    skip: u64,
    #[serde(default = "one")]
    count: u64,
    #[serde(default)]
    params: Option<Value>,
}

fn one() -> u64 {
    1
}

/// Reads a list of rules. `accounts` are the names that exist.
///
/// # Errors
/// `rules[n].field: what is wrong, what is allowed`.
pub fn read(body: &Value, accounts: &[&str]) -> Result<Vec<Rule>, String> {
    let rows = body
        .as_array()
        .ok_or_else(|| "expected a JSON array of rules".to_owned())?;
    let mut rules: Vec<Rule> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let at = |message: String| format!("rules[{index}]{message}");
        let posted: Posted =
            serde_json::from_value(row.clone()).map_err(|e| at(format!(": {e}")))?;
        let rule = checked(posted, accounts).map_err(|e| at(format!(".{e}")))?;
        if rules.iter().any(|known| known.id == rule.id) {
            return Err(at(format!(".id: \"{}\" is listed twice", rule.id)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn checked(posted: Posted, accounts: &[&str]) -> Result<Rule, String> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if posted.id.is_empty() || posted.id.len() > 64 || !posted.id.bytes().all(is_id) {
        return Err(format!(
            "id: \"{}\": allowed 1 to 64 of a-z A-Z 0-9 - _ .",
            posted.id
        ));
    }
    let fault = fault(&posted.fault, posted.params.clone())?;
    if !(1..=MOST_FIRINGS).contains(&posted.count) {
        return Err(format!(
            "count = {}: allowed 1 to {MOST_FIRINGS}",
            posted.count
        ));
    }
    let endpoint = posted.endpoint.as_deref().map(calls::label).transpose()?;
    if let Some(stream) = &posted.stream {
        check_stream(stream)?;
    }
    if let Some(account) = &posted.account
        && !accounts.contains(&account.as_str())
    {
        return Err(format!(
            "account: \"{account}\": allowed {}",
            accounts.join(", ")
        ));
    }
    let rule = Rule {
        id: posted.id,
        fault,
        endpoint,
        stream: posted.stream,
        client_order_id: posted.client_order_id,
        account: posted.account,
        skip: posted.skip,
        count: posted.count,
    };
    rule.check_selectors()?;
    Ok(rule)
}

fn fault(name: &str, params: Option<Value>) -> Result<Fault, String> {
    if !Fault::NAMES.contains(&name) {
        return Err(format!(
            "fault: \"{name}\": allowed {}",
            Fault::NAMES.join(", ")
        ));
    }
    let params = params.unwrap_or_else(|| json!({}));
    let fault: Fault = serde_json::from_value(json!({"fault": name, "params": params}))
        .map_err(|e| format!("params of {name}: {e}"))?;
    fault
        .check()
        .map_err(|message| format!("params of {name}: {message}"))?;
    Ok(fault)
}

/// `user`, `market`, `user@executionReport`, `btcusdt@trade`, `*@depth`.
fn check_stream(stream: &str) -> Result<(), String> {
    let refuse = || {
        Err(format!(
            "stream: \"{stream}\": allowed user, user@EVENT, market, SYMBOL@KIND or *@KIND with \
             a lower-case symbol and KIND one of {} (kline also as kline_INTERVAL)",
            STREAM_KINDS.join(", ")
        ))
    };
    match stream.split_once('@') {
        None if stream == "user" || stream == "market" => Ok(()),
        Some(("user", event)) if !event.is_empty() => Ok(()),
        Some((symbol, kind)) if !symbol.is_empty() && symbol == symbol.to_lowercase() => {
            let known = STREAM_KINDS.contains(&kind) || kind.starts_with("kline_");
            if known { Ok(()) } else { refuse() }
        }
        _ => refuse(),
    }
}

impl Rule {
    /// A selector that the fault's layer cannot look at would never match.
    fn check_selectors(&self) -> Result<(), String> {
        let name = self.fault.name();
        let refuse = |field: &str, why: &str| Err(format!("{field}: {name} {why}; leave it out"));
        match self.fault.layer() {
            Layer::Request | Layer::Query if self.stream.is_some() => {
                refuse("stream", "acts on requests")
            }
            Layer::Stream if self.endpoint.is_some() => refuse("endpoint", "acts on streams"),
            Layer::Stream if self.starts_now() => match self.stream.as_deref() {
                None | Some("user" | "market") if self.client_order_id.is_none() => Ok(()),
                None | Some("user" | "market") => {
                    refuse("client_order_id", "with at = now hits whole connections")
                }
                Some(_) => Err(format!(
                    "stream: {name} with at = now hits whole connections: allowed user, market"
                )),
            },
            Layer::Standing => self.check_standing(),
            _ => Ok(()),
        }
    }

    fn check_standing(&self) -> Result<(), String> {
        let given = [
            ("endpoint", self.endpoint.is_some()),
            ("stream", self.stream.is_some()),
            ("client_order_id", self.client_order_id.is_some()),
            ("account", self.account.is_some()),
            ("skip", self.skip != 0),
            ("count", self.count != 1),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((field, _)) => Err(format!(
                "{field}: {} is in force until it is deleted; leave it out",
                self.fault.name()
            )),
            None => Ok(()),
        }
    }

    /// Set off by posting the rule rather than by an event.
    pub fn starts_now(&self) -> bool {
        let start = match &self.fault {
            Fault::StallStream(params) => params.at,
            Fault::CloseStream(params) => params.at,
            Fault::ServerShutdown(params) => params.at,
            _ => Start::Event,
        };
        start == Start::Now
    }

    pub fn matches_call(&self, call: &Call) -> bool {
        let endpoint = self
            .endpoint
            .as_ref()
            .is_none_or(|wanted| *wanted == call.endpoint);
        let id = self
            .client_order_id
            .as_ref()
            .is_none_or(|wanted| call.client_order_ids.contains(wanted));
        let account = self.account.is_none() || self.account == call.account;
        endpoint && id && account && suits(&self.fault, call)
    }

    pub fn matches_event(&self, event: &EventFacts) -> bool {
        let id = self
            .client_order_id
            .as_ref()
            .is_none_or(|wanted| event.client_order_ids.contains(wanted));
        let account = self.account.is_none() || self.account == event.account;
        let stream = self
            .stream
            .as_deref()
            .is_none_or(|wanted| event.is_on(wanted));
        !self.starts_now() && id && account && stream
    }

    /// Whether a rule with `at = now` hits a connection of user events (or of market streams).
    pub fn matches_connection(&self, is_user: bool, account: Option<&String>) -> bool {
        let stream = match self.stream.as_deref() {
            Some("user") => is_user,
            Some("market") => !is_user,
            _ => true,
        };
        self.starts_now() && stream && (self.account.is_none() || self.account.as_ref() == account)
    }
}

/// Calls that a fault has no meaning for are not matched.
fn suits(fault: &Fault, call: &Call) -> bool {
    match fault {
        Fault::QueryError(_) | Fault::QueryLag(_) => call.is_account_query(),
        Fault::CancelRace(_) | Fault::LateFill(_) => call.is_cancel(),
        Fault::CancelReplace(_) => call.is_cancel_replace(),
        Fault::PartialFill(params) => match params.during {
            While::Placed => call.is_single_order(),
            While::Cancel => call.is_cancel(),
            While::Amend => call.is_amend(),
        },
        Fault::StpExpiry(_) => call.is_single_order(),
        Fault::PendingLegFailure(_) => call.is_order_list(),
        Fault::ReplyAfterEvent(_) | Fault::EventBeforeReply(_) | Fault::EventAfterReply(_) => {
            call.changes_orders()
        }
        _ => true,
    }
}
