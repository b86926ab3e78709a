//! What all threads of a local store hold in common, and how any of them reads packs.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zo_projections::Position;

use super::Options;
use super::report::Finding;
use super::state::{LiveFile, State, Twin, Worker};
use crate::disk::DiskError;
use crate::disk::files;
use crate::disk::journal::{JournalFile, Spares};
use crate::disk::recent::Recent;
use crate::disk::segments::{BlockCache, Segment, SegmentError, SegmentInfo};
use crate::log::{HomeId, Pack};
use crate::store::ReadError;
use crate::store::memory::take_bytes;

/// Segments whose files are kept open.
const OPEN_SEGMENTS: usize = 16;
/// More than so many findings say nothing new.
const MOST_FINDINGS: usize = 1000;
/// How long to wait for the filler before looking again.
const PATIENCE: Duration = Duration::from_millis(20);

/// The parts of a local store that its threads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub log: PathBuf,
    /// The log's folder, open, to be asked for the space on its filesystem.
    pub log_handle: File,
    pub home: HomeId,
    pub options: Options,
    pub spares: Arc<Spares>,
    pub state: Mutex<State>,
    /// Wakes the filler, the sealer, and those who wait for either.
    pub filler_wakes: Condvar,
    pub sealer_wakes: Condvar,
    pub settled: Condvar,
    pub blocks: BlockCache,
    pub open_segments: Mutex<VecDeque<Arc<Segment>>>,
}

/// Where a range of the log can be read, best first.
enum Source {
    Segment(SegmentInfo),
    Recent(Arc<Recent>),
    Journal(Arc<JournalFile>, u64, usize),
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, and the state is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.log.join(name)
    }

    /// `path` as seen from the log's folder.
    pub(super) fn place(&self, path: &Path) -> String {
        path.strip_prefix(&self.log).unwrap_or(path).display().to_string()
    }

    pub(super) fn note(&self, finding: Finding) {
        let mut state = self.lock();
        if state.findings.len() < MOST_FINDINGS && !state.findings.contains(&finding) {
            state.findings.push(finding);
        }
    }

    /// Bytes that can still be written.
    pub(super) fn free_bytes(&self) -> Result<u64, DiskError> {
        files::free_bytes_of(&self.log_handle).map_err(DiskError::on("ask for the space of", &self.log))
    }

    /// The pack that contains `from` and those behind it, up to `max_bytes` together, from whatever copy is
    /// whole.
    pub(super) fn read(&self, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        let from = from.max(Position(1));
        let mut failure = None;
        // What is sealed meanwhile moves from the journal to a segment: look again, a bounded number of times.
        for _ in 0..4 {
            let sources = {
                let state = self.lock();
                if from > state.head.position {
                    return Ok(Vec::new());
                }
                if let Some(packs) = state.tail.from(from) {
                    return Ok(take_bytes(packs, max_bytes));
                }
                sources(&state, from, max_bytes)
            };
            for source in sources {
                match self.read_from(&source, from, max_bytes) {
                    Ok(packs) if packs.first().is_some_and(|pack| pack.first() <= from && pack.last() >= from) => {
                        return Ok(packs);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        failure = Some(error);
                        if let Source::Journal(file, ..) = &source {
                            self.request_repair(file.sequence(), from);
                        }
                    }
                }
            }
        }
        Err(failure.unwrap_or_else(|| ReadError::Damaged { position: from, what: "no copy of it is left".to_owned() }))
    }

    fn read_from(&self, source: &Source, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        match source {
            Source::Segment(info) => self.read_segment(info, from, max_bytes),
            Source::Recent(recent) => recent.read(from, max_bytes).map_err(|error| {
                self.abandon(recent, &error.to_string());
                ReadError::Damaged { position: from, what: error.to_string() }
            }),
            Source::Journal(file, offset, length) => read_journal(file, *offset, *length, from),
        }
    }

    /// Has the filler open the twin of the file `sequence`, if that is not open yet, and write the damaged pack
    /// with `position` back from it. Returns when the twin is open, or cannot be had.
    pub(super) fn request_repair(&self, sequence: u64, position: Position) {
        {
            let mut state = self.lock();
            if !state.repairs.contains(&(sequence, position)) {
                state.repairs.push((sequence, position));
            }
        }
        self.open_twin(sequence);
        self.filler_wakes.notify_all();
    }

    /// Has the filler open the twin of the file `sequence`; returns when it is open, or cannot be had.
    pub(super) fn open_twin(&self, sequence: u64) {
        let mut state = self.lock();
        while state.live(sequence).is_some_and(|live| live.twin.is_unopened()) && state.filler != Worker::Ended {
            state.wanted_twin = Some(sequence);
            self.filler_wakes.notify_all();
            // The filler may be at something else; it looks when it is done.
            state = self.settled.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
            if state.filler == Worker::Stuck {
                return;
            }
        }
    }

    fn read_segment(&self, info: &SegmentInfo, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        let damaged = |error: SegmentError| match error {
            SegmentError::Io(error) => ReadError::Io(error),
            error => ReadError::Damaged { position: from, what: error.to_string() },
        };
        let segment = self.open_segment(info).map_err(damaged)?;
        let Some(first) = segment.block_of(from) else {
            let what = format!("{} lacks it", self.place(segment.path()));
            return Err(ReadError::Damaged { position: from, what });
        };
        let mut packs: Vec<Pack> = Vec::new();
        let mut bytes = 0;
        for index in first..segment.blocks() {
            let block = match self.blocks.read(&segment, index) {
                Ok(block) => block,
                Err(error) if packs.is_empty() => {
                    self.flawed(&segment);
                    return Err(damaged(error));
                }
                // The next read begins here and tells.
                Err(_) => break,
            };
            let wanted = block.packs().partition_point(|pack| pack.last() < from);
            let more = take_bytes(block.packs()[wanted..].iter(), max_bytes.saturating_sub(bytes));
            let whole = more.len() == block.packs().len() - wanted;
            bytes += more.iter().map(|pack| pack.bytes().len()).sum::<usize>();
            if bytes > max_bytes && !packs.is_empty() {
                break;
            }
            packs.extend(more);
            if !whole || bytes >= max_bytes {
                break;
            }
        }
        if segment.needs_rewrite() {
            self.flawed(&segment);
        }
        Ok(packs)
    }

    fn open_segment(&self, info: &SegmentInfo) -> Result<Arc<Segment>, SegmentError> {
        let mut open = self.open_segments.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|segment| segment.info().first() == info.first())
            && let Some(segment) = open.remove(at)
        {
            open.push_front(Arc::clone(&segment));
            return Ok(segment);
        }
        drop(open);
        let segment = Arc::new(Segment::open(&self.folder("segments").join(info.file_name()))?);
        let mut open = self.open_segments.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_front(Arc::clone(&segment));
        open.truncate(OPEN_SEGMENTS);
        Ok(segment)
    }

    /// Has the sealer write a segment anew in which something was repaired.
    fn flawed(&self, segment: &Segment) {
        let mut state = self.lock();
        if !state.flawed.iter().chain(&state.hopeless).any(|path| path == segment.path()) {
            state.flawed.push(segment.path().to_owned());
            self.sealer_wakes.notify_all();
        }
    }

    /// Closes the twins in order; the journal serves readers from now on.
    pub(super) fn let_go_of_twins(&self) {
        let mut twins = Vec::new();
        for live in &mut self.lock().files {
            twins.push(std::mem::replace(&mut live.twin, Twin::Abandoned));
        }
        // Outside the lock: sled syncs its files.
        drop(twins);
    }

    /// Uses a twin no more, and removes its files: the next open fills a new one.
    pub(super) fn abandon(&self, recent: &Recent, why: &str) {
        let folder = recent.folder();
        let mut state = self.lock();
        let uses = |live: &&mut LiveFile| live.twin.open().is_some_and(|twin| twin.folder() == folder);
        // A file that is sealed meanwhile has no twin any more, and the failure may come from its removal.
        let Some(live) = state.files.iter_mut().find(uses) else { return };
        let twin = std::mem::replace(&mut live.twin, Twin::Abandoned);
        drop(state);
        drop(twin);
        let removed = Recent::discard(folder);
        let action = match removed {
            Ok(()) => "given up until the next open; the journal serves its range".to_owned(),
            Err(error) => format!("given up; {error}"),
        };
        self.note(Finding { place: self.place(folder), what: why.to_owned(), positions: None, action });
    }
}

/// The places where `from` can be read, as things are now.
fn sources(state: &State, from: Position, max_bytes: usize) -> Vec<Source> {
    let mut sources = Vec::new();
    if from <= state.sealed.position {
        let index = state.segments.partition_point(|info| info.last() < from);
        sources.extend(state.segments.get(index).map(|info| Source::Segment(*info)));
    }
    let index = state.files.partition_point(|live| live.end.position < from);
    if let Some(live) = state.files.get(index) {
        if let Twin::Open { recent, filled } = &live.twin
            && live.start.position < from
            && from <= filled.position
        {
            sources.push(Source::Recent(Arc::clone(recent)));
        }
        if let Some((offset, length)) = live.extent(from, max_bytes) {
            sources.push(Source::Journal(Arc::clone(&live.file), offset, length));
        }
    }
    sources
}

/// Reads and verifies the packs that lie in `length` bytes from `offset`; ends before the first that is not
/// whole, unless that is the one with `from`.
pub(super) fn read_journal(
    file: &JournalFile,
    offset: u64,
    length: usize,
    from: Position,
) -> Result<Vec<Pack>, ReadError> {
    let bytes = Arc::new(file.read(offset, length)?);
    let mut packs: Vec<Pack> = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let pack = match Pack::read_shared(&bytes, start) {
            Ok(pack) => pack,
            Err(error) if packs.is_empty() => {
                return Err(ReadError::Damaged { position: from, what: format!("{error} in the journal") });
            }
            Err(_) => break,
        };
        // In a file that was recycled meanwhile whole packs may lie that are others.
        if packs.last().is_some_and(|before| !pack.follows(&before.head())) {
            break;
        }
        start += pack.bytes().len();
        packs.push(pack);
    }
    Ok(packs)
}
