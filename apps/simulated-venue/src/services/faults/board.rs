//! The posted rules and what they did; shared by every connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::calls::Call;
use super::catalogue::{Fault, Layer};
use super::rules::{self, Rule};
use super::traffic::EventFacts;
use crate::models::accounts::AccountId;

/// Hits that are kept per rule; older ones are dropped, the counts are not.
const MOST_HITS: usize = 1_000;
/// Client order ids of sent user events that are remembered.
const MOST_SEEN: usize = 4_096;

/// What one firing hit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Hit {
    /// Counts the firings of all rules since the venue started.
    pub sequence: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stream: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why the fault could not have its effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
}

#[derive(Debug)]
struct Slot {
    rule: Rule,
    /// Posting order over the life of the venue; tells two rules of one id apart.
    number: u64,
    matched: u64,
    fired: u64,
    hits: VecDeque<Hit>,
}

/// A rule that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    pub number: u64,
    pub sequence: u64,
    pub rule: Rule,
}

impl Firing {
    pub fn fault(&self) -> &Fault {
        &self.rule.fault
    }
}

/// User events that wait for a reply to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub number: u64,
    /// Empty: every user event.
    pub client_order_ids: Vec<String>,
    pub only_trades: bool,
}

impl Hold {
    fn is_about(&self, event: &EventFacts) -> bool {
        let ids = &self.client_order_ids;
        let is_named = ids.is_empty() || event.client_order_ids.iter().any(|id| ids.contains(id));
        is_named && (event.is_trade || !self.only_trades)
    }
}

#[derive(Debug, Default)]
struct Board {
    slots: Vec<Slot>,
    posted: u64,
    sequence: u64,
    banned_until: Option<Instant>,
    holds: Vec<Hold>,
    held: u64,
    seen: VecDeque<String>,
    /// By API key.
    accounts: BTreeMap<String, Account>,
}

/// An account that a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub id: AccountId,
}

#[derive(Debug)]
struct Shared {
    board: Mutex<Board>,
    is_armed: AtomicBool,
    skew_ms: Arc<AtomicI64>,
    /// Counts changes of rules, holds and sent events.
    changes: watch::Sender<u64>,
}

/// A handle to the rules. Clones share them.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Shared>);

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(Shared {
            board: Mutex::default(),
            is_armed: AtomicBool::new(false),
            skew_ms: Arc::default(),
            changes: watch::Sender::new(0),
        }))
    }
}

impl Faults {
    /// `accounts` maps API keys to their accounts.
    pub fn new(accounts: BTreeMap<String, Account>) -> Self {
        let faults = Self::default();
        faults.board().accounts = accounts;
        faults
    }

    /// The offset of the venue's clock, in milliseconds.
    pub fn skew_ms(&self) -> Arc<AtomicI64> {
        self.0.skew_ms.clone()
    }

    /// Without rules every hook is one load of this flag.
    pub fn is_armed(&self) -> bool {
        self.0.is_armed.load(Ordering::Acquire)
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // A panic in a holder leaves whole values: every update is one assignment or push.
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, board: &Board) {
        let skew = board.slots.iter().map(|slot| match &slot.rule.fault {
            Fault::ClockSkew(params) => params.ms,
            _ => 0,
        });
        self.0.skew_ms.store(skew.sum(), Ordering::Release);
        let is_armed =
            !board.slots.is_empty() || board.banned_until.is_some() || !board.holds.is_empty();
        self.0.is_armed.store(is_armed, Ordering::Release);
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// Adds rules, all or none; returns their ids.
    ///
    /// # Errors
    /// The field that is wrong and what is allowed.
    pub fn post(&self, body: &Value) -> Result<Vec<String>, String> {
        let mut board = self.board();
        let mut names: Vec<&str> = board
            .accounts
            .values()
            .map(|account| account.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let rules = rules::read(body, &names)?;
        let is_known = |id: &str| board.slots.iter().any(|slot| slot.rule.id == id);
        if let Some(at) = rules.iter().position(|rule| is_known(&rule.id)) {
            let id = rules
                .get(at)
                .map(|rule| rule.id.as_str())
                .unwrap_or_default();
            return Err(format!(
                "rules[{at}].id: \"{id}\" is in use; delete it first or choose another"
            ));
        }
        let ids = rules.iter().map(|rule| rule.id.clone()).collect();
        for rule in rules {
            board.posted += 1;
            let number = board.posted;
            board.slots.push(Slot {
                rule,
                number,
                matched: 0,
                fired: 0,
                hits: VecDeque::new(),
            });
        }
        self.changed(&board);
        Ok(ids)
    }

    /// The rules with how often each matched and fired, and on what.
    pub fn list(&self) -> Value {
        let board = self.board();
        let rows = board.slots.iter().map(|slot| {
            let mut row = json!(slot.rule);
            if let Some(fields) = row.as_object_mut() {
                fields.insert("number".into(), json!(slot.rule.fault.number()));
                fields.insert("matched".into(), json!(slot.matched));
                fields.insert("fired".into(), json!(slot.fired));
                fields.insert("hits".into(), json!(slot.hits));
            }
            row
        });
        Value::Array(rows.collect())
    }

    /// Removes one rule, or all with everything that they still hold back. False: no such rule.
    pub fn remove(&self, id: Option<&str>) -> bool {
        let mut board = self.board();
        let before = board.slots.len();
        match id {
            Some(id) => board.slots.retain(|slot| slot.rule.id != id),
            None => {
                board.slots.clear();
                board.holds.clear();
            }
        }
        if !board
            .slots
            .iter()
            .any(|slot| matches!(slot.rule.fault, Fault::Ban(_)))
        {
            board.banned_until = None;
        }
        self.changed(&board);
        id.is_none() || board.slots.len() < before
    }

    /// Whether the rule of this posting number is still listed.
    pub fn is_listed(&self, number: u64) -> bool {
        self.board().slots.iter().any(|slot| slot.number == number)
    }

    /// The name of the account that an API key belongs to.
    pub fn account_of(&self, api_key: &str) -> Option<String> {
        self.board()
            .accounts
            .get(api_key)
            .map(|account| account.name.clone())
    }

    /// The account of that name; the first where requests name none.
    pub fn account_id(&self, name: Option<&str>) -> AccountId {
        let board = self.board();
        let found = board
            .accounts
            .values()
            .find(|account| Some(account.name.as_str()) == name);
        found.map_or(AccountId::FIRST, |account| account.id)
    }

    pub fn has_layer(&self, layer: Layer) -> bool {
        self.board()
            .slots
            .iter()
            .any(|slot| slot.rule.fault.layer() == layer)
    }

    /// The first rule that fires on this request.
    pub fn on_call(&self, call: &Call, layer: Layer) -> Option<Firing> {
        let hit = Hit {
            endpoint: call.endpoint.clone(),
            client_order_id: call.client_order_ids.first().cloned(),
            account: call.account.clone(),
            ..Hit::default()
        };
        let mut board = self.board();
        if layer == Layer::Request {
            board.count_standing(call);
        }
        let firing = board.choose(
            |rule| rule.fault.layer() == layer && rule.matches_call(call),
            hit,
        )?;
        if let Fault::Ban(params) = firing.fault() {
            board.banned_until = Some(Instant::now() + Duration::from_secs(params.retry_after_s));
        }
        Some(firing)
    }

    /// Seconds that a ban still lasts.
    pub fn banned_for(&self) -> Option<u64> {
        let mut board = self.board();
        let left = board
            .banned_until?
            .saturating_duration_since(Instant::now());
        if left.is_zero() {
            board.banned_until = None;
            return None;
        }
        Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// The first rule that fires on this event.
    pub fn on_event(&self, event: &EventFacts) -> Option<Firing> {
        let hit = Hit {
            stream: event.name.clone(),
            client_order_id: event.client_order_ids.last().cloned(),
            account: event.account.clone(),
            ..Hit::default()
        };
        self.board().choose(
            |rule| rule.fault.layer() == Layer::Stream && rule.matches_event(event),
            hit,
        )
    }

    /// The first rule with `at = now` that hits this connection and has not before.
    pub fn on_connection(
        &self,
        is_user: bool,
        account: Option<&String>,
        done: &[u64],
    ) -> Option<Firing> {
        let hit = Hit {
            stream: if is_user { "user" } else { "market" }.to_owned(),
            account: account.cloned(),
            ..Hit::default()
        };
        let mut board = self.board();
        let fresh: Vec<u64> = board
            .slots
            .iter()
            .filter(|slot| !done.contains(&slot.number))
            .filter(|slot| slot.rule.matches_connection(is_user, account))
            .map(|slot| slot.number)
            .collect();
        fresh
            .into_iter()
            .find_map(|number| board.fire(number, hit.clone()))
    }

    /// Notes why a firing could not have its effect.
    pub fn missed(&self, firing: &Firing, why: String) {
        let mut board = self.board();
        let hit = board
            .slots
            .iter_mut()
            .find(|slot| slot.number == firing.number)
            .and_then(|slot| {
                slot.hits
                    .iter_mut()
                    .find(|hit| hit.sequence == firing.sequence)
            });
        if let Some(hit) = hit {
            hit.missed = Some(why);
        }
    }

    /// Holds user events back; returns the number to release them by.
    pub fn hold(&self, client_order_ids: Vec<String>, only_trades: bool) -> u64 {
        let mut board = self.board();
        board.held += 1;
        let number = board.held;
        board.holds.push(Hold {
            number,
            client_order_ids,
            only_trades,
        });
        self.changed(&board);
        number
    }

    /// Lets the events of a hold go `after`.
    pub fn release(&self, number: u64, after: Duration) {
        let faults = self.clone();
        let release = move || {
            let mut board = faults.board();
            board.holds.retain(|hold| hold.number != number);
            faults.changed(&board);
        };
        if after.is_zero() {
            release();
            return;
        }
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            release();
        });
    }

    /// The hold that an event has to wait for.
    pub fn holding(&self, event: &EventFacts) -> Option<u64> {
        let board = self.board();
        let hold = board
            .holds
            .iter()
            .find(|hold| event.is_user && hold.is_about(event));
        hold.map(|hold| hold.number)
    }

    pub fn is_held(&self, number: u64) -> bool {
        self.board().holds.iter().any(|hold| hold.number == number)
    }

    /// Notes that a user event has left.
    pub fn note_sent(&self, event: &EventFacts) {
        let mut board = self.board();
        board.seen.extend(event.client_order_ids.iter().cloned());
        let excess = board.seen.len().saturating_sub(MOST_SEEN);
        board.seen.drain(..excess);
        drop(board);
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// User events that have left and name one of these ids.
    pub fn sent_about(&self, client_order_ids: &[String]) -> usize {
        let board = self.board();
        board
            .seen
            .iter()
            .filter(|id| client_order_ids.contains(id))
            .count()
    }

    /// Waits until `wanted` user events about these ids have left, at most `limit`.
    pub async fn wait_for_events(&self, ids: &[String], wanted: usize, limit: Duration) {
        let mut changes = self.changes();
        let enough = async {
            while self.sent_about(ids) < wanted {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Past the limit the reply leaves without the events.
        let _ = tokio::time::timeout(limit, enough).await;
    }
}

impl Board {
    /// Clocks are read by every signed request; those are the hits of a standing rule.
    fn count_standing(&mut self, call: &Call) {
        let reads = call.endpoint.ends_with("/time") || call.params.contains_key("timestamp");
        if !reads {
            return;
        }
        let standing: Vec<u64> = self
            .slots
            .iter()
            .filter(|slot| slot.rule.fault.layer() == Layer::Standing)
            .map(|slot| slot.number)
            .collect();
        for number in standing {
            let hit = Hit {
                endpoint: call.endpoint.clone(),
                ..Hit::default()
            };
            self.record(number, hit);
        }
    }

    /// Counts a match on every listed rule up to the first that fires.
    fn choose(&mut self, matches: impl Fn(&Rule) -> bool, hit: Hit) -> Option<Firing> {
        let numbers: Vec<u64> = self
            .slots
            .iter()
            .filter(|slot| matches(&slot.rule))
            .map(|slot| slot.number)
            .collect();
        numbers
            .into_iter()
            .find_map(|number| self.fire(number, hit.clone()))
    }

    fn fire(&mut self, number: u64, hit: Hit) -> Option<Firing> {
        let slot = self.slots.iter_mut().find(|slot| slot.number == number)?;
        if slot.fired >= slot.rule.count {
            return None;
        }
        if slot.matched < slot.rule.skip {
            slot.matched += 1;
            return None;
        }
        self.record(number, hit)
    }

    fn record(&mut self, number: u64, mut hit: Hit) -> Option<Firing> {
        let slot = self.slots.iter_mut().find(|slot| slot.number == number)?;
        slot.matched += 1;
        slot.fired += 1;
        self.sequence += 1;
        hit.sequence = self.sequence;
        slot.hits.push_back(hit);
        if slot.hits.len() > MOST_HITS {
            slot.hits.pop_front();
        }
        Some(Firing {
            number,
            sequence: self.sequence,
            rule: slot.rule.clone(),
        })
    }
}
