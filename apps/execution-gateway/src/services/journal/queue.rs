//! Records on their way from the engine to the writer thread.
//!
//! The queue is bounded by what is in flight: a caller waits for its own record, so it cannot
//! queue a second one. A wake-up is a system call and is made only when the writer sleeps.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::writer::Append;

/// Bytes written with one fdatasync at most.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, Default)]
struct Inner {
    waiting: Vec<Append>,
    is_closed: bool,
    is_asleep: bool,
}

#[derive(Debug, Default)]
pub struct AppendQueue {
    inner: Mutex<Inner>,
    filled: Condvar,
}

impl AppendQueue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds records; they become durable together or in order.
    pub fn push(&self, records: &mut Vec<Append>) {
        let mut inner = self.lock();
        inner.waiting.append(records);
        let is_asleep = inner.is_asleep;
        drop(inner);
        if is_asleep {
            self.filled.notify_one();
        }
    }

    pub fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_one();
    }

    /// Waits for records (at most `patience`) and moves a batch of them into `batch`; false once
    /// the queue is closed and empty.
    pub fn take(&self, batch: &mut Vec<Append>, patience: Option<Duration>) -> bool {
        let mut inner = self.lock();
        while inner.waiting.is_empty() && !inner.is_closed {
            inner.is_asleep = true;
            match patience {
                None => {
                    inner = self
                        .filled
                        .wait(inner)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                Some(patience) => {
                    let (guard, timeout) = self
                        .filled
                        .wait_timeout(inner, patience)
                        .unwrap_or_else(PoisonError::into_inner);
                    inner = guard;
                    if timeout.timed_out() {
                        break;
                    }
                }
            }
        }
        inner.is_asleep = false;
        let mut size = 0;
        let count = inner.waiting.iter().take_while(|append| {
            let fits = size < BATCH_BYTES;
            size += append.frame.payload.len();
            fits
        });
        let count = count.count();
        if count == inner.waiting.len() {
            std::mem::swap(batch, &mut inner.waiting);
        } else {
            batch.extend(inner.waiting.drain(..count));
        }
        !(batch.is_empty() && inner.is_closed)
    }
}
