//! Files: names with their versions, and who may read them without a token.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::event::file::Put;
use crate::ids::{FileId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// Every name that ever had a content, and the links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Files {
    files: BTreeMap<FileId, File>,
    /// By name: those that have a content now.
    names: BTreeMap<String, FileId>,
    shares: BTreeMap<FileId, Share>,
}

/// A name with all that it ever meant.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct File {
    /// The name.
    pub name: String,
    /// Its contents, oldest first.
    pub versions: Vec<Version>,
    /// The event that removed it, unless it was put again since.
    pub removed: Option<Position>,
}

/// A content of a file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Version {
    /// The event with its body.
    pub position: Position,
    /// When it was put there.
    pub at: Timestamp,
    /// Bytes, digest, type.
    pub put: Put,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Share {
    /// The name, or a folder with a slash behind it; empty: all files.
    pub name: String,
    /// blake3 of its secret.
    pub hash: [u8; 32],
    /// Whether folders are answered with their `index.html`.
    pub site: bool,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// The event that made it.
    pub shared: Position,
}

impl File {
    /// Its content now.
    pub fn current(&self) -> Option<&Version> {
        self.versions.last().filter(|_| self.removed.is_none())
    }
}

impl Share {
    /// Whether it lets a file of this name be read.
    pub fn covers(&self, name: &str) -> bool {
        self.name.is_empty() || self.name == name || (self.name.ends_with('/') && name.starts_with(&self.name))
    }
}

impl Files {
    /// A name, also one that has no content any more.
    pub fn get(&self, id: FileId) -> Option<&File> {
        self.files.get(&id)
    }

    /// The file that a name means now.
    pub fn by_name(&self, name: &str) -> Option<&File> {
        self.names.get(name).and_then(|id| self.files.get(id))
    }

    /// The stream of the file that a name means now.
    pub fn id_of(&self, name: &str) -> Option<FileId> {
        self.names.get(name).copied()
    }

    /// Files with a content whose names begin with `prefix` and come behind `after`, by name.
    pub fn list<'a>(&'a self, prefix: &'a str, after: Option<&str>) -> impl Iterator<Item = &'a File> {
        let from = after.map_or_else(|| prefix.to_owned(), |after| format!("{after}\0")).max(prefix.to_owned());
        let names = self.names.range(from..).take_while(move |(name, _)| name.starts_with(prefix));
        names.filter_map(|(_, id)| self.files.get(id))
    }

    /// How many names have a content.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All names, also those without a content now.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &File)> {
        self.files.iter().map(|(id, file)| (*id, file))
    }

    /// Links, by id.
    pub fn shares(&self) -> impl Iterator<Item = (FileId, &Share)> {
        self.shares.iter().map(|(id, share)| (*id, share))
    }

    /// A link.
    pub fn share(&self, id: FileId) -> Option<&Share> {
        self.shares.get(&id)
    }
}

impl Projection for Files {
    const NAME: &'static str = "files";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let (id, position) = (FileId(header.stream.id), header.position);
        match &recorded.event {
            Event::FilePut(event) => {
                let of_another = |file: &&File| file.name != event.name;
                if let Some(file) = self.files.get(&id).filter(of_another) {
                    return Err(Anomaly::new(recorded, format!("its stream is that of {}", file.name)));
                }
                if let Some(other) = self.names.get(&event.name).filter(|other| **other != id) {
                    return Err(Anomaly::new(recorded, format!("{} is file {other}", event.name)));
                }
                let file = self.files.entry(id).or_insert_with(|| File {
                    name: event.name.clone(),
                    versions: Vec::new(),
                    removed: None,
                });
                file.removed = None;
                file.versions.push(Version { position, at: header.at, put: event.clone() });
                self.names.insert(event.name.clone(), id);
            }
            Event::FileRemoved(_) => {
                let file = self.files.get_mut(&id).filter(|file| file.removed.is_none());
                let file = file.ok_or_else(|| Anomaly::new(recorded, "there is no such file".to_owned()))?;
                file.removed = Some(position);
                self.names.remove(&file.name);
            }
            Event::FileShared(event) => {
                let share = Share {
                    name: event.name.clone(),
                    hash: event.hash,
                    site: event.site,
                    expires_at: event.expires_at,
                    shared: position,
                };
                self.shares.insert(id, share);
            }
            Event::FileUnshared(_) => {
                let share = self.shares.remove(&id);
                share.ok_or_else(|| Anomaly::new(recorded, "there is no such link".to_owned()))?;
            }
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
