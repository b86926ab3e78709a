//! The thread that seals closed journal files into segments, and recycles them.
//!
//! ```text
//! closed file ──► segment, temporary ──► synced, read back ──► renamed ──► readers use it ──► file is a spare
//! ```
//!
//! A kill between any two steps leaves a temporary file that the next open removes, or a range that is both
//! in a segment and in the journal, which the next open tells by their positions.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use zo_projections::Position;

use super::report::Finding;
use super::shared::{Shared, read_journal};
use super::state::{LiveFile, State, Stop, Worker};
use super::supply::twin_folder;
use crate::disk::DiskError;
use crate::disk::journal::JournalFile;
use crate::disk::recent::Recent;
use crate::disk::segments::{Segment, SegmentError, SegmentInfo, SegmentWriter};
use crate::log::{Head, Pack};
use crate::store::ReadError;

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;
/// How often it looks whether there is space again.
const RETRY: Duration = Duration::from_secs(2);
/// How long readers may hold on to a file that is to be recycled.
const LET_GO: Duration = Duration::from_millis(500);

/// What there is to do.
enum Task {
    /// The file, the head behind which its part of the segment begins, and where it ends.
    Seal(Arc<JournalFile>, Head, Head),
    Rewrite(std::path::PathBuf),
    Prepare,
    Wait,
    End,
}

/// Why a file was not sealed.
#[derive(Debug, thiserror::Error)]
enum SealError {
    #[error("the log is being closed")]
    Stopped,
    #[error("the disk is full")]
    Full,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Segment(#[from] SegmentError),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The state of the thread itself.
pub(super) struct Sealer {
    shared: Arc<Shared>,
    /// A file that cannot be sealed is not tried again before the next open.
    given_up: bool,
    /// A spare could not be prepared: the writer makes its own.
    no_spares: bool,
}

impl Sealer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let given_up = !shared.options.seal;
        Self { shared, given_up, no_spares: false }
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        lower_priority();
        loop {
            match self.next() {
                Task::End => break,
                Task::Seal(file, start, end) => {
                    let place = self.shared.place(file.path());
                    match self.seal(file, start, end) {
                        Ok(()) => self.shared.settled.notify_all(),
                        Err(SealError::Stopped) => {}
                        Err(SealError::Full) => self.wait_for_space(),
                        Err(error) => self.give_up(place, &error),
                    }
                }
                Task::Rewrite(path) => self.rewrite(&path),
                Task::Prepare => self.no_spares = self.shared.spares.prepare().is_err(),
                Task::Wait => {}
            }
        }
    }

    fn next(&mut self) -> Task {
        let mut state = self.shared.lock();
        let task = self.choose(&mut state);
        if matches!(task, Task::Wait) {
            state.sealer = if self.given_up { Worker::Stuck } else { Worker::Idle };
            self.shared.settled.notify_all();
            // The filler may have waited for this.
            self.shared.filler_wakes.notify_all();
            state = self.shared.sealer_wakes.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.sealer != Worker::Stuck || !self.given_up {
            state.sealer = Worker::Busy;
        }
        task
    }

    fn choose(&self, state: &mut State) -> Task {
        if state.stop == Some(Stop::Now) {
            return Task::End;
        }
        let last = state.files.back().expect("there is always a file to append to");
        // A log that is closed in order leaves nothing that is only in the journal.
        if state.files.len() > 1 && !self.given_up {
            let first = &state.files[0];
            let start = if first.start.position < state.sealed.position { state.sealed } else { first.start };
            return Task::Seal(Arc::clone(&first.file), start, first.end);
        }
        if state.stop.is_some() {
            return Task::End;
        }
        if let Some(path) = state.flawed.first() {
            return Task::Rewrite(path.clone());
        }
        let sizes = &self.shared.options.journal;
        let half_full = last.end_offset > sizes.file_bytes / 2;
        if half_full && sizes.spare_files > 0 && self.shared.spares.count() == 0 && !self.no_spares {
            let enough = 2 * sizes.file_bytes + self.shared.options.space_margin;
            if self.shared.free_bytes().is_ok_and(|free| free > enough) {
                return Task::Prepare;
            }
        }
        Task::Wait
    }

    fn stopped(&self) -> bool {
        self.shared.lock().stop == Some(Stop::Now)
    }

    fn seal(&self, file: Arc<JournalFile>, start: Head, end: Head) -> Result<(), SealError> {
        if start.position < end.position {
            let info = self.write_segment(&file, start, end)?;
            let mut state = self.shared.lock();
            state.segments.push(info);
            state.sealed = end;
        }
        drop(file);
        let sealed = self.shared.lock().files.pop_front();
        if let Some(live) = sealed {
            self.retire(live)?;
        }
        Ok(())
    }

    fn write_segment(&self, file: &JournalFile, start: Head, end: Head) -> Result<SegmentInfo, SealError> {
        let length = file.length()?;
        if self.shared.free_bytes()? < length + length / 8 + self.shared.options.space_margin {
            return Err(SealError::Full);
        }
        let mut writer = SegmentWriter::create(&self.shared.folder("segments"), self.shared.home, start)?;
        let mut head = start;
        while head.position < end.position {
            if self.stopped() {
                return Err(SealError::Stopped);
            }
            for pack in self.read(file, head)? {
                head = pack.head();
                writer.push(&pack)?;
            }
        }
        Ok(writer.finish()?.0)
    }

    /// Packs behind `head` from the file, or, if they are damaged there, from its twin.
    fn read(&self, file: &JournalFile, head: Head) -> Result<Vec<Pack>, SealError> {
        let from = head.position.next();
        let follows = |packs: &Vec<Pack>| packs.first().is_some_and(|pack| pack.follows(&head));
        let extent = self.shared.lock().files.front().and_then(|live| live.extent(from, READ_BYTES));
        let failure = match extent.map(|(offset, length)| read_journal(file, offset, length, from)) {
            Some(Ok(packs)) if follows(&packs) => return Ok(packs),
            Some(Err(error)) => error,
            _ => ReadError::Damaged { position: from, what: "the chain breaks in the journal".to_owned() },
        };
        self.shared.request_repair(file.sequence(), from);
        let twin = self.shared.lock().files.front().and_then(|live| live.twin.open().cloned());
        // One pack at a time: the journal is whole again behind the damage.
        let spare = twin.and_then(|twin| twin.read(from, 1).ok()).filter(follows).ok_or(failure)?;
        let positions = spare.first().map(|pack| (pack.first(), pack.last()));
        self.shared.note(Finding {
            place: self.shared.place(file.path()),
            what: "packs were damaged when it was sealed".to_owned(),
            positions,
            action: "sealed from the recent range".to_owned(),
        });
        Ok(spare)
    }

    /// Lets go of a file that is sealed: its twin goes, and the file itself becomes a spare once no reader has
    /// it any more. As such it remains a second copy of the segment until it is used again.
    fn retire(&self, live: LiveFile) -> Result<(), SealError> {
        // A twin that cannot be removed only takes space; the next open tries again.
        let _ = Recent::discard(&twin_folder(&self.shared.folder("recent"), live.file.sequence()));
        drop(live.twin);
        let path = live.file.path().to_owned();
        let mut file = live.file;
        let mut waited = Duration::ZERO;
        let unused = loop {
            match Arc::try_unwrap(file) {
                Ok(_) => break true,
                Err(_) if waited >= LET_GO => break false,
                Err(held) => file = held,
            }
            std::thread::sleep(Duration::from_millis(5));
            waited += Duration::from_millis(5);
        };
        Ok(self.shared.spares.recycle(&path, unused)?)
    }

    /// Writes a segment anew from its blocks, its parity, and whatever other copy there is.
    fn rewrite(&self, path: &std::path::Path) {
        let place = self.shared.place(path);
        let result = self.rewritten(path);
        let (what, action) = match &result {
            Err(SealError::Stopped) => return,
            Ok(_) => ("a part of it was damaged".to_owned(), "repaired and written anew".to_owned()),
            Err(error) => {
                (error.to_string(), "it cannot be repaired; `zo log restore` takes it from a backup".to_owned())
            }
        };
        let hopeless = result.is_err();
        self.shared.note(Finding { place, what, positions: result.ok(), action });
        self.shared.open_segments.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut state = self.shared.lock();
        state.flawed.retain(|flawed| flawed != path);
        if hopeless {
            state.hopeless.push(path.to_owned());
        }
    }

    fn rewritten(&self, path: &std::path::Path) -> Result<(Position, Position), SealError> {
        let segment = Segment::open(path)?;
        let info = *segment.info();
        if self.shared.free_bytes()? < 2 * info.raw_bytes + self.shared.options.space_margin {
            return Err(SealError::Full);
        }
        let mut writer = SegmentWriter::create(&self.shared.folder("segments"), self.shared.home, info.start)?;
        let mut head = info.start;
        while head.position < info.last() {
            if self.stopped() {
                return Err(SealError::Stopped);
            }
            for pack in self.shared.read(head.position.next(), READ_BYTES)? {
                if head.position < info.last() {
                    head = pack.head();
                    writer.push(&pack)?;
                }
            }
        }
        writer.finish()?;
        Ok((info.first(), info.last()))
    }

    fn wait_for_space(&mut self) {
        let mut state = self.shared.lock();
        state.sealer = Worker::Stuck;
        self.shared.settled.notify_all();
        self.shared.filler_wakes.notify_all();
        if state.stop.is_some() {
            // What cannot be sealed now is sealed after the next open.
            drop(state);
            self.given_up = true;
        } else {
            drop(self.shared.sealer_wakes.wait_timeout(state, RETRY));
        }
    }

    fn give_up(&mut self, place: String, error: &SealError) {
        self.given_up = true;
        self.shared.note(Finding {
            place,
            what: error.to_string(),
            positions: None,
            action: "not sealed; everything stays readable as far as it is".to_owned(),
        });
    }
}

/// Sealing has time: let everything else go first.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        // On Linux the priority is the thread's own.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 5);
    }
}
