//! The index: opened, added to, committed, searched.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use tantivy::IndexWriter;
use tantivy::indexer::IndexWriterOptions;

use crate::document::{Document, Kind};
use crate::error::{Doing, Failure, IndexError, guarded};
use crate::folder::{self, Folder, Payload};
use crate::overlay::{Analysed, Overlay};
use crate::search::{self, Hit, Question, Valid};
use crate::table::{Segments, Table};
use crate::topic;
use crate::view::View;

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

/// The memory index of one home.
///
/// All methods take `&self`, and may be called from several threads; searches run side by side.
/// Dropping it loses what was added since the last commit, as killing the process does: both are
/// found again from the log, behind [`MemoryIndex::position`].
pub struct MemoryIndex {
    path: PathBuf,
    identity: [u8; 32],
    folder: Folder,
    /// What searches see. Never locked for longer than a search or the swap after a commit.
    view: RwLock<View>,
    /// Opened by the first commit that has something to write; held during commits only.
    writer: Mutex<Option<Writer>>,
}

/// What [`MemoryIndex::open`] found.
#[derive(Debug)]
pub struct Opened {
    /// The index, ready for use.
    pub index: MemoryIndex,
    /// Up to where the index had caught up: the last position given to [`MemoryIndex::commit`],
    /// 0 for an empty index.
    pub position: u64,
    /// Why an existing folder was set aside and an empty index begun, if that happened.
    pub rebuilt: Option<String>,
}

struct Writer {
    tantivy: IndexWriter,
    threads: usize,
}

/// A document to be written.
struct NewDocument {
    document: Arc<Document>,
    ordinal: u32,
    passages: u32,
}

impl MemoryIndex {
    /// Opens the index in the folder `dir`, or creates one.
    ///
    /// An index of another version or another home (`identity`), or one that is damaged, is moved
    /// to `<dir>.set-aside` (replacing an earlier one), and an empty one is begun, which
    /// [`Opened::rebuilt`] says.
    ///
    /// # Errors
    /// [`IndexError::Io`] if the folder cannot be read, created or set aside.
    pub fn open(dir: &Path, identity: &[u8; 32]) -> Result<Opened, IndexError> {
        let (folder, view, rebuilt) = MemoryIndex::open_or_rebuild(dir, identity)?;
        let position = folder.position;
        let index = MemoryIndex {
            path: dir.to_path_buf(),
            identity: *identity,
            folder,
            view: RwLock::new(view),
            writer: Mutex::new(None),
        };
        Ok(Opened { index, position, rebuilt })
    }

    /// Opens the folder and reads the table. A folder of which the table makes no sense is set aside
    /// like any other damaged one.
    fn open_or_rebuild(dir: &Path, identity: &[u8; 32]) -> Result<(Folder, View, Option<String>), IndexError> {
        let (folder, rebuilt) = Folder::open_or_create(dir, identity)?;
        let why = match guarded(|| MemoryIndex::load(&folder)) {
            Ok(view) => return Ok((folder, view, rebuilt)),
            Err(Failure::Damaged(why)) => why,
            Err(Failure::Unclear(error)) => error.to_string(),
            Err(refused) => return Err(refused.into_error(Doing::Open, dir)),
        };
        drop(folder);
        folder::mark_damaged(dir, &why);
        let (folder, rebuilt) = Folder::open_or_create(dir, identity)?;
        let view = guarded(|| MemoryIndex::load(&folder)).map_err(|failure| failure.into_error(Doing::Open, dir))?;
        Ok((folder, view, rebuilt))
    }

    fn load(folder: &Folder) -> Result<View, Failure> {
        let searcher = folder.searcher();
        let (segments, _) = Segments::default().follow(&searcher)?;
        let table = Table::load(&searcher, &segments)?;
        let overlay = Overlay::default();
        Ok(View { fields: folder.fields, searcher, segments, overlay, table, position: folder.position })
    }

    /// Makes documents searchable at once; [`MemoryIndex::commit`] makes them durable.
    ///
    /// They are given in the order of their positions. Documents at positions that the index
    /// already holds are passed over, so feeding it the same stretch of the log twice does no harm.
    /// Returns how many were added.
    ///
    /// # Errors
    /// [`IndexError::OutOfOrder`] if one of them is new and belongs before one that is held or given.
    pub fn add(&self, documents: &[Document]) -> Result<usize, IndexError> {
        // Cutting texts into words takes longest and needs no lock; so what is new is asked twice.
        let held = self.read_view().table.last_position();
        let new = documents.iter().filter(|document| held.is_none_or(|held| document.position > held));
        let analysed: Vec<Analysed> = new.map(Analysed::new).collect();
        let mut view = self.write_view();
        let mut last = view.table.last_position();
        for position in documents.iter().map(|document| document.position) {
            match last {
                Some(last) if position < last && !view.table.has(position) => {
                    return Err(IndexError::OutOfOrder { position, last });
                }
                _ => last = last.max(Some(position)),
            }
        }
        let before = view.table.len();
        for document in analysed {
            let position = document.document().position;
            if view.table.last_position().is_none_or(|last| position > last) {
                view.table.append(document.document(), document.passages());
                view.overlay.add(document);
            }
        }
        Ok((view.table.len() - before) as usize)
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
        let Some((documents, payload)) = self.uncommitted_up_to(position) else {
            return Ok(());
        };
        let result = guarded(|| self.write(&mut writer, &documents, payload));
        if result.is_err() {
            // What an interrupted commit left in the writer must not get into the next one.
            *writer = None;
        }
        result.map_err(|failure| self.error(Doing::Write, failure))
    }

    /// The documents that answer a question best, best first; of equally good ones the earlier
    /// position comes first.
    ///
    /// Of those that pass the question's filter, only those are answered with that `valid` says yes
    /// to, of each (item, position). It is asked many at a time, of those only that might be answers,
    /// while nothing of the index is locked. Hits do not depend on what is committed already.
    ///
    /// A question without words and without a vector finds nothing.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if a file turns out not to be what was written.
    pub fn search(&self, question: &Question<'_>, valid: &Valid<'_>) -> Result<Vec<Hit>, IndexError> {
        search::search(self, question, valid)
    }

    /// What of a question is to be embedded: all but the names of those who speak in the index.
    pub fn topic_of<'q>(&self, question: &'q str) -> Cow<'q, str> {
        let question = search::beginning(question);
        let view = self.read_view();
        topic::without_names(question, &|word| view.table.speakers().is_in_a_name(word))
    }

    /// Runs a part of a search on what there is now.
    pub(crate) fn look<T>(&self, work: impl FnOnce(&View) -> Result<T, Failure>) -> Result<T, IndexError> {
        let result = guarded(|| work(&self.read_view()));
        result.map_err(|failure| self.error(Doing::Read, failure))
    }

    /// Whether some document has a facet of this key.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if a file turns out not to be what was written.
    pub fn has_facet_key(&self, key: &str) -> Result<bool, IndexError> {
        self.look(|view| view.has_facet_key(key))
    }

    /// Keys of facets that documents have, in alphabetical order, at most `limit` of them.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if a file turns out not to be what was written.
    pub fn facet_keys(&self, limit: usize) -> Result<Vec<String>, IndexError> {
        self.look(|view| view.facet_keys(limit))
    }

    /// Calls `visit` with the position, the item, the kind and the number of passages of every document, in the
    /// order of their positions: what does not depend on when it was committed.
    pub fn each_document(&self, visit: &mut dyn FnMut(u64, u128, Kind, u32)) {
        let view = self.read_view();
        for ordinal in 0..view.table.len() {
            let entry = view.table.entry(ordinal);
            let rows = view.table.rows_of(ordinal);
            visit(entry.position, entry.item, entry.kind, rows.end - rows.start);
        }
    }

    /// Number of passages of all documents: rows of vectors that there should be.
    pub fn rows(&self) -> u32 {
        self.read_view().table.rows()
    }

    /// The position of the document that a row belongs to, and which of its passages it is.
    pub fn row(&self, row: u32) -> Option<(u64, u32)> {
        self.rows_from(row, 1).pop()
    }

    /// [`MemoryIndex::row`] for the rows from `row` on, at most `limit` of them.
    pub fn rows_from(&self, row: u32, limit: usize) -> Vec<(u64, u32)> {
        let view = self.read_view();
        let end = view.table.rows().min(row.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX)));
        let place = |row| {
            let (ordinal, passage) = view.table.of_row(row)?;
            Some((view.table.entry(ordinal).position, passage))
        };
        (row..end).filter_map(place).collect()
    }

    /// Up to which position all documents have their vectors when the first `rows_embedded` rows
    /// have theirs. If all have, that is how far the index is.
    pub fn embedded_position(&self, rows_embedded: u32) -> u64 {
        let view = self.read_view();
        match view.table.of_row(rows_embedded) {
            Some((ordinal, _)) => view.table.entry(ordinal).position.saturating_sub(1),
            None => view.position.max(view.table.last_position().unwrap_or(0)),
        }
    }

    /// Bytes of memory that the index takes by itself, roughly: without what the operating system
    /// keeps of its files.
    pub fn bytes_in_memory(&self) -> usize {
        let view = self.read_view();
        view.table.bytes_in_memory() + view.overlay.bytes_in_memory()
    }

    /// Bytes that the index's folder takes on disk.
    ///
    /// # Errors
    /// [`IndexError::Io`] if the folder cannot be read.
    pub fn bytes_on_disk(&self) -> Result<u64, IndexError> {
        folder::bytes(&self.path).map_err(|error| self.error(Doing::Read, Failure::Io(error)))
    }

    /// Up to where the committed documents go: the last position given to
    /// [`MemoryIndex::commit`].
    pub fn position(&self) -> u64 {
        self.read_view().position
    }

    /// Number of documents, committed and not.
    pub fn documents(&self) -> u64 {
        u64::from(self.read_view().table.len())
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

    /// What a commit at `position` has to write, if it has anything to write.
    fn uncommitted_up_to(&self, position: u64) -> Option<(Vec<NewDocument>, Payload)> {
        let view = self.read_view();
        if view.overlay.len() == 0 && position <= view.position {
            return None;
        }
        let documents = (view.committed()..).zip(view.overlay.documents());
        let documents = documents.map(|(ordinal, (document, passages))| {
            let document = document.clone();
            NewDocument { document, ordinal, passages }
        });
        let position = position.max(view.position);
        Some((documents.collect(), Payload::new(self.identity, position, u64::from(view.table.len()))))
    }

    fn write(
        &self,
        writer: &mut MutexGuard<'_, Option<Writer>>,
        documents: &[NewDocument],
        payload: Payload,
    ) -> Result<(), Failure> {
        let writer = self.writer_for(writer, documents.len())?;
        for NewDocument { document, ordinal, passages } in documents {
            writer.add_document(self.folder.fields.to_disk(document, *ordinal, *passages))?;
        }
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&payload.to_line());
        commit.commit()?;
        // The documents are on disk now. If they cannot be seen there, they must not be written
        // once more: better to begin anew.
        let unseen = |error| Failure::Damaged(format!("a commit cannot be read back: {error}"));
        self.folder.reader.reload().map_err(unseen)?;
        let searcher = self.folder.searcher();
        let (segments, new) = self.read_view().segments.follow(&searcher)?;
        let moved: Vec<_> = new.into_iter().map(|place| segments.at(place)).collect();
        let moved: Vec<_> = moved.into_iter().map(|segment| (segment.slot(), segment.all_ordinals())).collect();
        let mut view = self.write_view();
        for (slot, ordinals) in moved {
            view.table.set_addresses(slot, &ordinals)?;
        }
        view.searcher = searcher;
        view.segments = segments;
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

    /// The public error for a failure; damage is also marked in the folder, for the next opening.
    fn error(&self, doing: Doing, failure: Failure) -> IndexError {
        let error = failure.into_error(doing, &self.path);
        if let IndexError::Damaged { why, .. } = &error {
            folder::mark_damaged(&self.path, why);
        }
        error
    }

    // A poisoned lock is taken all the same: the view is replaced and appended to in steps that
    // cannot fail half-way.
    fn read_view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_view(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryIndex")
            .field("path", &self.path)
            .field("position", &self.position())
            .field("documents", &self.documents())
            .finish_non_exhaustive()
    }
}

fn parallel_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_WRITER_THREADS))
}

#[cfg(test)]
mod tests;
