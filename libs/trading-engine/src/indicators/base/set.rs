//! A fused set: every study of a timeframe behind one call per bar.

use super::state::{State, StateError, checksum};
use super::study::{Bar64, Built, Columns, DynStudy, Entry, StudyError};

const HEADER: u64 = 0x0001_5453_5f53_5441; // "ATS_ST", version 1

/// A study by name with the parameters that differ from its defaults.
pub type Spec = (String, Vec<(String, f64)>);

struct Member {
    outputs: usize,
    study: Box<dyn DynStudy>,
}

/// Studies that advance together. Outputs keep the order of the specs.
pub struct StudySet {
    members: Vec<Member>,
    outputs: Vec<String>,
    warmups: Vec<usize>,
    last_opened_at: i64,
}

impl StudySet {
    /// Builds the studies of `specs` out of `catalog`; `kind` names the catalogue in errors.
    pub fn new(kind: &'static str, catalog: &[Entry], specs: &[Spec]) -> Result<Self, StudyError> {
        let mut set = Self {
            members: Vec::with_capacity(specs.len()),
            outputs: Vec::new(),
            warmups: Vec::new(),
            last_opened_at: i64::MIN,
        };
        for (name, given) in specs {
            let entry = catalog
                .iter()
                .find(|entry| entry.name == name)
                .ok_or_else(|| {
                    let known = catalog
                        .iter()
                        .map(|e| e.name)
                        .collect::<Vec<_>>()
                        .join(", ");
                    StudyError::UnknownStudy {
                        kind,
                        name: name.clone(),
                        known,
                    }
                })?;
            set.add(entry.build(given)?)?;
        }
        Ok(set)
    }

    fn add(&mut self, built: Built) -> Result<(), StudyError> {
        if let Some(twice) = built
            .outputs
            .iter()
            .find(|name| self.outputs.contains(name))
        {
            return Err(StudyError::DuplicateOutput(twice.clone()));
        }
        self.warmups.extend(built.study.warmup_bars());
        self.members.push(Member {
            outputs: built.outputs.len(),
            study: built.study,
        });
        self.outputs.extend(built.outputs);
        Ok(())
    }

    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Bars until each output has its first value.
    pub fn warmups(&self) -> &[usize] {
        &self.warmups
    }

    /// Bars until every output has had the chance of a value.
    pub fn warmup(&self) -> usize {
        self.warmups.iter().copied().max().unwrap_or(0)
    }

    /// Takes the next bar; `out` needs one cell per output. A refused bar changes nothing.
    pub fn update(&mut self, bar: &Bar64, out: &mut [f64]) -> Result<(), StudyError> {
        check_bar(0, bar, self.last_opened_at)?;
        self.last_opened_at = bar.opened_at;
        let mut rest = out;
        for member in &mut self.members {
            let Some((cells, tail)) = rest.split_at_mut_checked(member.outputs) else {
                break;
            };
            member.study.update_into(bar, cells);
            rest = tail;
        }
        Ok(())
    }

    /// Takes `columns` in order; `out` needs `outputs x columns.len()` cells, row by row.
    /// Refused columns change nothing.
    pub fn batch(&mut self, columns: &Columns<'_>, out: &mut [f64]) -> Result<(), StudyError> {
        check_lengths(columns)?;
        let mut previous = self.last_opened_at;
        for (index, bar) in columns.bars().enumerate() {
            check_bar(index, &bar, previous)?;
            previous = bar.opened_at;
        }
        self.last_opened_at = previous;
        let rows = columns.len();
        let mut rest = out;
        for member in &mut self.members {
            let cells = member.outputs * rows;
            let Some((block, tail)) = rest.split_at_mut_checked(cells) else {
                break;
            };
            member.study.batch_into(columns, block);
            rest = tail;
        }
        Ok(())
    }

    pub fn snapshot(&mut self) -> Result<Vec<u8>, StudyError> {
        let names = self.outputs.join(",").into_bytes();
        let mut bytes = HEADER.to_le_bytes().to_vec();
        bytes.extend((names.len() as u64).to_le_bytes());
        bytes.extend(&names);
        self.persist(&mut State::save(&mut bytes))?;
        bytes.extend(checksum(&bytes).to_le_bytes());
        Ok(bytes)
    }

    /// Continues from a snapshot of a set with the same studies. A refused one changes nothing.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), StudyError> {
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or(StateError::Header)?;
        let (header, rest) = body.split_first_chunk::<8>().ok_or(StateError::Header)?;
        if u64::from_le_bytes(*header) != HEADER {
            return Err(StateError::Header.into());
        }
        if u64::from_le_bytes(*sum) != checksum(body) {
            return Err(StateError::Damaged("checksum differs").into());
        }
        let (length, rest) = rest.split_first_chunk::<8>().ok_or(StateError::Header)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let cut = rest.split_at_checked(length);
        let (names, rest) = cut.ok_or(StateError::Damaged("bytes missing"))?;
        let wanted = self.outputs.join(",");
        if names != wanted.as_bytes() {
            let found = String::from_utf8_lossy(names).into_owned();
            return Err(StateError::OtherStudies { found, wanted }.into());
        }
        let mut copy = self.copy();
        let mut state = State::load(rest);
        copy.persist(&mut state)?;
        state.finish()?;
        *self = copy;
        Ok(())
    }

    fn copy(&self) -> Self {
        let members = self.members.iter();
        Self {
            members: members
                .map(|m| Member {
                    outputs: m.outputs,
                    study: m.study.boxed_clone(),
                })
                .collect(),
            outputs: self.outputs.clone(),
            warmups: self.warmups.clone(),
            last_opened_at: self.last_opened_at,
        }
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.i64(&mut self.last_opened_at)?;
        self.members
            .iter_mut()
            .try_for_each(|member| member.study.persist_state(state))
    }
}

fn check_bar(index: usize, bar: &Bar64, previous: i64) -> Result<(), StudyError> {
    let opened_at = bar.opened_at;
    if !bar.is_finite() {
        return Err(StudyError::NotFinite { index, opened_at });
    }
    if bar.high < bar.low || bar.volume < 0.0 {
        return Err(StudyError::Impossible { index, opened_at });
    }
    if opened_at <= previous {
        return Err(StudyError::Disorder {
            index,
            opened_at,
            previous,
        });
    }
    Ok(())
}

fn check_lengths(columns: &Columns<'_>) -> Result<(), StudyError> {
    let rows = columns.len();
    let lengths = [
        ("open", columns.open.len()),
        ("high", columns.high.len()),
        ("low", columns.low.len()),
        ("close", columns.close.len()),
        ("volume", columns.volume.len()),
    ];
    match lengths.iter().find(|(_, length)| *length != rows) {
        None => Ok(()),
        Some((name, length)) => Err(StudyError::ColumnLengths(format!(
            "opened_at has {rows} rows, {name} has {length}; give columns of one length"
        ))),
    }
}
