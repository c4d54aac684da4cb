//! Moving bytes between a client and its target, piece by piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::Link;
use super::board::{Board, Place};
use super::rules::{Direction, LinkFault};
use crate::services::faults::params::How;

const PIECE: usize = 16 * 1_024;
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Accepts connections of one link until the task is dropped.
pub(super) async fn accept(listener: TcpListener, link: Arc<Link>, board: Board) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    let connection = link.connections.fetch_add(1, Ordering::Relaxed) + 1;
                    open.spawn(connect(client, link.clone(), board.clone(), connection));
                }
                Err(e) => {
                    tracing::warn!(error = %e, link = link.name, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, link: Arc<Link>, board: Board, connection: u64) {
    let place = Place {
        link: &link.name,
        connection,
    };
    if let Some(firing) = board.on_connection(place)
        && let LinkFault::Refuse { how } = firing.fault
    {
        if how == How::Reset
            && let Err(e) = client.set_zero_linger()
        {
            tracing::warn!(error = %e, "a connection could not be reset");
        }
        return;
    }
    while_parted(&board, place, Direction::ToTarget).await;
    let target = match TcpStream::connect(link.target()).await {
        Ok(target) => target,
        Err(e) => {
            tracing::info!(error = %e, link = link.name, "the target cannot be reached");
            return;
        }
    };
    for stream in [&client, &target] {
        if let Err(e) = stream.set_nodelay(true) {
            tracing::warn!(error = %e, "TCP_NODELAY could not be set");
        }
    }
    relay((client, target), &link, &board, place).await;
}

async fn relay(
    (client, target): (TcpStream, TcpStream),
    link: &Link,
    board: &Board,
    place: Place<'_>,
) {
    let (from_client, mut to_client) = client.into_split();
    let (from_target, mut to_target) = target.into_split();
    let pump = |direction, counter| Pump {
        board,
        place,
        direction,
        counter,
        cut: None,
        open_at: None,
    };
    let ended = {
        let there = pump(Direction::ToTarget, &link.to_target).run(from_client, &mut to_target);
        let back = pump(Direction::ToClient, &link.to_client).run(from_target, &mut to_client);
        tokio::try_join!(there, back)
    };
    if let Err(How::Reset) = ended {
        for half in [to_client, to_target] {
            if let Err(e) = half.as_ref().set_zero_linger() {
                tracing::debug!(error = %e, "a connection could not be reset");
            }
            // Without this the half would send its FIN first.
            half.forget();
        }
    }
}

/// Waits until no partition is in the way.
async fn while_parted(board: &Board, place: Place<'_>, direction: Direction) {
    let mut changes = board.changes();
    while board.is_parted(place.link, direction) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

struct Pump<'a> {
    board: &'a Board,
    place: Place<'a>,
    direction: Direction,
    counter: &'a AtomicU64,
    /// Bytes that still pass before the connection ends.
    cut: Option<(u64, How)>,
    /// The time before which nothing passes.
    open_at: Option<Instant>,
}

impl Pump<'_> {
    /// Until the source ends, which is passed on; the error says how the whole connection ends.
    async fn run(mut self, mut from: OwnedReadHalf, to: &mut OwnedWriteHalf) -> Result<(), How> {
        let mut piece = vec![0; PIECE];
        loop {
            let read = from.read(&mut piece).await.map_err(|_| How::Reset)?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
                while_parted(self.board, self.place, self.direction).await;
                // The other side may have gone already.
                let _ = to.shutdown().await;
                return Ok(());
            };
            let passing = self.judge(bytes).await?;
            while_parted(self.board, self.place, self.direction).await;
            to.write_all(passing).await.map_err(|_| How::Reset)?;
            self.counter
                .fetch_add(passing.len() as u64, Ordering::Relaxed);
            if let Some((0, how)) = self.cut {
                return Err(how);
            }
        }
    }

    /// What of a piece passes, once it may.
    async fn judge<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], How> {
        let firing = self.board.on_piece(self.place, self.direction, bytes.len());
        if let Some(firing) = firing {
            match firing.fault {
                LinkFault::Drop { how, .. } | LinkFault::Flaky { how, .. } => return Err(how),
                LinkFault::Cut { byte, how, .. } => self.cut = Some((byte, how)),
                LinkFault::Stall { ms, .. } => self.stall(firing.number, ms).await,
                LinkFault::Delay { ms, .. } => {
                    let by = Duration::from_millis(ms + firing.jitter_ms);
                    self.open_at = Some(Instant::now() + by);
                }
                LinkFault::Refuse { .. } | LinkFault::Partition { .. } => {}
            }
        }
        if let Some(at) = self.open_at.take() {
            tokio::time::sleep_until(at).await;
        }
        let Some((left, how)) = self.cut else {
            return Ok(bytes);
        };
        let passing = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.cut = Some((left - passing as u64, how));
        Ok(bytes.get(..passing).unwrap_or(bytes))
    }

    async fn stall(&self, number: u64, ms: u64) {
        let mut changes = self.board.changes();
        let deleted = async {
            while self.board.is_listed(number) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        if ms == 0 {
            deleted.await;
        } else {
            // Either way the stall is over.
            let _ = tokio::time::timeout(Duration::from_millis(ms), deleted).await;
        }
    }
}
