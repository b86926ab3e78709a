//! Finds the sealed segments at open, and makes those anew that are damaged, as far as the other copies allow.

use std::path::{Path, PathBuf};

use zo_projections::Position;

use super::report::{Finding, OpenError};
use super::supply::Supply;
use crate::disk::files;
use crate::disk::segments::{self, Segment, SegmentError, SegmentInfo, SegmentWriter};
use crate::log::{Head, HomeId};

/// The segments that continue each other from the start of the log.
#[derive(Debug)]
pub(super) struct Sealed {
    pub segments: Vec<SegmentInfo>,
    pub head: Head,
    /// Files of segments that are not among them, with what is wrong: behind a gap, or damaged beyond repair.
    pub unusable: Vec<(Option<Position>, PathBuf, String)>,
}

/// Looks through the folder `segments` of the log `log`.
///
/// # Errors
/// If a file cannot be read, is of a newer format or of another home. Gaps are not an error here.
pub(super) fn find(
    log: &Path,
    home: &HomeId,
    supply: &mut Supply,
    findings: &mut Vec<Finding>,
) -> Result<Sealed, OpenError> {
    let folder = log.join("segments");
    files::make_folder(&folder)?;
    files::remove_temporaries(&folder)?;
    let mut found = Vec::new();
    let mut unusable = Vec::new();
    for (first, last, path) in segments::files(&folder)? {
        match Segment::peek(&path) {
            Ok(info) if info.home != *home => return Err(OpenError::OtherHome { path }),
            Ok(info) => found.push(info),
            Err(SegmentError::Newer { path, found }) => return Err(OpenError::Newer { path, found }),
            Err(SegmentError::Io(error)) => return Err(error.into()),
            Err(SegmentError::Damaged { what, .. }) => unusable.push((first, last, path, what)),
        }
    }
    // Those that are damaged on the outside may be whole within.
    let mut damaged = Vec::new();
    for (first, last, path, what) in unusable {
        match Segment::open(&path) {
            Ok(segment) if segment.info().home != *home => return Err(OpenError::OtherHome { path }),
            Ok(segment) => {
                damaged.push((segment.info().start, *segment.info(), path, what));
                supply.add(segment, "what is readable of it");
            }
            Err(SegmentError::Newer { path, found }) => return Err(OpenError::Newer { path, found }),
            Err(SegmentError::Io(error)) => return Err(error.into()),
            Err(SegmentError::Damaged { .. }) => {
                // Only the name is left: where it began is found by its neighbour's end.
                let start = Head { position: Position(first.0.saturating_sub(1)), hash: [0; 32] };
                let end = Head { position: last, hash: [0; 32] };
                let info = SegmentInfo { home: *home, start, end, packs: 0, blocks: 0, file_bytes: 0, raw_bytes: 0 };
                damaged.push((start, info, path, what));
            }
        }
    }

    let mut sealed = Sealed { segments: Vec::new(), head: Head::start(home), unusable: Vec::new() };
    loop {
        let next = found.iter().filter(|info| info.start == sealed.head).max_by_key(|info| info.last());
        if let Some(info) = next.copied() {
            sealed.head = info.end;
            sealed.segments.push(info);
            continue;
        }
        let at = damaged.iter().position(|(start, ..)| start.position == sealed.head.position);
        let Some((_, info, path, what)) = at.map(|at| damaged.swap_remove(at)) else { break };
        match rebuild(&folder, home, sealed.head, info.last(), supply)? {
            Some(anew) => {
                let positions = Some((anew.first(), anew.last()));
                let action = "written anew from its own blocks and the other copies".to_owned();
                findings.push(Finding { place: place(log, &path), what, positions, action });
                sealed.head = anew.end;
                sealed.segments.push(anew);
            }
            None => sealed.unusable.push((Some(info.first()), path, what)),
        }
    }
    let used = |info: &SegmentInfo| sealed.segments.iter().any(|other| other == info);
    let leftover = found.iter().filter(|info| !used(info));
    for info in leftover {
        let path = folder.join(info.file_name());
        // One that was cut in two, or a shorter one of the same range, says nothing new.
        if info.last() <= sealed.head.position {
            continue;
        }
        let what =
            format!("positions {} to {} are missing before it", sealed.head.position.next(), info.start.position);
        sealed.unusable.push((Some(info.first()), path, what));
    }
    for (_, info, path, what) in damaged {
        if info.last() > sealed.head.position {
            sealed.unusable.push((Some(info.first()), path, what));
        }
    }
    sealed.unusable.sort();
    Ok(sealed)
}

/// Writes the segment from behind `start` to `last` from whatever copies there are; none if they lack a pack.
fn rebuild(
    folder: &Path,
    home: &HomeId,
    start: Head,
    last: Position,
    supply: &mut Supply,
) -> Result<Option<SegmentInfo>, OpenError> {
    let mut writer = SegmentWriter::create(folder, *home, start)?;
    let mut head = start;
    while head.position < last {
        let Some((pack, _)) = supply.after(&head) else { return Ok(None) };
        head = pack.head();
        writer.push(&pack).map_err(open_error)?;
    }
    writer.finish().map(|(info, _)| Some(info)).map_err(open_error)
}

/// As [`rebuild`], but keeps what can be had, if it is anything.
pub(super) fn salvage(
    folder: &Path,
    home: &HomeId,
    start: Head,
    supply: &mut Supply,
) -> Result<Option<SegmentInfo>, OpenError> {
    let mut writer = SegmentWriter::create(folder, *home, start)?;
    let mut head = start;
    while let Some((pack, _)) = supply.after(&head) {
        head = pack.head();
        writer.push(&pack).map_err(open_error)?;
    }
    if head == start {
        return Ok(None);
    }
    writer.finish().map(|(info, _)| Some(info)).map_err(open_error)
}

pub(super) fn open_error(error: SegmentError) -> OpenError {
    match error {
        SegmentError::Io(error) => error.into(),
        SegmentError::Newer { path, found } => OpenError::Newer { path, found },
        SegmentError::Damaged { path, what, positions } => OpenError::Damaged {
            place: path.display().to_string(),
            what,
            readable_to: positions.map_or(Position::START, |(first, _)| Position(first.0 - 1)),
            acknowledged: positions.map_or(Position::START, |(_, last)| last),
        },
    }
}

fn place(log: &Path, path: &Path) -> String {
    path.strip_prefix(log).unwrap_or(path).display().to_string()
}
