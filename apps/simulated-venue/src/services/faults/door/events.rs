//! Events on their way out of a connection.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::frames::{self, Frame};
use super::link::Link;
use super::queue::Item;
use super::requests;
use super::wire::Carries;
use crate::services::faults::board::Firing;
use crate::services::faults::catalogue::Fault;
use crate::services::faults::params::How;
use crate::services::faults::traffic::EventFacts;

impl Link {
    pub(super) async fn event(&mut self, mut event: EventFacts, frame: Frame) {
        event.account.clone_from(&self.account);
        self.is_combined = event.is_combined;
        let item = Item {
            event: event.is_user.then(|| event.clone()),
            ..Item::bytes(frame.raw)
        };
        let Some(item) = self.queue.join_group(&event, item) else {
            return;
        };
        if let Some(hold) = self.door.faults.holding(&event) {
            return self.queue.hold(hold, item);
        }
        match self.door.faults.on_event(&event) {
            Some(firing) => self.stream_fault(&firing, Some(item)).await,
            None => self.queue.push(item),
        }
    }

    /// Rules with `at = now` that have not hit this connection.
    pub(super) async fn start_now(&mut self) {
        let is_user = self.carries == Carries::Api;
        let faults = self.door.faults.clone();
        while let Some(firing) = faults.on_connection(is_user, self.account.as_ref(), &self.done) {
            self.done.push(firing.number);
            self.stream_fault(&firing, None).await;
        }
    }

    async fn stream_fault(&mut self, firing: &Firing, item: Option<Item>) {
        match (firing.fault(), item) {
            (Fault::DuplicateEvent(params), Some(item)) => {
                for _ in 0..params.copies {
                    self.queue.push(Item::bytes(item.bytes.clone()));
                }
                self.queue.push(item);
            }
            (Fault::ReorderEvents(params), Some(item)) => {
                let size = (params.hold, params.at_most_ms);
                self.queue.group(&firing.rule, firing.number, size, item);
            }
            (Fault::LoseEvent(_), _) => {}
            (Fault::CutStream(params), Some(item)) => {
                self.queue
                    .push(requests::cut(item.bytes, params.byte, params.how));
            }
            (Fault::StallStream(params), item) => {
                self.queue.stall(firing.number, params.ms);
                self.queue.extend(item);
            }
            (Fault::CloseStream(params), _) => {
                let close = frames::close(params.code, &params.reason);
                self.queue.push(Item::last(close, How::Close));
            }
            (Fault::ServerShutdown(params), item) => {
                let notice = self.notice().await;
                self.queue
                    .push(Item::bytes(frames::text(&notice.to_string())));
                self.queue.extend(item);
                let close = frames::close(1001, "the server is shutting down");
                let at = Instant::now() + Duration::from_millis(params.notice_ms);
                self.queue.push_at(at, Item::last(close, How::Close));
            }
            (_, item) => self.queue.extend(item),
        }
    }

    /// `serverShutdown` as this connection spells events.
    async fn notice(&self) -> Value {
        let event = json!({"e": "serverShutdown", "E": self.now_ms().await});
        match self.carries {
            Carries::Api => json!({"event": event}),
            Carries::Streams if self.is_combined => {
                json!({"stream": "!serverShutdown", "data": event})
            }
            Carries::Streams => event,
        }
    }
}
