//! The user stream: in order on one connection, with faults on single events.

use std::collections::BTreeMap;

use rust_common::{ClientOrderId, OrderStatus};

use super::faults::{Fault, Planned};
use super::venue::UserEvent;
use super::world::{Event, World};
use crate::models::input::Input;
use crate::models::venue::{StreamEvent, VenueReport};

/// An event that is kept back.
#[derive(Debug, Clone)]
pub struct Held {
    pub report: VenueReport,
    pub fault: Fault,
    pub wanted: OrderStatus,
    pub until: i64,
    pub link: u32,
}

#[derive(Debug, Default)]
pub struct Stream {
    pub link: u32,
    pub is_up: bool,
    last_arrival: i64,
    pub stalled_until: i64,
    held: BTreeMap<u64, Held>,
    next_held: u64,
    /// The newest delivered event of each order, to deliver it again.
    delivered: BTreeMap<ClientOrderId, VenueReport>,
    back_off: u32,
}

impl World {
    /// Sends what the venue told since the last event.
    pub(super) fn route_events(&mut self) {
        for event in std::mem::take(&mut self.venue.events) {
            self.hash
                .mix(event.report.execution_id.unwrap_or(0) ^ 0x5555);
            if self.stream.is_up && !self.is_venue_cut() {
                self.send_event(event);
            }
        }
        if !self.stream.held.is_empty() {
            self.release_held();
        }
    }

    fn send_event(&mut self, event: UserEvent) {
        let UserEvent { report, is_late } = event;
        let link = self.stream.link;
        if !is_late && let Some(planned) = self.event_fault(&report) {
            self.note_fired(planned.fault);
            self.stream.next_held += 1;
            let number = self.stream.next_held;
            let until = self.now + self.random.between(300, 4_000);
            let held = Held {
                report,
                fault: planned.fault,
                wanted: planned.wanted,
                until,
                link,
            };
            self.stream.held.insert(number, held);
            return self.at(until, Event::Held(number));
        }
        let at = self.arrival();
        let event = Box::new(StreamEvent::Report(Box::new(report)));
        self.at(at, Event::Stream { link, event });
    }

    /// When the next event arrives: never before an earlier one.
    fn arrival(&mut self) -> i64 {
        let at = (self.now + self.random.between(1, 60)).max(self.stream.stalled_until);
        self.stream.last_arrival = self.stream.last_arrival.max(at);
        self.stream.last_arrival
    }

    fn event_fault(&mut self, report: &VenueReport) -> Option<Planned> {
        let id = &report.client_order_id;
        let is_known = self.state_of(id).is_some();
        if self.faults_are_over || !is_known {
            return None;
        }
        self.take_armed(|planned, _| {
            matches!(planned.fault, Fault::ReorderedEvents | Fault::LostEvent)
        })
    }

    /// Held events go on (or are lost) when their order is in the wanted state.
    fn release_held(&mut self) {
        let ready: Vec<u64> = self
            .stream
            .held
            .iter()
            .filter(|(_, held)| self.state_of(&held.report.client_order_id) == Some(held.wanted))
            .map(|(number, _)| *number)
            .collect();
        for number in ready {
            self.end_hold(number);
        }
    }

    pub(super) fn end_hold(&mut self, number: u64) {
        let Some(held) = self.stream.held.remove(&number) else {
            return;
        };
        if let Some(status) = self.state_of(&held.report.client_order_id) {
            self.count(held.fault, status);
        }
        if held.fault == Fault::LostEvent || held.link != self.stream.link {
            self.say(|| format!("event of {} is lost", held.report.client_order_id));
            return;
        }
        let event = StreamEvent::Report(Box::new(held.report));
        self.stream_arrives(held.link, event);
    }

    /// F7: an order in the wanted state gets its newest event again.
    pub(super) fn hit_event(&mut self, planned: Planned) -> bool {
        if planned.fault != Fault::DuplicateEvent || !self.stream.is_up {
            return false;
        }
        let found = self.stream.delivered.iter().find(|(id, _)| {
            self.state_of(id) == Some(planned.wanted) || self.now >= planned.patience
        });
        let Some((id, report)) = found.map(|(id, report)| (id.clone(), report.clone())) else {
            return false;
        };
        if let Some(status) = self.state_of(&id) {
            self.count(planned.fault, status);
        }
        let link = self.stream.link;
        let event = Box::new(StreamEvent::Report(Box::new(report)));
        self.at(self.now, Event::Stream { link, event });
        true
    }

    pub(super) fn stream_arrives(&mut self, link: u32, event: StreamEvent) {
        if link != self.stream.link || !self.stream.is_up || self.node.is_none() {
            return;
        }
        if self.is_venue_cut() {
            return;
        }
        if self.now < self.stream.stalled_until {
            let at = self.stream.stalled_until;
            let event = Box::new(event);
            return self.at(at, Event::Stream { link, event });
        }
        if let StreamEvent::Report(report) = &event {
            let (id, status) = (report.client_order_id.clone(), report.status);
            let executed = report.executed;
            self.stream.delivered.insert(id.clone(), (**report).clone());
            self.say(|| format!("event {id} {status:?} {executed}"));
        }
        self.input(Input::Stream(event));
    }

    /// The connection to the stream stands.
    pub(super) fn stream_up(&mut self, link: u32) {
        if link != self.stream.link || self.node.is_none() || self.stream.is_up {
            return;
        }
        if self.is_venue_cut() {
            self.stream.back_off += 1;
            let wait = (250 << self.stream.back_off.min(6)).min(8_000);
            return self.after(wait, Event::StreamUp { link });
        }
        self.stream.is_up = true;
        self.stream.back_off = 0;
        self.stream.last_arrival = self.now;
        self.say(|| "stream up".to_owned());
        self.input(Input::Stream(StreamEvent::Up));
    }

    /// The connection ends: events on their way are lost; a new one is made after a while.
    pub(super) fn stream_down(&mut self, wait: i64) {
        let was_up = self.stream.is_up;
        self.stream.is_up = false;
        self.stream.link += 1;
        self.stream.stalled_until = 0;
        self.stream.held.clear();
        let link = self.stream.link;
        if was_up && self.node.is_some() {
            self.say(|| "stream down".to_owned());
            self.input(Input::Stream(StreamEvent::Down));
        }
        self.after(wait, Event::StreamUp { link });
    }
}
