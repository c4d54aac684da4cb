//! Points at which a test may kill the process, to prove that a crash at any of them loses and
//! doubles nothing (C12).
//!
//! With feature `failpoints`, `ATS_FAILPOINT=name:k` makes the process send itself SIGKILL at the
//! k-th time that it reaches `name`, and `ATS_FAILPOINTS_REACHED=file` makes it append the name of
//! every point to that file when it is reached for the first time. Without the feature a point is
//! nothing at all.

/// Every point, in the order in which a life of the gateway meets them.
pub const NAMES: &[&str] = &[
    "start.begin",
    "recover.before",
    "recover.after_list",
    "recover.segment_read",
    "recover.before_quarantine",
    "recover.after_quarantine",
    "recover.before_truncate",
    "recover.after",
    "replay.after",
    "journal.open_before",
    "journal.open_after",
    "epoch.before",
    "epoch.after",
    "start.listening",
    "engine.before_input",
    "engine.after_step",
    "engine.before_flush",
    "engine.before_release",
    "engine.before_reply",
    "engine.after_reply",
    "engine.before_call",
    "engine.after_call",
    "engine.before_publish",
    "engine.after_publish",
    "engine.checkpoint_before",
    "engine.checkpoint_after",
    "engine.journal_failed",
    "journal.before_write",
    "journal.after_write",
    "journal.before_sync",
    "journal.after_sync",
    "journal.before_roll",
    "journal.after_roll",
    "journal.before_reserve",
    "journal.after_reserve",
    "journal.before_retire",
    "journal.after_manifest",
    "venue.before_queue",
    "venue.after_queue",
    "venue.before_send",
    "venue.after_answer",
    "venue.before_order",
    "venue.after_order",
    "venue.before_cancel",
    "venue.after_cancel",
    "snapshot.before_account",
    "snapshot.before_open",
    "snapshot.before_trades",
    "snapshot.after",
    "stream.before_subscribe",
    "stream.after_subscribe",
    "stream.before_event",
    "clock.after_sync",
    "projection.before_commit",
    "projection.after_commit",
    "kill.before",
    "kill.after",
    "submit.before",
    "submit.after",
    "shutdown.begin",
    "shutdown.drained",
    "shutdown.end",
];

/// Marks a point; see the module.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub const fn reached(_name: &str) {}

/// Marks a point; see the module.
#[cfg(feature = "failpoints")]
pub fn reached(name: &'static str) {
    active::PLAN.with_plan(name);
}

#[cfg(feature = "failpoints")]
mod active {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// What the environment asks for.
    pub(super) struct Plan {
        target: Option<(String, u64)>,
        file: Option<std::path::PathBuf>,
        seen: Mutex<Seen>,
    }

    #[derive(Default)]
    struct Seen {
        names: BTreeSet<&'static str>,
        hits: u64,
    }

    pub(super) static PLAN: LazyLock<Plan> = LazyLock::new(|| Plan {
        target: std::env::var("ATS_FAILPOINT")
            .ok()
            .and_then(|text| parse(&text)),
        file: std::env::var_os("ATS_FAILPOINTS_REACHED").map(Into::into),
        seen: Mutex::default(),
    });

    /// `name:k`; `name` alone is its first time.
    fn parse(text: &str) -> Option<(String, u64)> {
        let (name, count) = text.split_once(':').unwrap_or((text, "1"));
        let is_known = super::NAMES.contains(&name);
        let count = count.parse().ok().filter(|count| *count > 0);
        if !is_known || count.is_none() {
            tracing::error!(
                text,
                "ATS_FAILPOINT is not name:k with a known name and k above 0"
            );
        }
        Some((name.to_owned(), count?)).filter(|_| is_known)
    }

    impl Plan {
        pub(super) fn with_plan(&self, name: &'static str) {
            if self.target.is_none() && self.file.is_none() {
                return;
            }
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.names.insert(name)
                && let Some(file) = &self.file
            {
                let opened = std::fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(file);
                if let Err(error) = opened.and_then(|mut file| writeln!(file, "{name}")) {
                    tracing::error!(%error, "the list of reached failpoints cannot be written");
                }
            }
            let Some((target, count)) = &self.target else {
                return;
            };
            if target != name {
                return;
            }
            seen.hits += 1;
            if seen.hits == *count {
                die();
            }
        }
    }

    /// SIGKILL: no destructor runs, no buffer is flushed.
    fn die() {
        let own = rustix::process::getpid();
        if rustix::process::kill_process(own, rustix::process::Signal::KILL).is_err() {
            std::process::abort();
        }
        loop {
            std::thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_names_each_point_once_and_each_point_is_placed() {
        let names: BTreeSet<&str> = NAMES.iter().copied().collect();
        assert_eq!(names.len(), NAMES.len(), "a name stands twice");
        assert!(names.len() >= 40, "{} points", names.len());
        let mut placed = BTreeSet::new();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("failpoints.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    for piece in text.split("reached(\"").skip(1) {
                        placed.extend(piece.split('"').next().map(str::to_owned));
                    }
                }
            }
        }
        let placed: BTreeSet<&str> = placed.iter().map(String::as_str).collect();
        assert_eq!(placed, names, "points in the code and names in the list");
    }
}
