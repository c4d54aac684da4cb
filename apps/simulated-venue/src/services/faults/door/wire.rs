//! The socket under a connection: closed, reset or cut at a byte on command, and handed to a
//! [`super::link`] once it carries WebSocket frames.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::{Door, link};
use crate::services::faults::board::Faults;
use crate::services::faults::params::How;

/// Bytes between the venue and the link of a WebSocket connection.
const PIPE: usize = 64 * 1_024;
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What kind of frames a connection carries after its upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// `/ws-api/v3`: requests, replies, user events.
    Api,
    Streams,
}

#[derive(Debug, Default)]
struct Orders {
    closing: Option<How>,
    /// Bytes that may still leave, and what happens then.
    cut: Option<(u64, How)>,
    upgrade: Option<Carries>,
    /// A hold to release once the reply has left, and how long after that.
    release: Option<(u64, Duration)>,
    has_written: bool,
}

/// Commands to one connection.
#[derive(Debug, Default)]
pub struct Wire {
    is_armed: AtomicBool,
    orders: Mutex<Orders>,
}

impl Wire {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.orders());
        self.is_armed.store(true, Ordering::Release);
    }

    /// No byte leaves any more.
    pub fn close(&self, how: How) {
        self.order(|orders| orders.closing = Some(how));
    }

    /// `byte` more bytes leave.
    pub fn cut_after(&self, byte: u64, how: How) {
        self.order(|orders| orders.cut = Some((byte, how)));
    }

    /// The next bytes that leave are the answer to an upgrade, then come frames.
    pub fn upgrade(&self, carries: Carries) {
        self.order(|orders| orders.upgrade = Some(carries));
    }

    /// Lets a hold go when the next bytes have left.
    pub fn release_after_reply(&self, hold: u64, after: Duration) {
        self.order(|orders| {
            orders.release = Some((hold, after));
            orders.has_written = false;
        });
    }
}

/// Who is on the other side, and its socket's commands.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: SocketAddr,
    pub wire: Arc<Wire>,
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Accepts connections whose sockets obey a [`Wire`].
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    door: Door,
}

impl Listener {
    pub fn new(inner: TcpListener, door: Door) -> Self {
        Self { inner, door }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Socket;
    type Addr = Peer;

    async fn accept(&mut self) -> (Socket, Peer) {
        loop {
            match self.inner.accept().await {
                Ok((stream, address)) => {
                    if let Err(e) = stream.set_nodelay(true) {
                        tracing::warn!(error = %e, "TCP_NODELAY could not be set; replies may be slow");
                    }
                    let wire = Arc::new(Wire::default());
                    let socket = Socket {
                        stream: Stream::Direct(stream),
                        wire: wire.clone(),
                        door: self.door.clone(),
                    };
                    return (socket, Peer { address, wire });
                }
                Err(e) => {
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer {
            address: self.inner.local_addr()?,
            wire: Arc::default(),
        })
    }
}

#[derive(Debug)]
enum Stream {
    Direct(TcpStream),
    /// The other end is served by a link, which owns the socket.
    Linked(DuplexStream),
    Gone,
}

/// A connection as the HTTP server sees it.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    wire: Arc<Wire>,
    door: Door,
}

impl Socket {
    /// Carries out waiting commands; an error ends the connection.
    fn obey(&mut self) -> io::Result<()> {
        if !self.wire.is_armed.load(Ordering::Acquire) {
            return Ok(());
        }
        let (closing, upgrade) = {
            let mut orders = self.wire.orders();
            (orders.closing, orders.upgrade.take())
        };
        if let (Some(how), Stream::Direct(stream)) = (closing, &self.stream) {
            if how == How::Reset {
                stream.set_zero_linger()?;
            }
            self.stream = Stream::Gone;
        }
        if let Some(carries) = upgrade
            && let Stream::Direct(_) = &self.stream
        {
            let (near, far) = tokio::io::duplex(PIPE);
            let before = std::mem::replace(&mut self.stream, Stream::Linked(near));
            if let Stream::Direct(stream) = before {
                tokio::spawn(link::run(self.door.clone(), stream, far, carries));
            }
        }
        match self.stream {
            Stream::Gone => Err(io::ErrorKind::ConnectionAborted.into()),
            _ => Ok(()),
        }
    }

    /// How many of `wanted` bytes may be written before the cut.
    fn allowed(&self, wanted: usize) -> usize {
        match self.wire.orders().cut {
            Some((left, _)) => wanted.min(usize::try_from(left).unwrap_or(usize::MAX)),
            None => wanted,
        }
    }

    fn wrote(&self, bytes: usize) {
        if !self.wire.is_armed.load(Ordering::Acquire) {
            return;
        }
        let mut orders = self.wire.orders();
        orders.has_written |= bytes > 0;
        if let Some((left, how)) = orders.cut {
            let left = left.saturating_sub(bytes as u64);
            orders.cut = Some((left, how));
            if left == 0 {
                orders.closing = Some(how);
            }
        }
    }

    fn flushed(&self) {
        if !self.wire.is_armed.load(Ordering::Acquire) {
            return;
        }
        let due = {
            let mut orders = self.wire.orders();
            if orders.has_written {
                orders.release.take()
            } else {
                None
            }
        };
        if let Some((hold, after)) = due {
            self.faults().release(hold, after);
        }
    }

    fn faults(&self) -> &Faults {
        &self.door.faults
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A reply that can no longer leave must not hold events back for ever.
        let due = self.wire.orders().release.take();
        if let Some((hold, _)) = due {
            self.faults().release(hold, Duration::ZERO);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.obey()?;
        match &mut self.stream {
            Stream::Direct(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Linked(pipe) => Pin::new(pipe).poll_read(context, buffer),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.obey()?;
        let allowed = self.allowed(bytes.len());
        if allowed == 0 && !bytes.is_empty() {
            self.wrote(0);
            self.obey()?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let bytes = bytes.get(..allowed).unwrap_or(bytes);
        let written = match &mut self.stream {
            Stream::Direct(stream) => ready!(Pin::new(stream).poll_write(context, bytes))?,
            Stream::Linked(pipe) => ready!(Pin::new(pipe).poll_write(context, bytes))?,
            Stream::Gone => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        };
        self.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.obey()?;
        match &mut self.stream {
            Stream::Direct(stream) => ready!(Pin::new(stream).poll_flush(context))?,
            Stream::Linked(pipe) => ready!(Pin::new(pipe).poll_flush(context))?,
            Stream::Gone => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
        self.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Direct(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Linked(pipe) => Pin::new(pipe).poll_shutdown(context),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }
}
