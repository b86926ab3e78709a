//! Recall: the memory index, kept as far as the log is.
//!
//! The index is opened when it is first needed, catches up from the log before it answers, and says how far it
//! is. Which revisions may be answered with is the fold's knowledge, not the index's.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use zo_memory::{Document, Hit, IndexError, LexicalIndex, Query};
use zo_projections::event::{Event, memory};
use zo_projections::{Category, MemoryId, Position, Views};

use crate::fold::FoldError;
use crate::reader::{ReadEvent, Reader};
use crate::writer::{Poisoned, Writer};

/// So many documents are handed to the index at a time.
const BATCH: usize = 512;
/// So many documents may wait for a commit of the index; below it they are searched from memory, and indexed again by
/// the next process that opens the home.
const UNCOMMITTED: usize = 2_000;
/// So many events without a memory among them are read again by the next process rather than committed as seen.
const WORTH_A_COMMIT: u64 = 10_000;

/// The memory index of a home.
pub struct Recall {
    folder: PathBuf,
    identity: [u8; 32],
    open: Mutex<Option<Open>>,
}

struct Open {
    index: LexicalIndex,
    /// Everything up to here is in the index or its overlay.
    seen: Position,
}

/// What was recalled.
pub struct Recalled {
    /// The hits, best first, all valid as of `indexed`.
    pub hits: Vec<Hit>,
    /// How far the index was.
    pub indexed: Position,
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
}

impl Recall {
    /// The index in `folder` of the home `identity`. Nothing is opened yet.
    pub fn new(folder: PathBuf, identity: [u8; 32]) -> Self {
        Self { folder, identity, open: Mutex::new(None) }
    }

    /// How far the index is, as far as is known without opening it.
    pub fn indexed(&self) -> Position {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map_or(Position::START, |open| open.seen)
    }

    /// The memories that match `question` best, best first, of those that are live now.
    ///
    /// # Errors
    /// If the index or the log cannot be read.
    pub fn search(
        &self,
        writer: &Writer,
        reader: &Reader,
        question: &str,
        limit: usize,
    ) -> Result<Recalled, RecallError> {
        self.with_index(writer, reader, |open| {
            // The fold is asked first and not during the search, so that no search holds the views.
            let hits = loop_until_enough(limit, |wanted| {
                let query = Query { text: question, limit: wanted };
                let found = open.index.search(&query, &|_| true)?;
                let exhausted = found.len() < wanted;
                let live = writer.read(|views| found.iter().map(|hit| is_live(views, hit)).collect::<Vec<bool>>())?;
                let mut keep = live.into_iter();
                let hits: Vec<Hit> = found.into_iter().filter(|_| keep.next().unwrap_or(false)).collect();
                Ok::<_, RecallError>((hits, exhausted))
            })?;
            Ok(Recalled { hits, indexed: open.seen })
        })
    }

    /// Brings the index up to the log, and writes it to the disk; returns how many documents that took.
    ///
    /// # Errors
    /// If the index or the log cannot be read or written.
    pub fn catch_up(&self, writer: &Writer, reader: &Reader) -> Result<u64, RecallError> {
        self.with_index(writer, reader, |open| {
            open.index.commit(open.seen.0)?;
            Ok(open.index.documents())
        })
    }

    /// Reads and checks the index's files, if there are any; what is wrong with them, if something is.
    pub fn verify(&self) -> Option<String> {
        let slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = match &*slot {
            Some(open) => open.index.verify(),
            None if !self.folder.is_dir() => Ok(()),
            None => match LexicalIndex::open(&self.folder, &self.identity) {
                Ok(opened) if opened.rebuilt.is_some() => return opened.rebuilt,
                Ok(opened) => opened.index.verify(),
                Err(error) => Err(error),
            },
        };
        checked.err().map(|error| error.to_string())
    }

    /// Writes what is only in memory to the disk, if the index is open and it is worth it.
    ///
    /// # Errors
    /// If the index cannot be written.
    pub fn close(&self) -> Result<(), RecallError> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = slot.take()
            && (open.index.uncommitted() > 0 || open.seen.0 - open.index.position() > WORTH_A_COMMIT)
        {
            open.index.commit(open.seen.0)?;
        }
        Ok(())
    }

    /// Throws the index away.
    ///
    /// # Errors
    /// If its folder cannot be removed.
    pub fn clear(&self) -> std::io::Result<()> {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn with_index<T>(
        &self,
        writer: &Writer,
        reader: &Reader,
        then: impl FnOnce(&mut Open) -> Result<T, RecallError>,
    ) -> Result<T, RecallError> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match slot.take() {
            Some(open) => slot.insert(open),
            None => {
                let opened = LexicalIndex::open(&self.folder, &self.identity)?;
                if let Some(why) = &opened.rebuilt {
                    tracing::warn!("the memory index is made anew: {why}");
                }
                let mut open = Open { index: opened.index, seen: Position(opened.position) };
                if open.seen > writer.position() {
                    // The log was set back, by a restore: nothing in the index can be trusted.
                    drop(open);
                    std::fs::remove_dir_all(&self.folder).ok();
                    let index = LexicalIndex::open(&self.folder, &self.identity)?.index;
                    open = Open { index, seen: Position::START };
                }
                slot.insert(open)
            }
        };
        open.catch_up(reader, writer.position())?;
        then(open)
    }
}

impl Open {
    fn catch_up(&mut self, reader: &Reader, to: Position) -> Result<(), RecallError> {
        if self.seen >= to {
            return Ok(());
        }
        let mut batch = Vec::with_capacity(BATCH);
        let mut failed = None;
        reader.each_record(self.seen.next(), to, &mut |record| {
            if record.header.stream.category != Category::Memory {
                return Ok(ControlFlow::Continue(()));
            }
            batch.extend(document(&reader.open(record)?));
            if batch.len() >= BATCH {
                failed = self.index.add(&batch).err();
                batch.clear();
            }
            Ok(if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        self.index.add(&batch)?;
        self.seen = to;
        if self.index.uncommitted() > UNCOMMITTED {
            self.index.commit(to.0)?;
        }
        Ok(())
    }
}

/// What is indexed of an event: its text if it made a revision that can be opened.
fn document(event: &ReadEvent) -> Option<Document> {
    let occurred_at = match &event.recorded.event {
        Event::Memorized(memorized) => memorized.occurred_at,
        Event::Superseded(superseded) => superseded.occurred_at,
        _ => return None,
    };
    let body: memory::Body = event.body().ok()??;
    let header = &event.recorded.header;
    let meta: serde_json::Value =
        body.meta.as_deref().and_then(|meta| serde_json::from_str(meta).ok()).unwrap_or_default();
    let text_of = |keys: &[&str]| keys.iter().find_map(|key| meta.get(key)?.as_str()).map(str::to_owned);
    let id = MemoryId(header.stream.id);
    Some(Document {
        position: header.position.0,
        item: id.0,
        name: body.name.unwrap_or_else(|| id.to_string()),
        from: header.position.0,
        text: body.content,
        title: text_of(&["title"]),
        speaker: text_of(&["speaker", "role"]),
        date_ms: occurred_at.map(|at| at.0),
    })
}

fn is_live(views: &Views, hit: &Hit) -> bool {
    views.memories.is_current(MemoryId(hit.item), Position(hit.position))
}

/// Asks for twice as many until `limit` are left or there are no more.
fn loop_until_enough<E>(
    limit: usize,
    mut ask: impl FnMut(usize) -> Result<(Vec<Hit>, bool), E>,
) -> Result<Vec<Hit>, E> {
    let mut wanted = limit * 2;
    loop {
        let (mut hits, exhausted) = ask(wanted)?;
        if hits.len() >= limit || exhausted {
            hits.truncate(limit);
            return Ok(hits);
        }
        wanted *= 4;
    }
}
