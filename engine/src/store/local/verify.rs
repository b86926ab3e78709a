//! Looks at every byte of a log and says what is wrong with it, without changing anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zo_projections::Position;

use super::report::OpenError;
use super::{LocalStore, open};
use crate::disk::DiskError;
use crate::disk::files;
use crate::disk::head::{Found, HeadFile};
use crate::disk::journal::{self, FileHeader, HEADER_BYTES, HeaderError, JournalFile, scan};
use crate::disk::recent::Recent;
use crate::disk::segments::{self, Segment, SegmentError};
use crate::log::{Head, HomeId, Pack};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many events can be read, from the first on without a gap.
    pub events: u64,
    /// The head up to which they can be read.
    pub head: Head,
    /// Everything that is not as it should be.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file or folder, as seen from the log's folder.
    pub place: String,
    /// What was found there.
    pub what: String,
    /// The first position concerned, if that is known.
    pub first: Option<Position>,
    /// The last position concerned.
    pub last: Option<Position>,
    /// From where it can be restored; none if that is a backup's business.
    pub restored_by: Option<String>,
}

/// What there is to be looked at.
struct Inventory {
    segments: Vec<PathBuf>,
    files: Vec<File>,
    /// Where the log should end, if that is known.
    end: Option<Head>,
}

struct File {
    file: Arc<JournalFile>,
    /// The position that its packs must reach at least, if that is known.
    until: Option<Position>,
    twin: Option<Arc<Recent>>,
}

impl LocalStore {
    /// Looks at every byte of the log, while it is in use. `progress` is told the last position looked at.
    ///
    /// # Errors
    /// If a file cannot be read at all.
    pub fn verify(&self, progress: &mut dyn FnMut(Position)) -> Result<Verification, DiskError> {
        let shared = &self.shared;
        let sequences: Vec<u64> = shared.lock().files.iter().map(|live| live.file.sequence()).collect();
        sequences.into_iter().for_each(|sequence| shared.open_twin(sequence));
        let inventory = {
            let state = shared.lock();
            let segments = state.segments.iter().map(|info| shared.folder("segments").join(info.file_name()));
            let files = state.files.iter().map(|live| File {
                file: Arc::clone(&live.file),
                until: Some(live.end.position),
                twin: live.twin.open().cloned(),
            });
            Inventory { segments: segments.collect(), files: files.collect(), end: Some(state.head) }
        };
        let mut verifier = Verifier::new(&shared.log, shared.home, progress);
        verifier.run(&inventory)?;
        Ok(verifier.result)
    }
}

/// Looks at every byte of a log that is not open, and perhaps cannot be opened.
///
/// # Errors
/// If somebody has it open, it is of another home or a newer format, or a file cannot be read at all.
pub fn verify(log: &Path, home: HomeId, progress: &mut dyn FnMut(Position)) -> Result<Verification, OpenError> {
    let _lock = open::lock(log)?;
    let mut verifier = Verifier::new(log, home, progress);
    // sled changes what it opens: it is given a copy.
    let copies = log.join(open::RECENT_COPY);
    Recent::discard(&copies)?;
    let result = inventory(log, &home, &copies, &mut verifier).and_then(|inventory| Ok(verifier.run(&inventory)?));
    Recent::discard(&copies)?;
    result.map(|()| verifier.result)
}

fn inventory(log: &Path, home: &HomeId, copies: &Path, verifier: &mut Verifier<'_>) -> Result<Inventory, OpenError> {
    let segments = segments::files(&log.join("segments"))?.into_iter().map(|(_, _, path)| path).collect();
    let mut found = Vec::new();
    for (sequence, path) in journal::files(&log.join("journal"))?.0 {
        let twin = open_copy(log, copies, sequence, verifier);
        let file = Arc::new(JournalFile::open_to_read(&path, sequence)?);
        let start = FileHeader::decode(&file.read(0, HEADER_BYTES as usize)?).map(|header| header.start.position);
        if let Some(before) = found.last_mut() {
            let before: &mut File = before;
            before.until = start.ok();
        }
        found.push(File { file, until: None, twin });
    }
    let path = log.join("head");
    let end = match HeadFile::read(&path, home)? {
        Found::Slot { slot, both } => {
            if !both {
                verifier.problem("head", "one of its two slots is damaged", None, Some("the other one"));
            }
            Some(slot.head)
        }
        Found::OtherHome => return Err(OpenError::OtherHome { path }),
        Found::Newer(found) => return Err(OpenError::Newer { path, found }),
        Found::Missing | Found::Damaged => {
            verifier.problem("head", "it is missing or damaged", None, Some("the journal"));
            None
        }
    };
    if let Some(last) = found.last_mut() {
        last.until = end.map(|end| end.position);
    }
    Ok(Inventory { segments, files: found, end })
}

fn open_copy(log: &Path, copies: &Path, sequence: u64, verifier: &mut Verifier<'_>) -> Option<Arc<Recent>> {
    let twin = super::supply::twin_folder(&log.join("recent"), sequence);
    if !twin.is_dir() {
        return None;
    }
    let copy = super::supply::twin_folder(copies, sequence);
    let place = verifier.place(&twin);
    if let Err(error) = files::copy_folder(&twin, &copy) {
        verifier.problem(&place, &format!("it could not be looked at: {error}"), None, Some("the journal"));
        return None;
    }
    match Recent::open(&copy, 8 << 20) {
        Ok(recent) => Some(Arc::new(recent)),
        Err(error) => {
            verifier.problem(&place, &error.to_string(), None, Some("the journal"));
            None
        }
    }
}

struct Verifier<'a> {
    log: &'a Path,
    home: HomeId,
    progress: &'a mut dyn FnMut(Position),
    result: Verification,
    /// Something cannot be read: what comes after it is looked at, but not counted.
    broken: bool,
}

impl<'a> Verifier<'a> {
    fn new(log: &'a Path, home: HomeId, progress: &'a mut dyn FnMut(Position)) -> Self {
        let head = Head::start(&home);
        Self { log, home, progress, result: Verification { events: 0, head, problems: Vec::new() }, broken: false }
    }

    fn run(&mut self, inventory: &Inventory) -> Result<(), DiskError> {
        let twins: Vec<_> = inventory.files.iter().filter_map(|file| file.twin.clone()).collect();
        for path in &inventory.segments {
            self.segment(path, &twins)?;
        }
        for file in &inventory.files {
            self.journal(file, &twins)?;
        }
        if let Some(end) = inventory.end.filter(|end| end.position > self.result.head.position) {
            let missing = (self.result.head.position.next(), end.position);
            self.problem("journal", "the log ends before what was acknowledged", Some(missing), None);
        }
        Ok(())
    }

    fn segment(&mut self, path: &Path, twins: &[Arc<Recent>]) -> Result<(), DiskError> {
        let place = self.place(path);
        let segment = match Segment::open(path) {
            Ok(segment) => segment,
            Err(SegmentError::Io(error)) => return Err(error),
            Err(error) => {
                self.problem(&place, &error.to_string(), None, None);
                return Ok(());
            }
        };
        let info = *segment.info();
        let mut flaws = Vec::new();
        let readable = segment.check(&mut |flaw| {
            flaws.push(flaw);
            Ok(())
        });
        let readable = match readable {
            Ok(readable) => readable,
            Err(SegmentError::Io(error)) => return Err(error),
            Err(_) => false,
        };
        let twin = readable || self.twins_have(twins, info.start, info.end);
        for flaw in flaws {
            let restored_by = match (flaw.repaired, twin) {
                (true, _) => Some("its own parity"),
                (false, true) => Some("the recent range"),
                (false, false) => None,
            };
            self.problem(&place, &flaw.what, flaw.positions, restored_by);
        }
        let follows = info.home == self.home && info.start == self.result.head;
        if !follows {
            let missing = self.result.head.position.next();
            let behind = info.last() <= self.result.head.position;
            if !behind {
                self.problem(
                    &place,
                    "it does not continue what lies before it",
                    Some((missing, info.start.position)),
                    None,
                );
                self.broken = true;
            }
        } else if twin {
            self.reach(info.end);
        } else {
            self.broken = true;
        }
        (self.progress)(info.last());
        Ok(())
    }

    fn journal(&mut self, live: &File, twins: &[Arc<Recent>]) -> Result<(), DiskError> {
        let place = self.place(live.file.path());
        let bytes = live.file.read_all()?;
        let start = match FileHeader::decode(&bytes) {
            Ok(header) if header.home == self.home => header.start,
            Err(HeaderError::Newer { found }) => {
                self.problem(&place, &format!("it is of the newer format {found}"), None, None);
                return Ok(());
            }
            _ => {
                self.problem(&place, "its header is damaged", None, Some("the chain"));
                self.result.head
            }
        };
        let (mut end, mut offset) = (start, HEADER_BYTES as usize);
        let mut damaged: Option<(Position, Position)> = None;
        loop {
            let scanned = scan(&bytes, offset, end, Position::START);
            (end, offset) = (scanned.end, scanned.end_offset);
            let Some(until) = live.until.filter(|until| end.position < *until) else { break };
            let Some(pack) = pack_after(twins, &end) else {
                self.problem(&place, "packs are damaged or missing", Some((end.position.next(), until)), None);
                break;
            };
            damaged = Some((damaged.map_or(pack.first(), |(first, _)| first), pack.last()));
            offset += pack.bytes().len();
            end = pack.head();
        }
        if damaged.is_some() {
            self.problem(&place, "packs are damaged or missing", damaged, Some("the recent range"));
        }
        if start.position <= self.result.head.position {
            if end.position > self.result.head.position {
                self.reach(end);
            }
        } else {
            let missing = (self.result.head.position.next(), start.position);
            self.problem(&place, "it does not continue what lies before it", Some(missing), None);
            self.broken = true;
        }
        if let Some(twin) = &live.twin {
            self.twin(twin, live.file.sequence(), start, end);
        }
        (self.progress)(end.position);
        Ok(())
    }

    /// A twin has to hold a part of its file's chain; that it lags is no problem.
    fn twin(&mut self, twin: &Recent, sequence: u64, start: Head, end: Head) {
        let place = self.place(&super::supply::twin_folder(&self.log.join("recent"), sequence));
        let mut head = start;
        loop {
            let packs = match twin.read(head.position.next(), 1 << 20) {
                Ok(packs) if packs.is_empty() => return,
                Ok(packs) => packs,
                Err(error) => {
                    let damaged = Some((head.position.next(), end.position));
                    return self.problem(&place, &error.to_string(), damaged, Some("the journal"));
                }
            };
            for pack in packs {
                if !pack.follows(&head) {
                    let damaged = Some((pack.first(), pack.last()));
                    return self.problem(&place, "it does not match the journal", damaged, Some("the journal"));
                }
                head = pack.head();
            }
        }
    }

    fn twins_have(&self, twins: &[Arc<Recent>], start: Head, end: Head) -> bool {
        let mut head = start;
        while head.position < end.position {
            let Some(pack) = pack_after(twins, &head) else { return false };
            head = pack.head();
        }
        head == end
    }

    fn reach(&mut self, head: Head) {
        if !self.broken {
            self.result.head = head;
            self.result.events = head.position.0;
        }
    }

    fn problem(&mut self, place: &str, what: &str, positions: Option<(Position, Position)>, restored_by: Option<&str>) {
        self.result.problems.push(Problem {
            place: place.to_owned(),
            what: what.to_owned(),
            first: positions.map(|(first, _)| first),
            last: positions.map(|(_, last)| last),
            restored_by: restored_by.map(str::to_owned),
        });
    }

    fn place(&self, path: &Path) -> String {
        path.strip_prefix(self.log).unwrap_or(path).display().to_string()
    }
}

fn pack_after(twins: &[Arc<Recent>], head: &Head) -> Option<Pack> {
    let found = twins.iter().filter_map(|twin| twin.read(head.position.next(), 1).ok()?.into_iter().next());
    found.into_iter().find(|pack| pack.follows(head))
}
