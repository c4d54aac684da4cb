//! What every WebSocket connection does: forward frames, answer requests, ping, end.

use std::collections::VecDeque;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::frames::Frame;
use crate::settings::Timing;

/// Frames that are put on the wire with one flush.
const TOGETHER: usize = 256;
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
const POLICY: u16 = 1_008;
const GOING_AWAY: u16 = 1_001;

/// Answers the text frames of one connection.
pub trait Answers: Send {
    /// The reply to a request, if it has one.
    fn answer(&mut self, text: &str) -> impl Future<Output = Option<String>> + Send;

    /// Whether pings, pongs and requests of the peer are limited per second.
    fn is_metered(&self) -> bool {
        false
    }

    /// What the peer is told when the venue is about to stop.
    fn farewell(&mut self) -> Option<String> {
        None
    }
}

/// How a connection ended: by the peer, or with a reason of the venue.
enum End {
    Gone,
    Told(u16, &'static str),
}

/// Pings that were not answered yet, oldest first, and what the peer sent lately.
struct Watch {
    timing: Timing,
    is_metered: bool,
    unanswered: VecDeque<(Vec<u8>, Instant)>,
    heard: VecDeque<Instant>,
    pings: u64,
}

impl Watch {
    fn ping(&mut self) -> Vec<u8> {
        self.pings += 1;
        let payload = self.pings.to_string().into_bytes();
        self.unanswered.push_back((payload.clone(), Instant::now()));
        payload
    }

    /// A pong counts if it carries the payload of a ping; it answers the older ones too.
    fn pong(&mut self, payload: &[u8]) {
        let known = self
            .unanswered
            .iter()
            .position(|(sent, _)| sent.as_slice() == payload);
        if let Some(position) = known {
            self.unanswered.drain(..=position);
        }
    }

    /// When the oldest unanswered ping becomes too old.
    fn pong_due(&self) -> Option<Instant> {
        let (_, sent_at) = self.unanswered.front()?;
        Some(*sent_at + self.timing.pong_timeout)
    }

    /// Notes a ping, pong or request of the peer; `false` if it was one too many for a second.
    fn hear(&mut self) -> bool {
        if !self.is_metered {
            return true;
        }
        let now = Instant::now();
        while self.heard.front().is_some_and(|at| *at + SECOND <= now) {
            self.heard.pop_front();
        }
        self.heard.push_back(now);
        self.heard.len() <= usize::try_from(self.timing.control_messages_per_second).unwrap_or(1)
    }
}

/// Serves a connection until the peer leaves, falls silent, asks too often or grows too old, or
/// the venue stops.
pub async fn serve(
    mut socket: WebSocket,
    frames: mpsc::Receiver<Frame>,
    stop: watch::Receiver<bool>,
    timing: Timing,
    answers: &mut impl Answers,
) {
    let mut watch = Watch {
        timing,
        is_metered: answers.is_metered(),
        unanswered: VecDeque::new(),
        heard: VecDeque::new(),
        pings: 0,
    };
    let end = talk(&mut socket, frames, stop, &mut watch, answers).await;
    if let End::Told(code, reason) = end {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        // The peer may already be gone; there is nobody left to tell.
        let _ = timeout(SECOND, socket.send(Message::Close(Some(frame)))).await;
    }
}

async fn talk(
    socket: &mut WebSocket,
    mut frames: mpsc::Receiver<Frame>,
    mut stop: watch::Receiver<bool>,
    watch: &mut Watch,
    answers: &mut impl Answers,
) -> End {
    let timing = watch.timing;
    let opened_at = Instant::now();
    let mut pings = interval_at(opened_at + timing.ping_interval, timing.ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = Vec::with_capacity(TOGETHER);
    loop {
        let pong_due = watch.pong_due();
        tokio::select! {
            received = socket.recv() => {
                let Some(Ok(message)) = received else { return End::Gone };
                if let Some(end) = hear(socket, message, watch, answers).await {
                    return end;
                }
            }
            count = frames.recv_many(&mut waiting, TOGETHER) => {
                if count == 0 {
                    return End::Told(POLICY, "too slow: events would be lost; reconnect and query");
                }
                // A peer that stops reading is given as long as one that stops answering.
                let sent = timeout(timing.pong_timeout, forward(socket, &mut waiting)).await;
                if !matches!(sent, Ok(true)) {
                    return End::Gone;
                }
            }
            _ = pings.tick() => {
                let payload = watch.ping();
                if socket.send(Message::Ping(payload.into())).await.is_err() {
                    return End::Gone;
                }
            }
            () = sleep_until(pong_due.unwrap_or(opened_at)), if pong_due.is_some() => {
                return End::Told(POLICY, "no pong within the time allowed");
            }
            () = sleep_until(opened_at + timing.connection_life) => {
                return End::Told(GOING_AWAY, "the connection reached its maximum life");
            }
            _ = stop.changed() => {
                if let Some(text) = answers.farewell() {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return End::Gone;
                    }
                    tokio::time::sleep(timing.shutdown_notice).await;
                }
                return End::Told(GOING_AWAY, "the venue stops");
            }
        }
    }
}

/// One message of the peer; hands back an end if the connection is over.
async fn hear(
    socket: &mut WebSocket,
    message: Message,
    watch: &mut Watch,
    answers: &mut impl Answers,
) -> Option<End> {
    match message {
        Message::Close(_) => return Some(End::Gone),
        _ if !watch.hear() => {
            return Some(End::Told(POLICY, "too many messages in one second"));
        }
        Message::Text(text) => {
            if let Some(reply) = answers.answer(&text).await
                && socket.send(Message::Text(reply.into())).await.is_err()
            {
                return Some(End::Gone);
            }
        }
        Message::Pong(payload) => watch.pong(&payload),
        Message::Ping(_) | Message::Binary(_) => {}
    }
    None
}

/// Puts all waiting frames on the wire with one flush.
async fn forward(socket: &mut WebSocket, waiting: &mut Vec<Frame>) -> bool {
    for frame in waiting.drain(..) {
        if socket.feed(Message::Text(frame)).await.is_err() {
            return false;
        }
    }
    socket.flush().await.is_ok()
}
