//! The recent range of the log, in sled, keyed by position: what readers read, and the second copy of what
//! is not sealed yet. Every journal file has a range of its own, its twin, in a folder with the same number.
//! So nothing is ever removed from a range: it goes as a whole once its file is sealed, which costs a tenth of
//! what removing its keys costs, and sled has no old data to move about.
//!
//! ```text
//! recent/NNNNNNNN/
//! key    u64 position, u16 part, both big-endian     value   at most 4,000 bytes
//!        0, 0                                                "ZORC", u16 format
//!        p, 0                                                whole packs back to back, the first begins at p
//!        p, 0 … n                                            one pack that is longer, in parts
//! ```
//!
//! Its durability is never relied on: sled's `flush` does not sync, and between syncs it moves old data into
//! segments it has freed, so that a power cut can take what was there before. The journal has everything,
//! and whatever is missing here is filled in again. Values stay small because longer ones spill into files
//! of their own; packs of consecutive commits share a value because scanning is four to ten times faster so.
//! Every call goes through the guard: after one panic or error nothing here is touched any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sled::{Batch, Config, Db, Mode};
use zo_projections::Position;

use super::DiskError;
use super::guard::guarded;
use crate::log::{Head, Pack, PackHeader};

/// The version of the layout written by this code. Any other is thrown away and filled again.
pub const FORMAT: u16 = 1;
/// No value is longer.
pub const VALUE_BYTES: usize = 4000;

const META_KEY: [u8; 10] = [0; 10];
/// What sled says when somebody else has the file.
const LOCKED: &str = "could not acquire lock";
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The recent range, open.
#[derive(Debug)]
pub struct Recent {
    db: Option<Db>,
    folder: PathBuf,
    broken: AtomicBool,
}

/// Why the recent range cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecentError {
    /// sled panicked, which is what it does on damaged files.
    #[error("sled panicked: {0}")]
    Panicked(String),
    /// sled returned an error.
    #[error("sled failed: {0}")]
    Failed(String),
    /// What sled returned is not what was put in.
    #[error("damaged at position {position}: {what}")]
    Damaged {
        /// Where.
        position: Position,
        /// What was found.
        what: String,
    },
    /// It has failed before.
    #[error("it has failed before")]
    Broken,
}

impl Recent {
    /// Opens the range in `folder`, or makes an empty one. sled keeps at most about `cache_bytes` in memory.
    ///
    /// # Errors
    /// If sled cannot open what is there, or it has another layout: then [`Self::discard`] it.
    pub fn open(folder: &Path, cache_bytes: u64) -> Result<Self, RecentError> {
        let config =
            Config::default().path(folder).flush_every_ms(None).cache_capacity(cache_bytes).mode(Mode::HighThroughput);
        let mut tries = 0;
        let db = loop {
            match call(|| config.open()) {
                // A range that was just closed in this process: sled's own threads let go of the file a moment later.
                Err(RecentError::Failed(text)) if text.contains(LOCKED) && tries < LOCK_TRIES => {
                    tries += 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                result => break result?,
            }
        };
        let recent = Self { db: Some(db), folder: folder.to_owned(), broken: AtomicBool::new(false) };
        let meta = [&b"ZORC"[..], &FORMAT.to_le_bytes()].concat();
        match recent.call(|db| db.get(META_KEY))? {
            Some(found) if *found == *meta => {}
            None if recent.call(|db| db.first())?.is_none() => {
                recent.call(|db| db.insert(META_KEY, meta.clone()))?;
            }
            _ => return Err(recent.damaged(Position::START, "another layout")),
        }
        Ok(recent)
    }

    /// Removes the range in `folder`, whatever state it is in.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn discard(folder: &Path) -> Result<(), DiskError> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                fs::remove_file(folder).map_err(DiskError::on("remove", folder))
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DiskError::on("remove", folder)(error)),
            _ => Ok(()),
        }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts `packs`, which follow what is there, in one atomic batch.
    ///
    /// # Errors
    /// If sled fails.
    pub fn put(&self, packs: &[Pack]) -> Result<(), RecentError> {
        let mut batch = Batch::default();
        let mut group: Vec<u8> = Vec::with_capacity(VALUE_BYTES);
        let mut group_first = Position::START;
        for pack in packs {
            if !group.is_empty() && group.len() + pack.bytes().len() > VALUE_BYTES {
                batch.insert(&key(group_first, 0), std::mem::take(&mut group));
            }
            if pack.bytes().len() > VALUE_BYTES {
                for (part, bytes) in pack.bytes().chunks(VALUE_BYTES).enumerate() {
                    let part = u16::try_from(part).expect("the longest pack has fewer parts");
                    batch.insert(&key(pack.first(), part), bytes);
                }
                continue;
            }
            if group.is_empty() {
                group_first = pack.first();
            }
            group.extend_from_slice(pack.bytes());
        }
        if !group.is_empty() {
            batch.insert(&key(group_first, 0), group);
        }
        self.call(|db| db.apply_batch(batch))
    }

    /// The pack that contains `from` and those that follow, up to `max_bytes` together, but at least one if
    /// it is here. Each is verified.
    ///
    /// # Errors
    /// If sled fails or what it returns is damaged.
    pub fn read(&self, from: Position, max_bytes: usize) -> Result<Vec<Pack>, RecentError> {
        let mut packs: Vec<Pack> = Vec::new();
        let mut bytes = 0;
        self.groups(from, |first, group| {
            let buffer = Arc::new(group);
            let mut at = 0;
            while at < buffer.len() {
                let pack = Pack::read_shared(&buffer, at).map_err(|error| self.damaged(first, &error.to_string()))?;
                at += pack.bytes().len();
                if pack.last() < from {
                    continue;
                }
                bytes += pack.bytes().len();
                if bytes > max_bytes && !packs.is_empty() {
                    return Ok(false);
                }
                if packs.last().is_some_and(|before| !pack.follows(&before.head())) {
                    return Err(self.damaged(pack.first(), "it does not follow the pack before it"));
                }
                packs.push(pack);
            }
            Ok(bytes < max_bytes)
        })?;
        if packs.first().is_some_and(|pack| pack.first() > from) {
            packs.clear();
        }
        Ok(packs)
    }

    /// Follows the links through everything that is here; returns the head before the first pack and the head
    /// after the last one, none if there is no pack. Only the hash of the last pack is computed.
    ///
    /// # Errors
    /// If sled fails or the chain breaks.
    pub fn walk(&self) -> Result<Option<(Head, Head)>, RecentError> {
        let mut reach: Option<(Head, Head)> = None;
        let mut last = Vec::new();
        self.groups(Position::START, |first, group| {
            let mut at = 0;
            while at < group.len() {
                let rest = &group[at..];
                let header = PackHeader::read(rest).map_err(|error| self.damaged(first, &error.to_string()))?;
                if header.length > rest.len() || reach.is_some_and(|(_, end)| !header.follows(&end)) {
                    return Err(self.damaged(header.first, "it does not follow the pack before it"));
                }
                let begin = Head { position: Position(header.first.0 - 1), hash: header.previous };
                let hash = *rest[header.length - 32..].first_chunk().expect("a pack ends with its hash");
                let (begin, _) = reach.unwrap_or((begin, begin));
                reach = Some((begin, Head { position: header.last(), hash }));
                at += header.length;
                if at == group.len() {
                    last = rest.to_vec();
                }
            }
            Ok(true)
        })?;
        if let Some((_, end)) = reach {
            Pack::read(&last).map_err(|error| self.damaged(end.position, &error.to_string()))?;
        }
        Ok(reach)
    }

    /// The head after the last pack, if there is one. Only that pack is looked at.
    ///
    /// # Errors
    /// If sled fails or the pack is damaged.
    pub fn last(&self) -> Result<Option<Head>, RecentError> {
        let last = self.call(|db| db.last())?.and_then(|(key, _)| position_of(&key));
        let Some(last) = last.filter(|last| *last != Position::START) else { return Ok(None) };
        Ok(self.read(last, usize::MAX)?.last().map(Pack::head))
    }

    /// Hands everything to the kernel, so that it survives the death of this process.
    ///
    /// # Errors
    /// If sled fails.
    pub fn flush(&self) -> Result<(), RecentError> {
        self.call(|db| db.flush()).map(|_| ())
    }

    /// Whether it has failed: then nothing here works any more in this process.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Calls `each` with the position and the bytes of every group, its parts put together, from the one that
    /// may contain `from` on, until it returns false.
    fn groups(
        &self,
        from: Position,
        mut each: impl FnMut(Position, Vec<u8>) -> Result<bool, RecentError>,
    ) -> Result<(), RecentError> {
        let beyond = key(Position(from.0.saturating_add(1)), 0);
        let begin = self.call(|db| db.get_lt(beyond))?.and_then(|(key, _)| position_of(&key));
        let begin = key(begin.unwrap_or(from).max(Position(1)), 0);
        let mut values = self.call(|db| Ok(db.range(&begin[..]..)))?;
        let mut group: Option<(Position, Vec<u8>)> = None;
        while let Some((found, value)) = self.call(|_| values.next().transpose())? {
            let position = position_of(&found).ok_or_else(|| self.damaged(from, "a key of another layout"))?;
            match &mut group {
                Some((first, bytes)) if *first == position => bytes.extend_from_slice(&value),
                _ => {
                    if let Some((first, bytes)) = group.replace((position, value.to_vec()))
                        && !each(first, bytes)?
                    {
                        return Ok(());
                    }
                }
            }
        }
        if let Some((first, bytes)) = group {
            each(first, bytes)?;
        }
        Ok(())
    }

    fn call<T>(&self, work: impl FnOnce(&Db) -> sled::Result<T>) -> Result<T, RecentError> {
        let Some(db) = self.db.as_ref().filter(|_| !self.is_broken()) else { return Err(RecentError::Broken) };
        let result = call(|| work(db));
        if result.is_err() {
            self.broken.store(true, Ordering::Relaxed);
        }
        result
    }

    fn damaged(&self, position: Position, what: &str) -> RecentError {
        RecentError::Damaged { position, what: what.to_owned() }
    }
}

impl Drop for Recent {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        if self.is_broken() {
            // Its destructor would write, or panic again. The memory is lost until the process ends.
            std::mem::forget(db);
        } else {
            let _ = guarded(|| drop(db));
        }
    }
}

fn call<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, RecentError> {
    match guarded(work) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let text = error.to_string();
            // Its backtraces are empty.
            Err(RecentError::Failed(text.split(" backtrace").next().unwrap_or_default().trim().to_owned()))
        }
        Err(text) => Err(RecentError::Panicked(text)),
    }
}

fn key(position: Position, part: u16) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&position.0.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

fn position_of(key: &[u8]) -> Option<Position> {
    let key: &[u8; 10] = key.try_into().ok()?;
    Some(Position(u64::from_be_bytes(*key.first_chunk()?)))
}

#[cfg(test)]
mod tests;
