//! What every WebSocket connection does: forward frames, answer requests, ping, end.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_mins(1);

/// Answers the text frames of one connection.
pub trait Answers: Send {
    /// The reply to a request, if it has one.
    fn answer(&mut self, text: &str) -> impl Future<Output = Option<String>> + Send;
}

/// Serves a connection until the peer leaves, falls silent, is cut off, or the venue stops.
pub async fn serve(
    mut socket: WebSocket,
    mut frames: mpsc::Receiver<String>,
    mut stop: watch::Receiver<bool>,
    answers: &mut impl Answers,
) {
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at = Instant::now();
    let goodbye = loop {
        tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    heard_at = Instant::now();
                    if let Some(reply) = answers.answer(&text).await
                        && socket.send(Message::Text(reply.into())).await.is_err()
                    {
                        return;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => heard_at = Instant::now(),
            },
            frame = frames.recv() => match frame {
                Some(frame) => {
                    if socket.send(Message::Text(frame.into())).await.is_err() {
                        return;
                    }
                }
                None => break (1008, "too slow: events would be lost; reconnect and query"),
            },
            _ = pings.tick() => {
                if heard_at.elapsed() > PONG_WITHIN {
                    break (1008, "no pong for 60 s");
                }
                if socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
            }
            _ = stop.changed() => break (1001, "the venue stops"),
        }
    };
    let frame = CloseFrame {
        code: goodbye.0,
        reason: Utf8Bytes::from_static(goodbye.1),
    };
    // The peer may already be gone; there is nobody left to tell.
    let _ = socket.send(Message::Close(Some(frame))).await;
}
