//! The SQLite tables of ZoClone, the Python program that this one succeeds.
//!
//! The schema assumed is the one that its author published on 14 June 2026 ("I rebuilt Zo Computer from scratch in 775
//! lines of Python — here's what stuck and what snapped", dev.to; the program is github.com/AmSach/ZoClone, its data
//! `~/.zoclone/*.db`):
//!
//! ```sql
//! conversations(id TEXT PRIMARY KEY, title TEXT, updated_at INTEGER)
//! messages(id TEXT PRIMARY KEY, conv_id TEXT, role TEXT, content TEXT, tools TEXT, created_at INTEGER)
//! memory(id TEXT PRIMARY KEY, key TEXT UNIQUE, value TEXT, updated_at INTEGER)
//! files(id TEXT PRIMARY KEY, path TEXT UNIQUE, content TEXT, encoding TEXT, updated_at INTEGER)
//! ```
//!
//! An earlier article of the author's speaks of several databases and of schedules kept in SQLite too, without their
//! schema, and the program has forks. So tables are not known by name but by their columns (`schema`): what has a role
//! and a content holds messages, what has a key and a value is a key/value store, and so on. A table that fits nothing
//! is yielded row by row as [`Imported::Unplaced`].
//!
//! - Messages form one chain per conversation, in the order of their time and then of their insertion.
//! - Times are unix seconds as integers or floats, or the text of a Python `datetime`.
//! - Columns that hold secrets (`api_key`, `password`, …) are never passed on: their values read `[redacted]`, and an
//!   entry of a key/value store whose key names a secret is `Unplaced`.
//! - Virtual tables, their shadows and views hold nothing of their own and are passed over.
//! - Nothing is ever written: a database is opened read-only, and as immutable where it has no `-wal` file that would
//!   need a `-shm` beside it. All tables of a database are read as of one moment.
//!
//! Reading goes on in a thread of its own, at most [`ITEMS_AHEAD`] items ahead of the iterator; dropping the iterator
//! ends it. Start at [`open`].

mod conversations;
mod database;
mod rows;
mod schema;
mod tables;
#[cfg(test)]
mod tests;

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::error::{ImportError, Place};
use crate::item::Imported;

/// How many items are read before they are asked for.
pub const ITEMS_AHEAD: usize = 32;

/// Opens ZoClone's databases: the folder they lie in, or one of them.
///
/// # Errors
/// [`ImportError::Open`] where there is nothing to read, [`ImportError::Unexpected`] for a folder without `.db`,
/// `.sqlite` or `.sqlite3` files. A file that is no database is yielded as an error when iterating.
pub fn open(path: &Path) -> Result<ZoCloneTables, ImportError> {
    let files = files_of(path)?;
    let (sender, items) = sync_channel(ITEMS_AHEAD);
    let outlet = Outlet { sender };
    let to_read = files.clone();
    let worker = Builder::new()
        .name("zoclone-import".to_string())
        .spawn(move || {
            for file in to_read {
                if let Err(Halt::NobodyListens) = tables::read_database(&file, &outlet) {
                    return;
                }
            }
        })
        .map_err(|cause| ImportError::open(path, cause))?;
    Ok(ZoCloneTables { files, items: Some(items), worker: Some(worker) })
}

/// What ZoClone's databases hold, table by table.
pub struct ZoCloneTables {
    files: Vec<PathBuf>,
    items: Option<Receiver<Result<Imported, ImportError>>>,
    worker: Option<JoinHandle<()>>,
}

impl ZoCloneTables {
    /// The databases, in the order in which they are read.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Lets the thread end and waits for it.
    fn finish(&mut self) -> std::thread::Result<()> {
        self.items = None;
        self.worker.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Iterator for ZoCloneTables {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Ok(item) = self.items.as_ref()?.recv() {
            return Some(item);
        }
        // The thread is gone; if it panicked, so does the caller, instead of taking it for the end.
        if let Err(panic) = self.finish() {
            resume_unwind(panic);
        }
        None
    }
}

impl Drop for ZoCloneTables {
    fn drop(&mut self) {
        // A panic in the thread has been printed by it, and nobody asks for its items any more.
        let _ = self.finish();
    }
}

/// Where the reading thread puts what it finds.
struct Outlet {
    sender: SyncSender<Result<Imported, ImportError>>,
}

impl Outlet {
    fn put(&self, item: Result<Imported, ImportError>) -> Result<(), Halt> {
        self.sender.send(item).map_err(|_| Halt::NobodyListens)
    }
}

/// Why reading a table ends before its end.
enum Halt {
    /// The iterator was dropped.
    NobodyListens,
    /// The rest of the table cannot be read.
    Broken(ImportError),
}

impl From<ImportError> for Halt {
    fn from(error: ImportError) -> Halt {
        Halt::Broken(error)
    }
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let metadata = fs::metadata(path).map_err(|cause| ImportError::open(path, cause))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|cause| ImportError::open(path, cause))? {
        let file = entry.map_err(|cause| ImportError::open(path, cause))?.path();
        let ending = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if matches!(ending.as_str(), "db" | "sqlite" | "sqlite3") && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        let place = Place::file(path.display());
        return Err(ImportError::unexpected(place, "a .db, .sqlite or .sqlite3 file in the folder", "none"));
    }
    files.sort();
    Ok(files)
}
