//! What can be wrong with a source, and the place where it is.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use thiserror::Error;

/// Why a source could not be opened, or one item of it not read.
///
/// A message names the place and what was expected there; the iterators go on after any of them except a
/// [`Read`](ImportError::Read).
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file or folder cannot be opened.
    #[error("cannot open {place}")]
    Open {
        /// The file or folder.
        place: Place,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Reading broke off; nothing more comes from this file.
    #[error("cannot read {place}")]
    Read {
        /// How far it got.
        place: Place,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The bytes are not UTF-8.
    #[error("{place}: expected UTF-8 text, found byte 0x{byte:02x}")]
    NotUtf8 {
        /// The first byte that does not fit.
        place: Place,
        /// Its value.
        byte: u8,
    },
    /// A NUL in what should be text.
    #[error("{place}: expected text, found a NUL")]
    Nul {
        /// The NUL.
        place: Place,
    },
    /// One item is larger than the reader takes.
    #[error("{place}: longer than {limit} bytes")]
    TooLong {
        /// Where the item begins.
        place: Place,
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// The text is not JSON.
    #[error("{place}: expected JSON: {reason}")]
    Json {
        /// Where the parser stopped.
        place: Place,
        /// What the parser said.
        reason: String,
    },
    /// Well-formed, but not what belongs here.
    #[error("{place}: expected {expected}, found {found}")]
    Unexpected {
        /// The item.
        place: Place,
        /// What belongs here.
        expected: String,
        /// What is here.
        found: String,
    },
    /// SQLite refused.
    #[error("cannot read {place}")]
    Database {
        /// The database, table or row.
        place: Place,
        /// What SQLite said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The newest changes of a database lie in its write-ahead log, which cannot be read; the rest was.
    #[error("{place}: the last {bytes} bytes of changes are in its -wal file, which cannot be read here")]
    WalIgnored {
        /// The database.
        place: Place,
        /// Size of the `-wal` file in bytes.
        bytes: u64,
        /// What SQLite said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl ImportError {
    pub(crate) fn open(path: &Path, cause: io::Error) -> ImportError {
        ImportError::Open { place: Place::file(path.display()), cause }
    }

    pub(crate) fn unexpected(place: Place, expected: impl Into<String>, found: impl Into<String>) -> ImportError {
        ImportError::Unexpected { place, expected: expected.into(), found: found.into() }
    }

    /// The place that the error is about.
    pub fn place(&self) -> &Place {
        match self {
            ImportError::Open { place, .. }
            | ImportError::Read { place, .. }
            | ImportError::NotUtf8 { place, .. }
            | ImportError::Nul { place }
            | ImportError::TooLong { place, .. }
            | ImportError::Json { place, .. }
            | ImportError::Unexpected { place, .. }
            | ImportError::Database { place, .. }
            | ImportError::WalIgnored { place, .. } => place,
        }
    }
}

/// A place in a source: `notes.jsonl:12:7`, `notes.md at byte 40`, `zo.db, table messages, row 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the caller named it.
    pub file: String,
    /// Where in the file.
    pub spot: Spot,
}

/// Where in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// The file as a whole.
    Whole,
    /// A line, counted from 1.
    Line(u64),
    /// A byte of a line, both counted from 1.
    Column {
        /// The line.
        line: u64,
        /// The byte.
        column: u64,
    },
    /// A byte of the file, counted from 0.
    Byte(u64),
    /// A table of a database.
    Table(String),
    /// A row of a table.
    Row {
        /// The table.
        table: String,
        /// The rowid; for a table without one the ordinal, counted from 1.
        row: i64,
    },
}

impl Place {
    pub(crate) fn file(file: impl fmt::Display) -> Place {
        Place { file: file.to_string(), spot: Spot::Whole }
    }

    pub(crate) fn line(file: impl fmt::Display, line: u64) -> Place {
        Place { file: file.to_string(), spot: Spot::Line(line) }
    }

    pub(crate) fn column(file: impl fmt::Display, line: u64, column: u64) -> Place {
        Place { file: file.to_string(), spot: Spot::Column { line, column } }
    }

    pub(crate) fn byte(file: impl fmt::Display, offset: u64) -> Place {
        Place { file: file.to_string(), spot: Spot::Byte(offset) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        match &self.spot {
            Spot::Whole => write!(out, "{file}"),
            Spot::Line(line) => write!(out, "{file}:{line}"),
            Spot::Column { line, column } => write!(out, "{file}:{line}:{column}"),
            Spot::Byte(offset) => write!(out, "{file} at byte {offset}"),
            Spot::Table(table) => write!(out, "{file}, table {table}"),
            Spot::Row { table, row } => write!(out, "{file}, table {table}, row {row}"),
        }
    }
}

/// What a JSON value is, for "found …".
pub(crate) fn kind_of(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The parser's words without its own idea of the line, which counts from the start of the item.
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_string(),
        None => message,
    }
}
