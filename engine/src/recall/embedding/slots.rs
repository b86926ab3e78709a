//! Which models there are vectors of: the one in use, and the one that is being prepared.

use std::path::Path;
use std::sync::Arc;

use zo_embed::{EmbedError, EmbedderId, Models};
use zo_memory::VectorStore;

use crate::protocol::{Embedded, ModelInUse};
use crate::recall::RecallError;

/// The models of a home.
#[derive(Clone)]
pub(super) struct Slots {
    /// What recall uses.
    pub(super) active: Slot,
    /// What was chosen, as long as it has not got all vectors.
    pub(super) next: Option<Slot>,
}

/// A model with its vectors.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) name: String,
    /// None if the model is not there.
    pub(super) store: Option<(EmbedderId, Arc<VectorStore>)>,
    pub(super) dimensions: usize,
    /// Why it cannot be used.
    pub(super) problem: Option<String>,
}

impl Slots {
    /// What is being embedded with.
    pub(super) fn target(&self) -> &Slot {
        self.next.as_ref().unwrap_or(&self.active)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Slot> {
        std::iter::once(&self.active).chain(&self.next)
    }

    pub(super) fn stores(&self) -> impl Iterator<Item = &Arc<VectorStore>> {
        self.all().filter_map(|slot| slot.store.as_ref().map(|(_, store)| store))
    }

    pub(super) fn has_problem(&self) -> bool {
        self.target().problem.is_some()
    }
}

impl Slot {
    pub(super) fn open(
        folder: &Path,
        identity: &[u8; 32],
        models: &Models,
        name: &str,
        notes: &mut Vec<String>,
    ) -> Result<Self, RecallError> {
        let found = models.find(name).and_then(|info| Ok((models.id(name)?, info.dimensions)));
        let (id, dimensions) = match found {
            Ok(found) => found,
            Err(error) => {
                return Ok(Self { name: name.to_owned(), store: None, dimensions: 0, problem: Some(said(&error)) });
            }
        };
        let opened = VectorStore::open(&folder.join(id.to_string()), identity, &id.0, dimensions)?;
        notes.extend(opened.rebuilt.map(|why| format!("vectors are made anew: {why}")));
        Ok(Self { name: name.to_owned(), store: Some((id, Arc::new(opened.store))), dimensions, problem: None })
    }

    pub(super) fn rows(&self) -> u32 {
        self.store.as_ref().map_or(0, |(_, store)| store.rows())
    }

    pub(super) fn in_use(&self, of: u32) -> ModelInUse {
        ModelInUse {
            name: self.name.clone(),
            id: self.store.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default(),
            dimensions: u32::try_from(self.dimensions).unwrap_or(u32::MAX),
            passages: Embedded { passages: self.rows().min(of).into(), of: of.into() },
            problem: self.problem.clone(),
        }
    }
}

/// An error with what to do about it, in one line.
pub(super) fn said(error: &EmbedError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
