//! A core with a venue that answers by hand.

use rust_common::{
    ApprovedOrder, ClientOrderId, Currency, Instrument, LiquiditySide, Money, OrderSide,
    OrderStatus, OrderType, UnixMillis, canonical_json,
};
use serde_json::{Value, json};

use crate::models::input::{CallId, Effect, Input, Reply};
use crate::models::record::Entry;
use crate::models::venue::{
    AssetBalance, Outcome, ReportExtra, Snapshot, StreamEvent, VenueAnswer, VenueCall, VenueReport,
    VenueStatus, VenueTrade,
};
use crate::services::core::book::Book;
use crate::services::core::{CoreConfig, Rules, State, step};
use crate::settings::Limits;

pub(super) const MARKET_TIME: &str = "2021-09-27T14:00:00.000Z";

pub(super) fn instrument() -> Instrument {
    serde_json::from_value(json!({
        "base_currency": "BTC", "instrument_id": "BTC-USD.SIM", "min_notional": "10.00000000",
        "min_quantity": "0.00001", "price_scale": 2, "quantity_scale": 5, "quote_currency": "USD",
        "step_size": "0.00001", "symbol": "BTCUSD", "tick_size": "0.01"
    }))
    .unwrap()
}

pub(super) fn config() -> CoreConfig {
    CoreConfig {
        account: "paper-1".parse().unwrap(),
        limits: Limits {
            max_order_notional: "5000".parse().unwrap(),
            max_instrument_notional: "8000".parse().unwrap(),
            max_orders_per_minute: 5,
        },
        recv_window_ms: 300,
        horizon_ms: 800,
        is_fast: true,
        version: "test".to_owned(),
        rules: Rules::default(),
    }
}

/// A core, its outgoing effects sorted, and a clock.
pub(super) struct Bench {
    pub(super) state: State,
    pub(super) now: i64,
    pub(super) entries: Vec<Entry>,
    pub(super) calls: Vec<(CallId, VenueCall)>,
    pub(super) replies: Vec<(u64, Reply)>,
    pub(super) events: Vec<Value>,
    pub(super) alarms: Vec<&'static str>,
    pub(super) recalled: Vec<CallId>,
    request: u64,
}

impl Bench {
    pub(super) fn cold() -> Self {
        Self {
            state: State::new(config(), Book::default()),
            now: 1_700_000_000_000,
            entries: Vec::new(),
            calls: Vec::new(),
            replies: Vec::new(),
            events: Vec::new(),
            alarms: Vec::new(),
            recalled: Vec::new(),
            request: 0,
        }
    }

    /// Connected, reconciled, with a price of 40000.00 and nothing held.
    pub(super) fn ready() -> Self {
        let mut bench = Self::cold();
        bench.connect();
        bench
    }

    /// Like `ready`, with other constants.
    pub(super) fn ready_with(change: impl FnOnce(&mut CoreConfig)) -> Self {
        let mut bench = Self::cold();
        change(&mut bench.state.config);
        bench.connect();
        bench
    }

    /// The same journal after a crash: only what was journaled is left.
    pub(super) fn restarted(&self) -> Self {
        let mut book = Book::default();
        for entry in &self.entries {
            book.apply(entry);
        }
        assert_eq!(book, self.state.book, "replay gives the same book");
        let mut bench = Self::cold();
        bench.now = self.now + 10;
        bench.entries.clone_from(&self.entries);
        assert_eq!(book.state_hash(), self.state.state_hash());
        bench.state = State::new(self.state.config.clone(), book);
        bench
    }

    pub(super) fn connect(&mut self) {
        self.input(Input::Facts {
            instruments: vec![instrument()],
            offset_ms: 0,
        });
        let closed_at: UnixMillis = MARKET_TIME.parse().unwrap();
        self.input(Input::Bar {
            instrument_id: instrument().instrument_id,
            close: "40000.00".parse().unwrap(),
            closed_at,
            is_closed: true,
        });
        self.input(Input::Stream(StreamEvent::Up));
        self.answer_reconcile(Vec::new());
    }

    pub(super) fn answer_reconcile(&mut self, reports: Vec<VenueReport>) {
        let held = self.state.held(&instrument().instrument_id);
        self.answer_snapshot(held, reports);
    }

    /// A complete snapshot in which the venue holds another amount than we booked.
    pub(super) fn answer_with_balance(&mut self, held: &str) {
        self.answer_snapshot(held.parse().unwrap(), Vec::new());
    }

    fn answer_snapshot(&mut self, held: Money, reports: Vec<VenueReport>) {
        let call = self.take_call(|call| matches!(call, VenueCall::Reconcile { .. }));
        let snapshot = Snapshot {
            balances: vec![AssetBalance {
                asset: Currency::new("BTC").unwrap(),
                free: held,
                locked: Money::ZERO,
            }],
            reports,
            missing: Vec::new(),
            swept: vec![(instrument().instrument_id, 0)],
            ..Snapshot::default()
        };
        self.done(call, VenueAnswer::Snapshot(Box::new(snapshot)));
    }

    pub(super) fn input(&mut self, input: Input) {
        for effect in step(&mut self.state, input, self.now) {
            match effect {
                Effect::Journal(entry) => self.entries.push(*entry),
                Effect::Call { call, request } => self.calls.push((call, *request)),
                Effect::Reply { request, reply } => self.replies.push((request, reply)),
                Effect::Publish { gateway_seq, text } => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(event["gateway_seq"], gateway_seq);
                    self.events.push(event);
                }
                Effect::Alarm { name, .. } => self.alarms.push(name),
                Effect::Recall { call } => self.recalled.push(call),
            }
        }
    }

    /// Answers every open reconciliation with a whole and unchanged account.
    pub(super) fn keep_reconciled(&mut self) {
        while self.has_call(|call| matches!(call, VenueCall::Reconcile { .. })) {
            self.answer_reconcile(Vec::new());
        }
    }

    /// Lets time pass in steps with a venue whose account stands still and whose clock agrees.
    pub(super) fn pass(&mut self, ms: i64, step: i64) {
        let end = self.now + ms;
        while self.now < end {
            self.now = end.min(self.now + step);
            let sampled_at = self.now;
            self.input(Input::ClockSync {
                offset_ms: 0,
                sampled_at,
            });
            self.keep_reconciled();
        }
    }

    /// Submits under another decision and returns status and problem type.
    pub(super) fn try_entry(&mut self, decision: &str) -> (u16, String) {
        let order = approved_for(decision, "entry", 0, "open", &market("BUY", "0.00100"));
        let order = lasting(&order);
        let request = self.submit(&order, 0);
        let (status, body) = self.reply(request).unwrap();
        let kind = body["type"].as_str().unwrap_or("").to_owned();
        (status, kind.replace("urn:ats:problem:", ""))
    }

    /// A resting limit order of our own.
    pub(super) fn resting(&mut self, decision: &str, intent: &str, side: &str) -> ClientOrderId {
        let order = approved_for(decision, "entry", 0, intent, &limit(side, "0.01000"));
        let order = lasting(&order);
        self.submit(&order, 0);
        let id = order.client_order_id().unwrap();
        let call = self.take_call(|call| matches!(call, VenueCall::Place(_)));
        let reply = report(self, &id, VenueStatus::Working, "0", Vec::new());
        self.done(call, VenueAnswer::Reports(vec![reply]));
        assert_eq!(self.status(&id), OrderStatus::Accepted);
        id
    }

    /// An order of our own that was filled: we hold 0.01 BTC.
    pub(super) fn bought(&mut self, decision: &str, trade_id: u64) -> ClientOrderId {
        let order = approved_for(decision, "entry", 0, "open", &market("BUY", "0.01000"));
        self.submit(&order, 0);
        let id = order.client_order_id().unwrap();
        self.take_call(|call| matches!(call, VenueCall::Place(_)));
        let fills = vec![trade(trade_id, "0.01000", "40000.00", "0")];
        let event = report(self, &id, VenueStatus::Filled, "0.01000", fills);
        self.stream(event);
        self.state.live.placing.remove(&id);
        assert_eq!(self.status(&id), OrderStatus::Filled);
        id
    }

    pub(super) fn tick(&mut self, ms: i64) {
        self.now += ms;
        self.input(Input::Tick);
    }

    pub(super) fn submit(&mut self, order: &ApprovedOrder, wait_ms: i64) -> u64 {
        self.request += 1;
        let order = Box::new(order.clone());
        self.input(Input::Submit {
            request: self.request,
            order,
            wait_ms,
        });
        self.request
    }

    pub(super) fn ask(&mut self, make: impl FnOnce(u64) -> Input) -> u64 {
        self.request += 1;
        self.input(make(self.request));
        self.request
    }

    pub(super) fn reply(&self, request: u64) -> Option<(u16, Value)> {
        self.replies
            .iter()
            .find(|(id, _)| *id == request)
            .map(|(_, reply)| match reply {
                Reply::Body { status, body } => (*status, body.clone()),
                Reply::Problem(problem) => (problem.status, problem.body()),
            })
    }

    pub(super) fn take_call(&mut self, wanted: impl Fn(&VenueCall) -> bool) -> CallId {
        let found = self.calls.iter().position(|(_, call)| wanted(call));
        let at = found.unwrap_or_else(|| panic!("no such call among {:?}", self.calls));
        self.calls.remove(at).0
    }

    pub(super) fn has_call(&self, wanted: impl Fn(&VenueCall) -> bool) -> bool {
        self.calls.iter().any(|(_, call)| wanted(call))
    }

    pub(super) fn done(&mut self, call: CallId, answer: VenueAnswer) {
        self.outcome(call, Outcome::Done(answer));
    }

    pub(super) fn outcome(&mut self, call: CallId, outcome: Outcome) {
        self.input(Input::Answered { call, outcome });
    }

    pub(super) fn stream(&mut self, report: VenueReport) {
        self.input(Input::Stream(StreamEvent::Report(Box::new(report))));
    }

    pub(super) fn status(&self, id: &ClientOrderId) -> OrderStatus {
        self.state.book.orders[id].status
    }

    /// Status words of the events of one leg.
    pub(super) fn statuses(&self, leg: &str) -> Vec<String> {
        let own = self.events.iter().filter(|event| event["leg"] == leg);
        own.map(|event| event["status"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(super) fn approved(leg: &str, intent: &str, order: &Value) -> ApprovedOrder {
    approved_for("a", leg, 0, intent, order)
}

pub(super) fn approved_for(
    decision: &str,
    leg: &str,
    attempt: u8,
    intent: &str,
    order: &Value,
) -> ApprovedOrder {
    let body = json!({
        "schema": 1, "account": "paper-1", "strategy": "s", "decision_id": decision.repeat(64),
        "leg": leg, "attempt": attempt, "instrument_id": "BTC-USD.SIM", "order": order,
        "intent": intent, "risk_digest": "", "issued_at": "2023-11-14T22:13:20.000Z",
        "expires_at": "2023-11-14T22:13:50.000Z",
    });
    let text = canonical_json(&body).unwrap();
    ApprovedOrder::from_canonical(text.as_bytes()).unwrap()
}

/// The same order with an approval that outlives every test.
pub(super) fn lasting(order: &ApprovedOrder) -> ApprovedOrder {
    let text = order.canonical_json().unwrap();
    let text = text.replace("2023-11-14T22:13:50.000Z", "2033-11-14T22:13:50.000Z");
    ApprovedOrder::from_canonical(text.as_bytes()).unwrap()
}

pub(super) fn market(side: &str, quantity: &str) -> Value {
    json!({ "order_type": "MARKET", "order_side": side, "quantity": quantity })
}

pub(super) fn limit(side: &str, quantity: &str) -> Value {
    json!({
        "order_type": "LIMIT", "order_side": side, "quantity": quantity, "price": "39000.00",
        "time_in_force": {"type": "GTC", "post_only": true}
    })
}

pub(super) fn bracket(quantity: &str) -> Value {
    json!({
        "order_type": "BRACKET", "order_side": "BUY", "quantity": quantity,
        "stop_offset": "500.00", "target_offset": "900.00"
    })
}

pub(super) fn trade(id: u64, quantity: &str, price: &str, fee: &str) -> VenueTrade {
    VenueTrade {
        trade_id: id.to_string(),
        execution_id: Some(id),
        price: price.parse().unwrap(),
        quantity: quantity.parse().unwrap(),
        fee: fee.parse().unwrap(),
        fee_asset: Currency::new("BTC").unwrap(),
        liquidity_side: LiquiditySide::Taker,
        at: MARKET_TIME.parse().unwrap(),
    }
}

/// A report of an order of record.
pub(super) fn report(
    bench: &Bench,
    id: &ClientOrderId,
    status: VenueStatus,
    executed: &str,
    trades: Vec<VenueTrade>,
) -> VenueReport {
    let order = &bench.state.book.orders[id];
    let kind = order.terms.order_type;
    VenueReport {
        client_order_id: id.clone(),
        venue_order_id: format!("v{}", &id.as_str()[5..]),
        instrument_id: instrument().instrument_id,
        order_type: if kind == OrderType::Oco {
            OrderType::Limit
        } else {
            kind
        },
        order_side: order.terms.order_side,
        quantity: order.terms.quantity,
        price: order.terms.price,
        trigger_price: order.terms.trigger_price,
        status,
        executed: executed.parse().unwrap(),
        execution_id: trades.first().and_then(|trade| trade.execution_id),
        trades,
        at: MARKET_TIME.parse().unwrap(),
        reason: None,
        extra: ReportExtra::default(),
    }
}

pub(super) fn opposite(side: OrderSide) -> OrderSide {
    side.opposite()
}
