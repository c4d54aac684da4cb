//! One life of the gateway: the real core, the real journal writer and recovery on a disk in
//! memory, and the engine's rule that nothing leaves before the records behind it are durable.

use std::collections::{BTreeMap, VecDeque};

use rust_common::{AccountId, ClientOrderId};

use super::disk::Disk;
use crate::models::input::{Effect, Input, Reply};
use crate::models::record::{EVENT_KIND, Entry, Record};
use crate::models::venue::Outcome;
use crate::replay::{Replayed, replay};
use crate::services::core::{CoreConfig, Rules, State, begin, step};
use crate::services::journal::event_index;
use crate::services::journal::frame::Frame;
use crate::services::journal::recover::{Recovered, recover};
use crate::services::journal::writer::{Append, Durable, Health, Writer};
use crate::settings::Limits;

/// Small segments, so that a schedule rolls over several times.
const SEGMENT_BYTES: u64 = 48 * 1024;
pub const RECV_WINDOW_MS: i64 = 3_000;
pub const HORIZON_MS: i64 = 18_000;

/// What left the gateway in one go.
#[derive(Debug, Default)]
pub struct Released {
    /// Effects in order, each with whether its records are durable.
    pub effects: Vec<Effect>,
    pub alarms: Vec<&'static str>,
    /// Outcomes the engine itself gives to calls that may not leave without a journal.
    pub outcomes: Vec<(u64, Outcome)>,
}

/// A running gateway.
pub struct Node {
    pub state: State,
    writer: Writer,
    disk: Disk,
    pending: Vec<Append>,
    in_flight: Vec<Append>,
    held: VecDeque<(u64, Effect)>,
    next_seq: u64,
    epoch: u32,
    last_step_at: i64,
    health: Health,
    /// Records made since they were last looked at, for the witness of terminal states.
    pub entries: Vec<Entry>,
    /// Journal number of the newest dispatch record of each order.
    sent: BTreeMap<ClientOrderId, u64>,
}

/// What a start found.
pub struct Started {
    pub node: Node,
    pub released: Released,
    pub recovered_entries: Vec<Entry>,
    pub damage: Option<String>,
    pub first_seq: u64,
    /// Events in the journal: readers get them from there.
    pub events: Vec<String>,
}

pub fn config() -> Result<CoreConfig, String> {
    let money = |text: &str| text.parse().map_err(|e| format!("{e}"));
    Ok(CoreConfig {
        account: AccountId::new("paper-1").map_err(|e| e.to_string())?,
        limits: Limits {
            max_order_notional: money("50000")?,
            max_instrument_notional: money("400000")?,
            max_orders_per_minute: 1_000,
        },
        recv_window_ms: RECV_WINDOW_MS,
        horizon_ms: HORIZON_MS,
        is_fast: false,
        version: "simulation".to_owned(),
        rules: Rules::default(),
    })
}

/// Recovers a journal and replays it.
///
/// # Errors
/// Input/output errors of the disk.
pub fn read_back(disk: &mut Disk) -> Result<(Recovered, Replayed), String> {
    let recovered = recover(disk).map_err(|error| error.to_string())?;
    let replayed = replay(&recovered, &event_index());
    Ok((recovered, replayed))
}

impl Node {
    /// Starts a gateway on a disk.
    ///
    /// # Errors
    /// When the journal cannot be opened (a full or failing disk).
    pub fn start(disk: &Disk, now: i64) -> Result<Started, String> {
        let mut storage = disk.clone();
        let (recovered, replayed) = read_back(&mut storage)?;
        let recovered_entries = recovered
            .frames
            .iter()
            .filter(|(_, frame)| frame.kind != EVENT_KIND)
            .filter_map(|(_, frame)| serde_json::from_slice(&frame.payload).ok())
            .collect();
        let events = recovered
            .frames
            .iter()
            .filter(|(_, frame)| frame.kind == EVENT_KIND)
            .filter_map(|(_, frame)| String::from_utf8(frame.payload.clone()).ok())
            .collect();
        let writer = Writer::open(
            Box::new(storage),
            recovered.position,
            event_index(),
            Box::new(|_, _| {}),
        )
        .map_err(|error| error.to_string())?
        .with_segment_bytes(SEGMENT_BYTES);
        let durable = writer.durable();
        disk.set_synced_seq(durable.seq);
        let epoch = replayed.book.epoch + 1;
        let mut state = State::new(config()?, replayed.book);
        state.live.damage.clone_from(&replayed.damage);
        state.live.journal = durable.health;
        let first = begin(&mut state, now, "simulation", replayed.unpublished);
        let mut node = Self {
            state,
            writer,
            disk: disk.clone(),
            pending: Vec::new(),
            in_flight: Vec::new(),
            held: VecDeque::new(),
            next_seq: durable.seq + 1,
            epoch,
            last_step_at: now,
            health: durable.health,
            entries: Vec::new(),
            sent: BTreeMap::new(),
        };
        let mut released = Released::default();
        node.take(first, &mut released);
        Ok(Started {
            node,
            released,
            recovered_entries,
            damage: replayed.damage,
            first_seq: durable.seq,
            events,
        })
    }

    /// One input of the core.
    pub fn advance(&mut self, input: Input, now: i64) -> Released {
        self.last_step_at = now;
        let effects = step(&mut self.state, input, now);
        let mut released = Released::default();
        self.take(effects, &mut released);
        self.release(&mut released);
        released
    }

    pub fn next_wake(&self) -> Option<i64> {
        self.state.next_wake(self.last_step_at)
    }

    /// Whether records wait and no write is on its way: the next write may begin.
    pub fn begin_write(&mut self) -> bool {
        if self.pending.is_empty() || !self.in_flight.is_empty() {
            return false;
        }
        self.in_flight = std::mem::take(&mut self.pending);
        true
    }

    pub fn is_writing(&self) -> bool {
        !self.in_flight.is_empty()
    }

    pub fn has_unsynced(&self) -> bool {
        self.is_writing() || !self.pending.is_empty()
    }

    /// Writes and syncs what is in flight. False when the process died inside.
    pub fn finish_write(&mut self, now: i64, released: &mut Released) -> bool {
        let batch = std::mem::take(&mut self.in_flight);
        self.writer.commit(&batch);
        if self.disk.is_dead() {
            return false;
        }
        let durable = self.writer.durable();
        if durable.health != self.health {
            self.health = durable.health;
            let effects = step(&mut self.state, Input::Journal(durable.health), now);
            self.last_step_at = now;
            self.take(effects, released);
        }
        self.release(released);
        true
    }

    /// What the process had in flight reaches the disk in part: a crash inside the write.
    pub fn die_in_write(&mut self) {
        if self.in_flight.is_empty() {
            self.in_flight = std::mem::take(&mut self.pending);
        }
        if !self.in_flight.is_empty() {
            let batch = std::mem::take(&mut self.in_flight);
            self.writer.commit(&batch);
        }
    }

    pub fn sent_seq(&self, id: &ClientOrderId) -> Option<u64> {
        self.sent.get(id).copied()
    }

    pub fn health(&self) -> Health {
        self.health
    }

    fn take(&mut self, effects: Vec<Effect>, released: &mut Released) {
        for effect in effects {
            match effect {
                Effect::Journal(entry) => {
                    if let Ok(payload) = serde_json::to_vec(&*entry) {
                        self.append(entry.record.kind(), payload, None);
                    }
                    if let Record::Sent { ids, .. } = &entry.record {
                        let seq = self.next_seq - 1;
                        self.sent.extend(ids.iter().map(|id| (id.clone(), seq)));
                    }
                    self.entries.push(*entry);
                }
                Effect::Publish { gateway_seq, text } => {
                    let payload = text.clone().into_bytes();
                    let seq = self.append(EVENT_KIND, payload, Some(gateway_seq));
                    self.held
                        .push_back((seq, Effect::Publish { gateway_seq, text }));
                }
                Effect::Alarm { name, .. } => released.alarms.push(name),
                other => self.held.push_back((self.next_seq - 1, other)),
            }
        }
    }

    fn append(&mut self, kind: u8, payload: Vec<u8>, event_seq: Option<u64>) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let frame = Frame {
            seq,
            epoch: self.epoch,
            kind,
            payload,
        };
        self.pending.push(Append {
            frame,
            event_seq,
            starts_segment: false,
            ends_checkpoint: false,
        });
        seq
    }

    fn release(&mut self, released: &mut Released) {
        let Durable { seq, health, .. } = self.writer.durable();
        while let Some((barrier, _)) = self.held.front() {
            let is_durable = *barrier <= seq;
            if !is_durable && health != Health::Failed {
                return;
            }
            let Some((_, effect)) = self.held.pop_front() else {
                return;
            };
            if is_durable {
                released.effects.push(effect);
            } else {
                release_without_journal(effect, released);
            }
        }
    }
}

/// The journal is lost: no order leaves, no acceptance is told, cancels and questions go on.
fn release_without_journal(effect: Effect, released: &mut Released) {
    match effect {
        Effect::Publish { .. } => {}
        Effect::Call { call, request } if request.is_placing() => {
            let detail = "the journal failed before the order could be sent".to_owned();
            released.outcomes.push((call, Outcome::NotSent { detail }));
        }
        Effect::Reply {
            request,
            reply: Reply::Body { status: 202, body },
        } if body.get("children").is_some() => {
            let problem = crate::models::problem::Problem::new(
                503,
                "journal-failed",
                "The order was not accepted",
                "the order could not be journaled and was not sent".to_owned(),
            );
            released.effects.push(Effect::Reply {
                request,
                reply: Reply::problem(problem),
            });
        }
        other => released.effects.push(other),
    }
}
