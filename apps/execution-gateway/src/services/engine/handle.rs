//! How other tasks speak to the engine.

use tokio::sync::{mpsc, oneshot};

use crate::models::input::{Input, Reply, RequestId};
use crate::models::problem::Problem;

/// What other tasks send to the engine.
pub enum Message {
    Input(Input),
    Ask {
        make: Box<dyn FnOnce(RequestId) -> Input + Send>,
        answer: oneshot::Sender<Reply>,
    },
}

/// Cheap handle to the engine.
#[derive(Clone)]
pub struct EngineHandle {
    pub(super) inbox: mpsc::Sender<Message>,
}

impl EngineHandle {
    pub async fn tell(&self, input: Input) {
        if self.inbox.send(Message::Input(input)).await.is_err() {
            tracing::debug!("input after the engine ended");
        }
    }

    /// Asks and waits for the reply.
    pub async fn ask(&self, make: impl FnOnce(RequestId) -> Input + Send + 'static) -> Reply {
        let (answer, reply) = oneshot::channel();
        let message = Message::Ask {
            make: Box::new(make),
            answer,
        };
        if self.inbox.send(message).await.is_ok()
            && let Ok(reply) = reply.await
        {
            return reply;
        }
        stopping()
    }
}

fn stopping() -> Reply {
    let detail = "the gateway is stopping".to_owned();
    Reply::problem(Problem::new(
        503,
        "stopping",
        "The gateway does not answer now",
        detail,
    ))
}
