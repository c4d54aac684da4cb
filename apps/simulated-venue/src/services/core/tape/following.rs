//! The tapes of all markets, fed from the core's own events.

use super::trades::Print;
use super::{Tape, TapeEvent};
use crate::models::events::Event;

/// One tape per market.
#[derive(Debug, Clone, Default)]
pub struct Tapes {
    tapes: Vec<Tape>,
}

impl Tapes {
    pub fn new(tapes: Vec<Tape>) -> Self {
        Self { tapes }
    }

    pub fn get(&self, market: usize) -> Option<&Tape> {
        self.tapes.get(market)
    }

    /// Records the prints of one input and puts what becomes due right before the event that made
    /// it so. `now` is the market time after the input.
    pub fn follow(&mut self, events: Vec<Event>, now: i64) -> Vec<Event> {
        if self.tapes.is_empty() {
            return events;
        }
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            if let Some(at) = time_of(&event) {
                self.advance_to(at, &mut told);
            }
            if let Event::Print { market, trade } = &event {
                let print = Print {
                    trade_id: trade.trade_id,
                    price: trade.price,
                    quantity: trade.quantity,
                    taker: trade.taker,
                    taker_order: None,
                    at: trade.at,
                };
                self.change(*market, &mut told, |tape| tape.record(&print));
            }
            told.push(event);
        }
        self.advance_to(now, &mut told);
        for market in 0..self.tapes.len() {
            self.change(market, &mut told, Tape::seal);
        }
        told
    }

    fn advance_to(&mut self, at: i64, told: &mut Vec<Event>) {
        for market in 0..self.tapes.len() {
            self.change(market, told, |tape| tape.advance_to(at));
        }
    }

    fn change(&mut self, market: usize, told: &mut Vec<Event>, change: impl FnOnce(&mut Tape)) {
        let Some(tape) = self.tapes.get_mut(market) else {
            return;
        };
        change(tape);
        let due = tape.drain().into_iter();
        told.extend(due.map(|event: TapeEvent| Event::Tape { market, event }));
    }
}

fn time_of(event: &Event) -> Option<i64> {
    match event {
        Event::Print { trade, .. } => Some(trade.at),
        Event::Depth { at, .. } | Event::Best { at, .. } => Some(*at),
        _ => None,
    }
}
