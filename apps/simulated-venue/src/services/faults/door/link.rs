//! A WebSocket connection between the venue and its socket: frames pass here one by one.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::Door;
use super::frames::{self, Frame, Splitter};
use super::plan::{self, Plan};
use super::queue::{Item, Queue};
use super::requests::{self, Expected, Incoming};
use super::wire::Carries;
use crate::services::faults::board::Firing;
use crate::services::faults::calls::Call;
use crate::services::faults::catalogue::Layer;
use crate::services::faults::engine;
use crate::services::faults::params::How;
use crate::services::faults::traffic::{Carried, carried};

const PIECE: usize = 16 * 1_024;
const HEAD_END: &[u8] = b"\r\n\r\n";
/// A day away: no deadline.
const FAR: Duration = Duration::from_hours(24);

pub(super) struct Link {
    pub(super) door: Door,
    pub(super) carries: Carries,
    pub(super) peer: Option<std::net::IpAddr>,
    /// Of the last subscription or logon on this connection.
    pub(super) account: Option<String>,
    pub(super) is_combined: bool,
    pub(super) head: Option<Vec<u8>>,
    pub(super) outgoing: Splitter,
    pub(super) incoming: Splitter,
    pub(super) queue: Queue,
    pub(super) delayed: Vec<(Instant, Vec<u8>)>,
    pub(super) expected: HashMap<String, Expected>,
    /// Rules with `at = now` that have hit this connection.
    pub(super) done: Vec<u64>,
    pub(super) client: Option<OwnedWriteHalf>,
    pub(super) venue: WriteHalf<DuplexStream>,
}

/// Serves one connection until either side ends it or a rule does.
pub async fn run(door: Door, stream: TcpStream, pipe: DuplexStream, carries: Carries) {
    let peer = stream.peer_addr().ok().map(|address| address.ip());
    let (from_client, to_client) = stream.into_split();
    let (from_venue, to_venue) = tokio::io::split(pipe);
    let mut link = Link {
        door,
        carries,
        peer,
        account: None,
        is_combined: false,
        head: Some(Vec::new()),
        outgoing: Splitter::default(),
        incoming: Splitter::default(),
        queue: Queue::default(),
        delayed: Vec::new(),
        expected: HashMap::new(),
        done: Vec::new(),
        client: Some(to_client),
        venue: to_venue,
    };
    if let Err(e) = link.serve(from_client, from_venue).await {
        tracing::debug!(error = %e, "a stream connection ended");
    }
}

impl Link {
    async fn serve(
        &mut self,
        mut client: OwnedReadHalf,
        mut venue: ReadHalf<DuplexStream>,
    ) -> io::Result<()> {
        let mut changes = self.door.faults.changes();
        let (mut sent, mut received) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
        let mut is_open = true;
        loop {
            if self.settle().await? || (!is_open && self.queue.is_empty()) {
                return Ok(());
            }
            let due = self.next_due();
            tokio::select! {
                read = client.read_buf(&mut received) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.client_sent(&received).await?;
                    received.clear();
                }
                read = venue.read_buf(&mut sent), if is_open && !self.queue.is_full() => {
                    is_open = read? > 0;
                    self.venue_sent(&sent).await;
                    sent.clear();
                }
                () = tokio::time::sleep_until(due) => {}
                _ = changes.changed() => self.start_now().await,
            }
        }
    }

    fn next_due(&self) -> Instant {
        let delayed = self.delayed.iter().map(|(at, _)| *at);
        let due = delayed.chain(self.queue.next_due()).min();
        due.unwrap_or_else(|| Instant::now() + FAR)
    }

    /// Sends what is due; true once the connection is over.
    async fn settle(&mut self) -> io::Result<bool> {
        let now = Instant::now();
        let (due, later) = self.delayed.drain(..).partition(|(at, _)| *at <= now);
        self.delayed = later;
        for (_, raw) in due {
            self.venue.write_all(&raw).await?;
        }
        loop {
            if !self.queue.is_idle() {
                self.queue.settle(&self.door.faults);
            }
            let mut batch = Vec::new();
            let mut items = Vec::new();
            while let Some(item) = self.queue.take() {
                batch.extend_from_slice(&item.bytes);
                let is_last = item.end.is_some();
                items.push(item);
                if is_last {
                    break;
                }
            }
            if items.is_empty() {
                return Ok(false);
            }
            if self.send(&batch, items).await? {
                return Ok(true);
            }
        }
    }

    async fn send(&mut self, batch: &[u8], items: Vec<Item>) -> io::Result<bool> {
        let Some(client) = &mut self.client else {
            return Ok(true);
        };
        client.write_all(batch).await?;
        for item in items {
            if let Some(event) = &item.event {
                self.door.faults.note_sent(event);
            }
            if let Some((hold, after)) = item.release {
                self.door.faults.release(hold, after);
            }
            if let Some(how) = item.end {
                self.end(how)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn end(&mut self, how: How) -> io::Result<()> {
        if let (How::Reset, Some(client)) = (how, self.client.take()) {
            client.as_ref().set_zero_linger()?;
            // Without this the half would send its FIN first.
            client.forget();
        }
        Ok(())
    }

    async fn client_sent(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.incoming.push(bytes);
        while let Some(frame) = self.incoming.take() {
            let is_request = self.carries == Carries::Api && frame.is_text();
            let request = if is_request {
                requests::read(&frame)
            } else {
                None
            };
            match request {
                Some(request) => self.request(request, frame).await?,
                None => self.venue.write_all(&frame.raw).await?,
            }
        }
        Ok(())
    }

    async fn request(&mut self, mut request: Incoming, frame: Frame) -> io::Result<()> {
        let faults = self.door.faults.clone();
        let key = request.call.params.get("apiKey");
        let account = key.and_then(|key| faults.account_of(key));
        let method = &request.call.endpoint;
        if account.is_some() && (method.starts_with("userDataStream") || method == "session.logon")
        {
            self.account.clone_from(&account);
        }
        request.call.account = account.or_else(|| self.account.clone());
        if !faults.is_armed() {
            return self.venue.write_all(&frame.raw).await;
        }
        if let Some(seconds) = faults.banned_for() {
            let refusal = plan::Answer::error(&plan::banned(seconds));
            self.answer(&request.id, &refusal).await;
            return Ok(());
        }
        let Some(firing) = faults.on_call(&request.call, Layer::Request) else {
            return self.venue.write_all(&frame.raw).await;
        };
        self.perform(request, firing, frame).await
    }

    pub(super) async fn now_ms(&self) -> i64 {
        self.door
            .engine
            .call(|shell| shell.clock.now_ms())
            .await
            .unwrap_or(0)
    }

    async fn answer(&mut self, id: &Value, answer: &plan::Answer) {
        let text = plan::websocket_text(id, answer, self.now_ms().await);
        self.queue.push(Item::bytes(frames::text(&text)));
    }

    async fn perform(&mut self, request: Incoming, firing: Firing, frame: Frame) -> io::Result<()> {
        let Incoming { id, call } = request;
        let expected = match plan::plan(firing.fault()) {
            Plan::Drop { before: true, how } => {
                self.queue.push(Item::last(Vec::new(), how));
                return Ok(());
            }
            Plan::Delay { before: true, by } => {
                self.delayed.push((Instant::now() + by, frame.raw));
                return Ok(());
            }
            Plan::Answer { answer, executed } => {
                if !executed {
                    self.answer(&id, &answer).await;
                    return Ok(());
                }
                Expected::Replace(plan::websocket_text(&id, &answer, self.now_ms().await))
            }
            Plan::Drop { before: false, how } => Expected::Drop(how),
            Plan::Delay { before: false, by } => Expected::Delay(by),
            Plan::AwaitEvents { events, limit } => Expected::AwaitEvents {
                wanted: self.door.faults.sent_about(&call.client_order_ids) + events,
                ids: call.client_order_ids,
                limit,
            },
            Plan::HoldEvents { after } => {
                let ids = engine::ids_of_order(&self.door, &call).await;
                let hold = self.door.faults.hold(ids, false);
                Expected::Release { hold, after }
            }
            Plan::CutReply { byte, how } => Expected::Cut { byte, how },
            Plan::TruncateReply { byte } => Expected::Truncate(byte),
            Plan::Offsets { weight, orders } => Expected::Offsets { weight, orders },
            Plan::Inputs => self.inputs(call, firing).await,
        };
        self.expected.insert(id.to_string(), expected);
        self.venue.write_all(&frame.raw).await
    }

    async fn inputs(&mut self, call: Call, firing: Firing) -> Expected {
        let late = engine::tells_late(firing.fault());
        let hold = match late {
            Some(_) => {
                let ids = engine::ids_of_order(&self.door, &call).await;
                Some(self.door.faults.hold(ids, true))
            }
            None => None,
        };
        engine::before(&self.door, &call, &firing, self.peer).await;
        match (hold, late) {
            (Some(hold), Some(after)) => Expected::Release { hold, after },
            _ => Expected::Inputs(Box::new((call, firing))),
        }
    }

    async fn venue_sent(&mut self, bytes: &[u8]) {
        let Some(frames) = self.after_head(bytes) else {
            return;
        };
        self.outgoing.push(&frames);
        while let Some(frame) = self.outgoing.take() {
            let is_plain =
                !self.door.faults.is_armed() && self.expected.is_empty() && self.queue.is_idle();
            if is_plain || !frame.is_text() {
                self.queue.push(Item::bytes(frame.raw));
                continue;
            }
            match carried(&frame.payload()) {
                Carried::Event(event) => self.event(event, frame).await,
                Carried::Reply(id) => match self.expected.remove(&id.to_string()) {
                    Some(expected) => self.reply(expected, frame).await,
                    None => self.queue.push(Item::bytes(frame.raw)),
                },
                Carried::Other => self.queue.push(Item::bytes(frame.raw)),
            }
        }
    }

    /// Passes the answer to the upgrade on; what follows it are frames.
    fn after_head(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let Some(head) = &mut self.head else {
            return Some(bytes.to_vec());
        };
        head.extend_from_slice(bytes);
        let end = head
            .windows(HEAD_END.len())
            .position(|part| part == HEAD_END)?;
        let rest = head.split_off(end + HEAD_END.len());
        let head = self.head.take().unwrap_or_default();
        self.queue.push(Item::bytes(head));
        Some(rest)
    }

    async fn reply(&mut self, expected: Expected, frame: Frame) {
        let item = match expected {
            Expected::Drop(how) => Item::last(Vec::new(), how),
            Expected::Delay(by) => {
                let item = Item::bytes(frame.raw);
                return self.queue.push_at(Instant::now() + by, item);
            }
            Expected::AwaitEvents {
                mut ids,
                wanted,
                limit,
            } => {
                if ids.is_empty() {
                    ids = plan::ids_of(&frame.payload());
                }
                let until = Instant::now() + limit;
                let item = Item::bytes(frame.raw);
                return self.queue.await_events((ids, wanted), until, item);
            }
            Expected::Release { hold, after } => Item {
                release: Some((hold, after)),
                ..Item::bytes(frame.raw)
            },
            Expected::Replace(text) => Item::bytes(frames::text(&text)),
            Expected::Cut { byte, how } => requests::cut(frame.raw, byte, how),
            Expected::Truncate(byte) => {
                let mut payload = frame.payload();
                payload.truncate(byte);
                Item::bytes(frames::text(&String::from_utf8_lossy(&payload)))
            }
            Expected::Offsets { weight, orders } => {
                Item::bytes(requests::shifted(&frame, weight, orders))
            }
            Expected::Inputs(what) => {
                engine::after(&self.door, &what.0, &what.1).await;
                Item::bytes(frame.raw)
            }
        };
        self.queue.push(item);
    }
}
