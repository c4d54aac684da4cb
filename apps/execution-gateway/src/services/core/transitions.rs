//! The order state machine (C2): evidence is merged as a join, the status is a function of it.
//!
//! Because nothing but the evidence decides, the machine is total (every message in every state has
//! a defined result) and no order or repetition of messages can change where an order ends.

use rust_common::{Fill, Money, OrderStatus, Quantity};

use crate::models::order::{
    Ending, Evidence, Identity, OrderState, PendingCancel, Role, Terms, Totals,
};
use crate::models::venue::{VenueReport, VenueStatus, VenueTrade};

/// The status that the evidence supports.
pub fn status_of(evidence: &Evidence, booked: Quantity, ordered: Quantity) -> OrderStatus {
    if booked >= ordered {
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

fn unanswered(evidence: &Evidence) -> OrderStatus {
    if evidence.denied {
        OrderStatus::Denied
    } else if evidence.not_sent {
        OrderStatus::NotSent
    } else if evidence.ambiguous.is_some() {
        OrderStatus::Unknown
    } else if evidence.sends > 0 {
        OrderStatus::Submitted
    } else {
        OrderStatus::Initialized
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

/// Merges what a report says of the order itself, without its trades.
pub fn merge_report(evidence: &mut Evidence, report: &VenueReport) {
    let ending = match report.status {
        VenueStatus::Working => None,
        VenueStatus::Triggered => {
            evidence.triggered = true;
            None
        }
        VenueStatus::Filled => Some(Ending::Filled),
        VenueStatus::Canceled => Some(Ending::Canceled),
        VenueStatus::Expired => Some(Ending::Expired),
        VenueStatus::Rejected => Some(Ending::Rejected),
    };
    evidence.accepted |= ending != Some(Ending::Rejected);
    evidence.ending = evidence.ending.max(ending);
    evidence.reported = evidence.reported.max(report.executed);
    if evidence.venue_order_id.is_none() && !report.venue_order_id.is_empty() {
        evidence.venue_order_id = Some(report.venue_order_id.clone());
    }
}

/// Merges one trade; returns the fill when it is new. A trade seen before may still bring the
/// execution id that the first message lacked.
pub fn merge_trade(
    evidence: &mut Evidence,
    identity: &Identity,
    terms: &Terms,
    venue_order_id: &str,
    trade: &VenueTrade,
) -> Option<Fill> {
    evidence.accepted = true;
    if let Some(known) = evidence.fills.get_mut(&trade.trade_id) {
        known.execution_id = known.execution_id.or(trade.execution_id);
        return None;
    }
    let fill = Fill {
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
    };
    evidence.fills.insert(trade.trade_id.clone(), fill.clone());
    Some(fill)
}

/// Whether a report would teach us anything about this order.
pub fn is_news(order: &OrderState, report: &VenueReport) -> bool {
    let mut merged = order.evidence.clone();
    for trade in &report.trades {
        merge_trade(
            &mut merged,
            &order.identity,
            &order.terms,
            &report.venue_order_id,
            trade,
        );
    }
    merge_report(&mut merged, report);
    merged != order.evidence
}

/// A fresh order of record.
pub fn new_order(
    identity: Identity,
    terms: Terms,
    role: Role,
    at: rust_common::UnixMillis,
) -> OrderState {
    let scale = terms.quantity.scale();
    OrderState {
        identity,
        terms,
        role,
        evidence: Evidence::none(scale),
        pending_cancel: None,
        reason: None,
        status: OrderStatus::Initialized,
        announced: None,
        last_seq: 0,
        last_event_at: at,
        fills_total: Totals {
            quantity: Quantity::zero(scale),
            quote: Money::ZERO,
        },
    }
}

/// Nothing can happen to the order any more and nothing about it is open on our side.
pub fn is_closed(order: &OrderState) -> bool {
    let protection_open = matches!(
        order.role,
        Role::BracketEntry {
            protection: crate::models::order::Protection::Wanted,
            ..
        }
    );
    order.status.is_terminal() && !order.has_missing_fills() && !protection_open
}

/// No question to the venue about this order is open.
pub fn is_settled(order: &OrderState) -> bool {
    let waits = matches!(
        order.status,
        OrderStatus::Initialized | OrderStatus::Submitted | OrderStatus::Unknown
    );
    let protection_open = matches!(
        order.role,
        Role::BracketEntry {
            protection: crate::models::order::Protection::Wanted,
            ..
        }
    ) && order.status.is_terminal();
    let at_end = order.evidence.ending.is_some() && !order.status.is_terminal();
    !waits
        && !protection_open
        && !at_end
        && !order.has_missing_fills()
        && order.pending_cancel.is_none()
}

/// Marks a cancel as requested; a second request changes nothing.
pub fn request_cancel(order: &mut OrderState, cancel_id: rust_common::ClientOrderId) {
    if !order.status.is_terminal() && order.pending_cancel.is_none() {
        order.pending_cancel = Some(PendingCancel {
            cancel_id,
            is_unknown: false,
        });
    }
}
