//! The proxy's rules and what they did.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::rules::{Direction, LinkFault, LinkRule, read};

/// Hits that are kept per rule; older ones are dropped, the counts are not.
const MOST_HITS: usize = 1_000;

/// What one firing hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Hit {
    sequence: u64,
    link: String,
    /// Counts the connections of all links.
    connection: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    rule: LinkRule,
    number: u64,
    matched: u64,
    fired: u64,
    hits: VecDeque<Hit>,
}

#[derive(Debug)]
struct Inner {
    links: Vec<String>,
    slots: Vec<Slot>,
    posted: u64,
    sequence: u64,
    random: fastrand::Rng,
}

/// The rules of a proxy. Clones share them.
#[derive(Debug, Clone)]
pub struct Board {
    inner: Arc<Mutex<Inner>>,
    changes: watch::Sender<u64>,
}

/// A rule that fired on a connection or a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    pub number: u64,
    pub fault: LinkFault,
    /// Of a delay: what the seed added.
    pub jitter_ms: u64,
}

/// Where something happened.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub link: &'a str,
    pub connection: u64,
}

impl Board {
    pub fn new(links: Vec<String>, seed: u64) -> Self {
        let inner = Inner {
            links,
            slots: Vec::new(),
            posted: 0,
            sequence: 0,
            random: fastrand::Rng::with_seed(seed),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            changes: watch::Sender::new(0),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic in a holder leaves whole values: every update is one assignment or push.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Adds rules, all or none.
    ///
    /// # Errors
    /// The field that is wrong and what is allowed.
    pub fn post(&self, body: &Value) -> Result<Vec<String>, String> {
        let rows = body.as_array().ok_or("expected a JSON array of rules")?;
        let mut inner = self.inner();
        let mut rules: Vec<LinkRule> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let rule = read(row, &inner.links).map_err(|e| format!("rules[{index}]{e}"))?;
            let is_same = |known: &LinkRule| known.id == rule.id;
            if rules.iter().any(is_same) || inner.slots.iter().any(|slot| is_same(&slot.rule)) {
                return Err(format!("rules[{index}].id: \"{}\" is in use", rule.id));
            }
            rules.push(rule);
        }
        let ids = rules.iter().map(|rule| rule.id.clone()).collect();
        for rule in rules {
            inner.posted += 1;
            let number = inner.posted;
            inner.slots.push(Slot {
                rule,
                number,
                matched: 0,
                fired: 0,
                hits: VecDeque::new(),
            });
        }
        drop(inner);
        self.changed();
        Ok(ids)
    }

    pub fn list(&self) -> Value {
        let inner = self.inner();
        let rows = inner.slots.iter().map(|slot| {
            let mut row = json!(slot.rule);
            if let Some(fields) = row.as_object_mut() {
                fields.insert("matched".into(), json!(slot.matched));
                fields.insert("fired".into(), json!(slot.fired));
                fields.insert("hits".into(), json!(slot.hits));
            }
            row
        });
        Value::Array(rows.collect())
    }

    /// False: no such rule.
    pub fn remove(&self, id: Option<&str>) -> bool {
        let mut inner = self.inner();
        let before = inner.slots.len();
        inner
            .slots
            .retain(|slot| id.is_some_and(|id| slot.rule.id != id));
        let is_done = id.is_none() || inner.slots.len() < before;
        drop(inner);
        self.changed();
        is_done
    }

    pub fn is_listed(&self, number: u64) -> bool {
        self.inner().slots.iter().any(|slot| slot.number == number)
    }

    /// Whether nothing may pass on this link in this direction.
    pub fn is_parted(&self, link: &str, direction: Direction) -> bool {
        self.inner()
            .slots
            .iter()
            .any(|slot| match &slot.rule.fault {
                LinkFault::Partition { direction: wanted } => {
                    slot.rule.link.as_deref().is_none_or(|name| name == link)
                        && wanted.is_none_or(|wanted| wanted == direction)
                }
                _ => false,
            })
    }

    /// The first rule that fires on a new connection.
    pub fn on_connection(&self, place: Place<'_>) -> Option<Firing> {
        let is_it = |fault: &LinkFault| matches!(fault, LinkFault::Refuse { .. });
        self.inner().choose(place, is_it, (None, 0))
    }

    /// The first rule that fires on a piece.
    pub fn on_piece(&self, place: Place<'_>, direction: Direction, bytes: usize) -> Option<Firing> {
        let is_it = |fault: &LinkFault| fault.is_on_piece(direction);
        self.inner().choose(place, is_it, (Some(direction), bytes))
    }
}

impl Inner {
    fn choose(
        &mut self,
        place: Place<'_>,
        is_it: impl Fn(&LinkFault) -> bool,
        (direction, bytes): (Option<Direction>, usize),
    ) -> Option<Firing> {
        for slot in &mut self.slots {
            let rule = &slot.rule;
            let is_here = rule.link.as_deref().is_none_or(|name| name == place.link);
            if !is_here || !is_it(&rule.fault) || slot.fired >= rule.count {
                continue;
            }
            slot.matched += 1;
            let is_lucky = match rule.fault {
                LinkFault::Flaky { one_in, .. } => self.random.u64(..one_in) != 0,
                _ => false,
            };
            if slot.matched <= rule.skip || is_lucky {
                continue;
            }
            slot.fired += 1;
            self.sequence += 1;
            slot.hits.push_back(Hit {
                sequence: self.sequence,
                link: place.link.to_owned(),
                connection: place.connection,
                direction,
                bytes,
            });
            if slot.hits.len() > MOST_HITS {
                slot.hits.pop_front();
            }
            let jitter_ms = match rule.fault {
                LinkFault::Delay { jitter_ms, .. } => self.random.u64(..=jitter_ms),
                _ => 0,
            };
            return Some(Firing {
                number: slot.number,
                fault: slot.rule.fault.clone(),
                jitter_ms,
            });
        }
        None
    }
}
