//! The order journal: append-only, checksummed, hash-chained segments with group commit (C3).

pub mod events;
pub mod frame;
pub mod recover;
pub mod storage;
pub mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};

use frame::Frame;
use recover::Recovered;
use storage::Storage;
use writer::{Append, BatchObserver, Durable, EventIndex, Writer};

/// Records waiting for the writer; a full queue makes the engine loop wait.
const QUEUE: usize = 4096;

/// The engine loop's side of the journal.
#[derive(Debug)]
pub struct Journal {
    queue: Option<mpsc::Sender<Append>>,
    durable: watch::Receiver<Durable>,
    next_seq: u64,
    epoch: u32,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Starts the writer thread behind a recovered journal.
    ///
    /// # Errors
    /// Input/output errors of creating the first segment or starting the thread.
    pub fn start(
        storage: Box<dyn Storage>,
        recovered: &Recovered,
        epoch: u32,
        index: EventIndex,
        observer: BatchObserver,
    ) -> io::Result<Self> {
        let writer = Writer::open(storage, recovered.position, index, observer)?;
        let first = writer.durable();
        let (sender, receiver) = watch::channel(first);
        let (queue, appends) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(appends, &sender))?;
        Ok(Self {
            queue: Some(queue),
            durable: receiver,
            next_seq: first.seq + 1,
            epoch,
            thread: Some(thread),
        })
    }

    /// Queues one record and returns its sequence number; it is durable once `durable` reaches it.
    pub async fn append(&mut self, kind: u8, payload: Vec<u8>, event_seq: Option<u64>) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let frame = Frame {
            seq,
            epoch: self.epoch,
            kind,
            payload,
        };
        if let Some(queue) = &self.queue
            && queue.send(Append { frame, event_seq }).await.is_err()
        {
            tracing::error!(seq, "the journal writer is gone");
        }
        seq
    }

    pub fn watch(&self) -> watch::Receiver<Durable> {
        self.durable.clone()
    }

    pub fn durable(&self) -> Durable {
        *self.durable.borrow()
    }

    /// Sequence number of the last queued record.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// Closes the queue and waits until everything queued is written.
    pub fn close(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal writer ended abnormally");
        }
    }
}

/// A new, empty event index.
pub fn event_index() -> EventIndex {
    Arc::default()
}
