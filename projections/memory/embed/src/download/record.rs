//! What is written down of a whole download.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{EmbedderId, identity::Recipe};

/// The first line of a record; another one is not read.
const FORMAT: &str = "zo model 1";

/// The files of a model, in the order in which they enter its id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) entries: Vec<Entry>,
}

/// A file of a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// In the cache folder.
    pub(super) path: PathBuf,
    /// In bytes.
    pub(super) length: u64,
    pub(super) digest: blake3::Hash,
}

impl Record {
    /// Reads a record; `None` if the text is none, or not whole.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix("end\n")?.lines();
        if lines.next() != Some(FORMAT) {
            return None;
        }
        let entries = lines.map(Entry::parse).collect::<Option<_>>()?;
        Some(Self { entries })
    }

    /// Writes the record, whole or not at all, also if the power fails.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension("unfinished");
        let mut file = File::create(&unfinished)?;
        writeln!(file, "{FORMAT}")?;
        for entry in &self.entries {
            writeln!(file, "{} {} {}", entry.digest.to_hex(), entry.length, entry.path.display())?;
        }
        writeln!(file, "end")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        let folder = path.parent().expect("a record is in the cache folder");
        File::open(folder)?.sync_all()
    }

    /// The id of the model of these files.
    pub(super) fn id(&self, recipe: &Recipe) -> EmbedderId {
        EmbedderId::compute(self.entries.iter().map(|entry| &entry.digest), recipe)
    }
}

impl Entry {
    /// What is at this path of the cache folder now; reads all of it, but holds little of it at once.
    pub(super) fn of(folder: &Path, path: &Path) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(folder.join(path))?)?;
        Ok(Self { path: path.to_owned(), length: hasher.count(), digest: hasher.finalize() })
    }

    fn parse(line: &str) -> Option<Self> {
        let (digest, rest) = line.split_once(' ')?;
        let (length, path) = rest.split_once(' ')?;
        Some(Self { path: path.into(), length: length.parse().ok()?, digest: blake3::Hash::from_hex(digest).ok()? })
    }
}

#[cfg(test)]
mod tests;
