//! The store of embedding vectors, which finds those nearest to a question's.
//!
//! Rows are numbered from 0 in the order in which they are appended; what a row stands for is the caller's business,
//! and so is keeping that order. Nothing here knows of texts, models or documents. Everything is derived and may be
//! deleted.

mod files;
mod rows;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::{Doing, Failure, IndexError};
use crate::folder;
use files::{Code, Files, Found, Owner, Rounded};

pub use rows::Rows;

/// Rows of `vectors` read at once.
const ROWS_AT_ONCE: usize = 1_024;

/// The vectors of one home and one embedder.
///
/// All methods take `&self` and may be called from several threads; searches run side by side. One process at a time
/// may have a folder open: the home's lock sees to it. Dropping the store loses what was appended since the last
/// [`VectorStore::sync`], as killing the process does.
pub struct VectorStore {
    path: PathBuf,
    dimensions: usize,
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

/// The cosines between a query and all rows that were eligible. All are 0 if there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Number of eligible rows.
    pub rows: u64,
    /// The least cosine.
    pub minimum: f32,
    /// The greatest cosine.
    pub maximum: f32,
    /// The mean of the cosines.
    pub mean: f32,
    /// Their standard deviation.
    pub deviation: f32,
}

#[derive(Default)]
struct Memory {
    digests: Vec<u128>,
}

/// What only whoever writes needs.
struct Writing {
    /// Rows that are durable.
    synced: u32,
    /// The records for `codes` of the other rows.
    pending: Vec<u8>,
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
        let memory = Memory::load(&files, dir, &mut rebuilt).map_err(fail(Doing::Open))?;
        let writing = Writing { synced: memory.rows(), pending: Vec::new(), failed: false };
        let store = VectorStore {
            path: dir.to_path_buf(),
            dimensions,
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
        let mut rounded = Vec::with_capacity(rows.len());
        for (digest, vector) in rows {
            let unit = self.unit(vector)?;
            rounded.push((*digest, code(*digest, &unit), round(&unit)));
        }
        let mut writing = self.lock_writing();
        let first = self.rows();
        if rows.len() > (u32::MAX - first) as usize {
            return Err(IndexError::Vector { what: format!("{} more than {first} rows are too many", rows.len()) });
        }
        let vectors: Vec<(u128, Rounded)> = rounded.iter().map(|(digest, _, row)| (*digest, row.clone())).collect();
        self.files.write_vectors(first, &vectors).map_err(|failure| self.error(Doing::Write, failure))?;
        let mut memory = self.write_memory();
        for (row, (digest, code, _)) in (first..).zip(rounded) {
            writing.pending.extend(Files::code_record(row, &code));
            memory.digests.push(digest);
        }
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
            self.files.cut_codes(rows).map_err(|failure| self.error(Doing::Write, failure))?;
            writing.synced = rows;
            writing.pending.clear();
        }
        let record_bytes = self.files.code_bytes();
        let pending = (rows - writing.synced) as usize * record_bytes;
        writing.pending.truncate(pending);
        memory.digests.truncate(rows as usize);
        Ok(())
    }

    /// The digest of what row `row` was embedded from.
    pub fn digest(&self, row: u32) -> Option<u128> {
        self.read_memory().digests.get(row as usize).copied()
    }

    /// A row with this digest, if there is one.
    pub fn find(&self, digest: u128) -> Option<u32> {
        let memory = self.read_memory();
        memory.digests.iter().position(|known| *known == digest).map(|row| row as u32)
    }

    /// The vector of a row, of length 1 (or 0), to within 0.00002 in each number.
    ///
    /// # Errors
    /// [`IndexError::Vector`] if there is no such row; [`IndexError::Damaged`] if it is not what was written.
    pub fn vector(&self, row: u32) -> Result<Vec<f32>, IndexError> {
        let memory = self.read_memory();
        let mut vector = Vec::new();
        self.for_each(&memory, &[row], |_, values| vector = values.to_vector())?;
        Ok(vector)
    }

    /// The `limit` rows nearest to a query, among all or those given, with statistics over all of these.
    ///
    /// # Errors
    /// [`IndexError::Vector`] for a query of another dimension or with a number that is not finite;
    /// [`IndexError::Damaged`] if a row turns out not to be what was written: the next opening drops it.
    pub fn nearest(&self, query: &[f32], limit: usize, among: Option<&Rows>) -> Result<Nearest, IndexError> {
        let query = self.unit(query)?;
        let memory = self.read_memory();
        let rows: Vec<u32> = match among {
            Some(among) => among.iter().take_while(|row| *row < memory.rows()).collect(),
            None => (0..memory.rows()).collect(),
        };
        let mut hits = Vec::with_capacity(rows.len());
        self.for_each(&memory, &rows, |row, values| hits.push((row, values.dot(&query))))?;
        let statistics = Statistics::of(hits.iter().map(|hit| hit.1));
        hits.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        hits.truncate(limit);
        Ok(Nearest { hits, statistics })
    }

    /// The cosines between a query and the given rows, in their order.
    ///
    /// # Errors
    /// As [`VectorStore::nearest`], and [`IndexError::Vector`] if there is no such row.
    pub fn cosines(&self, query: &[f32], rows: &[u32]) -> Result<Vec<f32>, IndexError> {
        let query = self.unit(query)?;
        let memory = self.read_memory();
        let mut cosines = Vec::with_capacity(rows.len());
        self.for_each(&memory, rows, |_, values| cosines.push(values.dot(&query)))?;
        Ok(cosines)
    }

    /// Reads everything and compares it with its checksums.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] naming the first row that is not what was written; the next opening drops it and those
    /// behind it.
    pub fn verify(&self) -> Result<(), IndexError> {
        let writing = self.lock_writing();
        let memory = self.read_memory();
        let codes = self.files.for_each_code(writing.synced, |_| {});
        let codes = codes.map_err(|failure| self.error(Doing::Read, failure))?;
        if codes < writing.synced {
            let why = format!("the code of row {codes} is not what was written");
            return Err(self.error(Doing::Read, Failure::Damaged(why)));
        }
        let rows: Vec<u32> = (0..memory.rows()).collect();
        self.for_each(&memory, &rows, |_, _| {})
    }

    /// Bytes that the store keeps in memory.
    pub fn bytes_in_memory(&self) -> usize {
        self.read_memory().digests.capacity() * size_of::<u128>() + self.lock_writing().pending.capacity()
    }

    fn write_pending(&self, writing: &mut Writing) -> Result<(), Failure> {
        if writing.failed {
            return Err(std::io::Error::other("an earlier flush to the disk failed").into());
        }
        if writing.pending.is_empty() {
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
        writing.failed = false;
        writing.synced = rows;
        writing.pending.clear();
        Ok(())
    }

    /// Reads rows in the given order, several at once where they follow each other.
    fn for_each(
        &self,
        memory: &Memory,
        rows: &[u32],
        mut visit: impl FnMut(u32, files::Values<'_>),
    ) -> Result<(), IndexError> {
        if let Some(row) = rows.iter().find(|row| **row >= memory.rows()) {
            return Err(IndexError::Vector { what: format!("there are {} rows, no row {row}", memory.rows()) });
        }
        for run in rows.chunk_by(|row, next| row + 1 == *next).flat_map(|run| run.chunks(ROWS_AT_ONCE)) {
            let digests = &memory.digests[run[0] as usize..][..run.len()];
            let read = self.files.read_vectors(run[0], digests, &mut visit);
            read.map_err(|failure| self.error(Doing::Read, failure))?;
        }
        Ok(())
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

/// More than any embedder has; it keeps a header that passes its checksum from asking for terabytes.
const MAX_DIMENSIONS: usize = 1 << 16;

impl Memory {
    /// Loads `codes`, and cuts off what is damaged.
    fn load(files: &Files, folder: &Path, rebuilt: &mut Option<String>) -> Result<Memory, Failure> {
        let mut memory = Memory::default();
        let (codes, vectors) = files.lengths()?;
        let mut good = files.for_each_code(codes.min(vectors), |code| memory.digests.push(code.digest))?;
        let mark = files::mark(folder);
        if mark.exists() {
            good = memory.first_damaged(files, good);
            memory.digests.truncate(good as usize);
        }
        if good < codes {
            let why = format!("row {good} is not what was written, {} rows were dropped", codes - good);
            files.cut_codes(good)?;
            *rebuilt = Some(why);
        }
        if mark.exists() {
            fs::remove_file(mark)?;
        }
        Ok(memory)
    }

    fn first_damaged(&self, files: &Files, rows: u32) -> u32 {
        let good = |row: u32| files.read_vectors(row, &[self.digests[row as usize]], |_, _| {}).is_ok();
        (0..rows).find(|row| !good(*row)).unwrap_or(rows)
    }

    fn rows(&self) -> u32 {
        self.digests.len() as u32
    }
}

impl Statistics {
    /// The statistics of these cosines.
    fn of(cosines: impl Iterator<Item = f32>) -> Statistics {
        let (mut rows, mut minimum, mut maximum, mut sum, mut squares) =
            (0, f32::INFINITY, f32::NEG_INFINITY, 0.0, 0.0);
        for cosine in cosines {
            rows += 1;
            minimum = cosine.min(minimum);
            maximum = cosine.max(maximum);
            sum += f64::from(cosine);
            squares += f64::from(cosine).powi(2);
        }
        if rows == 0 {
            return Statistics::default();
        }
        let mean = sum / rows as f64;
        let deviation = (squares / rows as f64 - mean * mean).max(0.0).sqrt();
        Statistics { rows, minimum, maximum, mean: mean as f32, deviation: deviation as f32 }
    }
}

/// One bit for each number, and what turns their sum into a cosine.
fn code(digest: u128, unit: &[f32]) -> Code {
    let words = unit.chunks(64).map(|numbers| {
        numbers.iter().enumerate().fold(0, |word, (bit, number)| word | u64::from(*number > 0.0) << bit)
    });
    let length: f32 = unit.iter().map(|number| number.abs()).sum();
    Code { digest, factor: if length > 0.0 { length.recip() } else { 0.0 }, words: words.collect() }
}

/// A vector in steps of 1/32767 of its greatest number.
fn round(unit: &[f32]) -> Rounded {
    let greatest = unit.iter().fold(0.0_f32, |greatest, number| number.abs().max(greatest));
    let scale = greatest / f32::from(i16::MAX);
    let steps = if scale > 0.0 { scale.recip() } else { 0.0 };
    Rounded { values: unit.iter().map(|number| (number * steps).round() as i16).collect(), scale }
}

#[cfg(test)]
mod tests;
