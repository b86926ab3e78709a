//! Memories one a line: `{"id"?, "content", "meta"?, "at"?}`.
//!
//! A line is an item; a bad line is an error that names the line and, where there is one, the byte in it, and the next
//! line is read as if nothing had happened. Blank lines, a byte order mark and CRLF are no errors. Lines are read one
//! at a time and none longer than [`MAX_LINE_BYTES`].
//!
//! - `content`: a string that is not blank.
//! - `id`: a string or an integer, the memory's stable name.
//! - `meta`: an object, kept as it is.
//! - `at`: when it happened, in any form [`crate::time`] takes; without it the time is looked for in `meta` under the
//!   names of [`MetaKeys::time`]. A time in `meta` that is in nobody's form stays in `meta` and counts for nothing.
//!
//! Start at [`open`] for a file, at [`Jsonl::new`] for a pipe.

mod lines;
mod meta_keys;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

pub use meta_keys::{MetaKeys, MetaKeysError};

use self::lines::{Line, Lines};
use crate::error::{ImportError, json_reason, kind_of};
use crate::item::{Imported, ImportedMemory};
use crate::time::instant_of_json;

/// The longest line that is read, in bytes without its end: 64 MiB.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// How many different unknown field names are remembered for [`Jsonl::unknown_fields`].
const MAX_UNKNOWN_FIELDS: usize = 64;

/// Opens the file at `path`.
///
/// # Errors
/// [`ImportError::Open`] where there is no such file or it cannot be read.
pub fn open(path: &Path, keys: MetaKeys) -> Result<Jsonl<BufReader<File>>, ImportError> {
    let file = File::open(path).map_err(|cause| ImportError::open(path, cause))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ImportError::open(path, std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(Jsonl::new(BufReader::with_capacity(1 << 17, file), path.display().to_string(), keys))
}

/// The memories of a JSONL stream, in the order of its lines.
pub struct Jsonl<R> {
    lines: Lines<R>,
    keys: MetaKeys,
    unknown_fields: Vec<String>,
}

impl<R: BufRead> Jsonl<R> {
    /// Reads from `reader`, which messages call `name` (`-` or the path).
    pub fn new(reader: R, name: impl Into<String>, keys: MetaKeys) -> Jsonl<R> {
        Jsonl { lines: Lines::new(reader, name.into(), MAX_LINE_BYTES), keys, unknown_fields: Vec::new() }
    }

    /// How many bytes have been read, for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    /// The line that was read last, counted from 1.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// The names of top-level fields that were met so far and ignored, each once, in the order they were met.
    pub fn unknown_fields(&self) -> &[String] {
        &self.unknown_fields
    }

    fn note_unknown(&mut self, fields: &Map<String, Value>) {
        for field in fields.keys() {
            if self.unknown_fields.len() < MAX_UNKNOWN_FIELDS && !self.unknown_fields.contains(field) {
                self.unknown_fields.push(field.clone());
            }
        }
    }
}

impl<R: BufRead> Iterator for Jsonl<R> {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let parsed = match self.lines.next_line()? {
            Ok(line) => parse_line(&line, &self.keys),
            Err(error) => Err(error),
        };
        Some(parsed.map(|(memory, unknown)| {
            self.note_unknown(&unknown);
            Imported::Memory(memory)
        }))
    }
}

/// Reads one line; also returns the fields that nobody knows.
fn parse_line(line: &Line<'_>, keys: &MetaKeys) -> Result<(ImportedMemory, Map<String, Value>), ImportError> {
    let place = line.place();
    let mut fields = match serde_json::from_str(line.text) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => return Err(ImportError::unexpected(place, "an object with `content`", kind_of(&other))),
        Err(error) => {
            // The parser counts columns from 1; 0 is a line end, which a line does not have within it.
            let index = error.column().saturating_sub(1);
            return Err(ImportError::Json { place: line.place_of(index), reason: json_reason(&error) });
        }
    };
    let content = match fields.shift_remove("content") {
        Some(Value::String(content)) if content.contains('\0') => return Err(ImportError::Nul { place }),
        Some(Value::String(content)) if !content.trim().is_empty() => content,
        Some(Value::String(_)) => return Err(ImportError::unexpected(place, "text in `content`", "only blanks")),
        Some(other) => return Err(ImportError::unexpected(place, "a string in `content`", kind_of(&other))),
        None => return Err(ImportError::unexpected(place, "a field `content`", found_instead(&fields))),
    };
    let name = match fields.shift_remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if !id.trim().is_empty() => Some(id),
        Some(Value::Number(id)) if !id.is_f64() => Some(id.to_string()),
        Some(Value::String(_)) => return Err(ImportError::unexpected(place, "a name in `id`", "only blanks")),
        Some(other) => {
            return Err(ImportError::unexpected(place, "a string or an integer in `id`", kind_of(&other)));
        }
    };
    let meta = match fields.shift_remove("meta") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(meta)) => meta,
        Some(other) => return Err(ImportError::unexpected(place, "an object in `meta`", kind_of(&other))),
    };
    let occurred_at_ms = match fields.shift_remove("at") {
        None | Some(Value::Null) => keys.time_of(&meta),
        Some(at) => match instant_of_json(&at) {
            Some(instant) => Some(instant),
            None => {
                let expected = "a time in `at` (RFC 3339, YYYY-MM-DD, unix seconds or milliseconds)";
                return Err(ImportError::unexpected(place, expected, shortened(&at.to_string())));
            }
        },
    };
    Ok((ImportedMemory { name, content, meta, occurred_at_ms, source: place.to_string() }, fields))
}

fn found_instead(fields: &Map<String, Value>) -> String {
    if fields.is_empty() {
        return "an empty object".to_string();
    }
    let names: Vec<&str> = fields.keys().take(5).map(String::as_str).collect();
    shortened(&format!("only `{}`", names.join("`, `")))
}

fn shortened(text: &str) -> String {
    const LIMIT: usize = 80;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
