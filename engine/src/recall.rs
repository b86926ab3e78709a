//! Recall: the memory index of a home, kept as far as the log is, and its vectors, embedded behind.
//!
//! The index is opened when it is first needed and catches up from the log before it answers: whatever is in the log is
//! found by its words. Vectors come behind, in the order of the log, some at a time; every answer says how far both
//! are. Which revisions may be answered with is the folds' knowledge, not the index's.
//!
//! [`documents`] says what of the log is recalled, [`embedding`] makes and keeps the vectors; here the two meet.

mod backlog;
pub(crate) mod documents;
mod embedding;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zo_embed::{EmbedError, Models};
use zo_memory::{Dense, Filter, Hit, IndexError, Kind, MemoryIndex, Parts, Question};
use zo_projections::{MemoryId, MessageId, Position, Views};

use crate::disk::DiskError;
use crate::fold::FoldError;
use crate::protocol::{Embedded, IndexStatus, Vectors};
use crate::reader::Reader;
use crate::service::failure::with_causes;
use crate::writer::{Poisoned, Writer};
use backlog::Backlog;
use embedding::Embedding;

/// So many documents are handed to the index at a time.
const BATCH: usize = 512;
/// So many documents may wait for a commit of the index; below it they are searched from memory, and indexed again by
/// the next process that opens the home.
const UNCOMMITTED: usize = 2_000;
/// So many events without a document among them are read again by the next process rather than committed as seen.
const WORTH_A_COMMIT: u64 = 10_000;
/// So many documents are looked up under one hold of the views.
const DIGESTED_AT_ONCE: usize = 1_000;
/// So many bytes of the disk are left to the log, which cannot be made anew.
const ROOM_FOR_THE_LOG: u64 = 8 << 20;
/// A backlog of fewer passages is left to the next recall, which embeds as many on the way.
const WORTH_CARRYING_ON: u64 = 32;

/// The memory index of a home.
pub struct Recall {
    folder: PathBuf,
    /// Whose vectors are taken: this home's.
    vectors: [u8; 32],
    /// Whose words are taken: this home's, of documents as they are made now.
    words: [u8; 32],
    models: Arc<Models>,
    open: Mutex<Option<Arc<Open>>>,
    /// What was found wrong and made anew since the home was opened.
    notes: Mutex<Vec<String>>,
    /// Documents read from the log since the home was opened.
    indexed: AtomicU64,
}

/// Where the index reads from.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    /// Tells what is durable and valid.
    pub writer: &'a Writer,
    /// Reads it.
    pub reader: &'a Reader,
}

struct Open {
    index: MemoryIndex,
    embedding: Arc<Embedding>,
    /// Everything up to this position is in the index or its overlay.
    seen: AtomicU64,
    /// Held while catching up.
    catching_up: Mutex<()>,
    /// Whether the vectors were compared with the words since this was opened.
    aligned: AtomicBool,
}

/// What to look for.
pub struct Search<'a> {
    /// A question or some words.
    pub text: &'a str,
    /// How many hits at most.
    pub limit: usize,
    /// Where to look.
    pub filter: Filter,
    /// What counts.
    pub parts: Parts,
    /// Views as of then, if it is not about now.
    pub as_of: Option<&'a Views>,
    /// So long what is not embedded yet is embedded before looking.
    pub embed: Duration,
}

/// What was recalled.
pub struct Found {
    /// The hits, best first, all valid.
    pub hits: Vec<Hit>,
    /// Everything up to here could be found by its words.
    pub indexed: Position,
    /// Everything up to here could be found by its meaning.
    pub embedded: Position,
    /// How much that is.
    pub share: Embedded,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// How long making the question's vector took.
    pub embedding: Duration,
    /// Whether the cosines are those of the model that ships with zo.
    pub is_shipped_model: bool,
}

/// Why nothing can be recalled.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The log.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The writer.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
    /// The embedder.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Texts cannot be embedded here.
    #[error("texts cannot be made vectors: {0}")]
    NoModel(String),
    /// A file of the index.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// A file of the index.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What is left of the disk is for the log.
    #[error("the disk is full: {free} bytes are left, and nothing is embedded below {ROOM_FOR_THE_LOG}")]
    NoRoom {
        /// Bytes that are left.
        free: u64,
    },
}

impl Recall {
    /// The index in `folder` of the home with this id, with models from `cache`. Nothing is opened yet.
    pub fn new(folder: PathBuf, cache: PathBuf, home: [u8; 16]) -> Self {
        let words = blake3::Hasher::new().update(&home).update(&documents::VERSION.to_le_bytes()).finalize();
        Self {
            folder,
            vectors: blake3::hash(&home).into(),
            words: words.into(),
            models: Arc::new(Models::new(cache)),
            open: Mutex::new(None),
            notes: Mutex::default(),
            indexed: AtomicU64::new(0),
        }
    }

    /// The models there are.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// How far the index is, as far as is known without opening it.
    pub fn indexed(&self) -> Position {
        lock(&self.open).as_ref().map_or(Position::START, |open| open.seen())
    }

    /// What fits a question best, best first, of what is valid.
    ///
    /// # Errors
    /// If the index or the log cannot be read. An index that turns out to be damaged is made anew first, and no error.
    pub fn search(&self, log: Log<'_>, search: &Search<'_>) -> Result<Found, RecallError> {
        match self.search_once(log, search) {
            Err(RecallError::Index(error @ IndexError::Damaged { .. })) => {
                self.note(format!("the memory index is made anew: {error}"));
                *lock(&self.open) = None;
                self.search_once(log, search)
            }
            result => result,
        }
    }

    fn search_once(&self, log: Log<'_>, search: &Search<'_>) -> Result<Found, RecallError> {
        let open = self.caught_up(log)?;
        // Where another thread embeds, nothing is gained by waiting for it.
        if !search.embed.is_zero() && open.is_behind() && !open.embedding.is_at_work() {
            let embedded = open.embed(log, Some(search.embed), &mut |_| ControlFlow::Continue(()));
            if let Err(error) = embedded {
                // What is found without it is worth having.
                self.note(format!("nothing more is embedded: {}", with_causes(&error)));
            }
        }
        let mut notes = lock(&self.notes).clone();
        // Told as it is before the search, which may see more.
        let (indexed, embedded, share) = (open.seen(), open.embedded(), open.share());
        let begun = Instant::now();
        let dense = if search.parts.dense { open.embedding.of_question(search.text, &open.index) } else { Ok(None) };
        let embedding = begun.elapsed();
        let dense = dense.unwrap_or_else(|why| {
            notes.push(why.to_string());
            None
        });
        let question = Question {
            text: search.text,
            dense: dense.as_ref().map(|asked| Dense { vectors: &asked.store, query: &asked.query }),
            limit: search.limit,
            filter: search.filter.clone(),
            parts: search.parts,
        };
        let mut poisoned = None;
        let poison = Mutex::new(&mut poisoned);
        let valid = |asked: &[(u128, u64)]| {
            let judge = |views: &Views| asked.iter().map(|&(item, position)| is_valid(views, item, position)).collect();
            match search.as_of {
                Some(views) => judge(views),
                None => log.writer.read(judge).unwrap_or_else(|error| {
                    **lock(&poison) = Some(error);
                    vec![false; asked.len()]
                }),
            }
        };
        let hits = open.index.search(&question, &valid)?;
        if let Some(error) = poisoned {
            return Err(error.into());
        }
        let is_shipped_model = open.embedding.is_shipped_model();
        Ok(Found { hits, indexed, embedded, share, notes, embedding, is_shipped_model })
    }

    /// How alike in meaning a question is to some texts: the cosine for each, in their order; none where texts cannot be
    /// embedded.
    pub(crate) fn likeness(&self, log: Log<'_>, question: &str, texts: &[&str]) -> Option<Vec<f32>> {
        let open = self.opened(log, Purpose::Answering).ok()?;
        let likeness = open.embedding.likeness(question, texts);
        likeness.inspect_err(|why| tracing::debug!("nothing is compared by its meaning: {why}")).ok()
    }

    /// Texts as vectors, by the model that recall uses.
    ///
    /// # Errors
    /// If the model cannot be loaded or fails, or the index cannot be read.
    pub fn vectors(&self, log: Log<'_>, texts: &[&str]) -> Result<Vectors, RecallError> {
        self.opened(log, Purpose::Answering)?.embedding.vectors(texts)
    }

    /// Whether some document has this key in its meta; else some keys that there are.
    ///
    /// # Errors
    /// If the index or the log cannot be read.
    pub fn check_meta_key(&self, log: Log<'_>, key: &str) -> Result<Result<(), Vec<String>>, RecallError> {
        let open = self.caught_up(log)?;
        if open.index.has_facet_key(key)? { Ok(Ok(())) } else { Ok(Err(open.index.facet_keys(1_000)?)) }
    }

    /// Embeds what is not embedded yet, for so long or to the end; `each` is told how far it is and may break off.
    /// Another thread may be embedding too: then both do.
    ///
    /// # Errors
    /// If the index, the log or the model cannot be read.
    pub fn embed(
        &self,
        log: Log<'_>,
        budget: Option<Duration>,
        each: &mut dyn FnMut(Embedded) -> ControlFlow<()>,
    ) -> Result<Embedded, RecallError> {
        self.caught_up(log)?.embed(log, budget, each)
    }

    /// Looks again at which model was chosen.
    ///
    /// # Errors
    /// If its vectors cannot be opened.
    pub fn choose(&self, log: Log<'_>) -> Result<(), RecallError> {
        if let Some(open) = &*lock(&self.open) {
            open.embedding.choose(&chosen(log)?)?;
        }
        Ok(())
    }

    /// A digest of what is in the index: which revisions and messages, whether they are valid, what they say, in how many
    /// passages, and the model; not words, numbers and files. None if there is no index yet.
    ///
    /// # Errors
    /// If the index or the log cannot be read.
    pub fn digest(&self, log: Log<'_>) -> Result<Option<String>, RecallError> {
        if !self.folder.is_dir() {
            return Ok(None);
        }
        let open = self.caught_up(log)?;
        let mut documents = Vec::new();
        open.index.each_document(&mut |position, item, kind, passages| {
            documents.push((position, item, kind, passages));
        });
        let mut hasher = blake3::Hasher::new();
        hasher.update(open.embedding.id().as_bytes());
        for some in documents.chunks(DIGESTED_AT_ONCE) {
            log.writer.read(|views| {
                for &(position, item, kind, passages) in some {
                    let content = content_digest(views, item, position).unwrap_or_default();
                    hasher.update(&position.to_le_bytes()).update(&item.to_le_bytes());
                    hasher.update(&[u8::from(kind == Kind::Message), u8::from(is_valid(views, item, position))]);
                    hasher.update(&passages.to_le_bytes()).update(&content.to_le_bytes());
                }
            })?;
        }
        Ok(Some(hasher.finalize().to_hex().to_string()))
    }

    /// Brings the index up to the log, and writes it to the disk; returns how many documents it has.
    ///
    /// # Errors
    /// If the index or the log cannot be read or written.
    pub fn catch_up(&self, log: Log<'_>) -> Result<u64, RecallError> {
        let open = self.caught_up(log)?;
        open.commit()?;
        Ok(open.index.documents())
    }

    /// Does what can be done behind, until all is done or `stop` says so.
    ///
    /// # Errors
    /// If the index, the log or the model cannot be read.
    pub fn work(&self, log: Log<'_>, stop: &dyn Fn() -> bool) -> Result<(), RecallError> {
        let behind = {
            let open = lock(&self.open);
            open.as_ref().is_none_or(|open| open.seen() < log.writer.position() || open.is_behind())
        };
        if behind {
            let each = &mut |_| if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            self.caught_up_for(log, Purpose::KeepingUp)?.embed(log, None, each)?;
        }
        Ok(())
    }

    /// Carries on what an earlier process has left, for a moment, if it is worth that. Cheap if it is not.
    pub fn carry_on(&self, log: Log<'_>, budget: Duration) {
        let left = match &*lock(&self.open) {
            Some(open) => open.backlog().passages,
            // What came after the index was written may hold something too.
            None => {
                let backlog = Backlog::read(&self.folder);
                backlog.passages + log.writer.position().0.saturating_sub(backlog.position.0)
            }
        };
        if left < WORTH_CARRYING_ON {
            return;
        }
        if let Err(error) = self.embed(log, Some(budget), &mut |_| ControlFlow::Continue(())) {
            tracing::warn!("the backlog was not carried on: {error}");
        }
    }

    /// How far everything is.
    ///
    /// # Errors
    /// If the index cannot be opened.
    pub fn status(&self, log: Log<'_>) -> Result<IndexStatus, RecallError> {
        let open = self.caught_up(log)?;
        let report = zo_embed::runtime();
        let (model, next_model) = open.embedding.in_use(open.index.rows());
        let mut notes = lock(&self.notes).clone();
        notes.extend(model.as_ref().and_then(|model| model.problem.clone()));
        Ok(IndexStatus {
            indexed: open.seen(),
            embedded: open.embedded(),
            head: log.writer.position(),
            documents: open.index.documents(),
            passages: open.share(),
            uncommitted: open.index.uncommitted() as u64,
            indexed_since_open: self.indexed.load(Ordering::Relaxed),
            embedded_since_open: open.embedding.embedded_since_open(),
            model,
            next_model,
            runtime: match report.why_not() {
                None => report.used.to_string(),
                Some(why_not) => format!("{}; {why_not}", report.used),
            },
            bytes_words: open.index.bytes_on_disk()?,
            bytes_vectors: open.embedding.bytes_on_disk(),
            notes,
        })
    }

    /// Reads and checks the index's files, if there are any; what is wrong with them, or was when they were opened for
    /// this.
    pub fn verify(&self, log: Log<'_>) -> Option<String> {
        if !self.folder.is_dir() {
            return None;
        }
        let was_open = lock(&self.open).is_some();
        let open = match self.caught_up(log) {
            Ok(open) => open,
            Err(error) => return Some(error.to_string()),
        };
        let found = lock(&self.notes).first().cloned().filter(|_| !was_open);
        found.or_else(|| {
            let checked = open.index.verify().and_then(|()| open.embedding.verify());
            checked.err().map(|error| error.to_string())
        })
    }

    /// Writes what is only in memory to the disk, if the index is open and it is worth it.
    ///
    /// # Errors
    /// If the index cannot be written.
    pub fn close(&self) -> Result<(), RecallError> {
        let Some(open) = lock(&self.open).take() else { return Ok(()) };
        open.embedding.finish_loading();
        if open.index.uncommitted() > 0 || open.seen().0 - open.index.position() > WORTH_A_COMMIT {
            open.commit()?;
        }
        open.embedding.settle()?;
        Ok(open.backlog().write(&self.folder)?)
    }

    /// Throws the index and all vectors away.
    ///
    /// # Errors
    /// If its folder cannot be removed.
    pub fn clear(&self) -> std::io::Result<()> {
        let mut slot = lock(&self.open);
        *slot = None;
        let removed = match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => std::fs::remove_file(&self.folder),
            removed => removed,
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn note(&self, note: String) {
        tracing::warn!("{note}");
        let mut notes = lock(&self.notes);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// The index, caught up with the log.
    fn caught_up(&self, log: Log<'_>) -> Result<Arc<Open>, RecallError> {
        self.caught_up_for(log, Purpose::Answering)
    }

    fn caught_up_for(&self, log: Log<'_>, purpose: Purpose) -> Result<Arc<Open>, RecallError> {
        let open = self.opened(log, purpose)?;
        let (new, note) = open.catch_up(log)?;
        self.indexed.fetch_add(new, Ordering::Relaxed);
        if let Some(note) = note {
            self.note(note);
        }
        Ok(open)
    }

    fn opened(&self, log: Log<'_>, purpose: Purpose) -> Result<Arc<Open>, RecallError> {
        let mut slot = lock(&self.open);
        if let Some(open) = &*slot {
            return Ok(open.clone());
        }
        // The model is loaded beside, for loading it takes longest.
        let vectors = self.folder.join("vectors");
        let embedding = Arc::new(Embedding::open(vectors, self.vectors, self.models.clone(), &chosen(log)?)?);
        if purpose == Purpose::Answering {
            embedding.load_behind();
        }
        let words = self.folder.join("words");
        let mut opened = MemoryIndex::open(&words, &self.words)?;
        if let Some(why) = &opened.rebuilt {
            self.note(format!("the memory index is made anew: {why}"));
        }
        if Position(opened.position) > log.writer.position() {
            // The log was set back, by a restore: nothing in the index can be trusted.
            drop(opened);
            std::fs::remove_dir_all(&words).map_err(|error| RecallError::File(words.clone(), error))?;
            embedding.forget()?;
            opened = MemoryIndex::open(&words, &self.words)?;
        }
        for note in embedding.take_notes() {
            self.note(note);
        }
        let open = Open {
            index: opened.index,
            embedding,
            seen: AtomicU64::new(opened.position),
            catching_up: Mutex::default(),
            aligned: AtomicBool::new(false),
        };
        Ok(slot.insert(Arc::new(open)).clone())
    }
}

impl Open {
    /// Takes in what the log has more; returns how many documents that was, and what was found wrong with the vectors.
    fn catch_up(&self, log: Log<'_>) -> Result<(u64, Option<String>), RecallError> {
        let to = log.writer.position();
        if self.seen() >= to && self.aligned.load(Ordering::Acquire) {
            return Ok((0, None));
        }
        let _turn = lock(&self.catching_up);
        let from = self.seen();
        let new = if from < to { self.take_in(log.reader, from, to)? } else { 0 };
        if self.aligned.load(Ordering::Acquire) {
            return Ok((new, None));
        }
        // Words that were indexed anew may have other passages than the vectors were made for.
        let note = self.embedding.align(&self.index, log.reader, from == Position::START)?;
        self.aligned.store(true, Ordering::Release);
        Ok((new, note))
    }

    fn take_in(&self, reader: &Reader, from: Position, to: Position) -> Result<u64, RecallError> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut new = 0;
        let mut failed = None;
        reader.each_record(from.next(), to, &mut |record| {
            if !documents::may_hold(record.header.stream.category) {
                return Ok(ControlFlow::Continue(()));
            }
            batch.extend(documents::document(&reader.open(record)?));
            if batch.len() >= BATCH {
                match self.index.add(&batch) {
                    Ok(added) => new += added as u64,
                    Err(error) => failed = Some(error),
                }
                batch.clear();
            }
            Ok(if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        new += self.index.add(&batch)? as u64;
        self.seen.store(to.0, Ordering::Release);
        if self.index.uncommitted() > UNCOMMITTED
            && let Err(error) = self.index.commit(to.0)
        {
            // It is searched from memory for as long as this process lives.
            tracing::warn!("the memory index was not written: {}", with_causes(&error));
        }
        Ok(new)
    }

    fn seen(&self) -> Position {
        Position(self.seen.load(Ordering::Acquire))
    }

    fn commit(&self) -> Result<(), RecallError> {
        Ok(self.index.commit(self.seen().0)?)
    }

    fn share(&self) -> Embedded {
        Embedded { passages: self.embedding.rows().min(self.index.rows()).into(), of: self.index.rows().into() }
    }

    /// What is left to embed.
    fn backlog(&self) -> Backlog {
        let Embedded { passages, of } = self.share();
        Backlog { passages: of.saturating_sub(passages), position: self.seen() }
    }

    /// Whether there is something to embed, and something to do it with.
    fn is_behind(&self) -> bool {
        self.embedding.is_behind(self.index.rows())
    }

    fn embedded(&self) -> Position {
        let rows = self.embedding.rows();
        let seen = self.seen();
        if rows >= self.index.rows() { seen } else { Position(self.index.embedded_position(rows)).min(seen) }
    }

    fn embed(
        &self,
        log: Log<'_>,
        budget: Option<Duration>,
        each: &mut dyn FnMut(Embedded) -> ControlFlow<()>,
    ) -> Result<Embedded, RecallError> {
        let until = budget.map(|budget| Instant::now() + budget);
        loop {
            let step = self.embedding.step(&self.index, log.reader, until)?;
            let progress = step.progress;
            if each(progress).is_break() || step.is_last || until.is_some_and(|until| Instant::now() >= until) {
                self.embedding.settle()?;
                return Ok(progress);
            }
        }
    }
}

/// What the index is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A question waits: the model is loaded beside.
    Answering,
    /// Nobody waits: the model is loaded if there is something to embed, for it takes room.
    KeepingUp,
}

/// Name of the model that was chosen for the home: the one that ships with zo if none was.
pub(crate) fn chosen(log: Log<'_>) -> Result<String, RecallError> {
    let chosen = log.writer.read(|views| views.settings.embedder().map(|(model, _)| model.to_owned()))?;
    Ok(chosen.unwrap_or_else(|| Models::DEFAULT.to_owned()))
}

/// Digest of what the revision of a memory that was recorded at `position` says; none for a message, which is never revised.
fn content_digest(views: &Views, item: u128, position: u64) -> Option<u128> {
    let memory = views.memories.get(MemoryId(item))?;
    let revisions = memory.older.iter().map(|(revision, _)| revision).chain([&memory.current]);
    revisions.into_iter().find(|revision| revision.position.0 == position).map(|revision| revision.digest.0)
}

/// Whether the revision or message recorded at `position` is to be answered with.
fn is_valid(views: &Views, item: u128, position: u64) -> bool {
    let is_message = || {
        views.conversations.by_message(MessageId(item)).is_some_and(|(conversation, index)| {
            conversation.deleted.is_none() && conversation.messages[index as usize].position.0 == position
        })
    };
    views.memories.is_current(MemoryId(item), Position(position)) || is_message()
}

/// Everything that is guarded here is valid between any two steps of whoever holds it.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
