//! Market data for subscribers: closed bars must arrive, forming bars may be skipped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::sync::broadcast;

use rust_common::{Bar, InstrumentId, UnixMillis};

/// A subscriber this far behind is cut off: it reconnects and reads the bars it missed.
const BACKLOG: usize = 8_192;

/// One frame of `/v1/market`.
#[derive(Debug, Clone)]
pub struct Frame {
    pub text: Arc<str>,
}

/// Fan-out of market frames.
#[derive(Debug)]
pub struct MarketHub {
    sender: broadcast::Sender<Frame>,
    state: Mutex<Snapshot>,
}

/// What a new subscriber gets first: the link, and the newest closed bar of each instrument, so
/// that a bar that closed while nobody was connected is not missed.
#[derive(Debug)]
struct Snapshot {
    link: Arc<str>,
    newest: BTreeMap<InstrumentId, Arc<str>>,
}

impl MarketHub {
    pub fn new() -> Self {
        let (sender, _) = broadcast::channel(BACKLOG);
        let link = link_text(false, UnixMillis::default()).into();
        let state = Mutex::new(Snapshot {
            link,
            newest: BTreeMap::new(),
        });
        Self { sender, state }
    }

    /// Subscribes; the frames tell the present state.
    pub fn subscribe(&self) -> (Vec<Frame>, broadcast::Receiver<Frame>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = std::iter::once(&state.link).chain(state.newest.values());
        let frames = texts
            .map(|text| Frame {
                text: Arc::clone(text),
            })
            .collect();
        (frames, self.sender.subscribe())
    }

    pub fn bar(&self, bar: &Bar) {
        let body = json!({ "type": "bar", "bar": bar });
        let Ok(text) = rust_common::canonical_json(&body) else {
            return;
        };
        let text: Arc<str> = text.into();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if bar.is_closed {
            state
                .newest
                .insert(bar.instrument_id.clone(), Arc::clone(&text));
        }
        self.send(text);
    }

    pub fn link(&self, is_connected: bool, at: UnixMillis) {
        let text: Arc<str> = link_text(is_connected, at).into();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.link = Arc::clone(&text);
        self.send(text);
    }

    fn send(&self, text: Arc<str>) {
        if self.sender.send(Frame { text }).is_err() {
            tracing::trace!("no market subscriber");
        }
    }
}

impl Default for MarketHub {
    fn default() -> Self {
        Self::new()
    }
}

fn link_text(is_connected: bool, at: UnixMillis) -> String {
    format!(r#"{{"at":"{at}","connected":{is_connected},"type":"link"}}"#)
}
