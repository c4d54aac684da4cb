//! The life of the gateway process: start, inputs and what they release, writes, crashes.

use super::disk::Death;
use super::faults::Fault;
use super::gateway::{Node, Released};
use super::history::{Kind, Moment};
use super::world::{Event, World};
use crate::models::input::{Effect, Input};
use crate::services::journal::writer::Health;

const RESTART_MS: (i64, i64) = (20, 2_500);

impl World {
    /// One input of the core, and everything it releases.
    pub(super) fn input(&mut self, input: Input) {
        let now = self.clock();
        let Some(node) = &mut self.node else { return };
        let released = node.advance(input, now);
        self.released(released);
    }

    pub(super) fn released(&mut self, released: Released) {
        self.check_step();
        for alarm in released.alarms {
            self.say(|| format!("alarm {alarm}"));
            self.hash.mix(alarm.len() as u64);
        }
        let life = self.life;
        for (call, outcome) in released.outcomes {
            self.after(
                0,
                Event::Outcome {
                    life,
                    call,
                    outcome,
                    fault: None,
                },
            );
        }
        for effect in released.effects {
            match effect {
                Effect::Call { call, request } => self.enqueue(call, *request),
                Effect::Reply { request, reply } => self.send_answer(request, reply),
                Effect::Publish { gateway_seq, text } => self.publish(gateway_seq, text),
                Effect::Recall { call } => self.recall(call),
                Effect::Journal(_) | Effect::Alarm { .. } => {}
            }
        }
        self.begin_write();
    }

    fn begin_write(&mut self) {
        let sync = if self.conditions.slow_disk {
            500
        } else {
            self.random.between(1, 3)
        };
        let life = self.life;
        if self.node.as_mut().is_some_and(Node::begin_write) {
            self.after(sync, Event::Write { life });
        }
    }

    pub(super) fn write_done(&mut self) {
        let now = self.clock();
        let Some(node) = &mut self.node else { return };
        let mut released = Released::default();
        if node.finish_write(now, &mut released) {
            self.check_disk();
            self.released(released);
        } else {
            self.crash("inside a write");
        }
    }

    /// A gateway starts on the journal.
    pub(super) fn start_gateway(&mut self) {
        if self.node.is_some() {
            return;
        }
        let now = self.clock();
        let started = match Node::start(&self.disk, now) {
            Ok(started) => started,
            Err(error) => {
                self.say(|| format!("the gateway cannot start: {error}"));
                return self.after(1_000, Event::Start);
            }
        };
        self.life += 1;
        self.forget_tick();
        self.say(|| format!("gateway started, {} records", started.first_seq));
        self.hash.mix(started.first_seq);
        self.check_recovery(&started);
        if let Some(damage) = &started.damage {
            let text = damage.clone();
            self.say(|| format!("damage: {text}"));
            self.take_over();
        }
        self.node = Some(started.node);
        self.released(started.released);
        let life = self.life;
        if self.conditions.crash_in_recovery {
            // F28: dies again before it is ready.
            self.conditions.crash_in_recovery = false;
            let wait = self.random.between(0, 150);
            self.after(wait, Event::Heal(Fault::DoubleCrash));
        }
        let wait = self.random.between(5, 60);
        self.after(wait, Event::Facts { life });
        self.stream_down(wait + 20);
    }

    /// The journal was damaged: the operator looks at the account, callers start anew.
    fn take_over(&mut self) {
        self.taken_over = true;
        self.damage_open = true;
        self.acked.clear();
        self.caller.log.push(Moment::TakenOver);
        for submission in &mut self.caller.submissions {
            submission.is_given_up = true;
        }
        let life = self.life;
        self.after(8_000, Event::Operator { life });
    }

    pub(super) fn load_facts(&mut self) {
        let life = self.life;
        if self.is_venue_cut() {
            return self.after(300, Event::Facts { life });
        }
        let instruments = self
            .venue
            .markets
            .iter()
            .map(|market| market.instrument.clone())
            .collect();
        let offset_ms = -self.conditions.clock_skew;
        self.input(Input::Facts {
            instruments,
            offset_ms,
        });
        let sampled_at = self.clock();
        self.input(Input::ClockSync {
            offset_ms,
            sampled_at,
        });
        self.input(Input::KeyPermissions {
            can_trade: true,
            can_withdraw: false,
        });
        // A price, as the history of bars gives it at a start.
        for market in 0..self.venue.markets.len() {
            let Some(entry) = self.venue.markets.get(market) else {
                continue;
            };
            let instrument_id = entry.instrument.instrument_id.clone();
            let closed_at = rust_common::UnixMillis::new(self.clock()).unwrap_or_default();
            if let Ok(close) = entry.instrument.price(entry.price) {
                self.input(Input::Bar {
                    instrument_id,
                    close,
                    closed_at,
                    is_closed: true,
                });
            }
        }
    }

    /// The operator has looked at the account after a damage, and lets trading go on.
    pub(super) fn operator_resumes(&mut self) {
        let is_ready = self
            .node
            .as_ref()
            .is_some_and(|node| node.state.is_connected());
        let life = self.life;
        if !is_ready {
            return self.after(1_000, Event::Operator { life });
        }
        self.damage_open = false;
        self.say(|| "the operator resumes".to_owned());
        self.ask(super::caller::Ask::Resume);
    }

    /// kill -9: everything that was not synced is lost, kept or torn.
    pub(super) fn crash(&mut self, how: &str) {
        let Some(mut node) = self.node.take() else {
            return;
        };
        self.say(|| format!("crash {how}"));
        if node.has_unsynced() && !self.disk.is_dead() && self.random.chance(60) {
            let death = match self.random.below(4) {
                0 => Death::BeforeWrite,
                1 => Death::BeforeSync,
                2 => Death::AfterSync,
                _ => Death::InWrite(u8::try_from(self.random.below(256)).unwrap_or(0)),
            };
            let mut defects = self.disk.defects();
            defects.death = Some(death);
            self.disk.set_defects(defects);
            node.die_in_write();
        }
        let is_whole = !node.has_unsynced() && node.health() == Health::Good;
        if is_whole && !self.disk.is_dead() {
            self.check_replay(&node);
        }
        drop(node);
        self.disk.crash(&mut self.random);
        self.stream.is_up = false;
        self.stream.link += 1;
        self.ready_since = None;
        let wait = self.random.between(RESTART_MS.0, RESTART_MS.1);
        self.after(wait, Event::Start);
    }

    fn publish(&mut self, seq: u64, text: String) {
        let expected = self.published.last().map_or(1, |(last, _)| last + 1);
        if seq != expected && !self.taken_over {
            let detail = format!("event {seq} is published after {}", expected - 1);
            self.fail("I10", Kind::Other, detail);
        }
        self.hash.mix_bytes(text.as_bytes());
        self.say(|| format!("publish {}", brief(&text)));
        self.published.push((seq, text));
    }
}

/// The members of an event that a reader of a trace needs.
fn brief(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let members = [
        "client_order_id",
        "leg",
        "status",
        "filled_quantity",
        "trading_state",
    ];
    let words = members.iter().filter_map(|name| value.get(*name)?.as_str());
    words.collect::<Vec<_>>().join(" ")
}
