//! A request as rules see it, the same for REST and the WebSocket API.

use std::collections::BTreeMap;

use super::board::Faults;
use crate::services::api::endpoints::{Endpoint, ROUTES, Route};
use crate::services::api::params::percent_decode;

/// Parameters that carry a client id of an order or a list.
const ID_PARAMETERS: [&str; 13] = [
    "newClientOrderId",
    "origClientOrderId",
    "cancelOrigClientOrderId",
    "cancelNewClientOrderId",
    "listClientOrderId",
    "limitClientOrderId",
    "stopClientOrderId",
    "aboveClientOrderId",
    "belowClientOrderId",
    "workingClientOrderId",
    "pendingClientOrderId",
    "pendingAboveClientOrderId",
    "pendingBelowClientOrderId",
];

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// `POST /api/v3/order`, also for a call of the WebSocket API.
    pub endpoint: String,
    pub client_order_ids: Vec<String>,
    pub account: Option<String>,
    pub params: BTreeMap<String, String>,
}

fn spelling(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// The one spelling of an endpoint that rules and hits use.
///
/// # Errors
/// With every allowed name.
pub fn label(given: &str) -> Result<String, String> {
    let found = ROUTES
        .iter()
        .find(|route| route.websocket == given || spelling(route) == given);
    found.map(spelling).ok_or_else(|| {
        let mut known: Vec<String> = ROUTES.iter().map(spelling).collect();
        known.extend(ROUTES.iter().map(|route| route.websocket.to_owned()));
        known.sort();
        known.dedup();
        format!("endpoint: \"{given}\": allowed {}", known.join(", "))
    })
}

impl Call {
    /// `endpoint` is `METHOD /path`, `params` what query and body carry together.
    pub fn rest(endpoint: String, query: &str, body: &str) -> Self {
        let mut params = BTreeMap::new();
        for pair in body.split('&').chain(query.split('&')) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(name), Some(value)) = (percent_decode(name), percent_decode(value)) {
                params.insert(name, value);
            }
        }
        Self::new(endpoint, params)
    }

    /// A call of the WebSocket API. Methods without a REST twin keep their own name.
    pub fn websocket(method: &str, params: BTreeMap<String, String>) -> Self {
        Self::new(label(method).unwrap_or_else(|_| method.to_owned()), params)
    }

    /// A request that has reached the engine.
    pub fn of_endpoint(
        endpoint: Endpoint,
        params: BTreeMap<String, String>,
        faults: &Faults,
        api_key: Option<&str>,
    ) -> Self {
        let route = ROUTES.iter().find(|route| route.endpoint == endpoint);
        let mut call = Self::new(route.map(spelling).unwrap_or_default(), params);
        call.account = api_key.and_then(|key| faults.account_of(key));
        call
    }

    fn new(endpoint: String, params: BTreeMap<String, String>) -> Self {
        let client_order_ids = ID_PARAMETERS
            .iter()
            .filter_map(|name| params.get(*name))
            .cloned()
            .collect();
        Self {
            endpoint,
            client_order_ids,
            account: None,
            params,
        }
    }

    fn parts(&self) -> (&str, &str) {
        self.endpoint
            .split_once(' ')
            .unwrap_or(("", &self.endpoint))
    }

    fn is(&self, method: &str, tail: &str) -> bool {
        let (found, path) = self.parts();
        found == method && path.ends_with(tail)
    }

    /// A signed query; those may be answered by the database.
    pub fn is_account_query(&self) -> bool {
        self.parts().0 == "GET" && self.params.contains_key("signature")
    }

    pub fn is_single_order(&self) -> bool {
        self.is("POST", "/order")
    }

    pub fn is_order_list(&self) -> bool {
        self.parts().0 == "POST" && self.parts().1.contains("/orderList/")
    }

    pub fn is_cancel(&self) -> bool {
        self.is("DELETE", "/order")
    }

    pub fn is_cancel_replace(&self) -> bool {
        self.is("POST", "/order/cancelReplace")
    }

    pub fn is_amend(&self) -> bool {
        self.is("PUT", "/order/amend/keepPriority")
    }

    pub fn changes_orders(&self) -> bool {
        let (method, path) = self.parts();
        method != "GET" && path.contains("rder") && !path.ends_with("/test")
    }
}
