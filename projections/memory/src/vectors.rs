//! The store of embedding vectors, which finds those nearest to a question's.
//!
//! Rows are numbered from 0 in the order in which they are appended; what a row stands for is the caller's business,
//! and so is keeping that order. Nothing here knows of texts, models or documents. Everything is derived and may be
//! deleted. Start with [`VectorStore`]; the idea of the search is in [`search`], the bytes on disk are in [`files`].
//!
//! ```text
//!            in memory: digest 16 bytes, signs and factor 52 bytes a row         on disk
//! append ──► rotate ──► codes ◄──────────────────────── opening ──────────── `codes`   72 bytes a row
//!              └──────► round ───────────────────────── writing ───────────► `vectors` 776 bytes a row
//!
//! query  ──► scan all codes ──► some hundred rows ──► read them from `vectors`, compute ──► nearest
//! ```
//!
//! What was measured before choosing it (384 dimensions; MiniLM's vectors of 4,663 texts, and mixes of them with noise;
//! one thread with AVX-512, and AVX2 where it differs):
//!
//! | in memory, compared with     | bytes | ms for 100,000 | ms for 1,000,000 | rows to compute for .99 of the top tens |
//! |------------------------------|-------|----------------|------------------|----------------------------------------|
//! | signs, signs                 |    48 | 0.16 (0.25)    | 1.7 (2.7)        | 800 / 3,200                            |
//! | signs, 4 bits: this          |    48 | 0.18 (0.58)    | 2.1 (6.0)        | 200 / 900                              |
//! | signs around the mean, 4 bits|    48 | the same       | the same         | 200 / 800                              |
//! | 2 bits, 4 bits               |    96 | 0.4 (1.2)      | 4.5 (12)         | 100 / 200                              |
//! | int8, int8                   |   384 | 2.1 (2.6)      | 30               | 12 / –                                 |
//! | f32, f32                     | 1,536 | 12             | 130              | none                                   |
//!
//! Computing a row costs half a microsecond, so a second bit would cost more than it saves. Without the rotation MiniLM
//! does as well, but with two dimensions that are always large estimates were off by .25. Rows of i16 on disk give the
//! top tens of f32 (1.000; f16 .999).

mod best;
mod codes;
mod digests;
mod files;
mod memory;
mod rotation;
mod rows;
mod search;
mod statistics;
mod threads;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::{Doing, Failure, IndexError};
use crate::folder;
use codes::Code;
use files::{CodeRecord, Files, Found, MAX_ROWS, Owner, Values};
use memory::Memory;
use rotation::Rotation;
use search::Search;

pub use rows::Rows;
pub use statistics::Statistics;

/// More than any embedder has; it keeps memory from being asked for by the terabyte.
const MAX_DIMENSIONS: usize = 1 << 16;

/// The vectors of one home and one embedder.
///
/// All methods take `&self` and may be called from several threads; searches run side by side. One process at a time
/// may have a folder open: the home's lock sees to it. Dropping the store loses what was appended since the last
/// [`VectorStore::sync`], as killing the process does.
pub struct VectorStore {
    path: PathBuf,
    dimensions: usize,
    rotation: Rotation,
    /// The most threads that one search uses.
    threads: usize,
    files: Files,
    /// What searches see. Locked after `writing` by whoever needs both.
    memory: RwLock<Memory>,
    writing: Mutex<Writing>,
}

/// What [`VectorStore::open`] found.
#[derive(Debug)]
pub struct OpenedVectors {
    /// The store, ready for use.
    pub store: VectorStore,
    /// Why rows were dropped, all of them or those behind some row, if that happened.
    pub rebuilt: Option<String>,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// Rows with their cosine to the query, the greatest first; of equal ones the earlier row first.
    pub hits: Vec<(u32, f32)>,
    /// How near all eligible rows are.
    pub statistics: Statistics,
}

/// What only whoever writes needs.
struct Writing {
    /// Rows that are durable.
    synced: u32,
    /// The records for `codes` of the other rows.
    pending: Vec<u8>,
    /// Whether all of `codes` is known to be durable: not after opening, since a process that was killed may have
    /// written it and not flushed it.
    clean: bool,
    /// Whether the disk failed to keep what it had taken. What it holds now is known only after opening again.
    failed: bool,
}

impl VectorStore {
    /// Opens the store in the folder `dir`, or creates one.
    ///
    /// A store of another version, home (`identity`), embedder or number of dimensions is moved to `<dir>.set-aside`
    /// (replacing an earlier one), and an empty one is begun. Of a damaged one the rows before the damage are kept.
    /// [`OpenedVectors::rebuilt`] says so.
    ///
    /// # Errors
    /// [`IndexError::Io`] if the files cannot be read, created or set aside; [`IndexError::Vector`] for 0 dimensions.
    pub fn open(
        dir: &Path,
        identity: &[u8; 32],
        embedder: &[u8; 32],
        dimensions: usize,
    ) -> Result<OpenedVectors, IndexError> {
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            return Err(IndexError::Vector { what: format!("{dimensions} dimensions, not 1 to {MAX_DIMENSIONS}") });
        }
        let owner = Owner { identity, embedder, dimensions };
        let fail = |doing: Doing| move |failure: Failure| failure.into_error(doing, dir);
        let (files, mut rebuilt) = match Files::find(dir, owner).map_err(fail(Doing::Open))? {
            Found::Files(files) => (files, None),
            Found::Nothing => (Files::create(dir, owner).map_err(fail(Doing::Create))?, None),
            Found::Unusable(why) => {
                folder::set_aside(dir).map_err(|error| fail(Doing::SetAside)(error.into()))?;
                (Files::create(dir, owner).map_err(fail(Doing::Create))?, Some(why))
            }
        };
        let threads = threads::available();
        let (memory, dropped) = Memory::load(&files, dir, threads).map_err(fail(Doing::Open))?;
        rebuilt = rebuilt.or(dropped);
        let writing = Writing { synced: memory.rows(), pending: Vec::new(), clean: false, failed: false };
        let store = VectorStore {
            path: dir.to_path_buf(),
            dimensions,
            rotation: Rotation::new(dimensions),
            threads,
            files,
            memory: RwLock::new(memory),
            writing: Mutex::new(writing),
        };
        Ok(OpenedVectors { store, rebuilt })
    }

    /// Number of rows.
    pub fn rows(&self) -> u32 {
        self.read_memory().rows()
    }

    /// Appends vectors, each with the digest of what was embedded. They are searchable at once, and durable after
    /// [`VectorStore::sync`]. Their length does not matter: what is kept has length 1, or 0 for a vector of zeros.
    ///
    /// # Errors
    /// [`IndexError::Vector`] for a vector of another dimension or with a number that is not finite;
    /// [`IndexError::Io`] if writing fails. Then none of them was appended.
    pub fn append(&self, rows: &[(u128, &[f32])]) -> Result<(), IndexError> {
        let units = rows.iter().map(|(_, vector)| self.unit(vector)).collect::<Result<Vec<_>, _>>()?;
        let mut writing = self.lock_writing();
        let first = self.rows();
        if rows.len() > MAX_ROWS.saturating_sub(first) as usize {
            return Err(IndexError::Vector { what: format!("{} more than {first} rows are too many", rows.len()) });
        }
        let (mut vectors, mut records, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        for ((row, (digest, _)), unit) in (first..).zip(rows).zip(units) {
            let code = Code::of(&self.rotation.apply(&unit));
            Values::write(&mut vectors, row, *digest, &unit);
            CodeRecord::write(&mut records, row, *digest, &code);
            codes.push((*digest, code));
        }
        self.files.write_vectors(first, &vectors).map_err(|failure| self.error(Doing::Write, failure))?;
        writing.pending.extend(records);
        self.write_memory().extend(&codes);
        Ok(())
    }

    /// Makes everything appended durable. A process that is killed meanwhile, or a machine that loses power, leaves
    /// the first so many of the rows.
    ///
    /// # Errors
    /// [`IndexError::Io`] if writing fails. What was appended stays searchable. After a failed flush to the disk, only
    /// opening the store again tells what it holds: until then every call fails.
    pub fn sync(&self) -> Result<(), IndexError> {
        let mut writing = self.lock_writing();
        self.write_pending(&mut writing).map_err(|failure| self.error(Doing::Write, failure))
    }

    /// Drops all rows from `rows` on, durably. There may be fewer.
    ///
    /// # Errors
    /// [`IndexError::Io`] if writing fails.
    pub fn truncate(&self, rows: u32) -> Result<(), IndexError> {
        let mut writing = self.lock_writing();
        let mut memory = self.write_memory();
        if rows >= memory.rows() {
            return Ok(());
        }
        if rows < writing.synced {
            writing.failed = true;
            self.files.cut_codes(rows).map_err(|failure| self.error(Doing::Write, failure))?;
            writing.failed = false;
            writing.synced = rows;
            writing.pending.clear();
        }
        let record_bytes = self.files.code_bytes();
        let pending = (rows - writing.synced) as usize * record_bytes;
        writing.pending.truncate(pending);
        memory.truncate(rows);
        Ok(())
    }

    /// The digest of what row `row` was embedded from.
    pub fn digest(&self, row: u32) -> Option<u128> {
        self.read_memory().digests.all().get(row as usize).copied()
    }

    /// The first row with this digest, if there is one. The first call builds a table (some 30 ms and 10 MB for a
    /// million rows), which the following ones carry on.
    pub fn find(&self, digest: u128) -> Option<u32> {
        self.read_memory().digests.find(digest)
    }

    /// The vector of a row, of length 1 (or 0), to within 0.00002 in each number.
    ///
    /// # Errors
    /// [`IndexError::Vector`] if there is no such row; [`IndexError::Damaged`] if it is not what was written.
    pub fn vector(&self, row: u32) -> Result<Vec<f32>, IndexError> {
        let memory = self.read_memory();
        self.check_rows(&memory, &[row])?;
        let mut vector = Vec::new();
        let read = self.files.read_vectors(&[row], memory.digests.all(), |_, values| vector = values.to_vector());
        read.map(|()| vector).map_err(|failure| self.error(Doing::Read, failure))
    }

    /// The `limit` rows nearest to a query, among all or those given, with statistics over all of these. Rows given
    /// that do not exist are passed over.
    ///
    /// # Errors
    /// [`IndexError::Vector`] for a query of another dimension or with a number that is not finite;
    /// [`IndexError::Damaged`] if a row turns out not to be what was written: the next opening drops it and those
    /// behind it.
    pub fn nearest(&self, query: &[f32], limit: usize, among: Option<&Rows>) -> Result<Nearest, IndexError> {
        let query = self.unit(query)?;
        let memory = self.read_memory();
        self.search(&memory).nearest(&query, limit, among).map_err(|failure| self.error(Doing::Read, failure))
    }

    /// The cosines between a query and the given rows, in their order, to within 0.00001.
    ///
    /// # Errors
    /// As [`VectorStore::nearest`], and [`IndexError::Vector`] if there is no such row.
    pub fn cosines(&self, query: &[f32], rows: &[u32]) -> Result<Vec<f32>, IndexError> {
        let query = self.unit(query)?;
        let memory = self.read_memory();
        self.check_rows(&memory, rows)?;
        self.search(&memory).cosines(&query, rows).map_err(|failure| self.error(Doing::Read, failure))
    }

    /// Reads everything and compares it with its checksums: half a second for a million rows.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] naming the first row that is not what was written; the next opening drops it and those
    /// behind it.
    pub fn verify(&self) -> Result<(), IndexError> {
        let writing = self.lock_writing();
        let memory = self.read_memory();
        memory.verify(&self.files, writing.synced).map_err(|failure| self.error(Doing::Read, failure))
    }

    /// Bytes that the store keeps in memory: some 70 a row of 384 dimensions.
    pub fn bytes_in_memory(&self) -> usize {
        self.lock_writing().pending.capacity() + self.read_memory().bytes()
    }

    fn write_pending(&self, writing: &mut Writing) -> Result<(), Failure> {
        if writing.failed {
            return Err(Failure::Damaged("an earlier flush to the disk failed".to_owned()));
        }
        if writing.pending.is_empty() && writing.clean {
            return Ok(());
        }
        let rows = self.rows();
        // If a flush fails, what it was to write may be lost, although a later one succeeds.
        writing.failed = true;
        self.files.sync_vectors()?;
        writing.failed = false;
        self.files.write_codes(writing.synced, &writing.pending)?;
        writing.failed = true;
        self.files.sync_codes()?;
        *writing = Writing { synced: rows, pending: Vec::new(), clean: true, failed: false };
        Ok(())
    }

    fn check_rows(&self, memory: &Memory, rows: &[u32]) -> Result<(), IndexError> {
        match rows.iter().find(|row| **row >= memory.rows()) {
            Some(row) => Err(IndexError::Vector { what: format!("there are {} rows, no row {row}", memory.rows()) }),
            None => Ok(()),
        }
    }

    fn search<'a>(&'a self, memory: &'a Memory) -> Search<'a> {
        Search { files: &self.files, memory, rotation: &self.rotation, threads: self.threads }
    }

    /// The vector of length 1 in the same direction, of zeros for zeros.
    fn unit(&self, vector: &[f32]) -> Result<Vec<f32>, IndexError> {
        if vector.len() != self.dimensions {
            let what = format!("it has {} dimensions, not {}", vector.len(), self.dimensions);
            return Err(IndexError::Vector { what });
        }
        if let Some(at) = vector.iter().position(|number| !number.is_finite()) {
            return Err(IndexError::Vector { what: format!("number {at} of it is {}", vector[at]) });
        }
        let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
        Ok(vector.iter().map(|number| (f64::from(*number) * factor) as f32).collect())
    }

    /// The public error for a failure; damage is also marked in the folder, for the next opening.
    fn error(&self, doing: Doing, failure: Failure) -> IndexError {
        let error = failure.into_error(doing, &self.path);
        if let IndexError::Damaged { why, .. } = &error {
            folder::mark_damaged(&self.path, why);
        }
        error
    }

    // A poisoned lock is taken all the same: what it guards is changed in steps that cannot fail half-way.
    fn read_memory(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_memory(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for VectorStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VectorStore")
            .field("path", &self.path)
            .field("dimensions", &self.dimensions)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
