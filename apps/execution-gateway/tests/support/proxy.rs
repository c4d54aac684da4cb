//! A REST proxy between gateway and venue that loses requests or replies on demand.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to the next requests that place something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The venue never sees the request.
    DropRequest,
    /// The venue executes; the reply is lost.
    DropReply,
    /// The venue executes; the reply is held back until the connection ends.
    HoldReply,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    fault: Arc<Mutex<(Fault, &'static str)>>,
    /// Requests that met a fault.
    pub(crate) hits: watch::Receiver<u32>,
}

impl Proxy {
    pub(crate) async fn start(venue_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(Mutex::new((Fault::None, "")));
        let (sender, hits) = watch::channel(0);
        let shared = Arc::clone(&fault);
        let sender = Arc::new(sender);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (fault, hits) = (Arc::clone(&shared), Arc::clone(&sender));
                tokio::spawn(async move {
                    serve(client, venue_port, &fault, &hits).await;
                });
            }
        });
        Self { port, fault, hits }
    }

    /// Requests whose first line contains `needle` meet `fault` from now on.
    pub(crate) fn set(&self, fault: Fault, needle: &'static str) {
        *self.fault.lock().unwrap() = (fault, needle);
    }

    pub(crate) async fn until_hit(&mut self) {
        let deadline = std::time::Duration::from_secs(20);
        tokio::time::timeout(deadline, self.hits.wait_for(|hits| *hits > 0))
            .await
            .expect("a request meets the fault")
            .unwrap();
    }
}

async fn serve(
    mut client: TcpStream,
    venue_port: u16,
    fault: &Mutex<(Fault, &'static str)>,
    hits: &watch::Sender<u32>,
) {
    while let Some(request) = read_message(&mut client).await {
        let head = String::from_utf8_lossy(&request).into_owned();
        let line = head.lines().next().unwrap_or("").to_owned();
        let (kind, needle) = *fault.lock().unwrap();
        let is_hit = kind != Fault::None && line.contains(needle);
        if is_hit && kind == Fault::DropRequest {
            hits.send_modify(|hits| *hits += 1);
            return;
        }
        let Ok(mut venue) = TcpStream::connect(("127.0.0.1", venue_port)).await else {
            return;
        };
        if venue.write_all(&request).await.is_err() {
            return;
        }
        let Some(reply) = read_message(&mut venue).await else {
            return;
        };
        if is_hit {
            hits.send_modify(|hits| *hits += 1);
            if kind == Fault::HoldReply {
                // Ends when the other side gives up or dies.
                let mut rest = [0; 1];
                client.read_exact(&mut rest).await.ok();
            }
            return;
        }
        if client.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// Head and body of one HTTP/1.1 message with a content length.
async fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut byte = [0; 1];
    while !message.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        message.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&message).to_lowercase();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    message.extend(body);
    Some(message)
}
