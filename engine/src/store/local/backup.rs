//! Backups, and the ways back from them: folders of segments.

use std::fs;
use std::path::{Path, PathBuf};

use zo_projections::Position;

use super::open::{self, Recovered};
use super::report::{Finding, OpenError};
use super::sealed::Care;
use super::supply::Supply;
use super::{LocalStore, Options};
use crate::disk::DiskError;
use crate::disk::files;
use crate::disk::head::{HeadFile, Slot};
use crate::disk::recent::Recent;
use crate::disk::segments::{self, Segment, SegmentError, SegmentInfo, SegmentWriter};
use crate::log::{Head, HomeId};
use crate::store::{ReadError, Store};

/// How much is read at once.
const READ_BYTES: usize = 4 << 20;

/// What a backup did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// How far the backup goes now.
    pub head: Head,
    /// Segments that were copied.
    pub copied: usize,
    /// Segments that were there already.
    pub kept: usize,
    /// Events that are not sealed yet and were written as a segment of their own.
    pub unsealed: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// What a restore brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// How far the log goes now.
    pub head: Head,
    /// The positions that are lost, as far as that is known.
    pub lost: Option<(Position, Position)>,
    /// What was done.
    pub findings: Vec<Finding>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder holds what this log did not write.
    #[error("{} is of another history than this log: back up into another folder", .path.display())]
    OtherHistory {
        /// The file.
        path: PathBuf,
    },
    /// Something of the log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A segment cannot be read or written.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is nothing to restore from.
    #[error("{} holds no segments of a log from its start", .path.display())]
    NothingThere {
        /// The folder.
        path: PathBuf,
    },
    /// There is a log where one should be restored.
    #[error("{} holds a log already", .path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A segment cannot be read or written.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl LocalStore {
    /// Brings the folder `to` up to date: copies the segments that it lacks, and writes what is not sealed yet
    /// as a segment of its own, which takes the place of that of the backup before. Everything is durable
    /// and has been read back on return; a backup that breaks off leaves the one before.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn backup(&self, to: &Path) -> Result<Backup, BackupError> {
        files::make_folder(to)?;
        files::remove_temporaries(to)?;
        let (sealed, segments, head) = {
            let state = self.shared.lock();
            (state.sealed, state.segments.clone(), state.head)
        };
        let mut backup = Backup { head, copied: 0, kept: 0, unsealed: 0, bytes: 0 };
        let mut ours: Vec<String> = segments.iter().map(SegmentInfo::file_name).collect();
        self.refuse_other_history(to, head, &segments)?;
        for info in &segments {
            let path = to.join(info.file_name());
            if Segment::peek(&path).is_ok_and(|found| found == *info) {
                backup.kept += 1;
                continue;
            }
            let source = self.shared.folder("segments").join(info.file_name());
            if copy_segment(&source, to)?.is_none() {
                // It is damaged: what comes of reading it is not.
                self.write_range(to, info.start, info.end)?;
            }
            backup.copied += 1;
            backup.bytes += info.file_bytes;
        }
        if head.position > sealed.position {
            let info = self.write_range(to, sealed, head)?;
            ours.push(info.file_name());
            backup.unsealed = head.position.0 - sealed.position.0;
            backup.bytes += info.file_bytes;
        }
        for (_, _, path) in segments::files(to)? {
            // What is left is what earlier backups wrote of ranges that were not sealed then.
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !ours.iter().any(|ours| ours == name) {
                fs::remove_file(&path).map_err(DiskError::on("remove", &path))?;
            }
        }
        files::sync_folder(to)?;
        Ok(backup)
    }

    fn write_range(&self, folder: &Path, start: Head, end: Head) -> Result<SegmentInfo, BackupError> {
        let mut writer = SegmentWriter::create(folder, self.shared.home, start)?;
        let mut head = start;
        while head.position < end.position {
            for pack in self.read(head.position.next(), READ_BYTES)? {
                if head.position < end.position {
                    head = pack.head();
                    writer.push(&pack)?;
                }
            }
        }
        Ok(writer.finish()?.0)
    }

    /// Everything in the folder must be part of this log: of its home, and of its chain where that is known.
    fn refuse_other_history(&self, folder: &Path, head: Head, segments: &[SegmentInfo]) -> Result<(), BackupError> {
        for (_, _, path) in segments::files(folder)? {
            // One that cannot be read is replaced.
            let Ok(info) = Segment::peek(&path) else { continue };
            let mut same = info.home == self.shared.home && info.last() <= head.position;
            same &= segments.iter().all(|ours| ours.first() != info.first() || ours.start == info.start);
            same &= segments.iter().all(|ours| ours.last() != info.last() || ours.end == info.end);
            if same {
                let packs = self.read(info.last(), 1)?;
                same = packs.first().is_some_and(|pack| pack.head() == info.end);
            }
            if !same {
                return Err(BackupError::OtherHistory { path });
            }
        }
        Ok(())
    }
}

/// Copies a segment if it is whole, and reads the copy back.
fn copy_segment(source: &Path, folder: &Path) -> Result<Option<SegmentInfo>, BackupError> {
    let temporary = files::temporary_of(&folder.join("copy"));
    fs::copy(source, &temporary).map_err(DiskError::on("copy", source))?;
    let copied = (|| {
        let file = fs::File::open(&temporary).map_err(DiskError::on("open", &temporary))?;
        file.sync_all().map_err(DiskError::on("sync", &temporary))?;
        let segment = match Segment::open(&temporary) {
            Ok(segment) if segment.condition().is_whole() => segment,
            Ok(_) | Err(SegmentError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut flaws = 0;
        let readable = segment.check(&mut |_| {
            flaws += 1;
            Ok(())
        })?;
        Ok((readable && flaws == 0).then_some(*segment.info()))
    })();
    match copied {
        Ok(Some(info)) => {
            files::replace(&temporary, &folder.join(info.file_name()))?;
            Ok(Some(info))
        }
        other => {
            let _ = fs::remove_file(&temporary);
            other
        }
    }
}

/// Makes the log `into` from the folder of segments `from`: a backup, or the segments of another log. What is
/// damaged there beyond repair ends the restored log, and the report says so.
///
/// # Errors
/// See [`RestoreError`]; `into` must not hold a log.
pub fn restore(from: &Path, into: &Path) -> Result<Restored, RestoreError> {
    let nothing_there = || RestoreError::NothingThere { path: from.to_owned() };
    let found = segments::files(from)?;
    let opened = found.iter().filter_map(|(_, _, path)| Segment::open(path).ok());
    let homes: Vec<HomeId> = opened.map(|segment| segment.info().home).collect();
    let home = *homes.first().ok_or_else(nothing_there)?;
    for name in ["journal", "segments", "head"] {
        let path = into.join(name);
        if path.is_file() || !files::list(&path)?.is_empty() {
            return Err(RestoreError::Occupied { path: into.to_owned() });
        }
    }
    let _lock = open::prepare(into)?;
    let folder = into.join("segments");
    files::make_folder(&folder)?;
    for (_, _, path) in &found {
        let name = path.file_name().ok_or_else(nothing_there)?;
        let to = folder.join(name);
        fs::copy(path, &to).map_err(DiskError::on("copy", path))?;
        fs::File::open(&to).and_then(|file| file.sync_all()).map_err(DiskError::on("sync", &to))?;
    }
    files::sync_folder(&folder)?;
    let restored = mend(into, home, &Options::default(), None)?;
    if restored.head.position == Position::START {
        return Err(nothing_there());
    }
    Ok(restored)
}

/// Mends a log that cannot be opened: keeps every segment and every pack that can be read from any copy and
/// continues the chain, takes what is missing from `backup` if there is one, moves the rest to `set-aside`, and
/// says what is lost. The log can be opened afterwards.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore_local(
    log: &Path,
    home: HomeId,
    options: &Options,
    backup: Option<&Path>,
) -> Result<Restored, RestoreError> {
    let _lock = open::prepare(log)?;
    mend(log, home, options, backup)
}

fn mend(log: &Path, home: HomeId, options: &Options, backup: Option<&Path>) -> Result<Restored, RestoreError> {
    let mut findings = Vec::new();
    let mut supply = Supply::new(log.join("recent"), options.recent_cache_bytes);
    for (_, _, path) in backup.map_or(Ok(Vec::new()), segments::files)? {
        match Segment::open(&path) {
            Ok(segment) if segment.info().home == home => supply.add(segment, "the backup"),
            // What cannot be read there cannot help.
            _ => {}
        }
    }
    let recovered = open::recover(log, home, options, supply, Care::Mend, &mut findings)?;
    let Recovered { walked, last_slot, sealed } = recovered;
    walked.files.iter().try_for_each(|live| live.file.sync())?;
    files::sync_folder(&log.join("journal"))?;
    // The twins are filled again from what is kept.
    Recent::discard(&log.join("recent"))?;
    let mut head_file = HeadFile::open(&log.join("head"), home)?.0;
    let head = walked.head;
    let slot = Slot { head, trusted: Position::START, closed: true, twins_complete: false, boot: 0 };
    head_file.write(&slot)?;
    head_file.write(&slot)?;
    head_file.sync()?;
    let acknowledged = last_slot.map_or(Position::START, |slot| slot.head.position);
    let beyond = sealed.unusable.iter().map(|unusable| unusable.last).max().unwrap_or(Position::START);
    let end = acknowledged.max(beyond);
    let lost = (end > head.position).then(|| (head.position.next(), end));
    Ok(Restored { head, lost, findings })
}
