//! The documents before and behind others in their sessions.

use std::collections::HashMap;

use super::verdicts::Verdicts;
use crate::error::IndexError;
use crate::index::MemoryIndex;
use crate::table::{NONE, Table};

/// So many documents in a row that are not valid (superseded, retracted) are passed over in looking
/// for a neighbour.
const MAX_PASSED_OVER: usize = 8;

/// For some documents, the valid ones before and behind them.
#[derive(Default)]
pub(super) struct Neighbours(HashMap<u32, (Option<u32>, Option<u32>)>);

/// A document whose neighbour on one side is looked for.
struct Walk {
    of: u32,
    at: u32,
    step: fn(&Table, u32) -> u32,
}

impl Neighbours {
    /// Looks for the neighbours of `ordinals` among those below `end`.
    pub(super) fn find(
        index: &MemoryIndex,
        ordinals: &[u32],
        end: u32,
        verdicts: &mut Verdicts<'_>,
    ) -> Result<Neighbours, IndexError> {
        let mut neighbours = Neighbours(ordinals.iter().map(|ordinal| (*ordinal, (None, None))).collect());
        let before: fn(&Table, u32) -> u32 = |table, at| table.entry(at).previous;
        let behind: fn(&Table, u32) -> u32 = |table, at| table.entry(at).next;
        for (step, is_next) in [(before, false), (behind, true)] {
            let mut walks: Vec<Walk> = ordinals.iter().map(|of| Walk { of: *of, at: *of, step }).collect();
            for _ in 0..=MAX_PASSED_OVER {
                index.look(|view| {
                    walks.iter_mut().for_each(|walk| walk.at = (walk.step)(&view.table, walk.at));
                    Ok(())
                })?;
                walks.retain(|walk| walk.at != NONE && walk.at < end);
                let places: Vec<u32> = walks.iter().map(|walk| walk.at).collect();
                let valid = verdicts.retain(places, |at| *at)?;
                let valid: std::collections::HashSet<u32> = valid.into_iter().collect();
                walks.retain(|walk| {
                    if valid.contains(&walk.at) {
                        let sides = neighbours.0.entry(walk.of).or_default();
                        *if is_next { &mut sides.1 } else { &mut sides.0 } = Some(walk.at);
                    }
                    !valid.contains(&walk.at)
                });
            }
        }
        Ok(neighbours)
    }

    /// The neighbours of a document, if they were looked for.
    pub(super) fn of(&self, ordinal: u32) -> Option<(Option<u32>, Option<u32>)> {
        self.0.get(&ordinal).copied()
    }

    /// Whether the neighbours of a document were looked for.
    pub(super) fn knows(&self, ordinal: u32) -> bool {
        self.0.contains_key(&ordinal)
    }

    /// Takes over what another one knows.
    pub(super) fn extend(&mut self, other: Neighbours) {
        self.0.extend(other.0);
    }

    /// All neighbours that were found, in no order, some more than once.
    pub(super) fn ordinals(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.values().flat_map(|(previous, next)| [*previous, *next]).flatten()
    }
}
