//! The index's folder: created, opened, checked, set aside.
//!
//! Tantivy writes each segment as a handful of files that never change, each ending in a checksum,
//! and replaces `meta.json`, which names the segments, with every commit. Into `meta.json` each
//! commit puts a [`Payload`]. What is checked at opening, in this order:
//!
//! | what                                             | by                                   |
//! |--------------------------------------------------|--------------------------------------|
//! | somebody found damage while using it             | the mark left by [`mark_damaged`]    |
//! | `meta.json` missing, cut, changed                | parsing, schema, the payload's own checksum and document count |
//! | written by another version, for another home     | the payload                          |
//! | a segment's file missing, cut, changed           | opening, checksums up to [`CHECKED_AT_OPEN_BYTES`] |

mod payload;

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use tantivy::index::SegmentComponent;
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, Searcher, TantivyError};

use crate::analysis;
use crate::error::{Doing, Failure, IndexError, guarded};
use crate::schema::{ANALYZER, Fields, schema};

pub(crate) use payload::Payload;

/// Segment files are checksummed at opening up to this many bytes, smallest first. That is all of
/// an index of some 100,000 memories, in tens of milliseconds; the rest of a larger one is left to
/// [`check_all`], since reading gigabytes would make every start slow.
const CHECKED_AT_OPEN_BYTES: u64 = 64 << 20;

/// Tantivy's list of segments.
const META_FILE: &str = "meta.json";

/// What each segment consists of. Tantivy itself does not miss all of them until they are read.
const SEGMENT_FILES: [SegmentComponent; 6] = [
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
    SegmentComponent::Terms,
    SegmentComponent::Store,
];

/// The mark that damage was found while the index was in use; it holds what was noticed.
pub(crate) const DAMAGE_MARK: &str = "damaged";

/// An opened folder.
pub(crate) struct Folder {
    pub(crate) index: Index,
    pub(crate) reader: IndexReader,
    pub(crate) fields: Fields,
    /// Up to where the index had caught up when it was last committed.
    pub(crate) position: u64,
}

/// An opened folder, or why there was none to open.
enum Found {
    Usable(Folder),
    Nothing,
    Unusable(String),
}

impl Folder {
    /// Opens the folder, or creates it. A folder that cannot be used is set aside first; the
    /// second value says why.
    pub(crate) fn open_or_create(path: &Path, identity: &[u8; 32]) -> Result<(Folder, Option<String>), IndexError> {
        let fail = |failure: Failure| failure.into_error(Doing::Open, path);
        let rebuilt = match Folder::find(path, identity).map_err(fail)? {
            Found::Usable(folder) => return Ok((folder, None)),
            Found::Nothing => None,
            Found::Unusable(why) => {
                set_aside(path).map_err(|error| Failure::Io(error).into_error(Doing::SetAside, path))?;
                Some(why)
            }
        };
        let folder = guarded(|| Folder::create(path)).map_err(|failure| failure.into_error(Doing::Create, path))?;
        Ok((folder, rebuilt))
    }

    fn find(path: &Path, identity: &[u8; 32]) -> Result<Found, Failure> {
        let names = match fs::read_dir(path) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Ok(Found::Unusable("it is a file, not a folder".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        if names.count() == 0 {
            return Ok(Found::Nothing);
        }
        if let Ok(why) = fs::read_to_string(path.join(DAMAGE_MARK)) {
            return Ok(Found::Unusable(format!("damage was noticed while it was used: {why}")));
        }
        if !path.join(META_FILE).exists() {
            return Ok(Found::Unusable(format!("{META_FILE} is missing")));
        }
        match guarded(|| Folder::load(path, identity)) {
            Ok(folder) => Ok(Found::Usable(folder)),
            Err(Failure::Damaged(why)) => Ok(Found::Unusable(why)),
            Err(Failure::Unclear(error)) => Ok(Found::Unusable(error.to_string())),
            Err(refused) => Err(refused),
        }
    }

    fn create(path: &Path) -> Result<Folder, Failure> {
        fs::create_dir_all(path)?;
        let (schema, fields) = schema();
        // Nothing is stored, and a thread of its own for compressing it would slow down small commits.
        let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let index = Index::builder().schema(schema).settings(settings).create_in_dir(path)?;
        Folder::with_reader(index, fields, 0)
    }

    fn load(path: &Path, identity: &[u8; 32]) -> Result<Folder, Failure> {
        let index = Index::open_in_dir(path)?;
        let (schema, fields) = schema();
        if index.schema() != schema {
            return Err(Failure::Damaged("its fields are not those of this version".to_owned()));
        }
        let metas = index.load_metas()?;
        let documents = metas.segments.iter().map(|segment| u64::from(segment.max_doc())).sum();
        let position = match metas.payload {
            Some(payload) => Payload::parse(&payload)?.accept(identity, documents)?,
            // Created, and nothing committed yet.
            None if documents == 0 => 0,
            None => return Err(Failure::Damaged(format!("{META_FILE} lost its payload"))),
        };
        check_segments(path, &index, CHECKED_AT_OPEN_BYTES)?;
        Folder::with_reader(index, fields, position)
    }

    fn with_reader(index: Index, fields: Fields, position: u64) -> Result<Folder, Failure> {
        index.tokenizers().register(ANALYZER, analysis::analyzer());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Folder { index, reader, fields, position })
    }

    /// The segments as of the last commit that this reader has loaded.
    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }
}

/// Compares every segment file with its checksum, whatever its size.
pub(crate) fn check_all(path: &Path, index: &Index) -> Result<(), Failure> {
    guarded(|| check_segments(path, index, u64::MAX))
}

/// Bytes of all files in the folder.
pub(crate) fn bytes(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        match entry?.metadata() {
            Ok(metadata) => bytes += metadata.len(),
            // A commit has just replaced it.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Leaves a mark that makes the next opening set this folder aside. Best effort: where it cannot
/// be written, the damage is noticed again when it is met again.
pub(crate) fn mark_damaged(path: &Path, why: &str) {
    let _ = fs::write(path.join(DAMAGE_MARK), why);
}

/// Compares segment files with their checksums, smallest first, up to `budget` bytes in all.
fn check_segments(path: &Path, index: &Index, mut budget: u64) -> Result<(), Failure> {
    let mut files = Vec::new();
    for segment in index.searchable_segment_metas()? {
        for component in SEGMENT_FILES {
            let file = segment.relative_path(component);
            match fs::metadata(path.join(&file)) {
                Ok(metadata) => files.push((metadata.len(), file)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Failure::Damaged(format!("{} is missing", file.display())));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    files.sort();
    for (bytes, file) in files {
        if bytes > budget {
            return Ok(());
        }
        budget -= bytes;
        if !index.directory().validate_checksum(&file).map_err(TantivyError::from)? {
            return Err(Failure::Damaged(format!("{} is not what was written", file.display())));
        }
    }
    Ok(())
}

/// Moves the folder out of the way, to `<name>.set-aside`. Only the latest one is kept: it is of
/// use to whoever wants to know what happened, not for recovery.
pub(crate) fn set_aside(path: &Path) -> std::io::Result<()> {
    let mut name = path.file_name().map_or_else(|| OsString::from("index"), OsString::from);
    name.push(".set-aside");
    let aside = path.with_file_name(name);
    let removed = if aside.is_dir() { fs::remove_dir_all(&aside) } else { fs::remove_file(&aside) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::rename(path, &aside),
    }
}

#[cfg(test)]
mod tests;
