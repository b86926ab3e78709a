//! Asks the caller which documents are valid, about each one only once.

use std::collections::HashMap;

use crate::error::IndexError;
use crate::index::MemoryIndex;

/// Says of each (item, position) whether that revision is to be answered with: not superseded, not
/// retracted, there as of then. What it does not answer is not.
pub type Valid<'a> = dyn Fn(&[(u128, u64)]) -> Vec<bool> + 'a;

/// What the caller has said so far.
pub(super) struct Verdicts<'a> {
    index: &'a MemoryIndex,
    valid: &'a Valid<'a>,
    said: HashMap<u32, bool>,
}

impl<'a> Verdicts<'a> {
    pub(super) fn new(index: &'a MemoryIndex, valid: &'a Valid<'a>) -> Verdicts<'a> {
        Verdicts { index, valid, said: HashMap::new() }
    }

    /// Those of `found` whose documents are valid, in their order.
    pub(super) fn retain<T>(&mut self, mut found: Vec<T>, ordinal: impl Fn(&T) -> u32) -> Result<Vec<T>, IndexError> {
        let mut new: Vec<u32> = found.iter().map(&ordinal).filter(|ordinal| !self.said.contains_key(ordinal)).collect();
        new.sort_unstable();
        new.dedup();
        self.ask(&new)?;
        found.retain(|found| self.said[&ordinal(found)]);
        Ok(found)
    }

    fn ask(&mut self, ordinals: &[u32]) -> Result<(), IndexError> {
        if ordinals.is_empty() {
            return Ok(());
        }
        let revisions: Vec<(u128, u64)> = self.index.look(|view| {
            let entries = ordinals.iter().map(|ordinal| view.table.entry(*ordinal));
            Ok(entries.map(|entry| (entry.item, entry.position)).collect())
        })?;
        // An answer that is too short says no to the rest.
        let answers = (self.valid)(&revisions).into_iter().chain(std::iter::repeat(false));
        self.said.extend(ordinals.iter().copied().zip(answers));
        Ok(())
    }
}
