//! Which connection carries which stream: at most a venue's limit per connection.

use std::collections::{BTreeMap, BTreeSet};

use super::events::StreamName;

/// Streams of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePlan {
    pub base: String,
    pub streams: BTreeSet<String>,
}

/// A stable assignment: a stream stays on its connection until it is dropped.
#[derive(Debug)]
pub struct Plan {
    most: usize,
    lines: Vec<LinePlan>,
    places: BTreeMap<StreamName, usize>,
}

impl Plan {
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            lines: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// Takes exactly `wanted`; returns the numbers of the lines that changed, new ones included.
    pub fn assign(&mut self, wanted: &BTreeSet<StreamName>) -> BTreeSet<usize> {
        let mut changed = BTreeSet::new();
        let gone: Vec<StreamName> = self
            .places
            .keys()
            .filter(|name| !wanted.contains(name))
            .cloned()
            .collect();
        for name in gone {
            if let Some(number) = self.places.remove(&name)
                && let Some(line) = self.lines.get_mut(number)
            {
                line.streams.remove(&name.name);
                changed.insert(number);
            }
        }
        for name in wanted {
            if !self.places.contains_key(name) {
                changed.insert(self.place(name));
            }
        }
        changed
    }

    fn place(&mut self, name: &StreamName) -> usize {
        let most = self.most;
        let room = |line: &LinePlan| line.base == name.base && line.streams.len() < most;
        let number = self.lines.iter().position(room).unwrap_or_else(|| {
            self.lines.push(LinePlan {
                base: name.base.clone(),
                streams: BTreeSet::new(),
            });
            self.lines.len() - 1
        });
        if let Some(line) = self.lines.get_mut(number) {
            line.streams.insert(name.name.clone());
        }
        self.places.insert(name.clone(), number);
        number
    }

    pub fn line(&self, number: usize) -> Option<&LinePlan> {
        self.lines.get(number)
    }

    pub fn line_of(&self, name: &StreamName) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(base: &str, numbers: std::ops::Range<u32>) -> BTreeSet<StreamName> {
        numbers
            .map(|number| StreamName {
                base: base.to_owned(),
                name: format!("s{number:05}@trade"),
            })
            .collect()
    }

    #[test]
    fn no_line_carries_more_than_the_limit_and_streams_stay_where_they_are() {
        let mut plan = Plan::new(1_024);
        assert_eq!(plan.assign(&names("ws://a", 0..2_500)).len(), 3);
        let counts: Vec<usize> = (0..plan.len())
            .filter_map(|n| plan.line(n).map(|line| line.streams.len()))
            .collect();
        assert_eq!(counts, [1_024, 1_024, 452]);
        let kept = names("ws://a", 100..2_600);
        assert_eq!(
            plan.assign(&kept),
            BTreeSet::from([0]),
            "the room of the dropped is used"
        );
        assert!(kept.iter().all(|name| plan.line_of(name).is_some()));
        assert_eq!(plan.assign(&kept), BTreeSet::new(), "nothing changed");
        let mut both = kept.clone();
        both.extend(names("ws://b", 0..1));
        assert_eq!(
            plan.assign(&both),
            BTreeSet::from([3]),
            "another address, another line"
        );
    }
}
