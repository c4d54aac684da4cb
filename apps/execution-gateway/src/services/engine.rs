//! The one task that owns the state: inputs in, effects out, and nothing leaves before every record
//! behind it is durable.

mod gauges;
mod handle;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::failpoints::reached;
use crate::models::input::{CallId, Effect, Input, Reply, RequestId};
use crate::models::problem::Problem;
use crate::models::record::EVENT_KIND;
use crate::models::venue::Outcome;
use crate::services::core::{State, step};
use crate::services::journal::events::EventLog;
use crate::services::journal::writer::{Durable, Health};
use crate::services::journal::{Journal, checkpoint};
use crate::services::metrics::Metrics;
use crate::services::venues::{RECALL, Recall, Venue};
use crate::shutdown::Shutdown;

/// Inputs waiting for the engine; a full queue makes the senders wait.
const INBOX: usize = 1024;
const IDLE: Duration = Duration::from_secs(1);
/// Messages handled before the journal and the timers are looked at again.
const BURST: usize = 64;

pub use handle::{EngineHandle, Message};

/// Health of the gateway for `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    pub is_ready: bool,
}

/// The parts an engine is made of.
pub struct EngineParts {
    pub state: State,
    pub journal: Journal,
    pub events: Arc<EventLog>,
    pub venue: Arc<dyn Venue>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub ready: watch::Sender<Readiness>,
    /// A segment with this many bytes is followed by one that begins with a checkpoint.
    pub checkpoint_bytes: u64,
}

/// The event loop.
pub struct Engine {
    parts: EngineParts,
    inbox: mpsc::Receiver<Message>,
    sender: mpsc::Sender<Message>,
    replies: BTreeMap<RequestId, oneshot::Sender<Reply>>,
    next_request: RequestId,
    /// Effects in order, each with the journal record it waits for.
    held: VecDeque<(u64, Effect)>,
    now: i64,
    seen_duplicates: u64,
    measured_at: i64,
    /// Calls handed to the adapter that have not answered.
    recalls: BTreeMap<CallId, Arc<Recall>>,
    next_checkpoint: u64,
    /// Segment that the last checkpoint was asked for in.
    checkpoint_segment: u32,
}

impl Engine {
    pub fn new(parts: EngineParts) -> (Self, EngineHandle) {
        let (sender, inbox) = mpsc::channel(INBOX);
        let handle = EngineHandle {
            inbox: sender.clone(),
        };
        let engine = Self {
            next_checkpoint: parts.checkpoint_bytes,
            checkpoint_segment: 0,
            parts,
            inbox,
            sender,
            replies: BTreeMap::new(),
            next_request: 1,
            held: VecDeque::new(),
            now: 0,
            seen_duplicates: 0,
            measured_at: 0,
            recalls: BTreeMap::new(),
        };
        (engine, handle)
    }

    /// Runs until shutdown; `first` are the effects of starting the epoch.
    pub async fn run(mut self, first: Vec<Effect>, mut shutdown: Shutdown) {
        let mut durable = self.parts.journal.watch();
        self.now = self.parts.clock.now_ms();
        self.take(first);
        reached("epoch.after");
        self.parts.journal.flush();
        self.release(*durable.borrow_and_update());
        loop {
            let sleep = self.until_wake();
            tokio::select! {
                biased;
                changed = durable.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let now = *durable.borrow_and_update();
                    self.on_durable(now);
                }
                message = self.inbox.recv() => match message {
                    Some(message) => self.on_messages(message),
                    None => break,
                },
                () = tokio::time::sleep(sleep) => self.advance(Input::Tick),
                () = shutdown.requested() => break,
            }
        }
        self.finish(durable).await;
    }

    fn until_wake(&self) -> Duration {
        let wake = self.parts.state.next_wake(self.now);
        let now = self.parts.clock.now_ms();
        let wait = wake.map_or(IDLE, |at| {
            Duration::from_millis((at - now).max(0).unsigned_abs())
        });
        wait.min(IDLE)
    }

    /// Everything that waits is decided before the journal is woken: one sync carries it all.
    fn on_messages(&mut self, first: Message) {
        self.on_message(first);
        for _ in 1..BURST {
            let Ok(message) = self.inbox.try_recv() else {
                break;
            };
            self.on_message(message);
        }
        self.settle();
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.decide(input),
            Message::Ask { make, answer } => {
                let request = self.next_request;
                self.next_request += 1;
                self.replies.insert(request, answer);
                self.decide(make(request));
            }
        }
    }

    fn on_durable(&mut self, durable: Durable) {
        if durable.health != self.parts.state.live.journal {
            self.advance(Input::Journal(durable.health));
        }
        self.release(durable);
    }

    fn advance(&mut self, input: Input) {
        self.decide(input);
        self.settle();
    }

    fn decide(&mut self, input: Input) {
        self.now = self.parts.clock.now_ms();
        if let Input::Answered { call, .. } = &input {
            self.recalls.remove(call);
        }
        reached("engine.before_input");
        let effects = step(&mut self.parts.state, input, self.now);
        reached("engine.after_step");
        self.take(effects);
    }

    /// Hands the records to the writer and lets go what is durable already.
    fn settle(&mut self) {
        reached("engine.before_flush");
        self.parts.journal.flush();
        let durable = self.parts.journal.durable();
        if durable.segment_used >= self.next_checkpoint
            && durable.segment != self.checkpoint_segment
            && durable.health == Health::Good
        {
            self.write_checkpoint(durable);
        }
        self.release(durable);
        self.measure();
    }

    /// The whole book, at the start of a new segment: recovery begins there. The larger the book
    /// is, the rarer its checkpoints, so that they stay a small part of what is written.
    fn write_checkpoint(&mut self, durable: Durable) {
        reached("engine.checkpoint_before");
        let published = self.parts.state.book.gateway_seq;
        let text = {
            let index = self.parts.journal.index();
            let index = index.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoint::text(self.now, published, &index, &self.parts.state.book)
        };
        match text {
            Ok(text) => {
                self.checkpoint_segment = durable.segment;
                let size = text.len() as u64;
                self.next_checkpoint = self.parts.checkpoint_bytes.max(3 * size);
                self.parts.journal.append_checkpoint(&text);
                self.parts.journal.flush();
                reached("engine.checkpoint_after");
            }
            Err(error) => tracing::error!(%error, "no checkpoint could be made"),
        }
    }

    /// Appends records to the journal and holds everything else behind them.
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Journal(entry) => match serde_json::to_vec(&*entry) {
                    Ok(payload) => {
                        let kind = entry.record.kind();
                        self.parts.journal.append(kind, payload, None);
                    }
                    Err(error) => {
                        tracing::error!(%error, "a record cannot be written");
                        self.parts.metrics.invariant_violations_total.inc();
                    }
                },
                Effect::Publish { gateway_seq, text } => {
                    let payload = text.clone().into_bytes();
                    let journal = &mut self.parts.journal;
                    let seq = journal.append(EVENT_KIND, payload, Some(gateway_seq));
                    self.held
                        .push_back((seq, Effect::Publish { gateway_seq, text }));
                }
                Effect::Alarm { name, detail } => {
                    tracing::error!(alarm = name, detail, "alarm");
                    self.parts
                        .metrics
                        .alarms_total
                        .with_label_values(&[name])
                        .inc();
                    match name {
                        "late_fill" => self.parts.metrics.late_fills_total.inc(),
                        "reconcile_mismatch" => self.parts.metrics.reconcile_mismatch_total.inc(),
                        "overfill" => self.parts.metrics.invariant_violations_total.inc(),
                        _ => {}
                    }
                }
                other => self.held.push_back((self.parts.journal.last_seq(), other)),
            }
        }
    }

    fn release(&mut self, durable: Durable) {
        while let Some((barrier, _)) = self.held.front() {
            let is_durable = *barrier <= durable.seq;
            if !is_durable && durable.health != Health::Failed {
                return;
            }
            reached("engine.before_release");
            if let Some((_, effect)) = self.held.pop_front() {
                if is_durable {
                    self.perform(effect);
                } else {
                    self.perform_without_journal(effect);
                }
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Publish { gateway_seq, text } => {
                reached("engine.before_publish");
                self.parts.events.publish(gateway_seq, &text);
                reached("engine.after_publish");
            }
            Effect::Call { call, request } => {
                let venue = Arc::clone(&self.parts.venue);
                let sender = self.sender.clone();
                reached("engine.before_call");
                let recall = Arc::new(Recall::default());
                self.recalls.insert(call, Arc::clone(&recall));
                let seconds = request.is_placing().then(|| {
                    let stages = &self.parts.metrics.order_accept_seconds;
                    stages.with_label_values(&["send"])
                });
                tokio::spawn(async move {
                    let clock = Instant::now();
                    let outcome = RECALL.scope(recall, venue.call(*request)).await;
                    reached("engine.after_call");
                    if let Some(seconds) = seconds {
                        seconds.observe(clock.elapsed().as_secs_f64());
                    }
                    let answered = Message::Input(Input::Answered { call, outcome });
                    if sender.send(answered).await.is_err() {
                        tracing::debug!("an answer came after the engine ended");
                    }
                });
            }
            Effect::Reply { request, reply } => {
                reached("engine.before_reply");
                if let Some(answer) = self.replies.remove(&request)
                    && answer.send(reply).is_err()
                {
                    tracing::debug!("the caller went away");
                }
                reached("engine.after_reply");
            }
            Effect::Recall { call } => {
                if let Some(recall) = self.recalls.get(&call) {
                    recall.recall();
                }
            }
            Effect::Journal(_) | Effect::Alarm { .. } => {}
        }
    }

    /// The journal is lost: nothing may open risk, nothing is told as if it were durable, cancels
    /// and questions still go out (fail-stop to cancel-only).
    fn perform_without_journal(&mut self, effect: Effect) {
        reached("engine.journal_failed");
        match effect {
            Effect::Publish { .. } => {}
            Effect::Call { call, request } if request.is_placing() => {
                let detail = "the journal failed before the order could be sent".to_owned();
                let outcome = Outcome::NotSent { detail };
                let sender = self.sender.clone();
                tokio::spawn(async move {
                    let answered = Message::Input(Input::Answered { call, outcome });
                    if sender.send(answered).await.is_err() {
                        tracing::debug!("the engine ended first");
                    }
                });
            }
            Effect::Reply {
                request,
                reply: Reply::Body { status: 202, body },
            } if body.get("children").is_some() => {
                let detail = "the order could not be journaled and was not sent".to_owned();
                let problem =
                    Problem::new(503, "journal-failed", "The order was not accepted", detail)
                        .next_step("repair the disk of journal_dir and restart the gateway");
                self.perform(Effect::Reply {
                    request,
                    reply: Reply::problem(problem),
                });
            }
            other => self.perform(other),
        }
    }

    /// Orders in flight get a moment to answer; what does not stays open in the journal and is
    /// resolved after the restart.
    async fn finish(mut self, mut durable: watch::Receiver<Durable>) {
        self.advance(Input::Shutdown);
        let grace = Duration::from_millis(self.parts.state.config.horizon_ms.unsigned_abs());
        let deadline = tokio::time::Instant::now() + grace;
        while !self.parts.state.has_ended() && tokio::time::Instant::now() < deadline {
            let wait = self.until_wake();
            match tokio::time::timeout(wait, self.inbox.recv()).await {
                Ok(Some(message)) => self.on_messages(message),
                Ok(None) => break,
                Err(_) => self.advance(Input::Tick),
            }
        }
        reached("shutdown.drained");
        let last = self.parts.journal.last_seq();
        while self.parts.journal.durable().seq < last
            && self.parts.journal.durable().health != Health::Failed
            && durable.changed().await.is_ok()
        {}
        let now = self.parts.journal.durable();
        self.release(now);
        self.parts.journal.close();
        reached("shutdown.end");
    }
}
