//! A read model in SQLite (WAL) that follows the journal's events: orders, fills, events. It is a
//! cache: deleted, it is rebuilt from the journal with the same content, and the accept path never
//! waits for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failpoints::reached;
use crate::services::journal::events::{EventLog, EventText};
use crate::shutdown::Shutdown;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS events (
        gateway_seq INTEGER PRIMARY KEY, event TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS orders (
        client_order_id TEXT PRIMARY KEY, instrument_id TEXT NOT NULL, order_type TEXT NOT NULL,
        order_side TEXT NOT NULL, quantity TEXT NOT NULL, filled_quantity TEXT NOT NULL,
        status TEXT NOT NULL, venue_order_id TEXT, gateway_seq INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS fills (
        instrument_id TEXT NOT NULL, trade_id TEXT NOT NULL, client_order_id TEXT NOT NULL,
        order_side TEXT NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL, fee TEXT NOT NULL,
        fee_asset TEXT NOT NULL, gateway_seq INTEGER NOT NULL,
        PRIMARY KEY (instrument_id, trade_id)
    ) STRICT;
";
/// What the content hash covers, in the order of the primary keys.
const CONTENT: [&str; 3] = [
    "SELECT gateway_seq || '|' || event || '|' || body FROM events ORDER BY gateway_seq",
    "SELECT client_order_id || '|' || instrument_id || '|' || order_type || '|' || order_side \
     || '|' || quantity || '|' || filled_quantity || '|' || status || '|' \
     || coalesce(venue_order_id, '') || '|' || gateway_seq FROM orders ORDER BY client_order_id",
    "SELECT instrument_id || '|' || trade_id || '|' || client_order_id || '|' || order_side \
     || '|' || quantity || '|' || price || '|' || fee || '|' || fee_asset || '|' || gateway_seq \
     FROM fills ORDER BY instrument_id, trade_id",
];

/// The projection's file.
#[derive(Debug)]
pub struct Projection {
    connection: Connection,
}

impl Projection {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// `rusqlite::Error`.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// Newest event in the file; 0 when it is empty.
    ///
    /// # Errors
    /// `rusqlite::Error`.
    pub fn last_seq(&self) -> rusqlite::Result<u64> {
        let sql = "SELECT coalesce(max(gateway_seq), 0) FROM events";
        let last: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(last.unsigned_abs())
    }

    /// Applies events in order, in one transaction.
    ///
    /// # Errors
    /// `rusqlite::Error`; nothing of the page is kept then.
    pub fn apply(&mut self, page: &[EventText]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for (seq, text) in page {
            apply_event(&transaction, *seq, text)?;
        }
        reached("projection.before_commit");
        transaction.commit()?;
        reached("projection.after_commit");
        Ok(())
    }

    /// SHA-256 of everything in the file, independent of how it got there.
    ///
    /// # Errors
    /// `rusqlite::Error`.
    pub fn content_hash(&self) -> rusqlite::Result<String> {
        let mut hash = Sha256::new();
        for sql in CONTENT {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                hash.update(row.get::<_, String>(0)?);
                hash.update(b"\n");
            }
            hash.update(b"\n");
        }
        Ok(hex::encode(hash.finalize()))
    }
}

fn apply_event(transaction: &Transaction<'_>, seq: u64, text: &str) -> rusqlite::Result<()> {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let word = |value: &Value, name: &str| {
        let field = value.get(name).and_then(Value::as_str);
        field.map(str::to_owned)
    };
    let need = |name: &str| word(&body, name).unwrap_or_default();
    transaction
        .prepare_cached("INSERT OR IGNORE INTO events VALUES (?1, ?2, ?3)")?
        .execute(params![seq, need("event"), text])?;
    let Some(id) = word(&body, "client_order_id") else {
        return Ok(());
    };
    let terms = [
        need("instrument_id"),
        need("order_type"),
        need("order_side"),
    ];
    let [instrument_id, order_type, order_side] = &terms;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO orders VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)")?
        .execute(params![
            id,
            instrument_id,
            order_type,
            order_side,
            need("quantity"),
            need("filled_quantity"),
            need("status"),
            word(&body, "venue_order_id"),
            seq
        ])?;
    let Some(fill) = body.get("fill").filter(|fill| fill.is_object()) else {
        return Ok(());
    };
    let part = |name: &str| word(fill, name).unwrap_or_default();
    transaction
        .prepare_cached("INSERT OR IGNORE INTO fills VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)")?
        .execute(params![
            instrument_id,
            part("trade_id"),
            id,
            order_side,
            part("quantity"),
            part("price"),
            part("fee"),
            part("fee_asset"),
            seq
        ])?;
    Ok(())
}

/// Follows the journal's events until shutdown.
pub async fn follow(path: PathBuf, events: Arc<EventLog>, mut shutdown: Shutdown) {
    let opening = tokio::task::spawn_blocking(move || {
        let projection = Projection::open(&path)?;
        let last = projection.last_seq()?;
        Ok::<_, rusqlite::Error>((projection, last))
    });
    let (mut projection, mut last) = match opening.await {
        Ok(Ok(opened)) => opened,
        failed => {
            tracing::error!(?failed, "the projection cannot be opened; delete its file");
            return;
        }
    };
    let mut newest = events.watch();
    loop {
        newest.mark_unchanged();
        let log = Arc::clone(&events);
        let step = tokio::task::spawn_blocking(move || {
            let applied = catch_up(&mut projection, &log, last);
            (projection, applied)
        });
        match step.await {
            Ok((kept, Ok(seq))) => (projection, last) = (kept, seq),
            Ok((kept, Err(error))) => {
                tracing::warn!(%error, "the projection fell behind; it tries again");
                projection = kept;
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            Err(error) => {
                tracing::error!(%error, "the projection ended");
                return;
            }
        }
        if shutdown.is_requested() && last >= events.last_seq() {
            return;
        }
        tokio::select! {
            _ = newest.changed() => {}
            () = shutdown.requested(), if !shutdown_seen(&events, last) => {}
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
        }
    }
}

fn shutdown_seen(events: &EventLog, last: u64) -> bool {
    last < events.last_seq()
}

/// Applies everything that is there and not applied yet; returns the newest sequence number.
fn catch_up(
    projection: &mut Projection,
    events: &EventLog,
    mut last: u64,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    loop {
        let page = match events.recent(last + 1) {
            Some(page) => page,
            None => events.from_journal(last + 1)?,
        };
        let Some((newest, _)) = page.last() else {
            return Ok(last);
        };
        let newest = *newest;
        projection.apply(&page)?;
        last = newest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seq: u64, status: &str, filled: &str, fill: Option<&str>) -> EventText {
        let fill = fill.map_or("null".to_owned(), |id| {
            format!(
                r#"{{"trade_id":"{id}","quantity":"1","price":"2","fee":"0","fee_asset":"BTC"}}"#
            )
        });
        let text = format!(
            r#"{{"client_order_id":"a-{}","event":"{status}","fill":{fill},"filled_quantity":"{filled}","gateway_seq":{seq},"instrument_id":"BTC-USD.SIM","order_side":"BUY","order_type":"LIMIT","quantity":"2","status":"{status}","venue_order_id":null}}"#,
            seq % 3
        );
        (seq, text.into())
    }

    #[test]
    fn pages_of_any_size_give_the_same_content() {
        let dir = tempfile::tempdir().unwrap();
        let events: Vec<EventText> = (1..=40)
            .map(|seq| match seq % 4 {
                0 => order(seq, "FILLED", "2", Some(&format!("t{seq}"))),
                1 => order(seq, "ACCEPTED", "0", None),
                2 => (seq, r#"{"event":"trading_state","level":null}"#.into()),
                _ => order(seq, "PARTIALLY_FILLED", "1", Some(&format!("t{seq}"))),
            })
            .collect();
        let mut hashes = Vec::new();
        for (number, size) in [1, 7, 40].into_iter().enumerate() {
            let path = dir.path().join(format!("{number}.sqlite"));
            for page in events.chunks(size) {
                // Reopened each time, as after a restart.
                Projection::open(&path).unwrap().apply(page).unwrap();
            }
            let mut projection = Projection::open(&path).unwrap();
            projection.apply(&events[30..]).unwrap();
            assert_eq!(projection.last_seq().unwrap(), 40);
            hashes.push(projection.content_hash().unwrap());
        }
        assert_eq!(hashes[0], hashes[1]);
        assert_eq!(hashes[0], hashes[2]);
        let shorter = Projection::open(&dir.path().join("s.sqlite")).unwrap();
        assert_ne!(shorter.content_hash().unwrap(), hashes[0]);
    }
}
