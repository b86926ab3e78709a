//! The digest of each row, and the row of each digest.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;

/// The digests of all rows, in memory.
#[derive(Debug, Default)]
pub(super) struct Digests {
    digests: Vec<u128>,
    /// Rows by digest, for the first so many rows. Built by the first search and carried on by each: whoever only
    /// asks for nearest rows does not pay for it.
    found: Mutex<(HashTable<u32>, usize)>,
}

impl Digests {
    /// The digests of the first rows.
    pub(super) fn new(digests: Vec<u128>) -> Digests {
        Digests { digests, found: Mutex::default() }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> u32 {
        self.digests.len() as u32
    }

    /// The digests, by row.
    pub(super) fn all(&self) -> &[u128] {
        &self.digests
    }

    /// Appends a row.
    pub(super) fn push(&mut self, digest: u128) {
        if self.digests.len() == self.digests.capacity() {
            self.digests.reserve_exact(self.digests.len() / 8 + 64);
        }
        self.digests.push(digest);
    }

    /// Drops all rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: u32) {
        self.digests.truncate(rows as usize);
        self.found = Mutex::default();
    }

    /// The first row with a digest.
    pub(super) fn find(&self, digest: u128) -> Option<u32> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (rows, known) = &mut *found;
        let same = |digest: u128| move |row: &u32| self.digests[*row as usize] == digest;
        rows.reserve(self.digests.len() - *known, |row| hash(self.digests[*row as usize]));
        for (row, digest) in (*known as u32..).zip(&self.digests[*known..]) {
            if rows.find(hash(*digest), same(*digest)).is_none() {
                rows.insert_unique(hash(*digest), row, |row| hash(self.digests[*row as usize]));
            }
        }
        *known = self.digests.len();
        rows.find(hash(digest), same(digest)).copied()
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).0.allocation_size();
        self.digests.capacity() * size_of::<u128>() + found
    }
}

/// A digest's bits are evenly spread; the multiplication is for callers whose are not.
fn hash(digest: u128) -> u64 {
    ((digest >> 64) as u64 ^ digest as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
