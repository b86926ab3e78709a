//! Downloads get a name that can be trusted, and their place. What a site calls a file is only a suggestion.

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::done::Downloaded;

/// The longest name, in bytes; most file systems take 255.
const LONGEST: usize = 150;

/// The most files of one name, told apart by a number.
const ALIKE: usize = 10_000;

/// A download that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// The browser's own id of it.
    pub(crate) guid: String,
    /// Where it lies.
    pub(crate) from: PathBuf,
    /// The folder that it goes to.
    pub(crate) folder: PathBuf,
    pub(crate) suggested_name: String,
    pub(crate) url: String,
    /// Bytes that it may have.
    pub(crate) limit: u64,
}

/// Why a download is not kept.
#[derive(Debug, Error)]
pub(crate) enum KeepError {
    #[error("it has {size} bytes, and may have {limit}")]
    TooLarge { size: u64, limit: u64 },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("there are {ALIKE} files called {name} already")]
    TooMany { name: String },
}

/// Moves a download to its place under a name that no other file there has.
pub(crate) fn keep(finished: &Finished) -> Result<Downloaded, KeepError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| KeepError::Io { path, source }
    };
    let size = fs::metadata(&finished.from).map_err(failed(&finished.from))?.len();
    if size > finished.limit {
        let _ = fs::remove_file(&finished.from);
        return Err(KeepError::TooLarge { size, limit: finished.limit });
    }
    fs::create_dir_all(&finished.folder).map_err(failed(&finished.folder))?;
    let wanted = safe_name(&finished.suggested_name);
    for name in numbered(&wanted).take(ALIKE) {
        let path = finished.folder.join(&name);
        // Made first, so that two downloads at once do not take the same name, and a link that lies there is not followed.
        match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(failed(&path)(error)),
        }
        if let Err(error) = move_file(&finished.from, &path) {
            let _ = fs::remove_file(&path);
            return Err(failed(&path)(error));
        }
        let suggested_name = finished.suggested_name.chars().take(LONGEST).collect();
        return Ok(Downloaded { path, name, suggested_name, url: finished.url.clone(), size });
    }
    Err(KeepError::TooMany { name: wanted })
}

fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs::copy(from, to)?;
            fs::remove_file(from)
        }
        other => other,
    }
}

/// A name without folders, control characters and characters that systems or shells take for something else; never empty, hidden or long.
pub(crate) fn safe_name(suggested: &str) -> String {
    let last = suggested.rsplit(['/', '\\']).next().unwrap_or_default();
    let cleaned: String = last
        .chars()
        .filter(|letter| !letter.is_control() && !is_invisible(*letter))
        .map(|letter| if r#"<>:"|?*$`"#.contains(letter) { '_' } else { letter })
        .collect();
    let trimmed = cleaned.trim().trim_start_matches(['.', '-', '~']).trim_end_matches(['.', ' ']);
    if trimmed.is_empty() {
        return "download".to_owned();
    }
    let (stem, extension) = split(trimmed);
    let extension = cut(extension, 20);
    format!("{}{extension}", cut(stem, LONGEST - extension.len()))
}

/// Characters that turn the direction of a text, or cannot be seen, make a name look like another.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
}

/// The names that a file can have where there are others of its name: `a.txt`, `a (1).txt`, `a (2).txt` and so on.
pub fn numbered(name: &str) -> impl Iterator<Item = String> + '_ {
    let (stem, extension) = split(name);
    std::iter::once(name.to_owned()).chain((1u64..).map(move |number| format!("{stem} ({number}){extension}")))
}

/// A name before its extension, and the extension with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
