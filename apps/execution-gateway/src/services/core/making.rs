//! The orders of record behind an approved order, and their ids.

use sha2::{Digest, Sha256};

use rust_common::client_order_id::OrderKey;
use rust_common::{
    AccountId, ApprovedOrder, ClientOrderId, DecisionId, DomainError, Intent, Leg, Order,
    OrderSide, OrderType, StrategyId, TimeInForce,
};

use crate::models::order::{Identity, ListIds, Protection, Role, Terms};
use crate::models::venue::VenueReport;

/// Identity of an order that another client of the account made.
pub(super) fn external_identity(
    report: &VenueReport,
    client_order_id: ClientOrderId,
) -> Result<Identity, DomainError> {
    let text = format!("external\n{}\n{client_order_id}", report.instrument_id);
    Ok(Identity {
        account: AccountId::new("external")?,
        strategy: StrategyId::new("external")?,
        decision_id: DecisionId::new(hex::encode(Sha256::digest(text)))?,
        leg: Leg::new("external")?,
        attempt: 0,
        client_order_id,
        instrument_id: report.instrument_id.clone(),
        intent: Intent::Reduce,
        parent: None,
        is_external: true,
    })
}

/// Name of an outsider's order that carries one of our ids (F39).
pub(super) fn stand_in_id(report: &VenueReport) -> ClientOrderId {
    let text = format!(
        "{}\n{}\n{}",
        report.instrument_id, report.venue_order_id, report.client_order_id
    );
    let digest = hex::encode(Sha256::digest(text));
    let short: String = digest.chars().take(30).collect();
    ClientOrderId::new(format!("ext-{short}")).unwrap_or_else(|_| report.client_order_id.clone())
}

/// Ids of the list under an order.
///
/// # Errors
/// When the leg name grows too long.
pub fn list_ids(identity: &Identity) -> Result<ListIds, DomainError> {
    let key = OrderKey {
        account: &identity.account,
        strategy: &identity.strategy,
        decision_id: &identity.decision_id,
    };
    let child = |suffix: &str| {
        let leg = Leg::new(format!("{}.{suffix}", identity.leg))?;
        key.client_order_id(&leg, identity.attempt)
    };
    Ok(ListIds {
        list_id: child("list")?,
        stop_id: child("stop")?,
        target_id: child("target")?,
    })
}

/// The orders of record that an approved order stands for; the first is the one it is known by.
///
/// # Errors
/// When ids cannot be derived.
pub fn orders_of(approved: &ApprovedOrder) -> Result<Vec<(Identity, Terms, Role)>, DomainError> {
    let identity = Identity {
        account: approved.account().clone(),
        strategy: approved.strategy().clone(),
        decision_id: approved.decision_id().clone(),
        leg: approved.leg().clone(),
        attempt: approved.attempt(),
        client_order_id: approved.client_order_id()?,
        instrument_id: approved.instrument_id().clone(),
        intent: approved.intent(),
        parent: None,
        is_external: false,
    };
    let order = approved.order();
    let mut terms = Terms {
        order_type: order.order_type(),
        order_side: order.order_side(),
        quantity: order.quantity(),
        price: None,
        trigger_price: None,
        time_in_force: None,
    };
    let mut orders = Vec::new();
    match order {
        Order::Market(_) => orders.push((identity, terms, Role::Single)),
        Order::Limit(limit) => {
            terms.price = Some(limit.price);
            terms.time_in_force = Some(limit.time_in_force);
            orders.push((identity, terms, Role::Single));
        }
        Order::StopMarket(stop) => {
            terms.trigger_price = Some(stop.trigger_price);
            orders.push((identity, terms, Role::Single));
        }
        Order::Bracket(bracket) => {
            terms.order_type = OrderType::Market;
            let role = Role::BracketEntry {
                stop_offset: bracket.stop_offset,
                target_offset: bracket.target_offset,
                protection: Protection::Wanted,
            };
            // The legs must be nameable before the entry is sent.
            list_ids(&identity)?;
            orders.push((identity, terms, role));
        }
        Order::Oco(oco) => {
            let ids = list_ids(&identity)?;
            terms.price = Some(oco.price);
            terms.trigger_price = Some(oco.trigger_price);
            let [stop, target] = leg_terms(oco.order_side, &terms);
            let parent = identity.client_order_id.clone();
            orders.push((identity.clone(), terms, Role::ListParent(ids.clone())));
            for (suffix, id, terms) in [
                ("stop", &ids.stop_id, stop),
                ("target", &ids.target_id, target),
            ] {
                let leg = Identity {
                    leg: Leg::new(format!("{}.{suffix}", approved.leg()))?,
                    client_order_id: id.clone(),
                    parent: Some(parent.clone()),
                    ..identity.clone()
                };
                orders.push((leg, terms, Role::Leg(ids.clone())));
            }
        }
    }
    Ok(orders)
}

/// Terms of the stop leg and of the limit leg of a list.
pub fn leg_terms(order_side: OrderSide, list: &Terms) -> [Terms; 2] {
    let stop = Terms {
        order_type: OrderType::StopMarket,
        order_side,
        quantity: list.quantity,
        price: None,
        trigger_price: list.trigger_price,
        time_in_force: None,
    };
    let target = Terms {
        order_type: OrderType::Limit,
        price: list.price,
        trigger_price: None,
        time_in_force: Some(TimeInForce::Gtc { post_only: true }),
        ..stop.clone()
    };
    [stop, target]
}
