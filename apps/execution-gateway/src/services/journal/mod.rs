//! The order journal: append-only, checksummed, hash-chained segments with group commit (C3).

pub mod checkpoint;
pub mod events;
pub mod frame;
pub mod queue;
pub mod recover;
mod retention;
pub mod storage;
pub mod writer;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod retention_tests;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use frame::Frame;
use queue::AppendQueue;
use recover::Recovered;
use storage::Storage;
use writer::{Append, BatchObserver, Durable, EventIndex, Policy, Writer};

/// The engine loop's side of the journal.
#[derive(Debug)]
pub struct Journal {
    queue: Arc<AppendQueue>,
    /// Appended and not handed to the writer yet.
    fresh: Vec<Append>,
    durable: watch::Receiver<Durable>,
    next_seq: u64,
    epoch: u32,
    thread: Option<JoinHandle<()>>,
    index: EventIndex,
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
        policy: Policy,
        (index, observer): (EventIndex, BatchObserver),
    ) -> io::Result<Self> {
        let writer = Writer::open(storage, recovered.position, Arc::clone(&index), observer)?;
        let writer = writer.with_policy(policy);
        let first = writer.durable();
        let (sender, receiver) = watch::channel(first);
        let queue = Arc::new(AppendQueue::default());
        let appends = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&appends, &sender))?;
        Ok(Self {
            queue,
            fresh: Vec::new(),
            durable: receiver,
            next_seq: first.seq + 1,
            epoch,
            thread: Some(thread),
            index,
        })
    }

    /// Adds one record and returns its sequence number; `flush` hands it to the writer, and it is
    /// durable once `durable` reaches it.
    pub fn append(&mut self, kind: u8, payload: Vec<u8>, event_seq: Option<u64>) -> u64 {
        let append = self.make(kind, payload, event_seq);
        self.fresh.push(append);
        self.last_seq()
    }

    fn make(&mut self, kind: u8, payload: Vec<u8>, event_seq: Option<u64>) -> Append {
        let seq = self.next_seq;
        self.next_seq += 1;
        Append {
            frame: Frame {
                seq,
                epoch: self.epoch,
                kind,
                payload,
            },
            event_seq,
            starts_segment: false,
            ends_checkpoint: false,
        }
    }

    /// Adds a checkpoint in as many records as it needs; it begins a segment.
    pub fn append_checkpoint(&mut self, text: &[u8]) {
        let parts = checkpoint::split(text);
        let last = parts.len().saturating_sub(1);
        for (number, part) in parts.into_iter().enumerate() {
            let mut append = self.make(checkpoint::KIND, part, None);
            append.starts_segment = number == 0;
            append.ends_checkpoint = number == last;
            self.fresh.push(append);
        }
    }

    /// Hands everything appended so far to the writer.
    pub fn flush(&mut self) {
        if !self.fresh.is_empty() {
            self.queue.push(&mut self.fresh);
        }
    }

    pub fn watch(&self) -> watch::Receiver<Durable> {
        self.durable.clone()
    }

    pub fn durable(&self) -> Durable {
        *self.durable.borrow()
    }

    pub fn index(&self) -> &EventIndex {
        &self.index
    }

    /// Sequence number of the last appended record.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// Closes the queue and waits until everything queued is written.
    pub fn close(&mut self) {
        self.flush();
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal writer ended abnormally");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A new, empty event index.
pub fn event_index() -> EventIndex {
    Arc::default()
}
