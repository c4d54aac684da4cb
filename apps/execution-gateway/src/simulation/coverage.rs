//! Fault x lifecycle state: how often each fault struck an order in each state.

use std::collections::BTreeMap;

use rust_common::OrderStatus;
use serde::Deserialize;

use super::faults::{Fault, status_index};

const STATES: usize = OrderStatus::ALL.len();
const FAULTS: usize = Fault::ALL.len();
/// Hits that every possible cell needs per 10,000 schedules.
pub const HITS_PER_10_000: u64 = 50;

/// Hits per cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    cells: Vec<u64>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            cells: vec![0; STATES * FAULTS],
        }
    }
}

fn position(fault: Fault, status: OrderStatus) -> usize {
    (fault.number() - 1) * STATES + status_index(status)
}

impl Coverage {
    pub fn hit(&mut self, fault: Fault, status: OrderStatus) {
        if let Some(cell) = self.cells.get_mut(position(fault, status)) {
            *cell += 1;
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (cell, more) in self.cells.iter_mut().zip(&other.cells) {
            *cell += more;
        }
    }

    pub fn hits(&self, fault: Fault, status: OrderStatus) -> u64 {
        self.cells
            .get(position(fault, status))
            .copied()
            .unwrap_or(0)
    }

    /// Faults that struck at least once.
    pub fn faults(&self) -> usize {
        let struck = |fault: &Fault| OrderStatus::ALL.iter().any(|s| self.hits(*fault, *s) > 0);
        Fault::ALL.iter().filter(|fault| struck(fault)).count()
    }

    pub fn to_list(&self) -> Vec<u64> {
        self.cells.clone()
    }

    pub fn from_list(list: &[u64]) -> Option<Self> {
        (list.len() == STATES * FAULTS).then(|| Self {
            cells: list.to_vec(),
        })
    }

    /// What is wrong with the matrix after `schedules`: thin cells, and hits that cannot be.
    pub fn faulty_cells(&self, impossible: &Impossible, schedules: u64) -> Vec<String> {
        let needed = HITS_PER_10_000 * schedules / 10_000;
        let mut wrong = Vec::new();
        for fault in Fault::ALL {
            for status in OrderStatus::ALL {
                let hits = self.hits(fault, status);
                let label = fault.label();
                if impossible.contains(fault, status) {
                    if hits > 0 {
                        wrong.push(format!(
                            "{label} x {status}: {hits} hits, listed impossible"
                        ));
                    }
                } else if hits < needed {
                    wrong.push(format!("{label} x {status}: {hits} hits, {needed} needed"));
                }
            }
        }
        wrong
    }

    /// The matrix as text; `-` marks the cells that cannot be.
    pub fn table(&self, impossible: &Impossible) -> String {
        let mut text = String::from("fault");
        for status in OrderStatus::ALL {
            let short: String = status.as_str().chars().take(8).collect();
            text.push_str(&format!(" {short:>8}"));
        }
        for fault in Fault::ALL {
            text.push_str(&format!("\n{:<5}", fault.label()));
            for status in OrderStatus::ALL {
                let hits = self.hits(fault, status);
                match (impossible.contains(fault, status), hits) {
                    (true, 0) => text.push_str(&format!(" {:>8}", "-")),
                    _ => text.push_str(&format!(" {hits:>8}")),
                }
            }
        }
        text
    }
}

/// Cells that no schedule can reach, each with its reason (`impossible_cells.toml`, reviewed).
#[derive(Debug, Clone, Default)]
pub struct Impossible {
    reasons: BTreeMap<(Fault, usize), String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cell: Vec<Cell>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    faults: Vec<String>,
    states: Vec<OrderStatus>,
    reason: String,
}

impl Impossible {
    /// The reviewed list of this build.
    ///
    /// # Errors
    /// What cannot be read in the file.
    pub fn reviewed() -> Result<Self, String> {
        Self::parse(include_str!("impossible_cells.toml"))
    }

    /// # Errors
    /// What cannot be read in the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut reasons = BTreeMap::new();
        for cell in file.cell {
            if cell.reason.trim().len() < 10 {
                return Err(format!("{:?} needs a reason", cell.faults));
            }
            for name in &cell.faults {
                let fault = Fault::parse(name).ok_or_else(|| format!("no fault {name}"))?;
                for status in &cell.states {
                    let key = (fault, status_index(*status));
                    if reasons.insert(key, cell.reason.clone()).is_some() {
                        return Err(format!("{name} x {status} is listed twice"));
                    }
                }
            }
        }
        Ok(Self { reasons })
    }

    pub fn contains(&self, fault: Fault, status: OrderStatus) -> bool {
        self.reasons.contains_key(&(fault, status_index(status)))
    }

    pub fn len(&self) -> usize {
        self.reasons.len()
    }

    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }
}
