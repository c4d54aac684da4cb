//! The connections to the WebSocket API: who is logged on, and who hears which account's events.
//!
//! Lives on the engine thread, so events leave in the order they happened. A listener that does not
//! keep up is cut off: it must reconnect and ask for what it missed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::services::api::units::TimeUnit;
use crate::services::streams::frames::Frame;

/// Frames that may wait for one listener.
pub const QUEUE: usize = 8_192;
/// Subscriptions of one connection (web-socket-api.md, "User Data Stream").
const MOST_ACTIVE: usize = 1_000;
const MOST_EVER: u64 = 65_535;

/// How a connection wants to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub returns_limits: bool,
    pub unit: TimeUnit,
}

/// Where a subscription came from; a logout ends those of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Session,
    Signature,
}

#[derive(Debug, Clone, Copy)]
struct Subscription {
    account: AccountId,
    origin: Origin,
}

/// Who a connection is logged on as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logon {
    pub api_key: String,
    pub since: i64,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    frames: mpsc::Sender<Frame>,
    style: Style,
    connected_at: i64,
    logon: Option<Logon>,
    subscriptions: BTreeMap<u64, Subscription>,
    subscribed: u64,
}

impl Session {
    pub fn logon(&self) -> Option<&Logon> {
        self.logon.as_ref()
    }

    pub fn log_on(&mut self, api_key: &str, now: i64) {
        self.logon = Some(Logon {
            api_key: api_key.to_owned(),
            since: now,
        });
    }

    /// Forgets the key and ends the subscriptions made with it.
    pub fn log_out(&mut self, now: i64) {
        self.logon = None;
        self.end(now, |subscription| subscription.origin == Origin::Session);
    }

    /// The answer to `session.logon`, `.status` and `.logout`.
    pub fn describe(&self, now: i64) -> Value {
        json!({
            "apiKey": self.logon.as_ref().map(|logon| &logon.api_key),
            "authorizedSince": self.logon.as_ref().map(|logon| logon.since),
            "connectedSince": self.connected_at,
            "returnRateLimits": self.style.returns_limits,
            "serverTime": now,
            "userDataStream": !self.subscriptions.is_empty(),
        })
    }

    /// Subscribes to an account's events and returns the number of the subscription.
    ///
    /// # Errors
    /// `-2035` if the account is already heard here, `-2042` if the connection has had too many.
    pub fn subscribe(&mut self, account: AccountId, origin: Origin) -> Result<u64, VenueError> {
        let active = &self.subscriptions;
        if active.values().any(|known| known.account == account) {
            let text = "User Data Stream subscription already active.";
            return Err(VenueError::bad_request(-2035, text));
        }
        if active.len() >= MOST_ACTIVE || self.subscribed >= MOST_EVER {
            let text = "Maximum subscription ID reached for this connection.";
            return Err(VenueError::bad_request(-2042, text));
        }
        let number = self.subscribed;
        self.subscribed += 1;
        let subscription = Subscription { account, origin };
        self.subscriptions.insert(number, subscription);
        Ok(number)
    }

    /// Ends one subscription, or all of them.
    ///
    /// # Errors
    /// `-2036` if there is none.
    pub fn unsubscribe(&mut self, number: Option<u64>, now: i64) -> Result<(), VenueError> {
        let known = number.map_or(!self.subscriptions.is_empty(), |number| {
            self.subscriptions.contains_key(&number)
        });
        if !known {
            let text = "User Data Stream subscription not active.";
            return Err(VenueError::bad_request(-2036, text));
        }
        match number {
            Some(number) => {
                self.subscriptions.remove(&number);
                self.tell_end(number, now);
            }
            None => self.end(now, |_| true),
        }
        Ok(())
    }

    /// The numbers of the active subscriptions.
    pub fn subscriptions(&self) -> Value {
        let numbers = self.subscriptions.keys();
        numbers
            .map(|number| json!({"subscriptionId": number}))
            .collect()
    }

    /// Sends a frame that answers no request.
    pub fn tell(&self, frame: &Value) {
        // A full queue means that the connection is being cut off.
        let _ = self.frames.try_send(frame.to_string().into());
    }

    fn end(&mut self, now: i64, ends: impl Fn(&Subscription) -> bool) {
        let ended: Vec<u64> = self
            .subscriptions
            .iter()
            .filter(|(_, subscription)| ends(subscription))
            .map(|(number, _)| *number)
            .collect();
        for number in ended {
            self.subscriptions.remove(&number);
            self.tell_end(number, now);
        }
    }

    fn tell_end(&self, number: u64, now: i64) {
        let event = json!({"e": "eventStreamTerminated", "E": now});
        let event = self.style.unit.show_event(&event);
        self.tell(&json!({"subscriptionId": number, "event": event}));
    }

    /// False if the connection does not keep up.
    fn hear(&self, account: AccountId, payload: &Value) -> bool {
        let mut numbers = self.subscriptions.iter();
        let number = numbers.find(|(_, subscription)| subscription.account == account);
        let Some((number, _)) = number else {
            return true;
        };
        let event = self.style.unit.show_event(payload);
        let frame = json!({"subscriptionId": number, "event": event});
        self.frames.try_send(frame.to_string().into()).is_ok()
    }
}

/// All connections by number.
#[derive(Debug, Default)]
pub struct Sessions {
    sessions: BTreeMap<u64, Session>,
    last: u64,
}

impl Sessions {
    /// Adds a connection and returns its number.
    pub fn open(&mut self, frames: mpsc::Sender<Frame>, style: Style, now: i64) -> u64 {
        self.last += 1;
        let session = Session {
            frames,
            style,
            connected_at: now,
            logon: None,
            subscriptions: BTreeMap::new(),
            subscribed: 0,
        };
        self.sessions.insert(self.last, session);
        self.last
    }

    pub fn close(&mut self, number: u64) {
        self.sessions.remove(&number);
    }

    /// A connection; `None` once it was cut off.
    pub fn get(&mut self, number: u64) -> Option<&mut Session> {
        self.sessions.get_mut(&number)
    }

    /// Hands a user event to everybody who hears this account.
    pub fn publish(&mut self, account: AccountId, payload: &Value) {
        self.sessions
            .retain(|_, session| session.hear(account, payload));
    }
}
