//! A store that fails where it is told to, in front of any other: for tests of what a failure must not break.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zo_projections::Position;

use super::{AppendError, ReadError, Store};
use crate::log::{Head, Pack};

/// What happens to one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails before anything is written, and the store is poisoned.
    Before,
    /// It is written in full, but fails all the same, and the store is poisoned.
    After,
    /// Only so many of its packs are written, then it fails and the store is poisoned.
    Torn {
        /// Packs that are written.
        packs: usize,
    },
    /// The disk is full this time. The store is not poisoned.
    DiskFull,
    /// It takes so much longer, and succeeds.
    Slow(Duration),
}

/// Wraps a store and fails the appends it was told to fail. Appends are counted from 1, whether they succeed
/// or not.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    appends: u64,
    faults: BTreeMap<u64, Fault>,
    poisoned: Option<String>,
}

impl FaultyStore {
    /// Wraps `inner`; without a fault planned, both behave the same.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    /// Plans `fault` for the `nth` append, counted from 1 since the store was wrapped.
    #[must_use]
    pub fn failing(self, nth: u64, fault: Fault) -> Self {
        self.fail(nth, fault);
        self
    }

    /// As [`Self::failing`], on a store already in use.
    pub fn fail(&self, nth: u64, fault: Fault) {
        self.lock().faults.insert(nth, fault);
    }

    /// How many appends have been tried.
    pub fn appends(&self) -> u64 {
        self.lock().appends
    }

    /// Forgets the poisoning, as opening the log again does.
    pub fn reopen(&self) {
        self.lock().poisoned = None;
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poison(&self, why: &str) -> AppendError {
        self.lock().poisoned = Some(why.to_owned());
        AppendError::Poisoned(why.to_owned())
    }
}

impl Store for FaultyStore {
    fn head(&self) -> Head {
        self.inner.head()
    }

    fn append(&self, expected: Head, packs: &[Pack]) -> Result<Head, AppendError> {
        let fault = {
            let mut plan = self.lock();
            plan.appends += 1;
            if let Some(why) = &plan.poisoned {
                return Err(AppendError::Poisoned(why.clone()));
            }
            let nth = plan.appends;
            plan.faults.remove(&nth)
        };
        match fault {
            None => self.inner.append(expected, packs),
            Some(Fault::Before) => Err(self.poison("planned failure before the write")),
            Some(Fault::After) => {
                self.inner.append(expected, packs)?;
                Err(self.poison("planned failure after the write"))
            }
            Some(Fault::Torn { packs: written }) => {
                self.inner.append(expected, &packs[..written.min(packs.len())])?;
                Err(self.poison("planned failure in the middle of the write"))
            }
            Some(Fault::DiskFull) => {
                let needed = packs.iter().map(|pack| pack.bytes().len() as u64).sum();
                Err(AppendError::DiskFull { available: 0, needed })
            }
            Some(Fault::Slow(duration)) => {
                std::thread::sleep(duration);
                self.inner.append(expected, packs)
            }
        }
    }

    fn read(&self, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError> {
        self.inner.read(from, max_bytes)
    }

    fn close(&self) {
        self.inner.close();
    }
}

#[cfg(test)]
mod tests;
