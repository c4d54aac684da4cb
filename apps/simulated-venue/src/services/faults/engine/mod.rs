//! Faults that are part of the venue's truth: logged inputs around a request, so that a restart
//! replays them, and queries that are answered from an older state.

mod accidents;
mod fills;
mod inputs;
pub mod lag;
mod orders;

use std::net::IpAddr;
use std::time::Duration;

use super::board::Firing;
use super::calls::Call;
use super::catalogue::Fault;
use super::door::Door;
use crate::models::accounts::AccountId;
use crate::services::shell::Shell;

/// What an action needs to know about the request that set it off.
#[derive(Debug, Clone)]
pub struct Context {
    pub call: Call,
    pub fault: Fault,
    pub account: AccountId,
    pub address: Option<IpAddr>,
}

impl Context {
    fn new(door: &Door, call: &Call, firing: &Firing, address: Option<IpAddr>) -> Self {
        Self {
            call: call.clone(),
            fault: firing.fault().clone(),
            account: door.faults.account_id(call.account.as_deref()),
            address,
        }
    }
}

/// A fill before a cancel whose trade is told this long after the cancel's reply.
pub fn tells_late(fault: &Fault) -> Option<Duration> {
    match fault {
        Fault::LateFill(params) => Some(Duration::from_millis(params.ms)),
        _ => None,
    }
}

/// The client order ids that events about the request's order carry.
pub async fn ids_of_order(door: &Door, call: &Call) -> Vec<String> {
    let mut ids = call.client_order_ids.clone();
    let (wanted, account) = (
        call.clone(),
        door.faults.account_id(call.account.as_deref()),
    );
    let found = door.engine.call(move |shell| {
        orders::target(shell, account, &wanted).map(|order| order.client_order_id.clone())
    });
    if let Ok(Ok(id)) = found.await
        && !ids.contains(&id)
    {
        ids.push(id);
    }
    ids
}

/// What happens to the venue before the request reaches it.
pub async fn before(door: &Door, call: &Call, firing: &Firing, address: Option<IpAddr>) {
    let context = Context::new(door, call, firing, address);
    run(door, firing, move |shell| inputs::before(shell, &context)).await;
}

/// What happens to the venue once it has answered.
pub async fn after(door: &Door, call: &Call, firing: &Firing) {
    let context = Context::new(door, call, firing, None);
    run(door, firing, move |shell| inputs::after(shell, &context)).await;
}

async fn run(
    door: &Door,
    firing: &Firing,
    work: impl FnOnce(&mut Shell) -> Result<(), String> + Send + 'static,
) {
    let outcome = door.engine.call(work).await;
    let missed = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(why)) => why,
        Err(e) => e.to_string(),
    };
    tracing::warn!(
        rule = firing.rule.id,
        missed,
        "a fault could not have its effect"
    );
    door.faults.missed(firing, missed);
}
