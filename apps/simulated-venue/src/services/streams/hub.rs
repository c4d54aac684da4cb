//! Who listens to what. Lives on the engine thread, so events leave in the order they happened.
//!
//! Every listener has a bounded queue. One that does not keep up is cut off: it must reconnect and
//! ask for what it missed, as with the real venue; it never misses an event without noticing, and
//! the venue never waits for it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::boards::Board;
use super::frames::{Forms, Frame, TimeUnit};
use super::names::Stream;

/// Frames that may wait for one listener.
pub const QUEUE: usize = 8_192;
/// Connections one address may open within five minutes.
const MOST_CONNECTS: usize = 300;
const CONNECT_SPAN_MS: i64 = 300_000;

/// What one listener wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    Streams(Wanted),
    User { subscription_id: Option<u64> },
}

/// The market streams of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// By name as it was asked for.
    pub names: BTreeMap<String, Stream>,
    pub is_combined: bool,
    pub unit: TimeUnit,
}

#[derive(Debug)]
struct Listener {
    frames: mpsc::Sender<Frame>,
    interest: Interest,
}

/// The listeners by connection number, and an index of who hears which stream.
#[derive(Debug, Default)]
pub struct Hub {
    listeners: BTreeMap<u64, Listener>,
    index: HashMap<Stream, Vec<u64>>,
    last: u64,
    connects: HashMap<IpAddr, VecDeque<i64>>,
    /// By market, in market mode.
    pub(super) boards: BTreeMap<usize, Board>,
    /// Tickers of the running second that wait to be told as one array.
    pub(super) arrays: super::publishing::Arrays,
}

impl Hub {
    /// Counts a new connection of an address; `false` if it had its 300 in five minutes.
    pub fn admit(&mut self, address: IpAddr, now: i64) -> bool {
        let recent = self.connects.entry(address).or_default();
        while recent.front().is_some_and(|at| at + CONNECT_SPAN_MS <= now) {
            recent.pop_front();
        }
        if recent.len() >= MOST_CONNECTS {
            return false;
        }
        recent.push_back(now);
        true
    }

    /// Adds a listener and returns its number.
    pub fn join(&mut self, frames: mpsc::Sender<Frame>, interest: Interest) -> u64 {
        self.last += 1;
        let number = self.last;
        if let Interest::Streams(wanted) = &interest {
            for stream in wanted.names.values() {
                hear(&mut self.index, *stream, number);
            }
        }
        self.listeners.insert(number, Listener { frames, interest });
        number
    }

    pub fn leave(&mut self, connection: u64) {
        let Some(gone) = self.listeners.remove(&connection) else {
            return;
        };
        if let Interest::Streams(wanted) = gone.interest {
            for stream in wanted.names.values() {
                ignore(&mut self.index, *stream, connection);
            }
        }
    }

    /// The interest of a connection, to read or change; `None` once it was cut off.
    ///
    /// Market streams are added and removed by [`Hub::subscribe`] and [`Hub::unsubscribe`].
    pub fn interest(&mut self, connection: u64) -> Option<&mut Interest> {
        self.listeners
            .get_mut(&connection)
            .map(|listener| &mut listener.interest)
    }

    /// The market streams of a connection; `None` once it was cut off.
    pub fn wanted(&mut self, connection: u64) -> Option<&mut Wanted> {
        match self.interest(connection)? {
            Interest::Streams(wanted) => Some(wanted),
            Interest::User { .. } => None,
        }
    }

    pub fn subscribe(&mut self, connection: u64, names: BTreeMap<String, Stream>) {
        let Self {
            listeners, index, ..
        } = self;
        if let Some(Listener {
            interest: Interest::Streams(wanted),
            ..
        }) = listeners.get_mut(&connection)
        {
            for (name, stream) in names {
                if wanted.names.insert(name, stream).is_none() {
                    hear(index, stream, connection);
                }
            }
        }
    }

    pub fn unsubscribe(&mut self, connection: u64, names: &[String]) {
        let Self {
            listeners, index, ..
        } = self;
        if let Some(Listener {
            interest: Interest::Streams(wanted),
            ..
        }) = listeners.get_mut(&connection)
        {
            for name in names {
                if let Some(stream) = wanted.names.remove(name) {
                    ignore(index, stream, connection);
                }
            }
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.listeners.is_empty()
    }

    pub(super) fn is_heard(&self, stream: Stream) -> bool {
        self.index.contains_key(&stream)
    }

    /// Hands a user event to the connections that subscribed to it.
    pub(super) fn send_user(&mut self, body: &Value) {
        self.listeners
            .retain(|_, listener| match &listener.interest {
                Interest::User {
                    subscription_id: Some(id),
                } => {
                    let frame = json!({"subscriptionId": id, "event": body}).to_string();
                    listener.frames.try_send(frame.into()).is_ok()
                }
                _ => true,
            });
    }

    /// Hands one message to everybody who hears `stream`. It is written once per form.
    pub(super) fn send(
        &mut self,
        stream: Stream,
        symbol: &str,
        write: &impl Fn(TimeUnit) -> String,
    ) {
        let Some(numbers) = self.index.get(&stream) else {
            return;
        };
        let mut forms = Forms::default();
        let name = || stream.name(symbol);
        let mut cut = Vec::new();
        for number in numbers {
            let Some(Listener {
                frames,
                interest: Interest::Streams(wanted),
            }) = self.listeners.get(number)
            else {
                continue;
            };
            let frame = forms.get((wanted.unit, wanted.is_combined), &name, write);
            if frames.try_send(frame).is_err() {
                cut.push(*number);
            }
        }
        // Its queue is full: it is told so after what waits in it.
        for number in cut {
            self.leave(number);
        }
    }
}

fn hear(index: &mut HashMap<Stream, Vec<u64>>, stream: Stream, number: u64) {
    index.entry(stream).or_default().push(number);
}

fn ignore(index: &mut HashMap<Stream, Vec<u64>>, stream: Stream, number: u64) {
    if let Some(numbers) = index.get_mut(&stream) {
        numbers.retain(|other| *other != number);
        if numbers.is_empty() {
            index.remove(&stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::streams::names::Kind;

    const TRADES: Stream = Stream::Market(0, Kind::Trade);

    fn join(hub: &mut Hub, is_combined: bool, unit: TimeUnit) -> (u64, mpsc::Receiver<Frame>) {
        let (sender, frames) = mpsc::channel(QUEUE);
        let wanted = Wanted {
            names: BTreeMap::from([("btcusd@trade".to_owned(), TRADES)]),
            is_combined,
            unit,
        };
        (hub.join(sender, Interest::Streams(wanted)), frames)
    }

    #[test]
    fn a_message_is_written_once_per_form_and_shared() {
        let mut hub = Hub::default();
        let (_, mut first) = join(&mut hub, false, TimeUnit::Millisecond);
        let (_, mut second) = join(&mut hub, false, TimeUnit::Millisecond);
        let (_, mut third) = join(&mut hub, true, TimeUnit::Microsecond);
        let written = std::cell::Cell::new(0);
        hub.send(TRADES, "BTCUSD", &|unit| {
            written.set(written.get() + 1);
            format!("{}", unit.of(7))
        });
        assert_eq!(written.get(), 2, "once in each unit");
        let (a, b) = (first.try_recv().unwrap(), second.try_recv().unwrap());
        assert_eq!(a.as_str(), "7");
        assert_eq!(a.as_str().as_ptr(), b.as_str().as_ptr(), "the same bytes");
        assert_eq!(
            third.try_recv().unwrap().as_str(),
            r#"{"stream":"btcusd@trade","data":7000}"#
        );
    }

    #[test]
    fn a_listener_that_does_not_keep_up_is_cut_off_and_the_others_are_not() {
        let mut hub = Hub::default();
        let (slow, mut waiting) = join(&mut hub, false, TimeUnit::Millisecond);
        let (quick, mut reading) = join(&mut hub, false, TimeUnit::Millisecond);
        for number in 0..=QUEUE {
            hub.send(TRADES, "BTCUSD", &|_| number.to_string());
            assert_eq!(reading.try_recv().unwrap().as_str(), number.to_string());
        }
        assert!(hub.interest(slow).is_none());
        assert!(hub.interest(quick).is_some());
        let mut heard = 0;
        while waiting.try_recv().is_ok() {
            heard += 1;
        }
        assert_eq!(heard, QUEUE, "what was queued still arrives, then the end");
    }

    #[test]
    fn subscriptions_and_the_index_agree() {
        let mut hub = Hub::default();
        let (number, mut frames) = join(&mut hub, false, TimeUnit::Millisecond);
        hub.subscribe(
            number,
            BTreeMap::from([("btcusd@trade".to_owned(), TRADES)]),
        );
        hub.send(TRADES, "BTCUSD", &|_| "once".to_owned());
        assert!(frames.try_recv().is_ok());
        assert!(frames.try_recv().is_err(), "twice subscribed, once told");
        hub.unsubscribe(number, &["btcusd@trade".to_owned()]);
        assert!(!hub.is_heard(TRADES));
        hub.leave(number);
        assert!(hub.is_silent());
    }

    #[test]
    fn three_hundred_connects_in_five_minutes() {
        let mut hub = Hub::default();
        let address = IpAddr::from([127, 0, 0, 1]);
        assert!((0..300).all(|now| hub.admit(address, now)));
        assert!(!hub.admit(address, 299_999));
        assert!(hub.admit(IpAddr::from([127, 0, 0, 2]), 299_999));
        assert!(hub.admit(address, 300_000), "the first one is forgotten");
        assert!(!hub.admit(address, 300_000));
    }
}
