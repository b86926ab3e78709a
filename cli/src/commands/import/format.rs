//! What a path is, told from its name and its first bytes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::error::CliError;

/// What can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Markdown,
    Jsonl,
    ChatGpt,
    ZoClone,
}

impl Format {
    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown and text",
            Self::Jsonl => "JSON lines",
            Self::ChatGpt => "an export of ChatGPT",
            Self::ZoClone => "databases of ZoClone",
        }
    }

    /// What stands before the ids of this source, so that those of two sources are never the same.
    pub(super) fn name_of_source(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Jsonl => "jsonl",
            Self::ChatGpt => "chatgpt",
            Self::ZoClone => "zoclone",
        }
    }
}

/// The first bytes of every SQLite database.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// Finds out what `path` is.
///
/// # Errors
/// If there is nothing there, or it is nothing that can be imported.
pub(super) fn detect(path: &Path) -> Result<Format, CliError> {
    let cannot = |error: io::Error| CliError::io(format!("cannot read {}", path.display()), &error);
    let metadata = fs::metadata(path).map_err(cannot)?;
    if metadata.is_dir() {
        return detect_folder(path).map_err(cannot);
    }
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match ending.as_str() {
        "md" | "markdown" | "mdx" | "txt" | "text" | "rst" => return Ok(Format::Markdown),
        "jsonl" | "ndjson" => return Ok(Format::Jsonl),
        _ => {}
    }
    let head = head_of(path).map_err(cannot)?;
    if head.starts_with(SQLITE_MAGIC) {
        return Ok(Format::ZoClone);
    }
    match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') if ending == "json" => Ok(Format::ChatGpt),
        Some(b'{') if ending == "json" => Ok(Format::Jsonl),
        _ => Err(CliError::invalid(format!("{} is nothing that is known", path.display()))
            .hint("say what it is with --markdown, --jsonl, --chatgpt or --zoclone DIR")),
    }
}

fn detect_folder(path: &Path) -> io::Result<Format> {
    let mut databases = false;
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.starts_with("conversations") && name.ends_with(".json") && file.is_file() {
            return Ok(Format::ChatGpt);
        }
        let database = [".db", ".sqlite", ".sqlite3"].iter().any(|ending| name.ends_with(ending));
        databases |= database && head_of(&file).is_ok_and(|head| head.starts_with(SQLITE_MAGIC));
    }
    Ok(if databases { Format::ZoClone } else { Format::Markdown })
}

/// The first bytes of a file.
fn head_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_from_names_and_first_bytes() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let of = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).expect("a scratch file");
            detect(&path)
        };
        assert_eq!(of("notes.md", b"[1]"), Ok(Format::Markdown));
        assert_eq!(of("facts.jsonl", b""), Ok(Format::Jsonl));
        assert_eq!(of("export.json", b"\n [{}]"), Ok(Format::ChatGpt));
        assert_eq!(of("facts.json", b"{\"content\":\"x\"}"), Ok(Format::Jsonl));
        assert_eq!(of("zo.bin", b"SQLite format 3\0..."), Ok(Format::ZoClone));
        let error = of("picture.png", b"\x89PNG").expect_err("a picture");
        assert!(error.message.ends_with("is nothing that is known"), "{error:?}");
        assert_eq!(detect(folder.path()), Ok(Format::Markdown));
    }

    #[test]
    fn folders_are_told_from_what_lies_in_them() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        fs::write(folder.path().join("cache.db"), "no database").expect("a scratch file");
        assert_eq!(detect(folder.path()), Ok(Format::Markdown));
        fs::write(folder.path().join("memory.db"), "SQLite format 3\0").expect("a scratch file");
        assert_eq!(detect(folder.path()), Ok(Format::ZoClone));
        fs::write(folder.path().join("conversations-001.json"), "[]").expect("a scratch file");
        assert_eq!(detect(folder.path()), Ok(Format::ChatGpt));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let error = detect(Path::new("/no/such/place")).expect_err("nothing");
        assert_eq!(error.message, "cannot read /no/such/place: no such file or directory");
        assert_eq!(error.kind.exit_code(), 1);
    }
}
