//! A store that keeps its packs in memory: for tests, dry runs and folds of a copy.

use std::sync::{Mutex, PoisonError};

use zo_projections::Position;

use super::{AppendError, ReadError, Store, check_append};
use crate::log::{Head, HomeId, Pack};

/// Packs in memory. "Durable" means for as long as the value lives.
#[derive(Debug)]
pub struct MemoryStore {
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    head: Head,
    packs: Vec<Pack>,
    closed: bool,
}

impl MemoryStore {
    /// The empty log of `home`.
    pub fn new(home: &HomeId) -> Self {
        Self { log: Mutex::new(Log { head: Head::start(home), packs: Vec::new(), closed: false }) }
    }

    /// Opens a closed store again, with everything that is in it.
    pub fn reopen(&self) {
        self.lock().closed = false;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Log> {
        // Nothing panics while the lock is held, and the log is whole between any two statements.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn head(&self) -> Head {
        self.lock().head
    }

    fn append(&self, expected: Head, packs: &[Pack]) -> Result<Head, AppendError> {
        let mut log = self.lock();
        if log.closed {
            return Err(AppendError::Poisoned("it is closed".to_owned()));
        }
        let head = check_append(&log.head, &expected, packs)?;
        log.packs.extend(packs.iter().map(Pack::detached));
        log.head = head;
        Ok(head)
    }

    fn read(&self, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        let log = self.lock();
        let begin = log.packs.partition_point(|pack| pack.last() < from);
        Ok(take_bytes(log.packs[begin..].iter(), max_bytes))
    }

    fn close(&self) {
        self.lock().closed = true;
    }
}

/// The first of `packs`, and as many more as fit into `max_bytes` together with it.
pub(super) fn take_bytes<'a>(packs: impl Iterator<Item = &'a Pack>, max_bytes: usize) -> Vec<Pack> {
    let mut taken = Vec::new();
    let mut bytes = 0;
    for pack in packs {
        bytes += pack.bytes().len();
        if !taken.is_empty() && bytes > max_bytes {
            break;
        }
        taken.push(pack.clone());
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::FaultyStore;
    use crate::store::testing::{HOME, conformance};

    #[test]
    fn it_conforms() {
        conformance(&|| Arc::new(MemoryStore::new(&HOME)));
    }

    #[test]
    fn it_conforms_behind_a_faulty_store_without_faults() {
        conformance(&|| Arc::new(FaultyStore::new(Arc::new(MemoryStore::new(&HOME)))));
    }
}
