//! The peers that benches compare with, apart so that they slow nothing else down.
//!
//! [`SqliteLog`] is an event log as one would write it with SQLite: a row per event, WAL, `synchronous=FULL`, prepared
//! statements, no index but the primary key. It is a [`Store`], so that the very same writer and group commit can
//! stand in front of it. [`SqliteMemories`] is a memory of texts and vectors as one would make it with SQLite.
//! [`queues`] are queues of jobs in PostgreSQL and Redis.

mod memories;
mod processes;
pub mod queues;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use rusqlite::Connection;
use zo_engine::log::{Head, Pack};
use zo_engine::store::{AppendError, ReadError, Store};
use zo_projections::Position;

pub use memories::SqliteMemories;

/// An event log in SQLite.
pub struct SqliteLog {
    connection: Mutex<(Connection, Head)>,
}

impl SqliteLog {
    /// A new log in the file `path`.
    ///
    /// # Errors
    /// If SQLite says no.
    pub fn create(path: &Path, home: &[u8; 16]) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE events (position INTEGER PRIMARY KEY, stream BLOB, version INTEGER, at INTEGER, kind INTEGER,
                                  event BLOB, body BLOB);",
        )?;
        Ok(Self { connection: Mutex::new((connection, Head::start(home))) })
    }

    /// Inserts events as `(stream, event)` in one transaction, without the detour over packs.
    ///
    /// # Errors
    /// If SQLite says no.
    pub fn insert(&self, events: &[Vec<u8>]) -> Result<()> {
        let mut locked = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, head) = &mut *locked;
        let transaction = connection.transaction()?;
        {
            let mut statement =
                transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)")?;
            for event in events {
                head.position = head.position.next();
                let position = head.position.0.cast_signed();
                statement.execute((position, &b"0123456789abcdef"[..], position, 1_700_000_000_000_i64, 7, event))?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Store for SqliteLog {
    fn head(&self) -> Head {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn append(&self, _expected: Head, packs: &[Pack]) -> Result<Head, AppendError> {
        let mut locked = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, head) = &mut *locked;
        let poisoned = |error: rusqlite::Error| AppendError::Poisoned(error.to_string());
        let transaction = connection.transaction().map_err(poisoned)?;
        {
            let mut statement = transaction
                .prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                .map_err(poisoned)?;
            for record in packs.iter().flat_map(Pack::records) {
                let record = record.map_err(|error| AppendError::Poisoned(error.to_string()))?;
                let header = record.header;
                let row = (
                    header.position.0.cast_signed(),
                    &header.stream.id.to_le_bytes()[..],
                    header.version,
                    header.at.0,
                    record.kind,
                    record.event,
                    record.body,
                );
                statement.execute(row).map_err(poisoned)?;
            }
        }
        transaction.commit().map_err(poisoned)?;
        if let Some(last) = packs.last() {
            *head = last.head();
        }
        Ok(*head)
    }

    fn read(&self, from: Position, _max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        Err(ReadError::Damaged { position: from, what: "this peer is only written to".to_owned() })
    }

    fn close(&self) {}
}
