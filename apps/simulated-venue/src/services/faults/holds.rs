//! The order of user events and replies: events that wait for a reply, replies that wait for
//! events.

use std::collections::VecDeque;
use std::time::Duration;

use super::board::Faults;
use super::traffic::EventFacts;

/// Client order ids of sent user events that are remembered.
const MOST_SEEN: usize = 4_096;

/// User events that wait for a reply to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold {
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

/// What is held, and what was sent.
#[derive(Debug, Default)]
pub(super) struct Order {
    holds: Vec<Hold>,
    held: u64,
    seen: VecDeque<String>,
}

impl Order {
    pub(super) fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }

    pub(super) fn release_all(&mut self) {
        self.holds.clear();
    }
}

impl Faults {
    /// Holds user events back; returns the number to release them by.
    pub fn hold(&self, client_order_ids: Vec<String>, only_trades: bool) -> u64 {
        let mut board = self.board();
        board.order.held += 1;
        let number = board.order.held;
        board.order.holds.push(Hold {
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
            board.order.holds.retain(|hold| hold.number != number);
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
            .order
            .holds
            .iter()
            .find(|hold| event.is_user && hold.is_about(event));
        hold.map(|hold| hold.number)
    }

    pub fn is_held(&self, number: u64) -> bool {
        self.board()
            .order
            .holds
            .iter()
            .any(|hold| hold.number == number)
    }

    /// Notes that a user event has left.
    pub fn note_sent(&self, event: &EventFacts) {
        let mut board = self.board();
        board
            .order
            .seen
            .extend(event.client_order_ids.iter().cloned());
        let excess = board.order.seen.len().saturating_sub(MOST_SEEN);
        board.order.seen.drain(..excess);
        drop(board);
        self.stir();
    }

    /// User events that have left and name one of these ids.
    pub fn sent_about(&self, client_order_ids: &[String]) -> usize {
        let board = self.board();
        board
            .order
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
