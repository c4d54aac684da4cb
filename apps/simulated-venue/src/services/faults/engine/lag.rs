//! Queries answered by a database that is behind: a second state follows the log at a distance.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::services::core::VenueState;
use crate::services::faults::board::{Faults, Firing};
use crate::services::faults::calls::Call;
use crate::services::faults::catalogue::{Fault, Layer};
use crate::services::faults::params::QueryLag;
use crate::services::shell::{LogRecord, Shell};
use crate::services::store;

/// Samples of how many inputs the venue had at what time.
const MOST_SAMPLES: usize = 100_000;

/// Builds the venue as it was before its first input.
pub type Build = Box<dyn Fn() -> Result<VenueState, String> + Send>;

/// Where the second states come from.
pub struct Source {
    pub log: PathBuf,
    pub build: Build,
}

struct Follower {
    /// Posting number of the rule it serves.
    rule: u64,
    state: VenueState,
}

/// What lives on the engine thread for lagging queries.
#[derive(Default)]
pub struct Lag {
    faults: Faults,
    source: Option<Source>,
    samples: VecDeque<(Instant, u64)>,
    followers: Vec<Follower>,
}

impl std::fmt::Debug for Lag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lag")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// Runs `work` on the state that the query `call` describes is to see.
pub fn around<T>(
    shell: &mut Shell,
    call: impl FnOnce(&Faults) -> Call,
    work: impl FnOnce(&mut Shell) -> T,
) -> T {
    if !shell.lag.faults.is_armed() {
        return work(shell);
    }
    let faults = shell.lag.faults.clone();
    if !faults.has_layer(Layer::Query) {
        shell.lag.forget();
        return work(shell);
    }
    shell.lag.sample(shell.state.inputs());
    let Some(firing) = faults.on_call(&call(&faults), Layer::Query) else {
        let done = work(shell);
        shell.lag.sample(shell.state.inputs());
        return done;
    };
    let inputs = shell.state.inputs();
    let at = match shell.lag.follow(&firing, inputs) {
        Ok(at) => at,
        Err(why) => {
            faults.missed(&firing, why);
            return work(shell);
        }
    };
    shell.swap_state(at);
    let done = work(shell);
    shell.swap_state(at);
    done
}

impl Lag {
    pub fn new(faults: Faults, source: Source) -> Self {
        Self {
            faults,
            source: Some(source),
            ..Self::default()
        }
    }

    /// The state that follows at this distance, to trade places with the venue's.
    pub fn state_mut(&mut self, at: usize) -> Option<&mut VenueState> {
        self.followers
            .get_mut(at)
            .map(|follower| &mut follower.state)
    }

    fn forget(&mut self) {
        self.followers.clear();
        self.samples.clear();
    }

    fn sample(&mut self, inputs: u64) {
        self.samples.push_back((Instant::now(), inputs));
        if self.samples.len() > MOST_SAMPLES {
            self.samples.pop_front();
        }
    }

    /// How many inputs the answer may know.
    fn target(&self, params: &QueryLag, inputs: u64) -> u64 {
        if let Some(behind) = params.inputs {
            return inputs.saturating_sub(behind);
        }
        let age = Duration::from_millis(params.ms.unwrap_or(0));
        let is_old = |(at, _): &&(Instant, u64)| at.elapsed() >= age;
        let known = self
            .samples
            .iter()
            .rev()
            .find(is_old)
            .or(self.samples.front());
        known.map_or(inputs, |(_, inputs)| *inputs)
    }

    /// Brings the rule's state to where it should stand; returns its place.
    fn follow(&mut self, firing: &Firing, inputs: u64) -> Result<usize, String> {
        let Fault::QueryLag(params) = firing.fault() else {
            return Err("is no lag".to_owned());
        };
        let target = self.target(params, inputs);
        let source = self
            .source
            .as_ref()
            .ok_or("this venue keeps no log to follow")?;
        let faults = &self.faults;
        self.followers
            .retain(|follower| faults.is_listed(follower.rule));
        let found = self
            .followers
            .iter()
            .position(|follower| follower.rule == firing.number);
        let at = if let Some(at) = found {
            at
        } else {
            let state = (source.build)()?;
            let rule = firing.number;
            self.followers.push(Follower { rule, state });
            self.followers.len() - 1
        };
        let follower = self.followers.get_mut(at).ok_or("no state follows")?;
        let missing = follower.state.inputs()..target;
        if missing.is_empty() {
            return Ok(at);
        }
        let records: Vec<LogRecord> = store::read(&source.log).map_err(|e| e.to_string())?;
        for record in &records {
            if let LogRecord::Input { seq, input, .. } = record
                && *seq > missing.start
                && *seq <= missing.end
            {
                follower.state.apply(input).map_err(|e| e.to_string())?;
            }
        }
        Ok(at)
    }
}
