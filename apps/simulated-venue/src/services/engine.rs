//! The engine thread: requests queue up and run one after the other on the shell.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::error::{StartError, VenueError};
use crate::services::shell::Shell;

const QUEUE: usize = 1_024;

type Job = Box<dyn FnOnce(&mut Shell) + Send>;

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
                    job(&mut shell);
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
    /// `-1000` with HTTP 500 if the engine has stopped: the outcome is then unknown.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Shell) -> T + Send + 'static,
    ) -> Result<T, VenueError> {
        let (tell, answer) = oneshot::channel();
        let job: Job = Box::new(move |shell| {
            // A caller that went away no longer needs the answer.
            let _ = tell.send(work(shell));
        });
        self.jobs
            .send(job)
            .await
            .map_err(|_| VenueError::internal())?;
        answer.await.map_err(|_| VenueError::internal())
    }
}
