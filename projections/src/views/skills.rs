//! Skills: the folders they were met in, in which versions, and which of these are trusted.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::event::skill::Origin;
use crate::ids::{Digest, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// Folders with skills, by the id of their stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Skills {
    folders: BTreeMap<u128, SkillFolder>,
}

/// A folder with a skill in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SkillFolder {
    /// The skill's name.
    pub name: String,
    /// Where it is from.
    pub origin: Origin,
    /// The version that was met last.
    pub version: Digest,
    /// The event that says so; its body is the folder's path.
    pub seen: Position,
    /// How often another version was met.
    pub versions: u32,
    /// The version that is trusted, and since when.
    pub trusted: Option<(Digest, Position)>,
}

impl Skills {
    /// The folder with this id.
    pub fn get(&self, id: u128) -> Option<&SkillFolder> {
        self.folders.get(&id)
    }

    /// All folders, by id.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &SkillFolder)> {
        self.folders.iter().map(|(id, folder)| (*id, folder))
    }
}

impl Projection for Skills {
    const NAME: &'static str = "skills";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let (id, position) = (recorded.header.stream.id, recorded.header.position);
        let unknown = || Anomaly::new(recorded, "the skill was never met".to_owned());
        match &recorded.event {
            Event::SkillVersionSeen(event) => {
                let before = self.folders.get(&id);
                let folder = SkillFolder {
                    name: event.name.clone(),
                    origin: event.origin,
                    version: event.version,
                    seen: position,
                    versions: before.map_or(0, |folder| folder.versions).saturating_add(1),
                    trusted: before.and_then(|folder| folder.trusted),
                };
                self.folders.insert(id, folder);
            }
            Event::SkillTrusted(event) => {
                self.folders.get_mut(&id).ok_or_else(unknown)?.trusted = Some((event.version, position));
            }
            Event::SkillTrustWithdrawn(_) => self.folders.get_mut(&id).ok_or_else(unknown)?.trusted = None,
            _ => {}
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(self, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        load_value(bytes)
    }
}

#[cfg(test)]
mod tests;
