//! The thread that puts what was appended into the recent range, behind the writer.
//!
//! It has only comfort to lose: what it has not put there yet is in the journal. So while the writer is faster
//! than sled it lets it run, and catches up when there is a pause; a closed file it leaves to the sealer. When
//! nothing has happened for a moment it hands everything to the kernel and syncs the head file, and then waits
//! without a clock: an idle engine does nothing.

use std::sync::Arc;
use std::time::Duration;

use zo_projections::Position;

use super::report::Finding;
use super::shared::{Shared, read_journal};
use super::state::{LiveFile, State, Stop, Twin, Worker};
use super::supply::twin_folder;
use crate::disk::files;
use crate::disk::head::Syncer;
use crate::disk::journal::JournalFile;
use crate::disk::recent::{Recent, RecentError};
use crate::log::{Head, Pack};
use crate::store::memory::take_bytes;

/// Bytes of packs that go into sled in one batch.
const BATCH_BYTES: usize = 256 * 1024;
/// A backlog smaller than this waits for more, so that small packs share a value.
const SMALL_BYTES: u64 = 32 * 1024;
/// How long it waits.
const LINGER: Duration = Duration::from_millis(10);
/// With a larger backlog the filler stands back until the writer pauses.
const BEHIND_BYTES: u64 = 6 << 20;
/// How often it looks whether there is space again.
const RETRY: Duration = Duration::from_secs(1);

/// What there is to do.
enum Task {
    /// The file, where it begins, and how far its twin should reach if that is known.
    Open(Arc<JournalFile>, Head, Option<Head>),
    Fill {
        recent: Arc<Recent>,
        file: Arc<JournalFile>,
        filled: Head,
        from: From,
    },
    /// Write the pack with this position back to the journal, at this offset and with this length.
    Repair {
        recent: Arc<Recent>,
        file: Arc<JournalFile>,
        position: Position,
        offset: u64,
        length: usize,
    },
    Flush(Vec<Arc<Recent>>),
    WaitFor(Duration),
    Wait,
    End,
}

/// Where the packs to be filled are.
enum From {
    Memory(Vec<Pack>),
    Journal(u64, usize),
}

/// The state of the thread itself.
pub(super) struct Filler {
    shared: Arc<Shared>,
    head_file: Syncer,
    /// Something was put in or the head moved since the last flush.
    dirty: bool,
    lingered: bool,
}

impl Filler {
    pub(super) fn new(shared: Arc<Shared>, head_file: Syncer) -> Self {
        Self { shared, head_file, dirty: false, lingered: false }
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        self.keep_reserve();
        loop {
            let task = self.next();
            match task {
                Task::End => break,
                Task::Open(file, start, filled) => self.open(&file, start, filled),
                Task::Fill { recent, file, filled, from } => self.fill(&recent, &file, filled, from),
                Task::Repair { recent, file, position, offset, length } => {
                    self.repair(&recent, &file, position, offset, length);
                }
                Task::Flush(twins) => self.flush(&twins),
                // Both have been waited for under the lock.
                Task::Wait | Task::WaitFor(_) => {}
            }
        }
    }

    fn next(&mut self) -> Task {
        let mut state = self.shared.lock();
        let has_space = state.filler != Worker::Stuck || self.has_space();
        let task = self.choose(&mut state, has_space);
        match task {
            Task::Wait => {
                state.filler = Worker::Idle;
                self.shared.settled.notify_all();
                state = self.shared.filler_wakes.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
                state.filler = Worker::Busy;
            }
            Task::WaitFor(time) => {
                let stuck = state.filler;
                drop(self.shared.filler_wakes.wait_timeout(state, time));
                self.lingered = stuck != Worker::Stuck;
            }
            _ if has_space => state.filler = Worker::Busy,
            _ => {}
        }
        task
    }

    fn choose(&self, state: &mut State, has_space: bool) -> Task {
        if state.stop == Some(Stop::Now) {
            return Task::End;
        }
        let finishing = state.stop.is_some();
        if !has_space {
            return if finishing { Task::End } else { Task::WaitFor(RETRY) };
        }
        if let Some(task) = wanted(state) {
            return task;
        }
        let idle = state.appended_at.elapsed();
        let paused = finishing || idle >= self.shared.options.idle;
        let last = state.files.len() - 1;
        let mut left_to_sealer = false;
        for (index, live) in state.files.iter().enumerate().rev() {
            let unfilled = live.unfilled();
            if unfilled == 0 {
                continue;
            }
            if index < last && (!paused || state.sealer == Worker::Busy) {
                left_to_sealer = true;
                continue;
            }
            let stand_back = unfilled > BEHIND_BYTES || state.tail.is_empty();
            if !paused && (stand_back || (unfilled < SMALL_BYTES && !self.lingered)) {
                return Task::WaitFor(if stand_back { self.shared.options.idle } else { LINGER });
            }
            return task_for(state, live);
        }
        match (self.dirty, paused) {
            _ if finishing && left_to_sealer => Task::WaitFor(LINGER),
            (true, true) => Task::Flush(state.files.iter().filter_map(|live| live.twin.open()).cloned().collect()),
            (true, false) => Task::WaitFor(self.shared.options.idle.saturating_sub(idle).max(Duration::from_millis(1))),
            (false, _) if finishing => Task::End,
            (false, _) => Task::Wait,
        }
    }

    fn has_space(&self) -> bool {
        let margin = self.shared.options.space_margin / 2;
        self.shared.free_bytes().is_ok_and(|free| free > margin)
    }

    fn stuck(&self) {
        self.shared.lock().filler = Worker::Stuck;
        self.shared.settled.notify_all();
    }

    /// Opens the twin of `file`, or begins it anew if what is there is of no use.
    fn open(&mut self, file: &Arc<JournalFile>, start: Head, filled: Option<Head>) {
        if !self.has_space() {
            release_reserve(&self.shared);
            if !self.has_space() {
                return self.stuck();
            }
        }
        let folder = twin_folder(&self.shared.folder("recent"), file.sequence());
        let cache = self.shared.options.recent_cache_bytes;
        let opened = Recent::open(&folder, cache).and_then(|recent| Ok((self.reach(&recent, start, filled)?, recent)));
        if self.shared.lock().live(file.sequence()).is_none() {
            // Sealed meanwhile: the sealer may have removed the folder under it.
            drop(opened);
            let _ = Recent::discard(&folder);
            return;
        }
        let opened = opened.or_else(|error| {
            let discarded = Recent::discard(&folder);
            let action =
                discarded.map_or_else(|error| error.to_string(), |()| "filled again from the journal".to_owned());
            self.shared.note(Finding {
                place: self.shared.place(&folder),
                what: error.to_string(),
                positions: None,
                action,
            });
            Recent::open(&folder, cache).map(|recent| (start, recent))
        });
        let twin = match opened {
            Ok((filled, recent)) => Twin::Open { recent: Arc::new(recent), filled },
            Err(error) => {
                let action = "done without; the journal serves its range".to_owned();
                let place = self.shared.place(&folder);
                self.shared.note(Finding { place, what: error.to_string(), positions: None, action });
                Twin::Abandoned
            }
        };
        let mut twin = Some(twin);
        if let Some(live) = self.shared.lock().live(file.sequence()) {
            live.twin = twin.take().unwrap_or_default();
        }
        if twin.take().is_some() {
            let _ = Recent::discard(&folder);
        }
        self.shared.settled.notify_all();
    }

    /// How far a twin just opened reaches, if it is one of the file that begins at `start`.
    fn reach(&self, recent: &Recent, start: Head, filled: Option<Head>) -> Result<Head, RecentError> {
        if let Some(filled) = filled {
            let last = recent.last()?.unwrap_or(start);
            let what = || format!("it ends at position {} instead of {}", last.position, filled.position);
            return if last == filled { Ok(filled) } else { Err(damaged(last, what())) };
        }
        let Some((begin, end)) = recent.walk()? else { return Ok(start) };
        let state = self.shared.lock();
        let live = state.files.iter().find(|live| live.start == start);
        let belongs = live.is_some_and(|live| begin == start && live.passes(&end).unwrap_or(false));
        if belongs {
            return Ok(end);
        }
        Err(damaged(end, "it does not match the journal".to_owned()))
    }

    fn fill(&mut self, recent: &Arc<Recent>, file: &JournalFile, filled: Head, from: From) {
        if !self.has_space() {
            return self.stuck();
        }
        let next = filled.position.next();
        let read = match from {
            From::Memory(packs) => Ok(packs),
            From::Journal(offset, length) => read_journal(file, offset, length, next),
        };
        let packs = match read {
            Ok(packs) if packs.first().is_some_and(|pack| pack.follows(&filled)) => packs,
            Ok(_) => return self.halt(file, "the chain breaks", next),
            Err(error) => return self.halt(file, &error.to_string(), next),
        };
        if let Err(error) = recent.put(&packs) {
            return self.shared.abandon(recent, &error.to_string());
        }
        let end = packs.last().map_or(filled, Pack::head);
        let mut state = self.shared.lock();
        if let Some(Twin::Open { filled, .. }) = state.live(file.sequence()).map(|live| &mut live.twin) {
            *filled = end;
        }
        self.dirty = true;
        self.lingered = false;
    }

    fn repair(&self, recent: &Recent, file: &JournalFile, position: Position, offset: u64, length: usize) {
        let Ok(packs) = recent.read(position, 1) else { return };
        let Some(pack) = packs.first().filter(|pack| pack.bytes().len() == length) else { return };
        // A handle of its own: an error that the kernel reports here must not be one it then spares the writer.
        let rewritten = JournalFile::open(file.path(), file.sequence())
            .and_then(|file| file.rewrite(offset, pack.bytes()))
            .map_or_else(|error| error.to_string(), |()| "written back from the recent range".to_owned());
        self.shared.note(Finding {
            place: self.shared.place(file.path()),
            what: "packs were damaged".to_owned(),
            positions: Some((pack.first(), pack.last())),
            action: rewritten,
        });
    }

    /// Leaves the twin of `file` as it is, because the file itself cannot be read at `position`.
    fn halt(&self, file: &JournalFile, why: &str, position: Position) {
        let mut state = self.shared.lock();
        // A file that is sealed meanwhile may have been recycled: then there is nothing left to do for it.
        let Some(live) = state.live(file.sequence()) else { return };
        live.halted = true;
        drop(state);
        self.shared.note(Finding {
            place: self.shared.place(file.path()),
            what: why.to_owned(),
            positions: Some((position, position)),
            action: "the recent range lacks what follows".to_owned(),
        });
    }

    fn flush(&mut self, twins: &[Arc<Recent>]) {
        for recent in twins {
            if let Err(error) = recent.flush() {
                self.shared.abandon(recent, &error.to_string());
            }
        }
        // The head file lags anyway: if it cannot be synced, it lags more.
        let _ = self.head_file.sync();
        self.dirty = false;
        self.keep_reserve();
    }

    /// Puts the reserve back if there is space for it.
    fn keep_reserve(&self) {
        let options = &self.shared.options;
        let wanted = options.space_margin + 2 * options.reserve_bytes;
        let path = self.shared.folder("reserve");
        let missing = !path.metadata().is_ok_and(|metadata| metadata.len() >= options.reserve_bytes);
        if missing && self.shared.free_bytes().is_ok_and(|free| free > wanted) {
            let bytes = vec![0x5a; usize::try_from(options.reserve_bytes).unwrap_or(0)];
            // Without it the next open on a full disk is harder, no more.
            let _ = files::write_atomic(&path, &bytes, 0o600);
        }
    }
}

/// What somebody waits for, or asked to be repaired.
fn wanted(state: &mut State) -> Option<Task> {
    if let Some(sequence) = state.wanted_twin.take()
        && let Some(live) = state.live(sequence).filter(|live| live.twin.is_unopened())
    {
        return Some(open_twin(live));
    }
    while let Some((sequence, position)) = state.repairs.pop() {
        let Some(live) = state.live(sequence) else { continue };
        let Some((offset, length)) = live.extent(position, 0) else { continue };
        if let Some(recent) = live.twin.open().cloned() {
            return Some(Task::Repair { recent, file: Arc::clone(&live.file), position, offset, length });
        }
    }
    None
}

fn open_twin(live: &LiveFile) -> Task {
    let filled = match &live.twin {
        Twin::Resting { filled } => Some(*filled),
        _ => None,
    };
    Task::Open(Arc::clone(&live.file), live.start, filled)
}

/// What has to be done for `live`, which has packs that its twin lacks.
fn task_for(state: &State, live: &LiveFile) -> Task {
    let Twin::Open { recent, filled } = &live.twin else { return open_twin(live) };
    let next = filled.position.next();
    let from = match state.tail.from(next) {
        // The tail may go on into the next file.
        Some(packs) => From::Memory(take_bytes(packs.take_while(|pack| pack.last() <= live.end.position), BATCH_BYTES)),
        None => {
            let (offset, length) = live.extent(next, BATCH_BYTES).expect("the file has packs that its twin lacks");
            From::Journal(offset, length)
        }
    };
    Task::Fill { recent: Arc::clone(recent), file: Arc::clone(&live.file), filled: *filled, from }
}

/// Removes the reserve, so that there is space to open the log. Returns whether there was one.
pub(super) fn release_reserve(shared: &Shared) -> bool {
    let released = std::fs::remove_file(shared.folder("reserve")).is_ok();
    if released {
        shared.note(Finding {
            place: "reserve".to_owned(),
            what: "the disk was full".to_owned(),
            positions: None,
            action: "released; it is put back when there is space".to_owned(),
        });
    }
    released
}

fn damaged(at: Head, what: String) -> RecentError {
    RecentError::Damaged { position: at.position, what }
}
