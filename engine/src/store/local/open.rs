//! Opens a local store: segments, head file, journal, and then the threads behind the writer.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::filler::Filler;
use super::recovery::{Known, Walk, Walked};
use super::report::{Finding, OpenError, RecoveryReport};
use super::sealed::{self, Care, Sealed, Unusable};
use super::sealer::Sealer;
use super::shared::Shared;
use super::state::{State, Tail, Twin, Worker};
use super::supply::{Supply, twin_folder};
use super::{LocalStore, OPEN_BYTES, Opened, Options, Writer};
use crate::disk::DiskError;
use crate::disk::files;
use crate::disk::head::{Found, HeadFile, Slot, this_boot};
use crate::disk::journal::{self, Journal};
use crate::disk::lock::{Lock, LockError};
use crate::disk::recent::Recent;
use crate::disk::segments::{self, BlockCache};
use crate::log::{Head, HomeId};

pub(super) fn open(log: &Path, home: HomeId, options: Options) -> Result<Opened, OpenError> {
    let lock = prepare(log)?;
    let mut findings = Vec::new();
    make_space(log, &mut findings);
    let supply = Supply::new(log, home, options.recent_cache_bytes);
    Recent::discard(&log.join(RECENT_COPY))?;
    files::remove_temporaries(log)?;
    let Recovered { sealed, mut walked, last_slot } = recover(log, home, &options, supply, Care::Open, &mut findings)?;
    let closed = last_slot.is_some_and(|slot| slot.closed && slot.head == walked.head);
    if closed && last_slot.is_some_and(|slot| slot.twins_complete) {
        walked.files.iter_mut().for_each(|live| live.twin = Twin::Resting { filled: live.end });
    }
    let last = walked.files.back().expect("the walk begins a file where there is none");
    if !closed {
        // What was written but not synced when the process died is in the log from now on: make it durable
        // before anybody relies on it.
        last.file.sync()?;
        files::sync_folder(&log.join("journal"))?;
        files::sync_folder(log)?;
        files::sync_parent(log)?;
    }
    if walked.head == Head::start(&home) {
        // It died while it was being made: nothing was acknowledged that a head file could tell of.
        findings.retain(|finding| finding.place != "head");
    }
    let mut head_file = HeadFile::open(&log.join("head"), home)?.0;
    let boot = this_boot();
    let trusted = walked.head.position;
    head_file.write(&Slot { head: walked.head, trusted, closed: false, twins_complete: false, boot })?;
    head_file.sync()?;
    for file in &walked.sealed_files {
        walked.spares.recycle(file, true)?;
    }
    remove_old_twins(log, &walked)?;

    let journal_folder = log.join("journal");
    let spares = Arc::clone(&walked.spares);
    let journal = Journal::resume(
        &journal_folder,
        home,
        options.journal,
        Arc::clone(&spares),
        Arc::clone(&last.file),
        last.end_offset,
    )?;
    let state = State {
        head: walked.head,
        segments: sealed.segments,
        sealed: sealed.head,
        files: walked.files,
        tail: Tail::default(),
        appended_at: Instant::now(),
        poisoned: None,
        findings: Vec::new(),
        flawed: Vec::new(),
        hopeless: Vec::new(),
        wanted_twin: None,
        repairs: Vec::new(),
        stop: None,
        filler: Worker::Busy,
        sealer: Worker::Busy,
    };
    let shared = Arc::new(Shared {
        log: log.to_owned(),
        log_handle: File::open(log).map_err(DiskError::on("open", log))?,
        home,
        options,
        spares,
        state: Mutex::new(state),
        filler_wakes: Condvar::new(),
        sealer_wakes: Condvar::new(),
        settled: Condvar::new(),
        blocks: BlockCache::new(options.block_cache_bytes),
        open_segments: Mutex::new(VecDeque::new()),
    });
    let filler = Filler::new(Arc::clone(&shared), head_file.syncer()?);
    let sealer = Sealer::new(Arc::clone(&shared));
    let store = LocalStore {
        shared,
        writer: Mutex::new(Writer { journal, head_file, trusted, boot }),
        threads: Mutex::default(),
        lock: Mutex::new(Some(lock)),
    };
    store.start_threads(filler, sealer).map_err(DiskError::on("start the threads of", log))?;
    Ok(Opened { store: Arc::new(store), report: RecoveryReport { findings } })
}

/// Makes the folder and takes the lock.
pub(super) fn prepare(log: &Path) -> Result<Lock, OpenError> {
    files::make_folder(log)?;
    self::lock(log)
}

/// Takes the lock of a log that is there.
pub(super) fn lock(log: &Path) -> Result<Lock, OpenError> {
    Lock::take(&log.join("lock")).map_err(|error| match error {
        LockError::Held { holder, .. } => OpenError::Held { holder },
        LockError::Io(error) => error.into(),
    })
}

/// On a full disk the reserve makes it possible to open the log at all.
fn make_space(log: &Path, findings: &mut Vec<Finding>) {
    let full = files::free_bytes(log).is_ok_and(|free| free < OPEN_BYTES);
    if full && std::fs::remove_file(log.join("reserve")).is_ok() {
        findings.push(Finding {
            place: "reserve".to_owned(),
            what: "the disk is full".to_owned(),
            positions: None,
            action: "released; it is put back when there is space".to_owned(),
        });
    }
}

/// Where copies of the twins lie while they are looked at.
pub(super) const RECENT_COPY: &str = "recent-copy.tmp";

/// What recovery found.
pub(super) struct Recovered {
    pub sealed: Sealed,
    pub walked: Walked,
    /// What the head file said, if both its slots are whole.
    pub last_slot: Option<Slot>,
}

pub(super) fn recover(
    log: &Path,
    home: HomeId,
    options: &Options,
    mut supply: Supply,
    care: Care,
    findings: &mut Vec<Finding>,
) -> Result<Recovered, OpenError> {
    let sealed = sealed::find(log, &home, care, &mut supply, findings)?;
    let (known, last_slot) = read_head(log, &home, findings)?;
    let walk = Walk {
        log,
        home,
        sizes: options.journal,
        sealed: sealed.head,
        known,
        supply: &mut supply,
        findings,
        accept_loss: care == Care::Mend,
    };
    let walked = walk.run();
    let unusable = sealed.unusable.first();
    let walked = walked.map_err(|error| match (error, unusable) {
        // The journal lacks what a segment should have had: name the segment.
        (OpenError::Damaged { readable_to, acknowledged, .. }, Some(unusable)) => OpenError::Damaged {
            place: sealed::place(log, &unusable.path),
            what: unusable.what.clone(),
            readable_to,
            acknowledged: acknowledged.max(unusable.last),
        },
        (error, _) => error,
    })?;
    for Unusable { last, path, what, .. } in &sealed.unusable {
        let (place, what) = (sealed::place(log, path), what.clone());
        if *last > walked.head.position && care == Care::Open {
            let acknowledged = known.map_or(*last, |known| known.head.position.max(*last));
            return Err(OpenError::Damaged { place, what, readable_to: walked.head.position, acknowledged });
        }
        let aside = files::set_aside(path, &log.join("set-aside"))?;
        let action = format!("set aside as {}", sealed::place(log, &aside));
        findings.push(Finding { place, what, positions: None, action });
    }
    for (folder, what) in &supply.broken {
        let place = sealed::place(log, folder);
        let action = "filled again from the journal".to_owned();
        findings.push(Finding { place, what: what.clone(), positions: None, action });
        Recent::discard(folder)?;
    }
    Ok(Recovered { sealed, walked, last_slot })
}

fn read_head(
    log: &Path,
    home: &HomeId,
    findings: &mut Vec<Finding>,
) -> Result<(Option<Known>, Option<Slot>), OpenError> {
    let path = log.join("head");
    let mut note = |what: &str| {
        let action = "written anew; the log is as long as the journal and the recent range show".to_owned();
        findings.push(Finding { place: "head".to_owned(), what: what.to_owned(), positions: None, action });
    };
    match HeadFile::read(&path, home)? {
        Found::Slot { slot, both } => {
            if !both {
                note("one of its two slots is damaged");
            }
            let exact = slot.closed || (slot.boot != 0 && slot.boot == this_boot());
            // If the newer slot is the damaged one, the log may go on behind the other.
            let exact = exact && both;
            Ok((Some(Known { head: slot.head, trusted: slot.trusted, exact }), both.then_some(slot)))
        }
        Found::OtherHome => Err(OpenError::OtherHome { path }),
        Found::Newer(found) => Err(OpenError::Newer { path, found }),
        Found::Missing if is_new(log)? => Ok((None, None)),
        Found::Missing => {
            note("it is missing");
            Ok((None, None))
        }
        Found::Damaged => {
            note("it is damaged");
            Ok((None, None))
        }
    }
}

fn is_new(log: &Path) -> Result<bool, DiskError> {
    let (files, _) = journal::files(&log.join("journal"))?;
    Ok(files.is_empty() && segments::files(&log.join("segments"))?.is_empty())
}

/// Keeps the twins of the files that are not sealed.
fn remove_old_twins(log: &Path, walked: &Walked) -> Result<(), DiskError> {
    let recent = log.join("recent");
    let sequences = walked.files.iter().map(|live| live.file.sequence());
    let kept: Vec<PathBuf> = sequences.map(|sequence| twin_folder(&recent, sequence)).collect();
    for path in files::list(&recent)? {
        if !kept.contains(&path) {
            Recent::discard(&path)?;
        }
    }
    Ok(())
}
