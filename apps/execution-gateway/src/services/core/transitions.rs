//! The order state machine (C2): facts are merged into the evidence as a join, and the status is a
//! function of the evidence.
//!
//! `transition` is the only door. Because nothing but the evidence decides, it is total (every fact
//! in every state has a defined result) and no order or repetition of messages can change where an
//! order ends. The table of `tests/table.rs` spells the whole function out.

use rust_common::{ClientOrderId, Fill, Money, OrderStatus, Quantity};

use crate::models::order::{
    Absence, Doubt, Ending, Evidence, Identity, OrderState, Pending, Protection, Role, Terms,
    Totals,
};
use crate::models::venue::{Family, LowWater, VenueReport, VenueStatus, VenueTrade};
use crate::mutants::{Mutant, is_on};

/// Everything that can happen to one order.
#[derive(Debug, Clone)]
pub enum Fact<'a> {
    /// Our own limits refuse it.
    Deny,
    /// Journaled and handed to the adapter.
    Send(LowWater),
    /// Class N, and proof of absence (C5.4).
    Absent {
        resend: bool,
    },
    /// Class D.
    Refuse,
    /// Class A.
    Doubt(&'a str),
    /// Once accepted, now unknown to a venue that lost its state.
    Forget,
    /// What the venue says of the order itself.
    Report(&'a VenueReport),
    /// One execution.
    Trade(&'a Fill),
    AskCancel(&'a ClientOrderId),
    AskReplace(Quantity),
    /// How the pending operation ended, by outcome class.
    PendingTold(&'a str),
}

/// Applies a fact to an order: the one transition function.
pub fn transition(order: &mut OrderState, fact: &Fact<'_>) {
    let was_terminal = order.status.is_terminal();
    if is_void(order, fact) {
        return;
    }
    let fills_before = order.evidence.fills.len();
    match fact {
        Fact::AskCancel(id) => ask_cancel(order, id),
        Fact::AskReplace(quantity) => ask_replace(order, *quantity),
        Fact::PendingTold(class) => pending_told(order, class),
        Fact::Send(low_water) => {
            if order.evidence.sends == 0 {
                order.low_water = *low_water;
            }
            order.evidence.sends = order.evidence.sends.saturating_add(1);
        }
        told => {
            let learnt = evidence_of(order, told);
            if is_on(Mutant::EventOrderByArrival) {
                order.evidence.ending = learnt.ending;
                order.evidence.reported = learnt.reported;
            }
            order.evidence.join(&learnt);
        }
    }
    order.fills_total = totals(&order.evidence, order.terms.quantity.scale());
    if !matches!(order.role, Role::ListParent(_)) {
        let booked = order.fills_total.quantity;
        order.status = status_of(&order.evidence, booked, order.ordered());
    }
    order.has_late_fill |= was_terminal && order.evidence.fills.len() > fills_before;
    settle_pending(order);
}

/// Our own conclusions mean nothing once the venue has spoken or the order has ended; what the
/// venue says always counts.
fn is_void(order: &OrderState, fact: &Fact<'_>) -> bool {
    let has_ended = order.status.is_terminal();
    let is_known = order.evidence.is_known_to_venue();
    match fact {
        Fact::Deny => order.status != OrderStatus::Initialized,
        Fact::Send(_) | Fact::Absent { .. } | Fact::Refuse | Fact::Doubt(_) => {
            has_ended || is_known
        }
        Fact::Forget => has_ended || !is_known,
        Fact::Trade(_) if is_on(Mutant::DropTerminalFills) => has_ended,
        Fact::Report(_)
        | Fact::Trade(_)
        | Fact::AskCancel(_)
        | Fact::AskReplace(_)
        | Fact::PendingTold(_) => false,
    }
}

/// The evidence that a fact alone amounts to.
fn evidence_of(order: &OrderState, fact: &Fact<'_>) -> Evidence {
    let mut learnt = Evidence::none(order.terms.quantity.scale());
    let send = order.evidence.sends;
    match fact {
        Fact::Deny => learnt.denied = true,
        Fact::Absent { resend } => {
            let is_final = !resend;
            learnt.absent = Some(Absence { send, is_final });
        }
        Fact::Refuse => learnt.refused = Some(send),
        Fact::Doubt(reason) => {
            let reason = (*reason).to_owned();
            learnt.doubt = Some(Doubt { send, reason });
        }
        Fact::Forget => learnt.ending = Some(Ending::Expired),
        Fact::Report(report) => read_report(&mut learnt, report),
        Fact::Trade(fill) => {
            learnt.accepted = true;
            learnt.fills.insert(fill.trade_id.clone(), (*fill).clone());
        }
        Fact::Send(_) | Fact::AskCancel(_) | Fact::AskReplace(_) | Fact::PendingTold(_) => {}
    }
    learnt
}

fn read_report(learnt: &mut Evidence, report: &VenueReport) {
    learnt.ending = match report.status {
        VenueStatus::Working | VenueStatus::Triggered => None,
        VenueStatus::Filled => Some(Ending::Filled),
        VenueStatus::Canceled => Some(Ending::Canceled),
        VenueStatus::Expired => Some(Ending::Expired),
        VenueStatus::Rejected => Some(Ending::Rejected),
    };
    learnt.triggered = report.status == VenueStatus::Triggered;
    learnt.accepted = learnt.ending != Some(Ending::Rejected);
    learnt.reported = report.executed;
    learnt.amended = Some(report.quantity).filter(|quantity| !quantity.is_zero());
    let id = Some(&report.venue_order_id).filter(|id| !id.is_empty());
    learnt.venue_order_id = id.cloned();
}

/// The status that the evidence supports: the lifecycle of C2.
pub fn status_of(evidence: &Evidence, booked: Quantity, ordered: Quantity) -> OrderStatus {
    if booked >= ordered && !ordered.is_zero() {
        return OrderStatus::Filled;
    }
    // An ending shows only once every execution it reported is booked: no fill comes after it.
    if let Some(ending) = evidence.ending
        && booked >= evidence.reported
    {
        match ending {
            Ending::Expired => return OrderStatus::Expired,
            Ending::Rejected if booked.is_zero() => return OrderStatus::Rejected,
            Ending::Canceled | Ending::Rejected => return OrderStatus::Canceled,
            Ending::Filled => {}
        }
    }
    if !booked.is_zero() {
        return OrderStatus::PartiallyFilled;
    }
    if evidence.triggered {
        return OrderStatus::Triggered;
    }
    if evidence.accepted {
        return OrderStatus::Accepted;
    }
    unanswered(evidence)
}

/// Without a word of the venue the truth is what we did and what we could prove.
fn unanswered(evidence: &Evidence) -> OrderStatus {
    if evidence.denied {
        OrderStatus::Denied
    } else if evidence.is_refused() {
        OrderStatus::Rejected
    } else if evidence.is_absent() && !evidence.wants_resend() {
        OrderStatus::NotSent
    } else if evidence.is_doubtful() {
        OrderStatus::Unknown
    } else if evidence.sends > 0 {
        OrderStatus::Submitted
    } else {
        OrderStatus::Initialized
    }
}

/// A cancel takes the place of an amendment; a second cancel changes nothing.
fn ask_cancel(order: &mut OrderState, cancel_id: &ClientOrderId) {
    if !order.status.is_terminal() && !order.pending.is_cancel() {
        order.pending = Pending::Cancel {
            cancel_id: cancel_id.clone(),
            is_unknown: false,
        };
    }
}

fn ask_replace(order: &mut OrderState, quantity: Quantity) {
    if order.status.is_working() && order.pending.is_none() {
        order.pending = Pending::Replace {
            quantity,
            is_unknown: false,
        };
    }
}

/// Refused: the operation is over; so is an amendment that was not sent (a cancel is sent again).
/// Ambiguous: it is unknown. "Unknown order": open as before, the question about it decides.
fn pending_told(order: &mut OrderState, class: &str) {
    match &mut order.pending {
        pending if class == "D" => *pending = Pending::None,
        pending @ Pending::Replace { .. } if class == "N" => *pending = Pending::None,
        Pending::Cancel { is_unknown, .. } | Pending::Replace { is_unknown, .. } => {
            *is_unknown = class == "A";
        }
        Pending::None => {}
    }
}

/// An operation ends with the order, an amendment also when its quantity is in force.
fn settle_pending(order: &mut OrderState) {
    let in_force = order.evidence.amended;
    let is_done = match &order.pending {
        Pending::Replace { quantity, .. } => in_force.is_some_and(|now| now <= *quantity),
        _ => false,
    };
    if is_done || order.status.is_terminal() {
        order.pending = Pending::None;
    }
}

/// Status of a list from those of its legs.
pub fn status_of_list(stop: &OrderState, target: &OrderState) -> OrderStatus {
    let (left, right) = (stop.status, target.status);
    let filled = stop
        .fills_total
        .quantity
        .checked_add(target.fills_total.quantity);
    if filled.is_ok_and(|sum| sum >= stop.terms.quantity) {
        return OrderStatus::Filled;
    }
    let open = if left.is_terminal() { right } else { left };
    if !open.is_terminal() {
        return open;
    }
    match (left, right) {
        (OrderStatus::Rejected, OrderStatus::Rejected)
        | (OrderStatus::NotSent, OrderStatus::NotSent)
        | (OrderStatus::Denied, OrderStatus::Denied) => left,
        _ => OrderStatus::Canceled,
    }
}

/// Sums over the fills of an order.
pub fn totals(evidence: &Evidence, scale: u8) -> Totals {
    let mut sums = Totals {
        quantity: Quantity::zero(scale),
        quote: Money::ZERO,
    };
    for fill in evidence.fills.values() {
        sums.quantity = sums
            .quantity
            .checked_add(fill.quantity)
            .unwrap_or(sums.quantity);
        let quote = fill.price.notional(fill.quantity);
        sums.quote = quote
            .and_then(|quote| sums.quote.checked_add(quote))
            .unwrap_or(sums.quote);
    }
    sums
}

/// A trade of the venue as a fill of this order.
pub fn fill_of(
    identity: &Identity,
    terms: &Terms,
    venue_order_id: &str,
    trade: &VenueTrade,
) -> Fill {
    Fill {
        client_order_id: identity.client_order_id.clone(),
        execution_id: trade.execution_id,
        trade_id: trade.trade_id.clone(),
        venue_order_id: venue_order_id.to_owned(),
        instrument_id: identity.instrument_id.clone(),
        leg: identity.leg.clone(),
        order_side: terms.order_side,
        price: trade.price,
        quantity: trade.quantity,
        fee: trade.fee,
        fee_asset: trade.fee_asset.clone(),
        liquidity_side: trade.liquidity_side,
        market_time: trade.at,
    }
}

/// Whether a report would teach us anything about this order.
pub fn is_news(order: &OrderState, report: &VenueReport) -> bool {
    let mut learnt = Evidence::none(order.terms.quantity.scale());
    read_report(&mut learnt, report);
    for trade in &report.trades {
        let fill = fill_of(&order.identity, &order.terms, &report.venue_order_id, trade);
        learnt.fills.insert(fill.trade_id.clone(), fill);
    }
    let mut merged = order.evidence.clone();
    merged.join(&learnt);
    merged != order.evidence
}

/// Whether a report under our client id is about our order: a venue takes an id again once its
/// first bearer is gone (A6), so an outsider may have used it (F39).
pub fn is_same_order(order: &OrderState, report: &VenueReport) -> bool {
    let is_same_venue_id = match &order.evidence.venue_order_id {
        Some(known) if !report.venue_order_id.is_empty() => *known == report.venue_order_id,
        _ => true,
    };
    if order.identity.is_external {
        return is_same_venue_id;
    }
    let terms = &order.terms;
    let is_same_price =
        terms.price.is_none() || report.price.is_none() || terms.price == report.price;
    is_same_venue_id
        && order.identity.instrument_id == report.instrument_id
        && terms.order_side == report.order_side
        && report.quantity <= terms.quantity
        && (is_same_price || terms.order_type != rust_common::OrderType::Limit)
}

/// A fresh order of record.
pub fn new_order(
    identity: Identity,
    terms: Terms,
    role: Role,
    at: rust_common::UnixMillis,
) -> OrderState {
    let scale = terms.quantity.scale();
    let family = match role {
        Role::Leg(_) => Family::List,
        _ => Family::Order,
    };
    OrderState {
        identity,
        terms,
        role,
        family,
        evidence: Evidence::none(scale),
        pending: Pending::None,
        low_water: LowWater::default(),
        reason: None,
        status: OrderStatus::Initialized,
        announced: None,
        last_seq: 0,
        last_event_at: at,
        fills_total: Totals {
            quantity: Quantity::zero(scale),
            quote: Money::ZERO,
        },
        has_late_fill: false,
        born_at: 0,
    }
}

fn awaits_protection(order: &OrderState) -> bool {
    let is_wanted = matches!(
        order.role,
        Role::BracketEntry {
            protection: Protection::Wanted,
            ..
        }
    );
    is_wanted && order.status.is_terminal()
}

/// Nothing can happen to the order any more and nothing about it is open on our side.
pub fn is_closed(order: &OrderState) -> bool {
    order.status.is_terminal() && !order.has_missing_fills() && !awaits_protection(order)
}

/// No question to the venue about this order is open.
pub fn is_settled(order: &OrderState) -> bool {
    let waits = matches!(
        order.status,
        OrderStatus::Initialized | OrderStatus::Submitted | OrderStatus::Unknown
    );
    let at_end = order.evidence.ending.is_some() && !order.status.is_terminal();
    !waits
        && !awaits_protection(order)
        && !at_end
        && !order.has_missing_fills()
        && order.pending.is_none()
}
