//! The core's calls as requests of the venue.

use axum::http::Method;
use serde_json::Value;

use rust_common::{
    ClientOrderId, Instrument, InstrumentId, OrderSide, OrderType, Quantity, TimeInForce,
};

use super::BinanceSpot;
use super::outcome::Failure;
use super::parse::{self, ParseError};
use super::rest::Request;
use crate::failpoints::reached;
use crate::models::venue::{
    Outcome, PlaceOco, PlaceOrder, VenueAnswer, VenueCall, VenueReport, VenueTrade,
};

const PAGE: usize = 1_000;

/// An answer we cannot read may have come from a request that took effect.
impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::Ambiguous {
            code: 0,
            detail: format!("the answer cannot be read: {error}"),
        }
    }
}

impl BinanceSpot {
    pub(super) async fn carry_out(&self, call: VenueCall) -> Result<VenueAnswer, Failure> {
        match call {
            VenueCall::Place(order) => self.place(&order).await,
            VenueCall::PlaceOco(oco) => self.place_oco(&oco).await,
            VenueCall::Cancel {
                instrument_id,
                client_order_id,
                cancel_id,
                ..
            } => {
                let id = ("origClientOrderId", client_order_id.to_string());
                self.cancel(&instrument_id, "/api/v3/order", id, &cancel_id)
                    .await
            }
            VenueCall::CancelList {
                instrument_id,
                list_id,
                cancel_id,
            } => {
                let id = ("listClientOrderId", list_id.to_string());
                self.cancel(&instrument_id, "/api/v3/orderList", id, &cancel_id)
                    .await
            }
            VenueCall::Query {
                instrument_id,
                client_order_id,
                ..
            } => {
                let instrument = self.instrument(&instrument_id)?;
                let id = ("origClientOrderId", client_order_id.to_string());
                let mut report = self.query(&instrument, id).await?;
                if !report.executed.is_zero() {
                    let id = ("orderId", report.venue_order_id.clone());
                    let rows = self.trades(&instrument, vec![id], 5).await?;
                    report.trades = rows.into_iter().map(|(_, _, trade)| trade).collect();
                }
                Ok(VenueAnswer::Reports(vec![report]))
            }
            VenueCall::Absence {
                instrument_id,
                client_order_id,
                ..
            } => self.absence(&instrument_id, &client_order_id).await,
            VenueCall::Reconcile {
                parts,
                sweeps,
                own_open,
            } => {
                let snapshot = self.snapshot(parts, &sweeps, &own_open).await?;
                Ok(VenueAnswer::Snapshot(Box::new(snapshot)))
            }
            VenueCall::CancelAll { instrument_id } => self.cancel_all(&instrument_id).await,
            VenueCall::Amend {
                instrument_id,
                client_order_id,
                quantity,
            } => self.amend(&instrument_id, &client_order_id, quantity).await,
            VenueCall::Test(order) => self.test(&order).await,
            VenueCall::SyncClock => {
                self.rest.sync_clock().await?;
                let offset_ms = self.rest.offset.get();
                Ok(VenueAnswer::Clock { offset_ms })
            }
            VenueCall::Countdown { .. } => Err(Failure::NotSent(
                "Binance spot has no countdown; the watchdog stands in for it".to_owned(),
            )),
        }
    }

    pub(super) fn instrument(&self, id: &InstrumentId) -> Result<Instrument, Failure> {
        self.find(id)
            .ok_or_else(|| Failure::NotSent(format!("{id} is not listed by the venue")))
    }

    async fn place(&self, order: &PlaceOrder) -> Result<VenueAnswer, Failure> {
        let instrument = self.instrument(&order.instrument_id)?;
        let request = Request {
            method: Method::POST,
            path: "/api/v3/order",
            params: place_params(order, &instrument),
            weight: 1,
            orders: 1,
        };
        reached("venue.before_order");
        let body = self.rest.signed(request).await?;
        reached("venue.after_order");
        Ok(VenueAnswer::Reports(vec![parse::order(
            &body,
            &instrument,
        )?]))
    }

    async fn test(&self, order: &PlaceOrder) -> Result<VenueAnswer, Failure> {
        let instrument = self.instrument(&order.instrument_id)?;
        let request = Request {
            method: Method::POST,
            path: "/api/v3/order/test",
            params: place_params(order, &instrument),
            weight: 1,
            orders: 0,
        };
        self.rest.signed(request).await?;
        Ok(VenueAnswer::Accepted)
    }

    /// Everything that rests on the symbol; lists come as one element with their legs inside.
    async fn cancel_all(&self, instrument_id: &InstrumentId) -> Result<VenueAnswer, Failure> {
        let instrument = self.instrument(instrument_id)?;
        let request = Request {
            method: Method::DELETE,
            path: "/api/v3/openOrders",
            params: vec![("symbol", instrument.symbol.to_string())],
            weight: 1,
            orders: 0,
        };
        let body = self.rest.signed(request).await?;
        let mut reports = Vec::new();
        for row in rows(&body)? {
            reports.extend(order_reports(row, &instrument)?);
        }
        Ok(VenueAnswer::Reports(reports))
    }

    async fn amend(
        &self,
        instrument_id: &InstrumentId,
        id: &ClientOrderId,
        quantity: Quantity,
    ) -> Result<VenueAnswer, Failure> {
        let instrument = self.instrument(instrument_id)?;
        let params = vec![
            ("symbol", instrument.symbol.to_string()),
            ("origClientOrderId", id.to_string()),
            // Without it the venue would give the order another client id.
            ("newClientOrderId", id.to_string()),
            ("newQty", quantity.to_string()),
        ];
        let request = Request {
            method: Method::PUT,
            path: "/api/v3/order/amend/keepPriority",
            params,
            weight: 4,
            orders: 0,
        };
        let body = self.rest.signed(request).await?;
        if body.get("amendedOrder").is_none() {
            return Err(unreadable("the answer has no amendedOrder"));
        }
        // The amended order comes in a form of its own: the query has the usual one.
        let id = ("origClientOrderId", id.to_string());
        let report = self.query(&instrument, id).await?;
        Ok(VenueAnswer::Reports(vec![report]))
    }

    /// SELL: the limit leg is above the price, the stop below; BUY mirrored.
    async fn place_oco(&self, oco: &PlaceOco) -> Result<VenueAnswer, Failure> {
        let instrument = self.instrument(&oco.instrument_id)?;
        let limit = ("LIMIT_MAKER", &oco.target_id);
        let stop = ("STOP_LOSS", &oco.stop_id);
        let (above, below) = match oco.order_side {
            OrderSide::Sell => (limit, stop),
            OrderSide::Buy => (stop, limit),
        };
        let (price_name, trigger_name) = match oco.order_side {
            OrderSide::Sell => ("abovePrice", "belowStopPrice"),
            OrderSide::Buy => ("belowPrice", "aboveStopPrice"),
        };
        let params = vec![
            ("symbol", instrument.symbol.to_string()),
            ("side", oco.order_side.to_string()),
            ("quantity", oco.quantity.to_string()),
            ("listClientOrderId", oco.list_id.to_string()),
            ("aboveType", above.0.to_owned()),
            ("aboveClientOrderId", above.1.to_string()),
            ("belowType", below.0.to_owned()),
            ("belowClientOrderId", below.1.to_string()),
            (price_name, oco.price.to_string()),
            (trigger_name, oco.trigger_price.to_string()),
            ("newOrderRespType", "RESULT".to_owned()),
        ];
        let request = Request {
            method: Method::POST,
            path: "/api/v3/orderList/oco",
            params,
            weight: 1,
            orders: 2,
        };
        let body = self.rest.signed(request).await?;
        Ok(VenueAnswer::Reports(order_reports(&body, &instrument)?))
    }

    async fn cancel(
        &self,
        instrument_id: &InstrumentId,
        path: &'static str,
        id: (&'static str, String),
        cancel_id: &ClientOrderId,
    ) -> Result<VenueAnswer, Failure> {
        let instrument = self.instrument(instrument_id)?;
        let params = vec![
            ("symbol", instrument.symbol.to_string()),
            id,
            ("newClientOrderId", cancel_id.to_string()),
        ];
        let request = Request {
            method: Method::DELETE,
            path,
            params,
            weight: 1,
            orders: 0,
        };
        reached("venue.before_cancel");
        let body = self.rest.signed(request).await?;
        reached("venue.after_cancel");
        Ok(VenueAnswer::Reports(order_reports(&body, &instrument)?))
    }

    pub(super) async fn query(
        &self,
        instrument: &Instrument,
        id: (&'static str, String),
    ) -> Result<VenueReport, Failure> {
        let params = vec![("symbol", instrument.symbol.to_string()), id];
        let body = self
            .rest
            .signed(Request::get("/api/v3/order", 4, params))
            .await?;
        Ok(parse::order(&body, instrument)?)
    }

    pub(super) async fn trades(
        &self,
        instrument: &Instrument,
        mut which: Vec<(&'static str, String)>,
        weight: u64,
    ) -> Result<Vec<(u64, i64, VenueTrade)>, Failure> {
        let mut params = vec![("symbol", instrument.symbol.to_string())];
        params.append(&mut which);
        let body = self
            .rest
            .signed(Request::get("/api/v3/myTrades", weight, params))
            .await?;
        rows(&body)?
            .iter()
            .map(|row| Ok(parse::account_trade(row, instrument)?))
            .collect()
    }

    pub(super) async fn open_orders(
        &self,
        instrument: &Instrument,
    ) -> Result<Vec<VenueReport>, Failure> {
        let params = vec![("symbol", instrument.symbol.to_string())];
        let body = self
            .rest
            .signed(Request::get("/api/v3/openOrders", 6, params))
            .await?;
        rows(&body)?
            .iter()
            .map(|row| Ok(parse::order(row, instrument)?))
            .collect()
    }

    /// Both lists in full, searched for one id. A failed query is an error, never an empty list.
    async fn absence(
        &self,
        instrument_id: &InstrumentId,
        id: &ClientOrderId,
    ) -> Result<VenueAnswer, Failure> {
        let instrument = self.instrument(instrument_id)?;
        let open = self.open_orders(&instrument).await?;
        let params = vec![
            ("symbol", instrument.symbol.to_string()),
            ("limit", PAGE.to_string()),
        ];
        let body = self
            .rest
            .signed(Request::get("/api/v3/allOrders", 20, params))
            .await?;
        let is_in_history = rows(&body)?
            .iter()
            .any(|row| row.get("clientOrderId").and_then(Value::as_str) == Some(id.as_str()));
        let is_open = open.iter().any(|report| report.client_order_id == *id);
        Ok(VenueAnswer::Absent(!is_open && !is_in_history))
    }
}

pub(super) fn unreadable(detail: &str) -> Failure {
    Failure::Ambiguous {
        code: 0,
        detail: detail.to_owned(),
    }
}

pub(super) fn rows(body: &Value) -> Result<&Vec<Value>, Failure> {
    body.as_array()
        .ok_or_else(|| unreadable("the answer is not a list"))
}

/// One order, or the legs of a list (cancelling a leg answers with its whole list).
fn order_reports(body: &Value, instrument: &Instrument) -> Result<Vec<VenueReport>, Failure> {
    match body.get("orderReports") {
        Some(reports) => rows(reports)?
            .iter()
            .map(|row| Ok(parse::order(row, instrument)?))
            .collect(),
        None => Ok(vec![parse::order(body, instrument)?]),
    }
}

fn place_params(order: &PlaceOrder, instrument: &Instrument) -> Vec<(&'static str, String)> {
    let (kind, detail) = venue_type(order);
    let mut params = vec![
        ("symbol", instrument.symbol.to_string()),
        ("side", order.order_side.to_string()),
        ("type", kind.to_owned()),
        ("quantity", order.quantity.to_string()),
    ];
    if let Some(price) = order.price {
        params.push(("price", price.to_string()));
    }
    if let Some(trigger_price) = order.trigger_price {
        params.push(("stopPrice", trigger_price.to_string()));
    }
    if kind == "LIMIT" {
        let word = match order.time_in_force {
            Some(TimeInForce::Ioc {}) => "IOC",
            Some(TimeInForce::Fok {}) => "FOK",
            _ => "GTC",
        };
        params.push(("timeInForce", word.to_owned()));
    }
    params.push(("newClientOrderId", order.client_order_id.to_string()));
    params.push(("newOrderRespType", detail.to_owned()));
    params
}

fn venue_type(order: &PlaceOrder) -> (&'static str, &'static str) {
    match (order.order_type, order.time_in_force) {
        (OrderType::Limit, Some(TimeInForce::Gtc { post_only: true })) => ("LIMIT_MAKER", "RESULT"),
        (OrderType::Limit, _) => ("LIMIT", "FULL"),
        (OrderType::StopMarket, _) => ("STOP_LOSS", "RESULT"),
        _ => ("MARKET", "FULL"),
    }
}

/// Failures become outcomes; the class decides what the core does.
pub(super) fn outcome(result: Result<VenueAnswer, Failure>) -> Outcome {
    match result {
        Ok(answer) => Outcome::Done(answer),
        Err(failure) => failure.into(),
    }
}
