//! What attempts print while they run: told to who watches, kept across a restart, and recorded when they end.
//!
//! In memory is what is recorded: the beginning and the end, with the middle left out if it is long. On the disk, sealed, is the
//! beginning, so that a process that is killed loses little of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use zo_projections::{JobId, RunId};

use crate::disk::arriving::{Arriving, ArrivingReply};

/// So much of the beginning is kept.
const HEAD_BYTES: usize = 4 * 1024 * 1024;
/// So much of the end is kept.
const TAIL_BYTES: usize = 1024 * 1024;

/// Logs of attempts that are running.
#[derive(Default)]
pub(crate) struct Logs {
    live: Mutex<HashMap<JobId, Live>>,
    /// Jobs of which an earlier process kept something, listed when that is first asked: most jobs print nothing, and the disk is not
    /// asked for each of them.
    left: OnceLock<HashSet<JobId>>,
    grown: Condvar,
}

/// The log of an attempt.
struct Live {
    attempt: u32,
    /// The beginning.
    head: String,
    /// The end, behind what was left out.
    tail: String,
    /// Bytes in all.
    total: u64,
    file: Option<ArrivingReply>,
}

/// How far an attempt is, as it says itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// In percent.
    pub(crate) percent: Option<f32>,
    /// What it is doing.
    pub(crate) message: Option<String>,
}

impl Live {
    fn left_out(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    fn push(&mut self, text: &str) {
        self.total += text.len() as u64;
        let room = floor_boundary(text, HEAD_BYTES.saturating_sub(self.head.len()));
        let (into_head, rest) = if self.tail.is_empty() { text.split_at(room) } else { ("", text) };
        if !into_head.is_empty() {
            self.head.push_str(into_head);
            if let Some(file) = &mut self.file
                && let Err(error) = file.add(into_head)
            {
                tracing::warn!("the log of a job is kept in memory only: {error}");
                self.file = None;
            }
        }
        self.tail.push_str(rest);
        if self.tail.len() > 2 * TAIL_BYTES {
            let from = ceil_boundary(&self.tail, self.tail.len() - TAIL_BYTES);
            self.tail.drain(..from);
        }
    }

    /// What is recorded of it.
    fn whole(&self) -> String {
        match self.left_out() {
            0 => format!("{}{}", self.head, self.tail),
            left_out => format!("{}\n… {left_out} bytes left out …\n{}", self.head, self.tail),
        }
    }
}

impl Logs {
    /// Adds to the log of an attempt what comes behind its first `offset` bytes; returns how many there are then. What is
    /// there already is left out; where there is a gap, nothing is added.
    pub(crate) fn append(&self, files: &Arriving, job: JobId, attempt: u32, offset: Option<u64>, text: &str) -> u64 {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let log = entry(&mut live, files, job, attempt);
        if log.attempt != attempt {
            return 0;
        }
        let fresh = match offset {
            None => Some(text),
            Some(offset) => log.total.checked_sub(offset).and_then(|known| {
                let known = usize::try_from(known).ok()?;
                text.get(ceil_boundary(text, known.min(text.len()))..)
            }),
        };
        if let Some(fresh) = fresh.filter(|fresh| !fresh.is_empty()) {
            log.push(fresh);
            self.grown.notify_all();
        }
        log.total
    }

    /// What of the log of an attempt comes behind its first `offset` bytes, as far as it is kept, and where to go on.
    pub(crate) fn since(&self, job: JobId, attempt: u32, offset: u64) -> Option<(String, u64)> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let log = live.get(&job).filter(|log| log.attempt == attempt && log.total > offset)?;
        let head =
            log.head.get(usize::try_from(offset).unwrap_or(usize::MAX).min(log.head.len())..).unwrap_or_default();
        let tail_begins = log.total - log.tail.len() as u64;
        let skip = usize::try_from(offset.saturating_sub(tail_begins)).unwrap_or(usize::MAX).min(log.tail.len());
        Some((format!("{head}{}", log.tail.get(skip..).unwrap_or_default()), log.total))
    }

    /// What is recorded of an attempt, and how many bytes of it are left out. Also after a restart.
    pub(crate) fn whole(&self, files: &Arriving, job: JobId, attempt: u32) -> (String, u64) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        match live.get(&job).filter(|log| log.attempt == attempt) {
            Some(log) => (log.whole(), log.left_out()),
            None if self.was_left(files, job) => (kept(files, job, attempt).unwrap_or_default(), 0),
            None => (String::new(), 0),
        }
    }

    /// Whether an earlier process may have kept something of a job.
    fn was_left(&self, files: &Arriving, job: JobId) -> bool {
        self.left.get_or_init(|| files.kept().into_iter().map(|run| JobId(run.0)).collect()).contains(&job)
    }

    /// Forgets the log of a job: it is recorded, or of no use.
    pub(crate) fn forget(&self, files: &Arriving, job: JobId) {
        let log = self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
        let has_file = match log {
            Some(log) => log.file.is_some(),
            None => self.was_left(files, job),
        };
        if has_file {
            files.end(RunId(job.0));
        }
        self.grown.notify_all();
    }

    /// Waits until something was printed, or `patience` is over.
    pub(crate) fn wait(&self, patience: Duration) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.grown.wait_timeout(live, patience).unwrap_or_else(PoisonError::into_inner);
    }
}

/// The log of a job's attempt; begun, or taken up where a process that ended left it.
fn entry<'a>(live: &'a mut HashMap<JobId, Live>, files: &Arriving, job: JobId, attempt: u32) -> &'a mut Live {
    if live.get(&job).is_some_and(|log| log.attempt < attempt) {
        live.remove(&job);
    }
    live.entry(job).or_insert_with(|| {
        let before = kept(files, job, attempt).unwrap_or_default();
        let begun = files.begin(RunId(job.0)).map_err(|error| error.to_string());
        let begun = begun.and_then(|mut file| match file.add(&format!("{attempt}\n{before}")) {
            Ok(()) => Ok(file),
            Err(error) => Err(error.to_string()),
        });
        let file = begun.inspect_err(|error| tracing::warn!("the log of a job is kept in memory only: {error}")).ok();
        Live { attempt, total: before.len() as u64, head: before, tail: String::new(), file }
    })
}

/// What an earlier process kept of an attempt.
fn kept(files: &Arriving, job: JobId, attempt: u32) -> Option<String> {
    let text = files.read(RunId(job.0)).ok()?;
    let (first, rest) = text.split_once('\n')?;
    (first.parse() == Ok(attempt)).then(|| rest.to_owned())
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn ceil_boundary(text: &str, at: usize) -> usize {
    (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
