//! The index: opened, added to, committed, searched.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use tantivy::indexer::IndexWriterOptions;
use tantivy::{IndexWriter, Searcher};

use crate::document::Document;
use crate::error::{Doing, Failure, IndexError, guarded, guarded_with_callback};
use crate::folder::{self, Folder, Payload};
use crate::overlay::{Analysed, Overlay};
use crate::schema::POSITION;
use crate::search::{Corpus, Hit, Query};

/// Memory in which each writing thread gathers documents before it writes a segment. Tantivy
/// takes no less than 15 MB; with more, imports write fewer segments to merge afterwards.
const WRITER_MEMORY_BYTES: usize = 32 << 20;

/// Commits of at least this many documents are shared among threads. Below it, starting threads
/// and merging their segments costs more than it saves.
const PARALLEL_COMMIT_DOCUMENTS: usize = 4_096;

/// The most threads that write at once.
const MAX_WRITER_THREADS: usize = 4;

/// How long a taken write lock is waited for: a killed process keeps its lock until the disk has
/// finished what it was told to do.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Pause between two attempts to take the lock.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// The lexical index of one home.
///
/// All methods take `&self`, and may be called from several threads; searches run side by side.
/// Dropping it loses what was added since the last commit, as killing the process does: both are
/// found again from the log, behind [`LexicalIndex::position`].
pub struct LexicalIndex {
    path: PathBuf,
    identity: [u8; 32],
    folder: Folder,
    /// What searches see. Never locked for longer than a search or the swap after a commit.
    view: RwLock<View>,
    /// Opened by the first commit that has something to write; held during commits only.
    writer: Mutex<Option<Writer>>,
}

/// What [`LexicalIndex::open`] found.
#[derive(Debug)]
pub struct Opened {
    /// The index, ready for use.
    pub index: LexicalIndex,
    /// Up to where the index had caught up: the last position given to [`LexicalIndex::commit`],
    /// 0 for an empty index.
    pub position: u64,
    /// Why an existing folder was set aside and an empty index begun, if that happened.
    pub rebuilt: Option<String>,
}

struct View {
    /// The committed documents.
    searcher: Searcher,
    /// The others. Never has a document that `searcher` has too.
    overlay: Overlay,
    /// Up to where the committed documents go.
    position: u64,
    /// The greatest position of a committed document.
    last_committed: Option<u64>,
}

struct Writer {
    tantivy: IndexWriter,
    threads: usize,
}

impl LexicalIndex {
    /// Opens the index in the folder `dir`, or creates one.
    ///
    /// An index of another version or another home (`identity`), or one that is damaged, is moved
    /// to `<dir>.set-aside` (replacing an earlier one), and an empty one is begun, which
    /// [`Opened::rebuilt`] says.
    ///
    /// # Errors
    /// [`IndexError::Io`] if the folder cannot be read, created or set aside.
    pub fn open(dir: &Path, identity: &[u8; 32]) -> Result<Opened, IndexError> {
        let (folder, rebuilt) = Folder::open_or_create(dir, identity)?;
        let searcher = folder.searcher();
        let position = folder.position;
        let last_committed =
            guarded(|| greatest_position(&searcher)).map_err(|failure| failure.into_error(Doing::Open, dir))?;
        let view = View { searcher, overlay: Overlay::default(), position, last_committed };
        let index = LexicalIndex {
            path: dir.to_path_buf(),
            identity: *identity,
            folder,
            view: RwLock::new(view),
            writer: Mutex::new(None),
        };
        Ok(Opened { index, position, rebuilt })
    }

    /// Makes documents searchable at once; [`LexicalIndex::commit`] makes them durable.
    ///
    /// Documents at positions that the index already holds are passed over, so feeding it the same
    /// stretch of the log twice does no harm. Returns how many were added.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the positions already held cannot be read.
    pub fn add(&self, documents: &[Document]) -> Result<usize, IndexError> {
        let known = self.committed_among(documents)?;
        let new = documents.iter().filter(|document| !known.contains(&document.position));
        let analysed: Vec<Analysed> = new.map(Analysed::new).collect();
        let mut view = self.write_view();
        let before = view.overlay.len();
        for document in analysed {
            view.overlay.add(document);
        }
        Ok(view.overlay.len() - before)
    }

    /// Makes all added documents durable, and notes that the index has caught up to `position`.
    ///
    /// The position never moves backwards. With nothing to write, nothing is done. A process that
    /// is killed meanwhile leaves either the commit before or this one.
    ///
    /// # Errors
    /// [`IndexError::Locked`] if another process writes to this folder; [`IndexError::Io`] and
    /// [`IndexError::Write`] if writing fails. The documents then stay searchable and uncommitted.
    pub fn commit(&self, position: u64) -> Result<(), IndexError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (documents, payload) = {
            let view = self.read_view();
            if view.overlay.len() == 0 && position <= view.position {
                return Ok(());
            }
            let documents: Vec<Arc<Document>> = view.overlay.documents().cloned().collect();
            let committed = view.searcher.num_docs() + documents.len() as u64;
            let position = position.max(view.position);
            (documents, Payload::new(self.identity, position, committed))
        };
        let result = guarded(|| self.write(&mut writer, &documents, payload));
        if result.is_err() {
            // What an interrupted commit left in the writer must not get into the next one.
            *writer = None;
        }
        result.map_err(|failure| self.error(Doing::Write, failure))
    }

    /// The best documents for a query among those whose position is `eligible`, best first; of
    /// equally good ones the earlier position comes first.
    ///
    /// The result is exact: no eligible document outside it has a higher score than one inside.
    /// `eligible` is asked while the index is read-locked, so it must not call back into the index,
    /// and only about documents that are good enough so far. An empty query finds nothing.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if a file turns out not to be what was written.
    pub fn search(&self, query: &Query<'_>, eligible: &dyn Fn(u64) -> bool) -> Result<Vec<Hit>, IndexError> {
        let view = self.read_view();
        let corpus = Corpus { searcher: &view.searcher, fields: self.folder.fields, overlay: &view.overlay };
        guarded_with_callback(eligible, |eligible| corpus.search(query, eligible))
            .map_err(|failure| self.error(Doing::Read, failure))
    }

    /// Up to where the committed documents go: the last position given to
    /// [`LexicalIndex::commit`].
    pub fn position(&self) -> u64 {
        self.read_view().position
    }

    /// Number of documents, committed and not.
    pub fn documents(&self) -> u64 {
        let view = self.read_view();
        view.searcher.num_docs() + view.overlay.len() as u64
    }

    /// Number of documents that are searchable but not yet committed.
    pub fn uncommitted(&self) -> usize {
        self.read_view().overlay.len()
    }

    /// Compares every file with its checksum. Opening does that only for a limited number of
    /// bytes; this reads all of a large index, some seconds per gigabyte.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] naming the first file that is not what was written.
    pub fn verify(&self) -> Result<(), IndexError> {
        // Holding the writer keeps commits from replacing files meanwhile.
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        folder::check_all(&self.path, &self.folder.index).map_err(|failure| self.error(Doing::Read, failure))
    }

    fn write(
        &self,
        writer: &mut MutexGuard<'_, Option<Writer>>,
        documents: &[Arc<Document>],
        payload: Payload,
    ) -> Result<(), Failure> {
        let writer = self.writer_for(writer, documents.len())?;
        for document in documents {
            writer.add_document(self.folder.fields.to_disk(document))?;
        }
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&payload.to_line());
        commit.commit()?;
        // The documents are on disk now. If they cannot be seen there, they must not be written
        // once more: better to begin anew.
        let unseen = |error| Failure::Damaged(format!("a commit cannot be read back: {error}"));
        self.folder.reader.reload().map_err(unseen)?;
        let searcher = self.folder.searcher();
        let last_committed = greatest_position(&searcher)?;
        let mut view = self.write_view();
        view.searcher = searcher;
        view.last_committed = last_committed;
        view.position = payload.position;
        // Documents added since this commit began were appended behind these.
        view.overlay.drop_first(documents.len());
        Ok(())
    }

    /// The writer, opened if there is none, or reopened if there are too few threads for so many
    /// documents.
    fn writer_for<'a>(
        &self,
        writer: &'a mut MutexGuard<'_, Option<Writer>>,
        documents: usize,
    ) -> Result<&'a mut IndexWriter, Failure> {
        let threads = if documents < PARALLEL_COMMIT_DOCUMENTS { 1 } else { parallel_threads() };
        if writer.as_ref().is_some_and(|open| open.threads < threads) {
            **writer = None;
        }
        if writer.is_none() {
            let options = IndexWriterOptions::builder()
                .num_worker_threads(threads)
                .memory_budget_per_thread(WRITER_MEMORY_BYTES)
                .num_merge_threads(1)
                .build();
            let tantivy = self.wait_for_writer(&options)?;
            self.check_unchanged()?;
            **writer = Some(Writer { tantivy, threads });
        }
        Ok(&mut writer.as_mut().expect("opened above if it was not").tantivy)
    }

    fn wait_for_writer(&self, options: &IndexWriterOptions) -> Result<IndexWriter, Failure> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match self.folder.index.writer_with_options(options.clone()).map_err(Failure::from) {
                Err(Failure::Locked) if Instant::now() < deadline => thread::sleep(LOCK_RETRY),
                result => return result,
            }
        }
    }

    /// Makes sure that nobody else wrote to the folder before the write lock was taken, and that
    /// a commit that seemed to fail did not succeed after all.
    fn check_unchanged(&self) -> Result<(), Failure> {
        let segments = self.folder.index.searchable_segment_metas()?;
        let on_disk: u64 = segments.iter().map(|segment| u64::from(segment.max_doc())).sum();
        let seen = self.read_view().searcher.num_docs();
        if on_disk != seen {
            return Err(Failure::Damaged(format!("it has {on_disk} documents, {seen} were seen")));
        }
        Ok(())
    }

    /// Positions of documents among these that are already committed.
    fn committed_among(&self, documents: &[Document]) -> Result<HashSet<u64>, IndexError> {
        let view = self.read_view();
        let Some(last) = view.last_committed else {
            return Ok(HashSet::new());
        };
        let doubtful: HashSet<u64> =
            documents.iter().map(|document| document.position).filter(|at| *at <= last).collect();
        if doubtful.is_empty() {
            return Ok(doubtful);
        }
        guarded(|| {
            let mut known = HashSet::new();
            for_each_position(&view.searcher, |position| {
                if doubtful.contains(&position) {
                    known.insert(position);
                }
            })?;
            Ok(known)
        })
        .map_err(|failure| self.error(Doing::Read, failure))
    }

    /// The public error for a failure; damage is also marked in the folder, for the next opening.
    fn error(&self, doing: Doing, failure: Failure) -> IndexError {
        let error = failure.into_error(doing, &self.path);
        if let IndexError::Damaged { why, .. } = &error {
            folder::mark_damaged(&self.path, why);
        }
        error
    }

    // A poisoned lock is taken all the same: the view is replaced and appended to in steps that
    // cannot fail half-way, and a caller's panic in `eligible` is no reason to stop searching.
    fn read_view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_view(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LexicalIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LexicalIndex")
            .field("path", &self.path)
            .field("position", &self.position())
            .field("documents", &self.documents())
            .finish_non_exhaustive()
    }
}

fn parallel_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_WRITER_THREADS))
}

fn greatest_position(searcher: &Searcher) -> Result<Option<u64>, Failure> {
    let mut greatest = None;
    for reader in searcher.segment_readers() {
        if reader.max_doc() > 0 {
            greatest = greatest.max(Some(reader.fast_fields().u64(POSITION)?.max_value()));
        }
    }
    Ok(greatest)
}

fn for_each_position(searcher: &Searcher, mut visit: impl FnMut(u64)) -> Result<(), Failure> {
    for reader in searcher.segment_readers() {
        let positions = reader.fast_fields().u64(POSITION)?;
        (0..reader.max_doc()).filter_map(|doc| positions.first(doc)).for_each(&mut visit);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
