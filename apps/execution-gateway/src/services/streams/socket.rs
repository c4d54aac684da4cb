//! One WebSocket connection to a venue: silence is noticed, control messages are paced.

use std::collections::BTreeSet;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::times::StreamTimes;

/// Names in one SUBSCRIBE or UNSUBSCRIBE.
const NAMES_MAX: usize = 200;

/// A connection. `next` may be dropped at any await point without losing a frame.
#[derive(Debug)]
pub struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    times: StreamTimes,
    heard_at: Instant,
    pinged_at: Option<Instant>,
    control_at: Instant,
    control_id: u64,
    /// What the venue was asked to send, and what it should send.
    subscribed: BTreeSet<String>,
    wanted: BTreeSet<String>,
    pub opened_at: Instant,
}

impl Connection {
    /// Connects to `url`.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn open(url: &str, times: StreamTimes) -> Result<Self, String> {
        let socket = match timeout(times.connect, crate::tls::connect_socket(url)).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return Err(format!("connect: {error}")),
            Err(_) => return Err("connect: timeout".to_owned()),
        };
        let now = Instant::now();
        Ok(Self {
            socket,
            times,
            heard_at: now,
            pinged_at: None,
            control_at: now + times.control_gap,
            control_id: 0,
            subscribed: BTreeSet::new(),
            wanted: BTreeSet::new(),
            opened_at: now,
        })
    }

    /// Opens a combined stream that carries `wanted`; what the address cannot hold follows in
    /// control messages.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn open_streams(
        base: &str,
        wanted: BTreeSet<String>,
        times: StreamTimes,
    ) -> Result<Self, String> {
        let first: Vec<&str> = wanted.iter().map(String::as_str).take(NAMES_MAX).collect();
        let url = format!("{base}/stream?streams={}", first.join("/"));
        let mut connection = Self::open(&url, times).await?;
        connection.subscribed = wanted.iter().take(NAMES_MAX).cloned().collect();
        connection.wanted = wanted;
        Ok(connection)
    }

    /// Changes what the connection should carry; `next` sends the control messages.
    pub fn want(&mut self, wanted: BTreeSet<String>) {
        self.wanted = wanted;
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, text: String) -> Result<(), String> {
        let sent = self.socket.send(Message::text(text)).await;
        sent.map_err(|error| format!("send: {error}"))
    }

    /// The next text frame. Pings, pongs and control messages are dealt with here.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn next(&mut self) -> Result<Utf8Bytes, String> {
        loop {
            // Before the read: a frame that was read must never wait for a send.
            if self.has_control_due() {
                self.send_control().await?;
            }
            let deadline = self.next_duty();
            let Ok(frame) = timeout_at(deadline, self.socket.next()).await else {
                self.do_duty().await?;
                continue;
            };
            self.heard_at = Instant::now();
            self.pinged_at = None;
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(text),
                // tungstenite answers pings by itself with the same payload; a flush sends it.
                Some(Ok(Message::Ping(_))) => {
                    let flushed = self.socket.flush().await;
                    flushed.map_err(|error| format!("pong: {error}"))?;
                }
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map_or_else(String::new, |frame| format!(": {frame}"));
                    return Err(format!("closed by the venue{reason}"));
                }
                None => return Err("the connection ended".to_owned()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(format!("read: {error}")),
            }
        }
    }

    /// Says goodbye and lets the connection go.
    pub async fn close(mut self) {
        // The other side may be gone already; there is nobody left to tell.
        let _ = timeout(self.times.connect, self.socket.close(None)).await;
    }

    fn has_control_due(&self) -> bool {
        self.subscribed != self.wanted && Instant::now() >= self.control_at
    }

    /// When this side has to act if nothing arrives before.
    fn next_duty(&self) -> Instant {
        let heard = match self.pinged_at {
            None => self.heard_at + self.times.ping_after,
            Some(_) => self.heard_at + self.times.silence,
        };
        if self.subscribed == self.wanted {
            heard
        } else {
            heard.min(self.control_at)
        }
    }

    async fn do_duty(&mut self) -> Result<(), String> {
        if self.heard_at.elapsed() >= self.times.silence {
            let seconds = self.times.silence.as_secs_f32();
            return Err(format!("silent for {seconds} s"));
        }
        if self.pinged_at.is_none() && self.heard_at.elapsed() >= self.times.ping_after {
            self.pinged_at = Some(Instant::now());
            let ping = self.socket.send(Message::Ping(Vec::new().into())).await;
            ping.map_err(|error| format!("ping: {error}"))?;
        }
        Ok(())
    }

    /// One control message; what remains follows after the gap.
    async fn send_control(&mut self) -> Result<(), String> {
        let take = |from: &BTreeSet<String>, without: &BTreeSet<String>| -> Vec<String> {
            from.difference(without).take(NAMES_MAX).cloned().collect()
        };
        let gone = take(&self.subscribed, &self.wanted);
        let (method, names) = if gone.is_empty() {
            ("SUBSCRIBE", take(&self.wanted, &self.subscribed))
        } else {
            ("UNSUBSCRIBE", gone)
        };
        self.control_id += 1;
        self.control_at = Instant::now() + self.times.control_gap;
        let body = json!({ "method": method, "params": names, "id": self.control_id });
        self.send(body.to_string()).await?;
        for name in names {
            if method == "SUBSCRIBE" {
                self.subscribed.insert(name);
            } else {
                self.subscribed.remove(&name);
            }
        }
        Ok(())
    }
}
