//! ChatGPT's export: `conversations.json`, or `conversations-000.json` and following, as it lies in the unpacked archive.
//!
//! The file is one JSON array of conversations, often hundreds of megabytes. It is read element by element: only one
//! conversation is in memory at a time, and one that is damaged or larger than [`MAX_CONVERSATION_BYTES`] is an error
//! of its own between the others.
//!
//! The format has no published schema and changes silently. What is relied on here is what exports of 2023 to 2026 have
//! in common: a conversation has `mapping`, from node id to `{parent, children, message}`, and `current_node`, the leaf
//! that was shown last; a message has `author.role`, `create_time` in seconds and `content` with a `content_type`.
//! Anything else may be missing, null or unknown.
//!
//! - All branches are yielded, and the one that ends at `current_node` is marked; without it, the one that ends at
//!   the newest message.
//! - Nodes without a message, hidden ones and empty ones are left out, and their children go to the nearest ancestor
//!   that stays.
//! - Images, files and audio are not part of `conversations.json`; a note such as `[image]` stands for them.
//!
//! Start at [`open`].

mod content;
mod conversation;
mod elements;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use self::conversation::conversation_of;
use self::elements::{Element, Elements};
use crate::error::{ImportError, Place, json_reason};
use crate::item::Imported;

/// The largest conversation that is read, in bytes of JSON: 256 MiB.
pub const MAX_CONVERSATION_BYTES: usize = 256 << 20;

/// Opens an export: the file, or the folder it lies in.
///
/// # Errors
/// [`ImportError::Open`] where there is nothing to read, [`ImportError::Unexpected`] for a folder without
/// conversations.
pub fn open(path: &Path) -> Result<ChatGptExport, ImportError> {
    let mut files = files_of(path)?;
    let mut bytes_total = 0;
    for file in &files {
        bytes_total += fs::metadata(file).map_err(|cause| ImportError::open(file, cause))?.len();
    }
    let first = files.pop_front().expect("a folder without files is an error");
    Ok(ChatGptExport { current: Some(elements_of(&first)?), waiting: files, bytes_before: 0, bytes_total })
}

/// The conversations of an export, in its order.
pub struct ChatGptExport {
    current: Option<Elements<BufReader<File>>>,
    waiting: VecDeque<PathBuf>,
    bytes_before: u64,
    bytes_total: u64,
}

impl ChatGptExport {
    /// How many bytes have been read, for a progress bar; of [`bytes_total`](Self::bytes_total).
    pub fn bytes_read(&self) -> u64 {
        self.bytes_before + self.current.as_ref().map_or(0, Elements::bytes_read)
    }

    /// How many bytes there are in all files.
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total
    }
}

impl Iterator for ChatGptExport {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(elements) = &mut self.current {
                if let Some(element) = elements.next_element() {
                    return Some(element.and_then(|element| conversation_in(element, elements.name())));
                }
                self.bytes_before += elements.bytes_read();
                self.current = None;
            }
            let file = self.waiting.pop_front()?;
            match elements_of(&file) {
                Ok(elements) => self.current = Some(elements),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn elements_of(path: &Path) -> Result<Elements<BufReader<File>>, ImportError> {
    let file = File::open(path).map_err(|cause| ImportError::open(path, cause))?;
    Ok(Elements::new(BufReader::with_capacity(1 << 17, file), path.display().to_string(), MAX_CONVERSATION_BYTES))
}

/// The file itself; or of a folder `conversations.json`, or else all of `conversations-*.json` in order of their names.
fn files_of(path: &Path) -> Result<VecDeque<PathBuf>, ImportError> {
    let metadata = fs::metadata(path).map_err(|cause| ImportError::open(path, cause))?;
    if !metadata.is_dir() {
        return Ok(VecDeque::from([path.to_path_buf()]));
    }
    let single = path.join("conversations.json");
    if single.is_file() {
        return Ok(VecDeque::from([single]));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|cause| ImportError::open(path, cause))? {
        let entry = entry.map_err(|cause| ImportError::open(path, cause))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("conversations-") && name.ends_with(".json") {
            files.push(entry.path());
        }
    }
    if files.is_empty() {
        let place = Place::file(path.display());
        return Err(ImportError::unexpected(place, "conversations.json in the folder", "none"));
    }
    files.sort();
    Ok(files.into())
}

/// Parses an element of the array.
fn conversation_in(mut element: Element, file: &str) -> Result<Imported, ImportError> {
    let parsed = serde_json::from_slice(&element.bytes).or_else(|error| {
        // Half of an emoji that was cut in two must not cost the whole conversation.
        if content::mend_surrogates(&mut element.bytes) { serde_json::from_slice(&element.bytes) } else { Err(error) }
    });
    let value = parsed.map_err(|error| {
        let first_line = error.line() <= 1;
        let column = error.column() as u64 + if first_line { element.column - 1 } else { 0 };
        let line = element.line + error.line().saturating_sub(1) as u64;
        ImportError::Json { place: Place::column(file, line, column), reason: json_reason(&error) }
    })?;
    let place = Place::line(file, element.line);
    conversation_of(value, place, || blake3::hash(&element.bytes).to_hex().to_string()).map(Imported::Conversation)
}
