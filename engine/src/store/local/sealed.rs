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
    /// Files of segments that are not among them: behind a gap, or damaged beyond repair.
    pub unusable: Vec<Unusable>,
}

/// A segment that cannot be part of the log as things are.
#[derive(Debug)]
pub(super) struct Unusable {
    pub first: Position,
    pub last: Position,
    pub path: PathBuf,
    pub what: String,
}

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// At the headers: whatever else is damaged is noticed when it is read.
    Open,
    /// At every byte, and keep what is left of a segment that cannot be restored.
    Mend,
}

/// Looks through the folder `segments` of the log `log`.
///
/// # Errors
/// If a file cannot be read, is of a newer format or of another home. Gaps are not an error here.
pub(super) fn find(
    log: &Path,
    home: &HomeId,
    care: Care,
    supply: &mut Supply,
    findings: &mut Vec<Finding>,
) -> Result<Sealed, OpenError> {
    let folder = log.join("segments");
    files::make_folder(&folder)?;
    files::remove_temporaries(&folder)?;
    let mut whole: Vec<SegmentInfo> = Vec::new();
    let mut damaged = Vec::new();
    for (first, last, path) in segments::files(&folder)? {
        match look(&path, care) {
            Ok(info) if info.home != *home => return Err(OpenError::OtherHome { path }),
            Ok(info) => whole.push(info),
            Err(SegmentError::Newer { path, found }) => return Err(OpenError::Newer { path, found }),
            Err(SegmentError::Io(error)) => return Err(error.into()),
            Err(SegmentError::Damaged { what, .. }) => damaged.push(Unusable { first, last, path, what }),
        }
    }
    // What is readable of the damaged ones serves as another copy.
    for unusable in &mut damaged {
        match Segment::open(&unusable.path) {
            Ok(segment) if segment.info().home != *home => {
                return Err(OpenError::OtherHome { path: unusable.path.clone() });
            }
            Ok(segment) => {
                (unusable.first, unusable.last) = (segment.info().first(), segment.info().last());
                supply.add(segment, "what is readable of it");
            }
            Err(SegmentError::Newer { path, found }) => return Err(OpenError::Newer { path, found }),
            Err(SegmentError::Io(error)) => return Err(error.into()),
            Err(SegmentError::Damaged { .. }) => {}
        }
    }

    let mut sealed = Sealed { segments: Vec::new(), head: Head::start(home), unusable: Vec::new() };
    loop {
        let next = whole.iter().filter(|info| info.start == sealed.head).max_by_key(|info| info.last());
        if let Some(info) = next.copied() {
            sealed.head = info.end;
            sealed.segments.push(info);
            continue;
        }
        let first = sealed.head.position.next();
        let broken = damaged.iter().filter(|unusable| unusable.first == first).max_by_key(|unusable| unusable.last);
        // One is missing altogether if there are others behind it.
        let behind = whole.iter().map(|info| info.start.position).filter(|start| *start >= first).min();
        let (last, what) = match (broken, behind) {
            (Some(broken), _) => (broken.last, broken.what.clone()),
            (None, Some(behind)) => (behind, "it was missing".to_owned()),
            (None, None) => break,
        };
        let Some(anew) = rebuild(&folder, home, sealed.head, last, care, supply)? else { break };
        let place = place(log, &folder.join(anew.file_name()));
        let action = "written anew from what is readable of it and the other copies".to_owned();
        findings.push(Finding { place, what, positions: Some((anew.first(), anew.last())), action });
        sealed.head = anew.end;
        sealed.segments.push(anew);
        if anew.last() < last {
            break;
        }
    }
    let covered = |last: Position| last <= sealed.head.position;
    for info in whole.iter().filter(|info| !covered(info.last()) && !sealed.segments.contains(info)) {
        let path = folder.join(info.file_name());
        let missing = (sealed.head.position.next(), info.start.position);
        let what = format!("positions {} to {} are missing before it", missing.0, missing.1);
        sealed.unusable.push(Unusable { first: info.first(), last: info.last(), path, what });
    }
    // A damaged file is still there unless it was written anew under the same name.
    let anew: Vec<PathBuf> = sealed.segments.iter().map(|info| folder.join(info.file_name())).collect();
    sealed.unusable.extend(damaged.into_iter().filter(|unusable| !anew.contains(&unusable.path)));
    sealed.unusable.sort_by_key(|unusable| unusable.first);
    Ok(sealed)
}

/// Looks at one segment, as closely as `care` says.
fn look(path: &Path, care: Care) -> Result<SegmentInfo, SegmentError> {
    if care == Care::Open {
        return Segment::peek(path);
    }
    let segment = Segment::open(path)?;
    let mut flaws = Vec::new();
    segment.check(&mut |flaw| {
        flaws.push(flaw);
        Ok(())
    })?;
    match flaws.first() {
        None => Ok(*segment.info()),
        Some(flaw) => {
            Err(SegmentError::Damaged { path: path.to_owned(), what: flaw.what.clone(), positions: flaw.positions })
        }
    }
}

/// Writes the segment from behind `start` to `last` from whatever copies there are. If they lack a pack, none;
/// or, to mend, what comes before it.
fn rebuild(
    folder: &Path,
    home: &HomeId,
    start: Head,
    last: Position,
    care: Care,
    supply: &mut Supply,
) -> Result<Option<SegmentInfo>, OpenError> {
    if supply.after(&start).is_none() {
        return Ok(None);
    }
    let mut writer = SegmentWriter::create(folder, *home, start)?;
    let mut head = start;
    while head.position < last {
        let Some((pack, _)) = supply.after(&head) else {
            if care == Care::Mend {
                break;
            }
            return Ok(None);
        };
        head = pack.head();
        writer.push(&pack).map_err(open_error)?;
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

pub(super) fn place(log: &Path, path: &Path) -> String {
    path.strip_prefix(log).unwrap_or(path).display().to_string()
}
