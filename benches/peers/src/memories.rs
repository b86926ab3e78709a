//! Memories in SQLite: FTS5 for words, sqlite-vec for meaning.

use std::path::Path;
use std::sync::Once;

use anyhow::{Result, ensure};
use rusqlite::{Connection, ffi, params};

/// Texts in an FTS5 table with the porter stemmer, and their vectors in a `vec0` table of `f32`, which is searched by
/// comparing all of them. Rows are numbered from 0.
pub struct SqliteMemories(Connection);

impl SqliteMemories {
    /// New tables in the file `path`, for vectors of so many dimensions.
    ///
    /// # Errors
    /// If SQLite says no.
    pub fn create(path: &Path, dimensions: usize) -> Result<Self> {
        register_sqlite_vec()?;
        let connection = Connection::open(path)?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
             CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'porter unicode61');
             CREATE VIRTUAL TABLE meanings USING vec0(embedding float[{dimensions}]);"
        ))?;
        Ok(Self(connection))
    }

    /// Inserts rows in one transaction, numbered from `first` on.
    ///
    /// # Errors
    /// If SQLite says no.
    pub fn insert(&mut self, first: u32, rows: &[(String, Vec<f32>)]) -> Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut words = transaction.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?;
            let mut meanings = transaction.prepare_cached("INSERT INTO meanings (rowid, embedding) VALUES (?1, ?2)")?;
            for (row, (text, vector)) in (first..).zip(rows) {
                words.execute(params![row, text])?;
                meanings.execute(params![row, bytes(vector)])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// The rows nearest to a vector, the nearest first: exactly, by Euclidean distance, which orders vectors of length
    /// 1 as their cosines do.
    ///
    /// # Errors
    /// If SQLite says no.
    pub fn nearest(&self, vector: &[f32], limit: u32) -> Result<Vec<u32>> {
        let sql = "SELECT rowid FROM meanings WHERE embedding MATCH ?1 AND k = ?2 ORDER BY distance";
        self.rows(sql, params![bytes(vector), limit])
    }

    /// The rows whose text has some of the words, by BM25, the best first.
    ///
    /// # Errors
    /// If SQLite says no.
    pub fn matching(&self, text: &str, limit: u32) -> Result<Vec<u32>> {
        let any: Vec<String> = text.split_whitespace().map(|word| format!("\"{word}\"")).collect();
        self.rows(
            "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rank LIMIT ?2",
            params![any.join(" OR "), limit],
        )
    }

    fn rows(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<u32>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(parameters, |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A vector as sqlite-vec takes it.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Makes every connection opened from now on know `vec0`.
fn register_sqlite_vec() -> Result<()> {
    type EntryPoint =
        unsafe extern "C" fn(*mut ffi::sqlite3, *mut *mut std::ffi::c_char, *const ffi::sqlite3_api_routines) -> i32;
    static REGISTERED: Once = Once::new();
    let mut answer = ffi::SQLITE_OK;
    REGISTERED.call_once(|| {
        // SAFETY: `sqlite3_vec_init` is an extension's entry point of exactly this type; the crate that binds it
        // declares it without parameters. It is linked into the program and so outlives every connection.
        #[allow(unsafe_code)]
        unsafe {
            let entry = std::mem::transmute::<unsafe extern "C" fn(), EntryPoint>(sqlite_vec::sqlite3_vec_init);
            answer = ffi::sqlite3_auto_extension(Some(entry));
        }
    });
    ensure!(answer == ffi::SQLITE_OK, "sqlite-vec could not be registered: {answer}");
    Ok(())
}
