//! `[feed]`: where the market of mode "market" comes from.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::within;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// A seeded book and trade generator.
    Generator,
    /// Recorded trades.
    Trades,
    /// Recorded order-book streams.
    OrderBook,
    /// Recorded bars.
    Bars,
    /// Live public data of a real venue.
    Mirror,
}

/// What the feed is made of; each kind reads its own part.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedSettings {
    pub kind: FeedKind,
    pub seed: u64,
    /// Recordings, in the order in which they follow each other.
    pub paths: Vec<PathBuf>,
    /// Market seconds per wall second; 0 = only the control API moves the feed.
    pub speed: f64,
    /// Events per market second of the generator.
    pub events_per_second: u32,
    /// Base addresses of the venue that is mirrored.
    pub rest_url: Option<String>,
    pub stream_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedFile {
    kind: FeedKind,
    #[serde(default = "one")]
    seed: u64,
    path: Option<PathBuf>,
    #[serde(default)]
    paths: Vec<PathBuf>,
    #[serde(default)]
    speed: f64,
    #[serde(default = "ten")]
    events_per_second: u32,
    rest_url: Option<String>,
    stream_url: Option<String>,
}

fn one() -> u64 {
    1
}

fn ten() -> u32 {
    10
}

impl FeedFile {
    pub(super) fn resolve(self, folder: &Path) -> Result<FeedSettings, String> {
        if !(self.speed == 0.0 || (0.001..=1_000_000.0).contains(&self.speed)) {
            let speed = self.speed;
            return Err(format!(
                "feed.speed = {speed}: allowed 0, or 0.001 to 1000000"
            ));
        }
        let given = self.path.into_iter().chain(self.paths);
        let paths: Vec<PathBuf> = given.map(|path| folder.join(path)).collect();
        let needs_paths = matches!(self.kind, FeedKind::Trades | FeedKind::OrderBook);
        if needs_paths && paths.is_empty() {
            return Err("feed.paths is empty: this kind of feed replays recordings".to_owned());
        }
        if !needs_paths && !paths.is_empty() {
            return Err(
                "feed.paths: only the kinds trades and order_book read paths; bars are \
                        read from columns_dir of each instrument"
                    .to_owned(),
            );
        }
        Ok(FeedSettings {
            kind: self.kind,
            seed: self.seed,
            paths,
            speed: self.speed,
            events_per_second: within(
                "feed.events_per_second",
                self.events_per_second,
                1..=1_000_000,
            )?,
            rest_url: self.rest_url,
            stream_url: self.stream_url,
        })
    }
}
