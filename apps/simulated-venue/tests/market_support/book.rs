//! The local book of a client, kept by the rules of web-socket-streams.md.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken fixture must stop the test"
)]

use std::collections::BTreeMap;

use serde_json::Value;
use simulated_venue::models::decimal::format8;
use simulated_venue::models::feed::Level;

/// A book as a client keeps it: prices as the wire's digits without the point, quantities as text.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) bids: BTreeMap<i64, String>,
    pub(crate) asks: BTreeMap<i64, String>,
    pub(crate) id: u64,
}

pub(crate) fn cents(text: &Value) -> i64 {
    text.as_str().unwrap().replace('.', "").parse().unwrap()
}

impl Book {
    /// The rules of web-socket-streams.md, "How to manage a local order book correctly".
    pub(crate) fn of(snapshot: &Value) -> Self {
        let mut book = Self {
            id: snapshot["lastUpdateId"].as_u64().unwrap(),
            ..Self::default()
        };
        book.set(&snapshot["bids"], &snapshot["asks"]);
        book
    }

    pub(crate) fn set(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels.as_array().unwrap() {
                let quantity = level[1].as_str().unwrap();
                if quantity.trim_matches(['0', '.']).is_empty() {
                    side.remove(&cents(&level[0]));
                } else {
                    side.insert(cents(&level[0]), quantity.to_owned());
                }
            }
        }
    }

    pub(crate) fn apply(&mut self, event: &Value) {
        let (first, last) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
        if last <= self.id {
            return;
        }
        assert!(first <= self.id + 1, "a gap: {first} after {}", self.id);
        self.set(&event["b"], &event["a"]);
        self.id = last;
    }

    pub(crate) fn from_levels(id: u64, bids: &[Level], asks: &[Level]) -> Self {
        let mut book = Self {
            id,
            ..Self::default()
        };
        book.set_levels(bids, asks);
        book
    }

    pub(crate) fn set_levels(&mut self, bids: &[Level], asks: &[Level]) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels {
                // The wire has eight decimals, the instrument two.
                let price = level.price * 1_000_000;
                if level.quantity == 0 {
                    side.remove(&price);
                } else {
                    let text = format8(i128::from(level.quantity), 8);
                    side.insert(price, text);
                }
            }
        }
    }

    pub(crate) fn change(&mut self, (first, last): (u64, u64), bids: &[Level], asks: &[Level]) {
        assert!(
            first <= self.id + 1 && last > self.id,
            "{first} {last} after {}",
            self.id
        );
        self.set_levels(bids, asks);
        self.id = last;
    }

    pub(crate) fn best(&self) -> [String; 4] {
        let (bid, bid_quantity) = self.bids.last_key_value().unwrap();
        let (ask, ask_quantity) = self.asks.first_key_value().unwrap();
        [
            bid.to_string(),
            bid_quantity.clone(),
            ask.to_string(),
            ask_quantity.clone(),
        ]
    }
}
