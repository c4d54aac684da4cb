//! Replays recorded trades. The format is that of Binance's public trade archives: CSV rows
//! `id,price,qty,quote_qty,time,is_buyer_maker[,is_best_match]` with or without a header, time in
//! milliseconds or microseconds, packed with gzip or not. The file name begins with the symbol:
//! `BTCUSDT-trades-2024-08-08.csv`. `scripts/venue_trades_csv.py` writes it from Parquet.
//!
//! Prints alone make no book: each shows its maker's side with the printed quantity and leaves one
//! level on the other side (`merge::ThinBook`).

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::FeedMarket;
use super::merge::{Merged, Source, ThinBook};
use super::recording;
use crate::error::StartError;
use crate::models::feed::FeedEvent;
use crate::models::orders::Side;

/// Times beyond this are microseconds: it is the year 5138 in milliseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// Opens and checks the archives; files of one symbol follow each other.
///
/// # Errors
/// `StartError` naming file and line.
pub fn open(paths: &[PathBuf], markets: &[FeedMarket]) -> Result<Merged<TradeSource>, StartError> {
    let mut sources: Vec<TradeSource> = Vec::new();
    let mut identity = vec!["trades 1".to_owned()];
    for path in paths {
        let wrong = |message: String| StartError::config(path, message);
        identity.push(recording::digest(path).map_err(wrong)?);
        let number = market_of(path, markets).map_err(wrong)?;
        match sources.iter_mut().find(|source| source.market == number) {
            Some(source) => source.files.push_back(path.clone()),
            None => sources.push(TradeSource::new(
                number,
                markets
                    .get(number)
                    .cloned()
                    .ok_or_else(|| wrong(format!("market {number} does not exist")))?,
                path.clone(),
            )),
        }
    }
    for source in &mut sources {
        let mut check = TradeSource {
            files: source.files.clone(),
            ..TradeSource::new(source.market, source.details.clone(), PathBuf::new())
        };
        while check
            .read()
            .map_err(|(path, message)| StartError::config(&path, message))?
            .is_some()
        {}
        source.fill();
    }
    Ok(Merged::new(sources, identity.join(" ")))
}

/// The market whose symbol the file name begins with.
fn market_of(path: &Path, markets: &[FeedMarket]) -> Result<usize, String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let symbol = name
        .and_then(|name| name.split(['-', '.']).next())
        .unwrap_or_default();
    markets
        .iter()
        .position(|market| market.symbol() == symbol)
        .ok_or_else(|| {
            let known: Vec<&str> = markets.iter().map(FeedMarket::symbol).collect();
            format!(
                "the file name must begin with a symbol of an instrument ({}) and \"-\" or \".\"",
                known.join(", ")
            )
        })
}

/// One row of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trade {
    id: u64,
    price: i64,
    quantity: i64,
    taker: Side,
    at: i64,
}

struct Reader {
    path: PathBuf,
    line: u64,
    lines: Box<dyn BufRead + Send>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// The trades of one symbol.
#[derive(Debug)]
pub struct TradeSource {
    market: usize,
    details: FeedMarket,
    files: VecDeque<PathBuf>,
    reader: Option<Reader>,
    last: Option<Trade>,
    book: ThinBook,
    pending: VecDeque<FeedEvent>,
}

impl Source for TradeSource {
    fn head_at(&self) -> Option<i64> {
        self.pending.front().map(FeedEvent::at)
    }

    fn take(&mut self) -> Option<FeedEvent> {
        let event = self.pending.pop_front();
        self.fill();
        event
    }
}

impl TradeSource {
    fn new(market: usize, details: FeedMarket, path: PathBuf) -> Self {
        Self {
            market,
            details,
            files: VecDeque::from([path]),
            reader: None,
            last: None,
            book: ThinBook::default(),
            pending: VecDeque::new(),
        }
    }

    fn fill(&mut self) {
        if !self.pending.is_empty() {
            return;
        }
        match self.read() {
            Ok(Some(trade)) => {
                let tick = self.details.instrument.tick_size.mantissa().max(1);
                let print = (trade.price, trade.quantity, trade.taker);
                let when = (trade.at, trade.id);
                self.pending
                    .extend(self.book.print(self.market, tick, print, when));
            }
            Ok(None) => {}
            Err((path, reason)) => {
                tracing::error!(path = %path.display(), reason, "the archive changed; it ends here");
                self.files.clear();
                self.reader = None;
            }
        }
    }

    fn read(&mut self) -> Result<Option<Trade>, (PathBuf, String)> {
        loop {
            let Some(reader) = &mut self.reader else {
                let Some(path) = self.files.pop_front() else {
                    return Ok(None);
                };
                let lines = recording::lines(&path).map_err(|e| (path.clone(), e))?;
                self.reader = Some(Reader {
                    path,
                    line: 0,
                    lines,
                });
                continue;
            };
            reader.line += 1;
            let (path, line) = (reader.path.clone(), reader.line);
            let located = |message: String| (path.clone(), format!("line {line}: {message}"));
            let mut text = String::new();
            let read = reader.lines.read_line(&mut text);
            if read.map_err(|e| located(e.to_string()))? == 0 {
                self.reader = None;
                continue;
            }
            let text = text.trim_end();
            let is_header = line == 1 && text.starts_with("id,");
            if is_header || text.is_empty() {
                continue;
            }
            let trade = self.row(text).map_err(located)?;
            self.last = Some(trade);
            return Ok(Some(trade));
        }
    }

    fn row(&self, text: &str) -> Result<Trade, String> {
        let fields: Vec<&str> = text.split(',').collect();
        let [id, price, quantity, _, time, is_buyer_maker, ..] = fields.as_slice() else {
            return Err(format!(
                "expected id,price,qty,quote_qty,time,is_buyer_maker; found {} fields",
                fields.len()
            ));
        };
        let number = |what: &str, text: &str| {
            let parsed = text.parse::<i64>().ok().filter(|value| *value > 0);
            parsed.ok_or_else(|| format!("{what} \"{text}\" is no whole number above 0"))
        };
        let time = number("time", time)?;
        let trade = Trade {
            id: number("id", id)?.unsigned_abs(),
            price: self.details.price(price)?,
            quantity: self.details.quantity(quantity)?,
            taker: match is_buyer_maker.to_ascii_lowercase().as_str() {
                "true" => Side::Sell,
                "false" => Side::Buy,
                other => return Err(format!("is_buyer_maker \"{other}\": true or false")),
            },
            at: if time >= MICROSECONDS_FROM {
                time / 1_000
            } else {
                time
            },
        };
        if trade.price == 0 || trade.quantity == 0 {
            return Err("price and qty must be above 0".to_owned());
        }
        match self.last {
            Some(last) if trade.id <= last.id || trade.at < last.at => Err(format!(
                "trade {} at {} does not follow trade {} at {}; ids must rise, times must not fall",
                trade.id, trade.at, last.id, last.at
            )),
            _ => Ok(trade),
        }
    }
}
