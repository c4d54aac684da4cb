//! The engine thread: requests queue up and run one after the other on the shell.
//!
//! Those that have queued up while the disk was busy run as one group: one fdatasync makes all their
//! inputs durable, then their events go out, then their answers.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::error::{StartError, VenueError};
use crate::services::shell::Shell;

const QUEUE: usize = 1_024;

/// Requests that may share one fdatasync.
const MOST_GROUPED: usize = 256;

/// Sends what a request came to; dropped unsent if its input could not be made durable.
type Answer = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&mut Shell) -> Answer + Send>;

/// A handle to the engine thread.
#[derive(Debug, Clone)]
pub struct Engine {
    jobs: mpsc::Sender<Job>,
}

/// The end of the engine thread: resolves when it stopped, with the reason if it had to.
#[derive(Debug)]
pub struct Ended {
    pub reason: oneshot::Receiver<Option<String>>,
    pub thread: JoinHandle<()>,
}

impl Engine {
    /// Starts the thread; it runs until every handle is gone or the shell failed.
    pub fn start(mut shell: Shell) -> Result<(Self, Ended), StartError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let (tell, reason) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("venue-engine".to_owned())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    run_group(&mut shell, job, &mut queue);
                    if shell.failure().is_some() {
                        break;
                    }
                }
                shell.close();
                // The receiver is gone only when the process is already ending.
                let _ = tell.send(shell.failure().map(str::to_owned));
            })
            .map_err(|e| StartError::Engine(e.to_string()))?;
        Ok((Self { jobs }, Ended { reason, thread }))
    }

    /// Runs `work` on the shell and hands back its result.
    ///
    /// # Errors
    /// `-1000` with HTTP 500 if the engine has stopped or the input could not be made durable: the
    /// outcome is then unknown.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Shell) -> T + Send + 'static,
    ) -> Result<T, VenueError> {
        let (tell, answer) = oneshot::channel();
        let job: Job = Box::new(move |shell| {
            let result = work(shell);
            Box::new(move || {
                // A caller that went away no longer needs the answer.
                let _ = tell.send(result);
            })
        });
        self.jobs
            .send(job)
            .await
            .map_err(|_| VenueError::internal())?;
        answer.await.map_err(|_| VenueError::internal())
    }
}

/// Runs `first` and what has queued up behind it, then answers them all.
fn run_group(shell: &mut Shell, first: Job, queue: &mut mpsc::Receiver<Job>) {
    let mut answers = vec![first(shell)];
    while answers.len() < MOST_GROUPED && shell.failure().is_none() {
        let Ok(job) = queue.try_recv() else { break };
        answers.push(job(shell));
    }
    if shell.commit() {
        for answer in answers {
            answer();
        }
    }
}
