//! The posted rules and what they did; shared by every connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::calls::Call;
use super::catalogue::{Fault, Layer};
use super::holds::Order;
use super::rules;
use super::slots::Slots;
pub use super::slots::{Firing, Hit};
use super::traffic::EventFacts;
use crate::models::accounts::AccountId;
use crate::settings::AccountSettings;

/// What the rules stand on.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) slots: Slots,
    banned_until: Option<Instant>,
    pub(super) order: Order,
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

    pub fn for_accounts(accounts: &[AccountSettings]) -> Self {
        let mut known = BTreeMap::new();
        for (id, settings) in (0..).map(AccountId).zip(accounts) {
            for key in &settings.keys {
                let name = settings.name.clone();
                known.insert(key.api_key.clone(), Account { name, id });
            }
        }
        Self::new(known)
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

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        // A panic in a holder leaves whole values: every update is one assignment or push.
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for a rule, a hold or an event.
    pub(super) fn stir(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn changed(&self, board: &Board) {
        let skew = board.slots.rules().map(|rule| match &rule.fault {
            Fault::ClockSkew(params) => params.ms,
            _ => 0,
        });
        self.0.skew_ms.store(skew.sum(), Ordering::Release);
        let is_armed =
            !board.slots.is_empty() || board.banned_until.is_some() || !board.order.is_empty();
        self.0.is_armed.store(is_armed, Ordering::Release);
        self.stir();
    }

    /// Adds rules, all or none; returns their ids.
    ///
    /// # Errors
    /// The field that is wrong and what is allowed.
    pub fn post(&self, body: &Value) -> Result<Vec<String>, String> {
        let mut board = self.board();
        let accounts = board.accounts.values();
        let mut names: Vec<&str> = accounts.map(|account| account.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let rules = rules::read(body, &names)?;
        for (at, rule) in rules.iter().enumerate() {
            if board.slots.rules().any(|known| known.id == rule.id) {
                return Err(format!(
                    "rules[{at}].id: \"{}\" is in use; delete it first or choose another",
                    rule.id
                ));
            }
        }
        let ids = rules.iter().map(|rule| rule.id.clone()).collect();
        for rule in rules {
            board.slots.push(rule);
        }
        self.changed(&board);
        Ok(ids)
    }

    /// The rules with how often each matched and fired, and on what.
    pub fn list(&self) -> Value {
        self.board().slots.list()
    }

    /// Removes one rule, or all with everything that they still hold back. False: no such rule.
    pub fn remove(&self, id: Option<&str>) -> bool {
        let mut board = self.board();
        let is_gone = board
            .slots
            .retain(|rule| id.is_some_and(|id| rule.id != id));
        if id.is_none() {
            board.order.release_all();
        }
        if !board
            .slots
            .rules()
            .any(|rule| matches!(rule.fault, Fault::Ban(_)))
        {
            board.banned_until = None;
        }
        self.changed(&board);
        id.is_none() || is_gone
    }

    /// Whether the rule of this posting number is still listed.
    pub fn is_listed(&self, number: u64) -> bool {
        self.board().slots.is_listed(number)
    }

    /// The name of the account that an API key belongs to.
    pub fn account_of(&self, api_key: &str) -> Option<String> {
        let board = self.board();
        board
            .accounts
            .get(api_key)
            .map(|account| account.name.clone())
    }

    /// The account of that name; the first where requests name none.
    pub fn account_id(&self, name: Option<&str>) -> AccountId {
        let board = self.board();
        let mut accounts = board.accounts.values();
        let found = accounts.find(|account| Some(account.name.as_str()) == name);
        found.map_or(AccountId::FIRST, |account| account.id)
    }

    pub fn has_layer(&self, layer: Layer) -> bool {
        self.board()
            .slots
            .rules()
            .any(|rule| rule.fault.layer() == layer)
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
            board.slots.count_standing(call);
        }
        let firing = board.slots.choose(
            |rule| rule.fault.layer() == layer && rule.matches_call(call),
            &[],
            &hit,
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
        self.board().slots.choose(
            |rule| rule.fault.layer() == Layer::Stream && rule.matches_event(event),
            &[],
            &hit,
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
        let matches = |rule: &rules::Rule| rule.matches_connection(is_user, account);
        self.board().slots.choose(matches, done, &hit)
    }

    /// Notes why a firing could not have its effect.
    pub fn missed(&self, firing: &Firing, why: String) {
        self.board().slots.missed(firing, why);
    }
}
