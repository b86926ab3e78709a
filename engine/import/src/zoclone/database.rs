//! Opening an SQLite database so that nothing beside it or in it changes.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{ImportError, Place, Spot};

/// How long a lock of a running ZoClone is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The header of a database file: its first 16 bytes, and the byte that says whether it has a write-ahead log.
const MAGIC: &[u8] = b"SQLite format 3\0";
const READ_VERSION_INDEX: usize = 19;
const READ_VERSION_WAL: u8 = 2;

/// A database that can be read as of one moment.
pub(super) struct Database {
    pub(super) connection: Connection,
    /// What messages call it.
    pub(super) file: String,
    /// What the caller should know before, but that is no reason not to read.
    pub(super) warnings: Vec<ImportError>,
}

impl Database {
    /// Opens the file; `None` for an empty file, which is a database without tables.
    pub(super) fn open(path: &Path) -> Result<Option<Database>, ImportError> {
        let file = path.display().to_string();
        let header = header_of(path)?;
        if header.is_empty() {
            return Ok(None);
        }
        if !header.starts_with(MAGIC) {
            return Err(ImportError::unexpected(Place::file(&file), "an SQLite database", "something else"));
        }
        let wal = with_suffix(path, "-wal");
        let wal_bytes = fs::metadata(&wal).ok().map(|metadata| metadata.len());
        let in_wal_mode = header.get(READ_VERSION_INDEX) == Some(&READ_VERSION_WAL);
        let mut warnings = Vec::new();
        let failed = |cause| database_error(&file, None, cause);
        let connection = if in_wal_mode && wal_bytes.is_none() {
            // Without a log beside it the file is complete, and opening it in the ordinary way would create one.
            connect(path, "immutable=1").map_err(failed)?
        } else {
            match (connect(path, "mode=ro"), wal_bytes) {
                (Ok(connection), _) => connection,
                (Err(cause), Some(bytes)) if in_wal_mode => {
                    let connection = connect(path, "immutable=1").map_err(failed)?;
                    warnings.push(ImportError::WalIgnored { place: Place::file(&file), bytes, cause: Box::new(cause) });
                    connection
                }
                (Err(cause), _) => return Err(failed(cause)),
            }
        };
        if let Some(damage) = damage_in(&connection) {
            warnings.push(ImportError::unexpected(Place::file(&file), "an intact database", damage));
        }
        Ok(Some(Database { connection, file, warnings }))
    }
}

/// What SQLite's own check finds first; without it a page that was cut off would read as rows of NULLs.
fn damage_in(connection: &Connection) -> Option<String> {
    match connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(found) if found == "ok" => None,
        Ok(found) => Some(found.split_whitespace().collect::<Vec<_>>().join(" ")),
        Err(error) => Some(error.to_string()),
    }
}

/// An error of SQLite's in a table, or in the database as a whole.
pub(super) fn database_error(file: &str, table: Option<&str>, cause: rusqlite::Error) -> ImportError {
    let spot = table.map_or(Spot::Whole, |table| Spot::Table(table.to_string()));
    ImportError::Database { place: Place { file: file.to_string(), spot }, cause: Box::new(cause) }
}

/// Connects and begins a read transaction, which is where SQLite finds out whether it can read at all.
fn connect(path: &Path, parameter: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri_of(path, parameter), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The file may come from anywhere: nothing in its schema is to be run.
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

fn uri_of(path: &Path, parameter: &str) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut uri = String::from("file:");
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'~' => uri.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            _ => write!(uri, "%{byte:02X}").expect("writing to a string succeeds"),
        }
    }
    uri.push('?');
    uri.push_str(parameter);
    uri
}

fn header_of(path: &Path) -> Result<Vec<u8>, ImportError> {
    let file = File::open(path).map_err(|cause| ImportError::open(path, cause))?;
    let mut header = Vec::new();
    file.take(100)
        .read_to_end(&mut header)
        .map_err(|cause| ImportError::Read { place: Place::file(path.display()), cause })?;
    Ok(header)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}
