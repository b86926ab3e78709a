//! Checks and copies of a home: verify, backup, restore, export and import.
//!
//! A backup folder holds what a home cannot do without, in the same forms:
//!
//! ```text
//! BACKUP/FIRST-LAST.zos   segments of the log, the unsealed end as a segment of its own
//!        blobs/ab/cdef…   large bodies, sealed
//!        files/ab/cdef…   what hosted files consist of, sealed
//!        format           which home it is of
//!        reached          up to which position it goes
//!        keys/            only if asked for: without them nobody can read what was sealed
//! ```
//!
//! An exported file is one segment with the whole log; blobs, hosted files and keys lie beside it as `FILE.blobs`, `FILE.files` and
//! `FILE.keys`.
//! Segments are sealed as the log is, so a copy tells nobody anything without the keys.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zo_projections::record::BodyPlace;
use zo_projections::{KeyId, Position};

use crate::disk::blobs::Blobs;
use crate::disk::chunks::Chunks;
use crate::disk::keys::KeyRing;
use crate::disk::lock::{Lock, LockError};
use crate::disk::segments::{Segment, SegmentWriter};
use crate::disk::{DiskError, files};
use crate::engine::Engine;
use crate::fold::{self, FoldError};
use crate::home::{self, Home, HomeError};
use crate::log::Head;
use crate::protocol::{BackedUp, Failure, FailureKind, Problem, Verification};
use crate::service::failure::with_causes;
use crate::store::Store;
use crate::store::local::{self, LocalStore, Options, Restored};

/// Name of the file that says how far a backup goes.
const REACHED: &str = "reached";

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
    problems.extend(engine.recall.verify(engine.log_for_recall()).map(|what| Problem {
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
    let (folder, _lock) = claim(folder, false)?;
    let (home, mended) = Home::identify(folder, 0)?;
    if LocalStore::is_missing(&home.log()) {
        let what = "it is gone: neither a journal file nor a segment is there".to_owned();
        let restored_by = Some("`zo log restore --from` a backup".to_owned());
        let gone = Problem { place: "log".to_owned(), what, first: Some(Position(1)), last: None, restored_by };
        let head = Head::start(&home.id());
        return Ok(Verification {
            ok: false,
            events: 0,
            head: head.position,
            hash: hex(&head.hash),
            problems: vec![gone],
        });
    }
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
    match KeyRing::open(&home.keys(), home.id(), true) {
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
    // Written before the events that refer to them, and copied behind those: none is missing.
    let (files_copied, file_bytes) = copy_chunks(&engine.home.files(), &folder.join("files"))?;
    copy_file(&engine.home.folder().join("format"), &folder.join("format"))?;
    let reached = format!("position {}\nhash {}\n", copied.head.position, hex(&copied.head.hash));
    files::write_atomic(&folder.join(REACHED), reached.as_bytes(), 0o600).map_err(|error| io_failure(&error))?;
    if with_keys {
        copy_keys(&engine.home.keys(), &folder.join("keys"))?;
    }
    Ok(BackedUp {
        segments_copied: to_u32(copied.copied),
        segments_present: to_u32(copied.kept),
        blobs_copied,
        files_copied,
        bytes: copied.bytes + blob_bytes + file_bytes,
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
    /// Parts of hosted files that were brought back.
    pub files: u32,
    /// Whether keys were brought back.
    pub keys: bool,
    /// Why what is sealed cannot be read, if it cannot.
    pub unreadable: Option<String>,
}

/// Mends the home in `folder`, which nobody may have open: keeps everything that can be read from any copy, takes what
/// is missing from the backup `from` if there is one, and sets the damaged files aside. Where there is no home, it is
/// made from the backup. With `new_keys`, keys that cannot be had any more are given up: the home can be used again, and
/// what they sealed stays unreadable.
///
/// # Errors
/// If somebody has the home open, there is nothing to restore from, or the disk says no.
pub fn restore(folder: &Path, from: Option<&Path>, new_keys: bool) -> Result<RestoredHome, Failure> {
    let reaches = from.map(backup_reaches).transpose()?;
    let (folder, _lock) = claim(folder, from.is_some())?;
    let is_new = LocalStore::is_missing(&folder.join("log")) && !folder.join("format").exists();
    let (home, restored, mended) = match from {
        Some(from) if is_new => {
            let restored = local::restore(from, &folder.join("log")).map_err(restore_failure)?;
            let (home, _) = Home::identify(folder, 0)?;
            (home, restored, None)
        }
        from => {
            let (home, mended) = match (Home::identify(folder.clone(), 0), from) {
                // Nothing in the home says which one it is; the backup does.
                (Err(HomeError::NoId { .. }), Some(from)) => {
                    copy_file(&from.join("format"), &folder.join("format"))?;
                    Home::identify(folder, 0)?
                }
                (identified, _) => identified?,
            };
            if from.is_none() && home.is_used() && LocalStore::is_missing(&home.log()) {
                return Err(HomeError::LogGone { folder: home.folder().to_owned() }.into());
            }
            let options = Options::default();
            let restored = local::restore_local(&home.log(), home.id(), &options, from).map_err(restore_failure)?;
            (home, restored, mended)
        }
    };
    let backup =
        from.map(|from| Beside { blobs: from.join("blobs"), chunks: from.join("files"), keys: from.join("keys") });
    finish_restore(&home, restored, mended, backup.as_ref(), reaches, new_keys)
}

/// Blobs and keys, and what there is to say.
fn finish_restore(
    home: &Home,
    restored: Restored,
    mended: Option<String>,
    backup: Option<&Beside>,
    reaches: Option<Position>,
    new_keys: bool,
) -> Result<RestoredHome, Failure> {
    let head = restored.head.position;
    let mut done = RestoredHome {
        head,
        lost: restored.lost,
        findings: restored.findings.iter().map(ToString::to_string).chain(mended).collect(),
        blobs: 0,
        files: 0,
        keys: false,
        unreadable: None,
    };
    if let Some(reaches) = reaches.filter(|reaches| *reaches > head && done.lost.is_none()) {
        done.lost = Some((head.next(), reaches));
        done.findings
            .push(format!("the backup reaches to position {reaches}, and what it has behind {head} does not fit"));
    }
    let last_key = last_key(home)?;
    let check = || KeyRing::open(&home.keys(), home.id(), head > Position::START).and_then(|keys| keys.check(last_key));
    if let Some(Beside { blobs, chunks, keys }) = backup {
        (done.blobs, _) = copy_blobs(&Blobs::new(blobs.clone()), &Blobs::new(home.blobs()), &mut ignore)?;
        (done.files, _) = copy_chunks(chunks, &home.files())?;
        // Keys that are whole are kept: the backup's may be older.
        if keys.is_dir() && check().is_err() {
            copy_keys(keys, &home.keys())?;
            done.keys = true;
        }
    }
    if check().is_err() && new_keys {
        KeyRing::give_up(&home.keys(), home.id(), last_key)
            .map_err(|error| Failure::new(FailureKind::Io, with_causes(&error)))?;
        done.findings.push(format!("{} keys were given up: what they sealed stays unreadable", last_key.0));
    }
    done.unreadable = check().err().map(|error| with_causes(&error));
    if head > Position::START {
        home.mark_used()?;
    }
    Ok(done)
}

/// The highest key that the log of `home` uses.
fn last_key(home: &Home) -> Result<KeyId, Failure> {
    let opened = LocalStore::open(&home.log(), home.id(), Options::default());
    let store = opened.map_err(|error| Failure::from(crate::engine::OpenError::Store(error)))?.store;
    let mut last = KeyId::NONE;
    for chunk in fold::packs(&*store, Position(1), store.head().position) {
        for pack in chunk? {
            for record in pack.records() {
                last = last.max(record.map_err(FoldError::from)?.header.key);
            }
        }
    }
    store.close();
    Ok(last)
}

/// How far the backup in `from` goes, by its own word or by the names of its segments.
fn backup_reaches(from: &Path) -> Result<Position, Failure> {
    let nothing = || {
        Failure::new(FailureKind::NotFound, format!("there is no backup in {}", from.display()))
            .hint("`zo log backup DIR` makes one")
    };
    let segments = crate::disk::segments::files(from).map_err(|_| nothing())?;
    let named = segments.last().map(|(_, last, _)| *last).ok_or_else(nothing)?;
    let said = fs::read_to_string(from.join(REACHED))
        .ok()
        .and_then(|text| text.lines().next()?.strip_prefix("position ")?.parse().ok().map(Position));
    Ok(said.map_or(named, |said| said.max(named)))
}

fn ignore(_: &str, _: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Writes the whole log into one file, with blobs and, if asked for, keys beside it.
///
/// # Errors
/// If something is there already, the log is damaged, or the disk says no.
pub fn export(engine: &Engine, file: &Path, with_keys: bool, progress: Progress<'_>) -> Result<BackedUp, Failure> {
    let Beside { blobs, chunks, keys } = beside(file);
    for path in [file, &blobs, &chunks, &keys] {
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
    let start = Head::start(&engine.home.id());
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
    let (files_copied, file_bytes) = copy_chunks(&engine.home.files(), &chunks)?;
    if with_keys {
        copy_keys(&engine.home.keys(), &keys)?;
    }
    Ok(BackedUp {
        segments_copied: 1,
        segments_present: 0,
        blobs_copied,
        files_copied,
        bytes: info.file_bytes + blob_bytes + file_bytes,
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
    let (name, reaches) = (segment.info().file_name(), segment.info().end.position);
    let (folder, _lock) = claim(folder, true)?;
    let staging = files::temporary_of(&folder);
    files::make_folder(&staging).map_err(|error| io_failure(&error))?;
    let restored = copy_file(file, &staging.join(name))
        .and_then(|()| local::restore(&staging, &folder.join("log")).map_err(restore_failure));
    let _ = fs::remove_dir_all(&staging);
    let (home, _) = Home::identify(folder, 0)?;
    finish_restore(&home, restored?, None, Some(&beside(file)), Some(reaches), false)
}

/// What is kept beside a log: its large bodies, the chunks of hosted files, and its keys.
struct Beside {
    blobs: PathBuf,
    chunks: PathBuf,
    keys: PathBuf,
}

/// `FILE.blobs`, `FILE.files` and `FILE.keys`.
fn beside(file: &Path) -> Beside {
    let with = |ending: &str| {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    Beside { blobs: with(".blobs"), chunks: with(".files"), keys: with(".keys") }
}

/// The folder of a home, locked for this process: nobody has it open, and nobody can open it meanwhile.
fn claim(folder: &Path, create: bool) -> Result<(PathBuf, Lock), Failure> {
    let folder = Home::prepare(folder, create)?;
    let lock = Lock::take(&home::lock_path(&folder)).map_err(|error| match error {
        LockError::Held { holder, .. } => {
            let who = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            Failure::new(FailureKind::Refused, format!("{who} has the home open"))
                .hint("let it end, or end it by its process id, and try again")
        }
        LockError::Io(error) => io_failure(&error),
    })?;
    Ok((folder, lock))
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

fn copy_chunks(from: &Path, to: &Path) -> Result<(u32, u64), Failure> {
    Chunks::copy(from, to).map_err(|error| io_failure(&error))
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
