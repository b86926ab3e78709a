//! Finds out, at open, where the log ends, and repairs what one copy has lost from another.
//!
//! The journal files are walked in order. Where the chain breaks before it should end, the packs that are
//! missing are asked for from the other copies and written back in place; what cannot be had is damage, and
//! the log is not opened as if nothing had happened. Behind the last pack of the last file a begun pack is the
//! ordinary trace of a crash: it was never acknowledged, and is set aside.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zo_projections::Position;

use super::report::{Finding, OpenError};
use super::state::LiveFile;
use super::supply::Supply;
use crate::disk::files;
use crate::disk::journal::{
    self, FileHeader, HEADER_BYTES, HeaderError, JournalError, JournalFile, Sizes, Spares, Stop, scan, writer,
};
use crate::log::{Head, HomeId, Pack, PackHeader};

/// How far the log must go, as far as is known from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// A head that was acknowledged.
    pub head: Head,
    /// Packs up to here were verified and durable before: only their links are checked.
    pub trusted: Position,
    /// Whether nothing that was acknowledged can lie behind `head`: the log was closed there, or the machine has
    /// been running ever since it was written.
    pub exact: bool,
}

/// Walks the journal of one log.
pub(super) struct Walk<'a> {
    pub log: &'a Path,
    pub home: HomeId,
    pub sizes: Sizes,
    /// The end of the sealed segments.
    pub sealed: Head,
    pub known: Option<Known>,
    pub supply: &'a mut Supply,
    pub findings: &'a mut Vec<Finding>,
    /// Whether to keep what is readable and set the rest aside, where the log could not be opened otherwise.
    pub accept_loss: bool,
}

/// What the walk found.
#[derive(Debug)]
pub(super) struct Walked {
    /// The files that are not sealed, in order: at least one.
    pub files: VecDeque<LiveFile>,
    /// Where the log ends.
    pub head: Head,
    /// Files whose packs are all sealed already.
    pub sealed_files: Vec<PathBuf>,
    pub spares: Arc<Spares>,
}

struct Found {
    file: JournalFile,
    /// Its header, unless that is damaged.
    header: Option<FileHeader>,
    /// Where its chain begins: by its header, else by its first pack, if one of them is whole.
    start: Option<Head>,
}

impl Walk<'_> {
    /// Walks all files, repairs, and makes the first file of a new home.
    pub(super) fn run(mut self) -> Result<Walked, OpenError> {
        let folder = self.log.join("journal");
        files::make_folder(&folder)?;
        let (paths, spares) = journal::files(&folder)?;
        let spares = Arc::new(Spares::new(&folder, self.sizes, spares)?);
        let next_sequence = match paths.last() {
            Some((sequence, _)) => sequence + 1,
            // If all files are gone, the new one gets the number of the twin that has their packs.
            None => last_twin(&self.log.join("recent"))?.unwrap_or(1),
        };
        let mut found = VecDeque::new();
        for (sequence, path) in paths {
            found.push_back(self.open_file(sequence, &path)?);
        }
        let mut sealed_files = Vec::new();
        // A file is sealed if the one behind it begins within the sealed range.
        while let Some(start) = found.get(1).and_then(|second: &Found| second.start)
            && start.position <= self.sealed.position
        {
            sealed_files.extend(found.pop_front().map(|first| first.file.path().to_owned()));
        }

        let mut walked: VecDeque<LiveFile> = VecDeque::new();
        let mut head = self.sealed;
        let mut stop = Stop::Nothing;
        if let Some(start) = found.front().and_then(|first| first.start)
            && start.position > head.position
            && self.supply.after(&head).is_some()
        {
            // What lies between the segments and the first file has to come from another copy.
            let sequence = next_sequence.saturating_sub(found.len() as u64 + 1);
            let file = self.begin(&folder, &spares, sequence, head)?;
            let (filled, _) =
                self.walk_file(Found { file, header: None, start: Some(head) }, head, Some(Some(start)))?;
            head = filled.end;
            walked.push_back(filled);
        }
        while let Some(next) = found.pop_front() {
            if let Some((start, what)) = next.start.and_then(|start| Some((start, misfit(&start, &head)?))) {
                self.lost(&next.file, what, &head, start.position)?;
                found.push_front(next);
                break;
            }
            let limit = found.front().map(|behind| behind.start);
            let (live, stopped) = self.walk_file(next, head, limit)?;
            if live.end.position < head.position {
                sealed_files.push(live.file.path().to_owned());
                continue;
            }
            if !live.passes(&head)? {
                self.lost(&live.file, "it tells another history than the segments".to_owned(), &head, head.position)?;
                self.give_up(&live.file)?;
                break;
            }
            (head, stop) = (live.end, stopped);
            walked.push_back(live);
        }
        for rest in found {
            self.give_up(&rest.file)?;
        }
        match walked.back_mut() {
            Some(last) => self.set_torn_aside(last, stop)?,
            None => {
                let file = self.begin(&folder, &spares, next_sequence, head)?;
                if self.known.is_some() {
                    self.note(&file, "the last file of the journal was missing", None, "begun anew".to_owned());
                }
                let (live, _) = self.walk_file(Found { file, header: None, start: Some(head) }, head, None)?;
                head = live.end;
                walked.push_back(live);
            }
        }
        self.compare_with_known(&walked, &head)?;
        Ok(Walked { files: walked, head, sealed_files, spares })
    }

    fn open_file(&mut self, sequence: u64, path: &Path) -> Result<Found, OpenError> {
        let file = JournalFile::open(path, sequence)?;
        let header = match FileHeader::decode(&file.read(0, HEADER_BYTES as usize)?) {
            Ok(header) if header.home != self.home => return Err(OpenError::OtherHome { path: path.to_owned() }),
            Ok(header) => (header.sequence == sequence).then_some(header),
            Err(HeaderError::Newer { found }) => return Err(OpenError::Newer { path: path.to_owned(), found }),
            Err(HeaderError::Damaged) => None,
        };
        let start = match header {
            Some(header) => Some(header.start),
            None => start_by_first_pack(&file)?,
        };
        Ok(Found { file, header, start })
    }

    fn begin(&self, folder: &Path, spares: &Spares, sequence: u64, start: Head) -> Result<JournalFile, OpenError> {
        let header = FileHeader { home: self.home, sequence, start };
        writer::begin_file(folder, spares, &header, self.sizes.first_chunk).map_err(|error| match error {
            JournalError::Untouched(error) | JournalError::Poisoned(error) => error.into(),
        })
    }

    /// Finds the packs of one file, whose chain goes on from `head`, and asks other copies for those that are
    /// damaged. `limit` is where the next file begins: none if there is no next file, `Some(None)` if nothing
    /// tells.
    fn walk_file(
        &mut self,
        found: Found,
        head: Head,
        limit: Option<Option<Head>>,
    ) -> Result<(LiveFile, Stop), OpenError> {
        let Found { file, header, start } = found;
        let start = start.unwrap_or(head);
        let mut bytes = file.read_all()?;
        let trusted = self.known.map_or(Position::START, |known| known.trusted);
        let mut packs = Vec::new();
        let (mut end, mut offset) = (start, HEADER_BYTES as usize);
        let mut supplied: Option<(Position, Position, &'static str)> = None;
        let stop = loop {
            let scanned = scan(&bytes, offset, end, trusted);
            packs.extend(scanned.packs);
            (end, offset) = (scanned.end, scanned.end_offset);
            if let Stop::Newer { found } = scanned.stop {
                return Err(OpenError::Newer { path: file.path().to_owned(), found });
            }
            if !self.may_go_on(&end, limit) {
                break scanned.stop;
            }
            let Some((pack, source)) = self.supply.after(&end) else { break scanned.stop };
            bytes.resize(bytes.len().max(offset + pack.bytes().len()), 0);
            bytes[offset..offset + pack.bytes().len()].copy_from_slice(pack.bytes());
            file.rewrite(offset as u64, pack.bytes())?;
            let (first, _, _) = supplied.unwrap_or((pack.first(), pack.last(), source));
            supplied = Some((first, pack.last(), source));
        };
        if let Some((first, last, source)) = supplied {
            let action = format!("written back from {source}");
            self.note(&file, "packs were damaged or missing", Some((first, last)), action);
        }
        let right = FileHeader { home: self.home, sequence: file.sequence(), start };
        if header != Some(right) && bytes.get(..HEADER_BYTES as usize) != Some(&right.encode()[..]) {
            file.rewrite(0, &right.encode())?;
            self.note(&file, "its header was damaged", None, "written anew from the chain".to_owned());
        }
        let live = LiveFile { packs, end, ..LiveFile::begun(Arc::new(file), start, offset as u64) };
        Ok((live, stop))
    }

    /// Sets aside what was begun behind the last pack, and clears what follows it.
    fn set_torn_aside(&mut self, last: &LiveFile, stop: Stop) -> Result<(), OpenError> {
        let acknowledged = self.known.is_some_and(|known| known.head.position > last.end.position);
        let bytes = match stop {
            // It was acknowledged and is given up: everything that may be left of it is kept.
            _ if acknowledged && self.accept_loss => {
                let rest =
                    last.file.read(last.end_offset, usize::try_from(last.file.length()?).unwrap_or(usize::MAX))?;
                rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
            }
            Stop::Begun { bytes } if !acknowledged => bytes,
            // The log will not be opened: it stays as it is.
            _ => return Ok(()),
        };
        let torn = last.file.read(last.end_offset, bytes)?;
        let name = format!("{}-at-{}.torn", journal::file_name(last.file.sequence()), last.end_offset);
        let aside = files::set_bytes_aside(&torn, &self.log.join("set-aside"), &name)?;
        last.file.clear_from(last.end_offset)?;
        let what = format!("{bytes} bytes of a commit that was not finished, behind position {}", last.end.position);
        self.note(&last.file, &what, None, format!("set aside as {}", self.place(&aside)));
        Ok(())
    }

    /// Whether there should be packs behind `end`, where the scan of a file stopped.
    fn may_go_on(&self, end: &Head, limit: Option<Option<Head>>) -> bool {
        match limit {
            Some(Some(limit)) => end.position < limit.position,
            Some(None) => true,
            None => !self.known.is_some_and(|known| known.exact && known.head.position <= end.position),
        }
    }

    fn compare_with_known(&mut self, walked: &VecDeque<LiveFile>, head: &Head) -> Result<(), OpenError> {
        let Some(known) = self.known else { return Ok(()) };
        let Some(last) = walked.back() else { return Ok(()) };
        if known.head.position > head.position {
            let what = "the last packs are damaged or missing".to_owned();
            return self.lost(&last.file, what, head, known.head.position);
        }
        if known.head.position == head.position && known.head.hash != head.hash {
            let what = "it ends in another history than was acknowledged".to_owned();
            return self.lost(&last.file, what, head, known.head.position);
        }
        Ok(())
    }

    /// Something acknowledged cannot be had from any copy.
    fn lost(&mut self, file: &JournalFile, what: String, head: &Head, needed: Position) -> Result<(), OpenError> {
        let acknowledged = self.known.map_or(needed, |known| known.head.position.max(needed)).max(head.position);
        if !self.accept_loss {
            let place = self.place(file.path());
            return Err(OpenError::Damaged { place, what, readable_to: head.position, acknowledged });
        }
        let lost = (head.position < acknowledged).then(|| (head.position.next(), acknowledged));
        self.note(file, &what, lost, "given up".to_owned());
        Ok(())
    }

    /// Moves a file aside that cannot be part of the log any more.
    fn give_up(&mut self, file: &JournalFile) -> Result<(), OpenError> {
        let aside = files::set_aside(file.path(), &self.log.join("set-aside"))?;
        let action = format!("set aside as {}", self.place(&aside));
        self.note(file, "it does not continue what is readable", None, action);
        Ok(())
    }

    fn note(&mut self, file: &JournalFile, what: &str, positions: Option<(Position, Position)>, action: String) {
        let place = self.place(file.path());
        self.findings.push(Finding { place, what: what.to_owned(), positions, action });
    }

    fn place(&self, path: &Path) -> String {
        path.strip_prefix(self.log).unwrap_or(path).display().to_string()
    }
}

/// Where the chain of a file begins whose header is damaged, if its first pack is whole.
fn start_by_first_pack(file: &JournalFile) -> Result<Option<Head>, OpenError> {
    let Ok(header) = PackHeader::read(&file.read(HEADER_BYTES, crate::log::pack::HEADER)?) else { return Ok(None) };
    let pack = Pack::read(&file.read(HEADER_BYTES, header.length)?).ok();
    Ok(pack.map(|pack| Head { position: Position(pack.first().0 - 1), hash: pack.previous() }))
}

/// The highest number that a twin has.
fn last_twin(recent: &Path) -> Result<Option<u64>, OpenError> {
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse().ok();
    Ok(files::list(recent)?.iter().filter_map(number).max())
}

/// Why a file that begins at `start` cannot continue what ends at `head`, if it cannot.
fn misfit(start: &Head, head: &Head) -> Option<String> {
    if start.position > head.position {
        return Some(format!("positions {} to {} are missing before it", head.position.next(), start.position));
    }
    let other = start.position == head.position && start.hash != head.hash;
    other.then(|| "it does not continue what lies before it".to_owned())
}
