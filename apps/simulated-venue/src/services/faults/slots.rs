//! Rules in the order of their posting, and the counting that decides which of them fires.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Value, json};

use super::calls::Call;
use super::catalogue::{Fault, Layer};
use super::rules::Rule;

/// Hits that are kept per rule; older ones are dropped, the counts are not.
const MOST_HITS: usize = 1_000;

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

/// The posted rules.
#[derive(Debug, Default)]
pub(super) struct Slots {
    listed: Vec<Slot>,
    posted: u64,
    sequence: u64,
}

impl Slots {
    pub(super) fn push(&mut self, rule: Rule) {
        self.posted += 1;
        self.listed.push(Slot {
            rule,
            number: self.posted,
            matched: 0,
            fired: 0,
            hits: VecDeque::new(),
        });
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.listed.iter().map(|slot| &slot.rule)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub(super) fn is_listed(&self, number: u64) -> bool {
        self.listed.iter().any(|slot| slot.number == number)
    }

    /// Keeps the rules that `stays` names; returns whether one is gone.
    pub(super) fn retain(&mut self, stays: impl Fn(&Rule) -> bool) -> bool {
        let before = self.listed.len();
        self.listed.retain(|slot| stays(&slot.rule));
        self.listed.len() < before
    }

    /// The rules with how often each matched and fired, and on what.
    pub(super) fn list(&self) -> Value {
        let rows = self.listed.iter().map(|slot| {
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

    /// Notes why a firing could not have its effect.
    pub(super) fn missed(&mut self, firing: &Firing, why: String) {
        let mut slots = self.listed.iter_mut();
        let hit = slots
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

    /// Clocks are read by every signed request; those are the hits of a standing rule.
    pub(super) fn count_standing(&mut self, call: &Call) {
        let reads = call.endpoint.ends_with("/time") || call.params.contains_key("timestamp");
        if !reads {
            return;
        }
        for number in self.numbers(|rule| rule.fault.layer() == Layer::Standing, &[]) {
            let hit = Hit {
                endpoint: call.endpoint.clone(),
                ..Hit::default()
            };
            self.record(number, hit);
        }
    }

    fn numbers(&self, matches: impl Fn(&Rule) -> bool, done: &[u64]) -> Vec<u64> {
        self.listed
            .iter()
            .filter(|slot| !done.contains(&slot.number) && matches(&slot.rule))
            .map(|slot| slot.number)
            .collect()
    }

    /// Counts a match on every listed rule, but those that are `done`, up to the first that fires.
    pub(super) fn choose(
        &mut self,
        matches: impl Fn(&Rule) -> bool,
        done: &[u64],
        hit: &Hit,
    ) -> Option<Firing> {
        let numbers = self.numbers(matches, done);
        numbers
            .into_iter()
            .find_map(|number| self.fire(number, hit))
    }

    fn fire(&mut self, number: u64, hit: &Hit) -> Option<Firing> {
        let slot = self.listed.iter_mut().find(|slot| slot.number == number)?;
        if slot.fired >= slot.rule.count {
            return None;
        }
        if slot.matched < slot.rule.skip {
            slot.matched += 1;
            return None;
        }
        self.record(number, hit.clone())
    }

    fn record(&mut self, number: u64, mut hit: Hit) -> Option<Firing> {
        let slot = self.listed.iter_mut().find(|slot| slot.number == number)?;
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
