//! Checks and copies of a home: verify, backup, restore, export and import.
//!
//! A backup folder holds what a home cannot do without, in the same forms:
//!
//! ```text
//! BACKUP/FIRST-LAST.zos   segments of the log, the unsealed end as a segment of its own
//!        blobs/ab/cdef…   large bodies, sealed
//!        format           which home it is of
//!        keys/            only if asked for: without them nobody can read what was sealed
//! ```
//!
//! An exported file is one segment with the whole log; blobs and keys lie beside it as `FILE.blobs` and `FILE.keys`.
//! Segments are sealed as the log is, so a copy tells nobody anything without the keys.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zo_projections::Position;
use zo_projections::record::BodyPlace;

use crate::disk::blobs::Blobs;
use crate::disk::keys::KeyRing;
use crate::disk::lock::{Lock, LockError};
use crate::disk::segments::{Segment, SegmentWriter};
use crate::disk::{DiskError, files};
use crate::engine::Engine;
use crate::fold::{self, FoldError};
use crate::home::{self, Home};
use crate::protocol::{BackedUp, Failure, FailureKind, Problem, Verification};
use crate::service::failure::with_causes;
use crate::store::Store;
use crate::store::local::{self, Options, Restored};

/// Told what is being done, how much is done and how much there is; breaks to stop.
pub type Progress<'a> = &'a mut dyn FnMut(&str, u64, u64) -> ControlFlow<()>;

/// Reads and checks everything in an open home: every copy of every pack, the chain, every event, every blob, every
/// key, the memory index, and that the views hold no anomaly.
///
/// # Errors
/// If the writer is poisoned, or a file cannot be read at all. What is damaged is no error: it is in the answer.
pub fn verify_open(engine: &Engine, progress: Progress<'_>) -> Result<Verification, Failure> {
    let head = engine.store_head();
    let found = engine.store.verify(&mut |position| {
        let _ = progress("verifying files", position.0, head.position.0);
    });
    let found = found.map_err(|error| io_failure(&error))?;
    let mut problems: Vec<Problem> = found.problems.into_iter().map(Problem::from).collect();
    let log_is_whole = problems.is_empty();
    let (events, blobs) = verify_events(&*engine.store, head.position, progress, &mut problems, log_is_whole);
    verify_blobs(engine.bodies.blobs(), &blobs, progress, &mut problems);
    problems.extend(key_problems(engine.bodies.keys()));
    problems.extend(engine.recall.verify().map(|what| Problem {
        place: engine.home.index().display().to_string(),
        what,
        first: None,
        last: None,
        restored_by: Some("`zo rebuild`, from the log".to_owned()),
    }));
    let anomalies = engine.writer.read(|views| views.anomalies.clone())?;
    problems.extend(anomalies.into_iter().map(|anomaly| Problem {
        place: "views".to_owned(),
        what: format!("anomaly: {}", anomaly.what),
        first: Some(anomaly.position),
        last: Some(anomaly.position),
        restored_by: None,
    }));
    Ok(Verification { ok: problems.is_empty(), events, head: head.position, hash: hex(&head.hash), problems })
}

/// Looks at a home that cannot be opened: what of it can be read, and what is damaged.
///
/// # Errors
/// If there is no home, somebody has it open, or a file cannot be read at all.
pub fn verify_closed(folder: &Path, progress: Progress<'_>) -> Result<Verification, Failure> {
    let (home, mended) = Home::open(folder, false, 0)?;
    let _lock = take_lock(&home)?;
    let found = local::verify(&home.log(), home.id(), &mut |position| {
        let _ = progress("verifying files", position.0, 0);
    });
    let found = found.map_err(|error| Failure::from(crate::engine::OpenError::Store(error)))?;
    let mut problems: Vec<Problem> = found.problems.into_iter().map(Problem::from).collect();
    problems.extend(mended.map(|what| Problem {
        place: "format".to_owned(),
        what,
        first: None,
        last: None,
        restored_by: Some("the log; it is written anew".to_owned()),
    }));
    match KeyRing::open(&home.keys(), home.id()) {
        Ok(keys) => problems.extend(key_problems(&keys)),
        Err(error) => problems.push(Problem {
            place: home.keys().display().to_string(),
            what: with_causes(&error),
            first: None,
            last: None,
            restored_by: Some("a backup made with `--with-keys`".to_owned()),
        }),
    }
    Ok(Verification {
        ok: problems.is_empty(),
        events: found.events,
        head: found.head.position,
        hash: hex(&found.head.hash),
        problems,
    })
}

type BlobPlaces = BTreeMap<[u8; 32], Position>;

/// Decodes every event; returns how many there are and which blobs they refer to.
fn verify_events(
    store: &dyn Store,
    head: Position,
    progress: Progress<'_>,
    problems: &mut Vec<Problem>,
    log_is_whole: bool,
) -> (u64, BlobPlaces) {
    let (mut events, mut blobs, mut told) = (0, BlobPlaces::new(), 0);
    let checked = fold::packs(store, Position(1), head).try_for_each(|chunk| {
        for pack in chunk? {
            for record in pack.records() {
                let record = record?;
                let position = record.header.position;
                record.decode().map_err(|source| FoldError::Event { position, source })?;
                if let BodyPlace::Blob { hash, .. } = record.header.body {
                    blobs.entry(hash).or_insert(position);
                }
                events += 1;
            }
        }
        if events - told >= 50_000 {
            told = events;
            let _ = progress("verifying events", events, head.0);
        }
        Ok::<(), FoldError>(())
    });
    // Damage to the files has been told already, with more to say about it.
    if let Err(error) = checked
        && log_is_whole
    {
        problems.push(Problem {
            place: "log".to_owned(),
            what: with_causes(&error),
            first: Some(Position(events + 1)),
            last: None,
            restored_by: Some("`zo log restore`, from the other copy or a backup".to_owned()),
        });
    }
    (events, blobs)
}

fn verify_blobs(blobs: &Blobs, wanted: &BlobPlaces, progress: Progress<'_>, problems: &mut Vec<Problem>) {
    for (done, (hash, position)) in wanted.iter().enumerate() {
        let _ = progress("verifying blobs", done as u64, wanted.len() as u64);
        if let Err(error) = blobs.get(hash) {
            problems.push(Problem {
                place: blobs.path(hash).display().to_string(),
                what: error.to_string(),
                first: Some(*position),
                last: Some(*position),
                restored_by: Some("`zo log restore --from` a backup that has it".to_owned()),
            });
        }
    }
}

fn key_problems(keys: &KeyRing) -> impl Iterator<Item = Problem> {
    keys.verify().into_iter().map(|finding| Problem {
        place: finding.path.display().to_string(),
        what: finding.what,
        first: None,
        last: None,
        restored_by: Some("the copy beside it, the next time the home is opened".to_owned()),
    })
}

impl From<local::Problem> for Problem {
    fn from(problem: local::Problem) -> Self {
        let local::Problem { place, what, first, last, restored_by } = problem;
        Self { place: format!("log/{place}"), what, first, last, restored_by }
    }
}

/// Brings the backup in `folder` up to date: copies what is not there yet.
///
/// # Errors
/// If the folder is the backup of another home, or the disk says no. The backup that was there before is whole then.
pub fn backup(engine: &Engine, folder: &Path, with_keys: bool, progress: Progress<'_>) -> Result<BackedUp, Failure> {
    if folder.starts_with(engine.home.folder()) {
        return Err(Failure::new(FailureKind::Invalid, format!("{} is inside the home", folder.display()))
            .hint("a backup belongs on another disk, or at least into another folder"));
    }
    files::make_folder(folder).map_err(|error| io_failure(&error))?;
    let _ = progress("copying the log", 0, engine.store_head().position.0);
    let copied = engine.store.backup(folder).map_err(|error| {
        let kind = match &error {
            local::BackupError::OtherHistory { .. } => FailureKind::Refused,
            local::BackupError::Read(_) | local::BackupError::Segment(_) => FailureKind::Damaged,
            local::BackupError::Disk(_) => FailureKind::Io,
        };
        Failure::new(kind, with_causes(&error))
    })?;
    let to = Blobs::new(folder.join("blobs"));
    let (blobs_copied, blob_bytes) = copy_blobs(engine.bodies.blobs(), &to, progress)?;
    copy_file(&engine.home.folder().join("format"), &folder.join("format"))?;
    if with_keys {
        copy_keys(&engine.home.keys(), &folder.join("keys"))?;
    }
    Ok(BackedUp {
        segments_copied: to_u32(copied.copied),
        segments_present: to_u32(copied.kept),
        blobs_copied,
        bytes: copied.bytes + blob_bytes,
        head: copied.head.position,
        keys: with_keys,
    })
}

/// What a restore came to.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RestoredHome {
    /// The last position now.
    pub head: Position,
    /// The positions that are lost, first and last, as far as that is known.
    pub lost: Option<(Position, Position)>,
    /// What was found and done, for people.
    pub findings: Vec<String>,
    /// Blobs that were brought back.
    pub blobs: u32,
    /// Whether keys were brought back.
    pub keys: bool,
}

/// Mends the home in `folder`, which nobody may have open: keeps everything that can be read from any copy, takes what
/// is missing from the backup `from` if there is one, and sets the damaged files aside. Where there is no home, it is
/// made from the backup.
///
/// # Errors
/// If somebody has the home open, there is nothing to restore from, or the disk says no.
pub fn restore(folder: &Path, from: Option<&Path>) -> Result<RestoredHome, Failure> {
    let is_there = folder.join("format").exists() || folder.join("log").exists();
    match from {
        Some(from) if !is_there => {
            let restored = restore_new(folder, from, &from.join("blobs"), &from.join("keys"))?;
            Ok(restored)
        }
        from => restore_damaged(folder, from),
    }
}

fn restore_damaged(folder: &Path, from: Option<&Path>) -> Result<RestoredHome, Failure> {
    let (home, mended) = Home::open(folder, false, 0)?;
    let _lock = take_lock(&home)?;
    let restored = local::restore_local(&home.log(), home.id(), &Options::default(), from).map_err(restore_failure)?;
    let mut blobs = 0;
    let mut keys = false;
    if let Some(from) = from {
        (blobs, _) = copy_blobs(&Blobs::new(from.join("blobs")), &Blobs::new(home.blobs()), &mut ignore)?;
        // Keys that are there are kept: the backup's may be older.
        if KeyRing::open(&home.keys(), home.id()).is_err() && from.join("keys").is_dir() {
            copy_keys(&from.join("keys"), &home.keys())?;
            keys = true;
        }
    }
    let mut done = told(restored, blobs, keys);
    done.findings.extend(mended);
    Ok(done)
}

fn restore_new(folder: &Path, segments: &Path, blobs: &Path, keys: &Path) -> Result<RestoredHome, Failure> {
    let empty = fs::read_dir(folder).map(|mut entries| entries.next().is_none()).unwrap_or(true);
    if !empty {
        return Err(Failure::new(FailureKind::Refused, format!("{} is not empty, and not a home", folder.display()))
            .hint("name another folder with --home: it may be one that does not exist yet"));
    }
    files::make_folder(folder).map_err(|error| io_failure(&error))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .map_err(|error| io_failure(&DiskError::on("protect", folder)(error)))?;
    let restored = local::restore(segments, &folder.join("log")).map_err(restore_failure)?;
    let (home, _) = Home::open(folder, false, 0)?;
    let (blobs, _) = copy_blobs(&Blobs::new(blobs.to_owned()), &Blobs::new(home.blobs()), &mut ignore)?;
    let with_keys = keys.is_dir();
    if with_keys {
        copy_keys(keys, &home.keys())?;
    }
    Ok(told(restored, blobs, with_keys))
}

fn ignore(_: &str, _: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn told(restored: Restored, blobs: u32, keys: bool) -> RestoredHome {
    RestoredHome {
        head: restored.head.position,
        lost: restored.lost,
        findings: restored.findings.iter().map(ToString::to_string).collect(),
        blobs,
        keys,
    }
}

/// Writes the whole log into one file, with blobs and, if asked for, keys beside it.
///
/// # Errors
/// If something is there already, the log is damaged, or the disk says no.
pub fn export(engine: &Engine, file: &Path, with_keys: bool, progress: Progress<'_>) -> Result<BackedUp, Failure> {
    let (blobs, keys) = beside(file);
    for path in [file, &blobs, &keys] {
        if path.exists() {
            return Err(Failure::new(FailureKind::Refused, format!("{} is there already", path.display()))
                .hint("name another file, or remove it first"));
        }
    }
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let head = engine.store_head();
    let start = crate::log::Head::start(&engine.home.id());
    let mut writer = SegmentWriter::create(folder, engine.home.id(), start).map_err(|error| io_failure(&error))?;
    for chunk in fold::packs(&*engine.store, Position(1), head.position) {
        for pack in chunk? {
            let _ = progress("exporting", pack.last().0, head.position.0);
            writer.push(&pack).map_err(|error| Failure::new(FailureKind::Io, with_causes(&error)))?;
        }
    }
    let (info, path) = writer.finish().map_err(|error| Failure::new(FailureKind::Io, with_causes(&error)))?;
    files::replace(&path, file).map_err(|error| io_failure(&error))?;
    let (blobs_copied, blob_bytes) = copy_blobs(engine.bodies.blobs(), &Blobs::new(blobs), progress)?;
    if with_keys {
        copy_keys(&engine.home.keys(), &keys)?;
    }
    Ok(BackedUp {
        segments_copied: 1,
        segments_present: 0,
        blobs_copied,
        bytes: info.file_bytes + blob_bytes,
        head: info.end.position,
        keys: with_keys,
    })
}

/// Makes the home `folder`, which must not exist, from a file that [`export`] wrote.
///
/// # Errors
/// If there is a home already, the file is no exported log, or the disk says no.
pub fn import(folder: &Path, file: &Path) -> Result<RestoredHome, Failure> {
    if folder.join("format").exists() || folder.join("log").exists() {
        return Err(Failure::new(FailureKind::Refused, format!("there is a home at {} already", folder.display()))
            .hint("an exported log becomes a home of its own: name a new folder with --home"));
    }
    let segment = Segment::open(file).map_err(|error| {
        Failure::new(FailureKind::Invalid, format!("{} is no exported log: {}", file.display(), with_causes(&error)))
            .hint("`zo log export` writes such a file; `zo import` takes over notes, chats and databases")
    })?;
    // The file's name is its owner's; a segment's name says what is in it.
    let name = segment.info().file_name();
    let staging = tempfile_beside(folder)?;
    let result = copy_file(file, &staging.join(name)).and_then(|()| {
        let (blobs, keys) = beside(file);
        restore_new(folder, &staging, &blobs, &keys)
    });
    let _ = fs::remove_dir_all(&staging);
    result
}

/// `FILE.blobs` and `FILE.keys`.
fn beside(file: &Path) -> (PathBuf, PathBuf) {
    let with = |ending: &str| {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    (with(".blobs"), with(".keys"))
}

/// A folder for what is on its way into `folder`.
fn tempfile_beside(folder: &Path) -> Result<PathBuf, Failure> {
    let staging = files::temporary_of(folder);
    files::make_folder(&staging).map_err(|error| io_failure(&error))?;
    Ok(staging)
}

fn take_lock(home: &Home) -> Result<Lock, Failure> {
    Lock::take(&home::lock_path(home.folder())).map_err(|error| match error {
        LockError::Held { holder, .. } => {
            let who = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            Failure::new(FailureKind::Refused, format!("{who} has the home open"))
                .hint("let it end, or end it by its process id, and try again")
        }
        LockError::Io(error) => io_failure(&error),
    })
}

fn restore_failure(error: local::RestoreError) -> Failure {
    let kind = match &error {
        local::RestoreError::NothingThere { .. } | local::RestoreError::Occupied { .. } => FailureKind::Refused,
        local::RestoreError::Open(_) | local::RestoreError::Segment(_) => FailureKind::Damaged,
        local::RestoreError::Disk(_) => FailureKind::Io,
    };
    Failure::new(kind, with_causes(&error))
}

/// Copies blobs that are missing or damaged at the other end; those damaged at this end are passed over.
fn copy_blobs(from: &Blobs, to: &Blobs, progress: Progress<'_>) -> Result<(u32, u64), Failure> {
    let hashes = from.list().map_err(|error| io_failure(&error))?;
    let (mut copied, mut bytes) = (0, 0);
    for (done, hash) in hashes.iter().enumerate() {
        let _ = progress("copying blobs", done as u64, hashes.len() as u64);
        let there = fs::metadata(to.path(hash)).map(|found| found.len()).ok();
        let here = fs::metadata(from.path(hash)).map(|found| found.len()).ok();
        if there.is_some() && there == here && to.get(hash).is_ok() {
            continue;
        }
        if let Ok(blob) = from.get(hash) {
            to.put(&blob).map_err(|error| Failure::new(FailureKind::Io, with_causes(&error)))?;
            copied += 1;
            bytes += blob.len() as u64;
        }
    }
    Ok((copied, bytes))
}

fn copy_keys(from: &Path, to: &Path) -> Result<(), Failure> {
    files::make_folder(to).map_err(|error| io_failure(&error))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700))
        .map_err(|error| io_failure(&DiskError::on("protect", to)(error)))?;
    for name in ["home.key", "home.key.copy", "streams.key", "streams.key.copy"] {
        let path = from.join(name);
        if path.exists() {
            copy_file(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies a small file, durably, readable by its owner alone.
fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let bytes = fs::read(from).map_err(|error| io_failure(&DiskError::on("read", from)(error)))?;
    files::write_atomic(to, &bytes, 0o600).map_err(|error| io_failure(&error))
}

fn io_failure(error: &DiskError) -> Failure {
    let kind = if error.is_full() { FailureKind::DiskFull } else { FailureKind::Io };
    Failure::new(kind, error.to_string())
}

fn hex(hash: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
