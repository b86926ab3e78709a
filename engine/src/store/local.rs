//! The log of a home on this machine's disk.
//!
//! ```text
//!                   ┌─ durable ─► ack
//! append ─► journal ┤
//!                   └─ tail ─► filler ─► recent (sled): the second copy, and what readers read
//!           closed journal file ─► sealer ─► segment, from then on primary ─► the file is recycled
//! ```
//!
//! A commit is one write to the journal and one `fdatasync`. What is not sealed yet exists twice, in the
//! journal and in the recent range, and damage to one is repaired from the other; what is sealed carries its
//! own parity. `recovery` walks all of it at open, `shared` reads, `filler` and `sealer` are the
//! two threads behind the writer. What the packs mean is none of their business.

mod backup;
mod filler;
mod open;
mod recovery;
mod report;
mod sealed;
mod sealer;
mod shared;
mod state;
mod supply;
mod verify;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use zo_projections::Position;

use super::{AppendError, ReadError, Store, check_append};
use crate::disk::head::{HeadFile, Slot};
use crate::disk::journal::{Journal, JournalError, Placed, Sizes};
use crate::disk::lock::Lock;
use crate::log::{Head, HomeId, Pack};
use filler::Filler;
use sealer::Sealer;
use shared::Shared;
use state::{LiveFile, State, Stop, Worker};

pub use backup::{Backup, BackupError, RestoreError, Restored, restore, restore_local};
pub use report::{Finding, OpenError, RecoveryReport};
pub use verify::{Problem, Verification, verify};

/// Space that opening a log may need.
const OPEN_BYTES: u64 = 2 << 20;
/// With more closed files than this the writer waits for the sealer, for a while.
const CLOSED_FILES: usize = 8;
/// How long.
const BACK_PRESSURE: Duration = Duration::from_millis(500);

/// Limits of a local store. Tests make them tiny.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Limits of the journal.
    pub journal: Sizes,
    /// Bytes of packs kept in memory behind the head.
    pub tail_bytes: usize,
    /// Bytes of segment blocks kept in memory.
    pub block_cache_bytes: usize,
    /// Bytes that sled keeps in memory for the range of one journal file.
    pub recent_cache_bytes: u64,
    /// After so long without an append the log is idle: the recent range is completed and handed to the kernel.
    pub idle: Duration,
    /// Space that must remain free behind every append; the threads behind it stop at half of it.
    pub space_margin: u64,
    /// Length of the file that is released when the log must be opened on a full disk.
    pub reserve_bytes: u64,
    /// Whether closed files are sealed. Only tests turn it off.
    pub seal: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            journal: Sizes::default(),
            tail_bytes: 8 << 20,
            block_cache_bytes: 4 << 20,
            recent_cache_bytes: 16 << 20,
            idle: Duration::from_millis(50),
            space_margin: 8 << 20,
            reserve_bytes: 2 << 20,
            seal: true,
        }
    }
}

/// An opened log, and what was found when it was opened.
pub struct Opened {
    /// The log.
    pub store: Arc<LocalStore>,
    /// What was not as it should be.
    pub report: RecoveryReport,
}

/// The log of a home, in files. See the module for how it works; all of it is in [`Store`] but what follows.
///
/// Dropping it without [`Store::close`] ends its threads and leaves the files as a crash would.
pub struct LocalStore {
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<Lock>>,
}

/// What only the single writer touches.
struct Writer {
    journal: Journal,
    head_file: HeadFile,
    /// Packs up to here were verified when the log was opened, or lie in a file that is closed.
    trusted: Position,
    boot: u64,
}

impl LocalStore {
    /// Opens the log in the folder `log`, which is made if it is missing, and repairs what can be repaired.
    ///
    /// The recent range is opened behind this; what is wrong with it is in [`Self::health`].
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is given up silently.
    pub fn open(log: &Path, home: HomeId, options: Options) -> Result<Opened, OpenError> {
        open::open(log, home, options)
    }

    /// What was found since the log was opened that was not as it should be. Never shorter than before.
    pub fn health(&self) -> Vec<Finding> {
        self.shared.lock().findings.clone()
    }

    /// Waits until the threads behind the writer have nothing to do, or cannot go on. Returns false if that
    /// takes longer than `patience`.
    pub fn settle(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.shared.lock();
        loop {
            let filled = state.files.iter().all(|live| live.unfilled() == 0);
            let filled = filled && state.repairs.is_empty() && state.wanted_twin.is_none();
            let filler = state.filler != Worker::Busy && (filled || state.filler != Worker::Idle);
            let sealed = state.files.len() == 1 && state.flawed.is_empty();
            let sealer = state.sealer != Worker::Busy && (sealed || state.sealer != Worker::Idle);
            if (filler && sealer) || state.stop.is_some() {
                return true;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            // Either may wait for a reason that has gone.
            self.shared.filler_wakes.notify_all();
            let left = left.min(Duration::from_millis(20));
            state = self.shared.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn start_threads(&self, filler: Filler, sealer: Sealer) -> std::io::Result<()> {
        let mut threads = self.threads();
        let shared = Arc::clone(&self.shared);
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        threads.push(named("log-filler").spawn(move || {
            let _ended = Ended(shared, |state| state.filler = Worker::Ended);
            filler.run();
        })?);
        let shared = Arc::clone(&self.shared);
        threads.push(named("log-sealer").spawn(move || {
            let _ended = Ended(shared, |state| state.sealer = Worker::Ended);
            sealer.run();
        })?);
        Ok(())
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the threads. Whether they were still running.
    fn stop(&self, how: Stop) -> bool {
        self.shared.lock().stop.get_or_insert(how);
        self.shared.filler_wakes.notify_all();
        self.shared.sealer_wakes.notify_all();
        self.shared.settled.notify_all();
        let threads = std::mem::take(&mut *self.threads());
        let running = !threads.is_empty();
        for thread in threads {
            // A panic there is a bug that has been printed; the log itself is not touched by it.
            let _ = thread.join();
        }
        running
    }

    fn poison(&self, why: String) -> AppendError {
        self.shared.lock().poisoned = Some(why.clone());
        AppendError::Poisoned(why)
    }

    fn journal_error(&self, error: JournalError) -> AppendError {
        match error {
            JournalError::Untouched(error) if error.is_full() => {
                let available = self.shared.free_bytes().unwrap_or(0);
                AppendError::DiskFull { available, needed: self.shared.options.space_margin }
            }
            JournalError::Untouched(error) => AppendError::Io(error),
            JournalError::Poisoned(error) => self.poison(error.to_string()),
        }
    }

    fn check_space(&self, needed: u64) -> Result<(), AppendError> {
        let available = self.shared.free_bytes()?;
        let needed = needed + self.shared.options.space_margin;
        if available < needed { Err(AppendError::DiskFull { available, needed }) } else { Ok(()) }
    }

    /// Begins the next file; everything before `head` is in files that are closed.
    fn rotate(&self, writer: &mut Writer, head: Head) -> Result<(), AppendError> {
        self.wait_for_sealer();
        writer.journal.rotate(&head).map_err(|error| self.journal_error(error))?;
        writer.trusted = head.position;
        let live = LiveFile::begun(Arc::clone(writer.journal.current()), head, writer.journal.offset());
        let mut state = self.shared.lock();
        state.files.push_back(live);
        self.shared.sealer_wakes.notify_all();
        drop(state);
        // It lags if this fails, no more.
        let _ = writer.head_file.sync();
        Ok(())
    }

    /// A writer that is faster than the sealer for long would fill the disk with journal files.
    fn wait_for_sealer(&self) {
        let deadline = Instant::now() + BACK_PRESSURE;
        let mut state = self.shared.lock();
        while state.files.len() > CLOSED_FILES && state.sealer == Worker::Busy {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            state = self.shared.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Store for LocalStore {
    fn head(&self) -> Head {
        self.shared.lock().head
    }

    fn append(&self, expected: Head, packs: &[Pack]) -> Result<Head, AppendError> {
        let mut writer = self.writer();
        let before = {
            let state = self.shared.lock();
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
        self.check_space(writer.journal.growth(bytes))?;
        if writer.journal.must_rotate(bytes) {
            self.rotate(&mut writer, before)?;
        }
        let mut offset = writer.journal.append(packs).map_err(|error| self.journal_error(error))?;
        let slot = Slot { head, trusted: writer.trusted, closed: false, twins_complete: false, boot: writer.boot };
        // The commit is durable. A head file that cannot be written lags, which it may.
        let head_file = writer.head_file.write(&slot);

        let mut state = self.shared.lock();
        if let Err(error) = head_file {
            let action = "it lags the log until it can be written again".to_owned();
            let finding = Finding { place: "head".to_owned(), what: error.to_string(), positions: None, action };
            if !state.findings.contains(&finding) {
                state.findings.push(finding);
            }
        }
        let half = self.shared.options.journal.file_bytes / 2;
        let last = state.files.back_mut().expect("there is always a file to append to");
        let was_half_full = last.end_offset > half;
        for pack in packs {
            last.packs.push(Placed { first: pack.first(), offset });
            offset += pack.bytes().len() as u64;
        }
        last.end = head;
        last.end_offset = offset;
        if offset > half && !was_half_full {
            self.shared.sealer_wakes.notify_all();
        }
        state.tail.push(packs, self.shared.options.tail_bytes);
        state.head = head;
        state.appended_at = Instant::now();
        if state.filler == Worker::Idle {
            state.filler = Worker::Busy;
            self.shared.filler_wakes.notify_one();
        }
        Ok(head)
    }

    fn read(&self, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        self.shared.read(from, max_bytes)
    }

    fn close(&self) {
        let mut writer = self.writer();
        let poisoned = self.shared.lock().poisoned.replace("it is closed".to_owned());
        if !self.stop(Stop::Finish) {
            return;
        }
        let (head, twins_complete) = {
            let state = self.shared.lock();
            (state.head, state.twins_complete())
        };
        // Before the head file says that they are complete, they are.
        self.shared.let_go_of_twins();
        if poisoned.is_none() {
            let slot = Slot { head, trusted: head.position, closed: true, twins_complete, boot: writer.boot };
            // If it cannot be written, the next open looks more closely, no more.
            let _ = writer.head_file.write(&slot).and_then(|()| writer.head_file.sync());
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for LocalStore {
    fn drop(&mut self) {
        self.stop(Stop::Now);
    }
}

/// Tells, however the thread ends, that it has ended.
struct Ended(Arc<Shared>, fn(&mut State));

impl Drop for Ended {
    fn drop(&mut self) {
        (self.1)(&mut self.0.lock());
        self.0.settled.notify_all();
    }
}

#[cfg(test)]
mod tests;
