//! The log of a home on this machine's disk.

mod recovery;
mod report;
mod state;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zo_projections::Position;

use super::memory::take_bytes;
use super::{AppendError, ReadError, Store, check_append};
use crate::disk::files;
use crate::disk::journal::{Journal, JournalError, JournalFile, Placed, Sizes};
use crate::disk::lock::{Lock, LockError};
use crate::log::{Head, HomeId, Pack, PackHeader};
use recovery::{Supply, Walk};
use state::{LiveFile, State, Tail};

pub use report::{Finding, OpenError, RecoveryReport};

/// Space that opening a log may need.
const OPEN_BYTES: u64 = 2 << 20;

/// Limits of a local store. Tests make them tiny.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Limits of the journal.
    pub journal: Sizes,
    /// Bytes of packs kept in memory behind the head.
    pub tail_bytes: usize,
    /// Space that must remain free behind every append.
    pub space_margin: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { journal: Sizes::default(), tail_bytes: 8 << 20, space_margin: 8 << 20 }
    }
}

/// An opened log, and what was found when it was opened.
pub struct Opened {
    /// The log.
    pub store: Arc<LocalStore>,
    /// What was not as it should be.
    pub report: RecoveryReport,
}

/// The log of a home, in files.
pub struct LocalStore {
    log: PathBuf,
    options: Options,
    writer: Mutex<Journal>,
    state: Mutex<State>,
    lock: Mutex<Option<Lock>>,
}

struct NoSupply;

impl Supply for NoSupply {
    fn after(&mut self, _head: &Head) -> Option<(Pack, &'static str)> {
        None
    }
}

impl LocalStore {
    /// Stub.
    pub fn segment_count(&self) -> usize {
        0
    }

    /// Opens the log in the folder `log`, which is made if it is missing, and repairs what can be repaired.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is given up silently.
    pub fn open(log: &Path, home: HomeId, options: Options) -> Result<Opened, OpenError> {
        files::make_folder(log)?;
        let lock = Lock::take(&log.join("lock")).map_err(|error| match error {
            LockError::Held { holder, .. } => OpenError::Held { holder },
            LockError::Io(error) => error.into(),
        })?;
        let mut report = RecoveryReport::default();
        let walk = Walk {
            log,
            home,
            sizes: options.journal,
            sealed: Head::start(&home),
            known: None,
            supply: &mut NoSupply,
            findings: &mut report.findings,
            accept_loss: false,
        };
        let walked = walk.run()?;
        let last = walked.files.back().expect("the walk begins a file where there is none");
        let journal = Journal::resume(
            &log.join("journal"),
            home,
            options.journal,
            walked.spares,
            Arc::clone(&last.file),
            last.end_offset,
        )?;
        let state = State { head: walked.head, files: walked.files, tail: Tail::default(), poisoned: None };
        let store = Self {
            log: log.to_owned(),
            options,
            writer: Mutex::new(journal),
            state: Mutex::new(state),
            lock: Mutex::new(Some(lock)),
        };
        Ok(Opened { store: Arc::new(store), report })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poison(&self, why: String) -> AppendError {
        self.state().poisoned = Some(why.clone());
        AppendError::Poisoned(why)
    }

    fn journal_error(&self, error: JournalError) -> AppendError {
        match error {
            JournalError::Untouched(error) => AppendError::Io(error),
            JournalError::Poisoned(error) => self.poison(error.to_string()),
        }
    }

    fn check_space(&self, needed: u64) -> Result<(), AppendError> {
        let available = files::free_bytes(&self.log)?;
        let needed = needed + self.options.space_margin;
        if available < needed { Err(AppendError::DiskFull { available, needed }) } else { Ok(()) }
    }

    fn read_journal(&self, file: &JournalFile, at: u64, length: usize) -> Result<Vec<Pack>, ReadError> {
        let bytes = Arc::new(file.read(at, length)?);
        let mut packs = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            match Pack::read_shared(&bytes, start) {
                Ok(pack) => {
                    start += pack.bytes().len();
                    packs.push(pack);
                }
                Err(error) if packs.is_empty() => {
                    let position = PackHeader::read(&bytes).map_or(Position::START, |header| header.first);
                    return Err(ReadError::Damaged { position, what: error.to_string() });
                }
                Err(_) => break,
            }
        }
        Ok(packs)
    }
}

impl Store for LocalStore {
    fn head(&self) -> Head {
        self.state().head
    }

    fn append(&self, expected: Head, packs: &[Pack]) -> Result<Head, AppendError> {
        let mut journal = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let before = {
            let state = self.state();
            if let Some(why) = &state.poisoned {
                return Err(AppendError::Poisoned(why.clone()));
            }
            state.head
        };
        let head = check_append(&before, &expected, packs)?;
        if packs.is_empty() {
            return Ok(head);
        }
        let bytes = packs.iter().map(|pack| pack.bytes().len() as u64).sum();
        self.check_space(journal.growth(bytes))?;
        if journal.must_rotate(bytes) {
            journal.rotate(&before).map_err(|error| self.journal_error(error))?;
            let file = Arc::clone(journal.current());
            let end_offset = journal.offset();
            self.state().files.push_back(LiveFile { file, start: before, packs: Vec::new(), end: before, end_offset });
        }
        let mut offset = journal.append(packs).map_err(|error| self.journal_error(error))?;
        let mut state = self.state();
        let last = state.files.back_mut().expect("there is always a file to append to");
        for pack in packs {
            last.packs.push(Placed { first: pack.first(), offset });
            offset += pack.bytes().len() as u64;
        }
        last.end = head;
        last.end_offset = offset;
        state.tail.push(packs, self.options.tail_bytes);
        state.head = head;
        Ok(head)
    }

    fn read(&self, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        let from = from.max(Position(1));
        let (file, at, length) = {
            let state = self.state();
            if from > state.head.position {
                return Ok(Vec::new());
            }
            if let Some(packs) = state.tail.from(from) {
                return Ok(take_bytes(packs, max_bytes));
            }
            let files: &VecDeque<LiveFile> = &state.files;
            let index = files.partition_point(|live| live.end.position < from);
            let live = files.get(index).expect("a position up to the head is in a file");
            let (at, length) = live.extent(from, max_bytes).expect("the file ends behind the position");
            (Arc::clone(&live.file), at, length)
        };
        self.read_journal(&file, at, length)
    }

    fn close(&self) {
        self.state().poisoned.get_or_insert_with(|| "it is closed".to_owned());
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests;
