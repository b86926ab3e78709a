//! Files that go with a question: images by what they are, texts, and a JSON Schema. All are read and checked before anything
//! is recorded.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;
use zo_engine::protocol::FileInput;

use crate::error::CliError;
use crate::output::text;

/// The largest image, in bytes.
const MAX_IMAGE_BYTES: usize = 20 * 1024 * 1024;
/// The largest text, in bytes.
const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// The most that all files of a question may have, in bytes: they travel in one request.
const MAX_TOGETHER_BYTES: usize = 64 * 1024 * 1024;

/// Reads an image: PNG, JPEG, GIF or WebP, whatever its name says.
///
/// # Errors
/// If it cannot be read, is too large or is none of these.
pub(crate) fn image(path: &Path) -> Result<FileInput, CliError> {
    let bytes = read(path, MAX_IMAGE_BYTES, "an image")?;
    match image_type(&bytes) {
        Some(media_type) => Ok(FileInput { name: name_of(path), media_type: media_type.to_owned(), bytes }),
        None => {
            let is = looks_like(&bytes).unwrap_or("no image at all");
            let error = CliError::invalid(format!("{} is {is}; an image is PNG, JPEG, GIF or WebP", path.display()));
            let is_text = std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0'));
            Err(if is_text { error.hint("--file takes texts") } else { error })
        }
    }
}

/// Reads a text; `-` stands for stdin.
///
/// # Errors
/// If it cannot be read, is too large or is not UTF-8.
pub(crate) fn document(path: &Path) -> Result<FileInput, CliError> {
    let bytes = read(path, MAX_TEXT_BYTES, "a file")?;
    let place = path.display();
    if let Some(media_type) = image_type(&bytes) {
        let kind = media_type.trim_start_matches("image/").to_uppercase();
        return Err(CliError::invalid(format!("{place} is a {kind} image, not a text")).hint("--image takes images"));
    }
    if let Some(is) = looks_like(&bytes) {
        return Err(CliError::invalid(format!("{place} is {is}, not a text")).hint("convert it to text first"));
    }
    if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
        return Err(CliError::invalid(format!("{place} has a NUL at byte {offset}, so it is no text")));
    }
    if let Err(error) = std::str::from_utf8(&bytes) {
        let offset = error.valid_up_to();
        let message = format!("{place} is not UTF-8: 0x{:02x} at byte {offset}", bytes[offset]);
        return Err(CliError::invalid(message).hint("convert it first, as with `iconv -f latin1 -t utf-8`"));
    }
    Ok(FileInput { name: name_of(path), media_type: text_type(path).to_owned(), bytes })
}

/// That all files of a question fit into one request.
///
/// # Errors
/// If they are too much.
pub(crate) fn check_together(files: &[FileInput]) -> Result<(), CliError> {
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    if bytes <= MAX_TOGETHER_BYTES {
        return Ok(());
    }
    let (bytes, most) = (text::bytes(bytes as u64), text::bytes(MAX_TOGETHER_BYTES as u64));
    Err(CliError::invalid(format!("the {} files have {bytes} together; they may have {most}", files.len())))
}

/// Reads a JSON Schema; its text as it stands in the file.
///
/// # Errors
/// If it cannot be read or is no JSON object, with the place.
pub(crate) fn schema(path: &Path) -> Result<String, CliError> {
    let file = document(path)?;
    let text = String::from_utf8(file.bytes).expect("a document is UTF-8");
    let place = path.display();
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        let (line, column, what) = (error.line(), error.column(), error.to_string());
        let what = what.split(" at line ").next().unwrap_or_default();
        CliError::invalid(format!("{place}:{line}:{column}: expected a JSON Schema: {what}"))
    })?;
    let is = match value {
        Value::Object(_) => return Ok(text),
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
    };
    let before = text.len() - text.trim_start().len();
    let line = text[..before].matches('\n').count() + 1;
    let column = before - text[..before].rfind('\n').map_or(0, |at| at + 1) + 1;
    Err(CliError::invalid(format!("{place}:{line}:{column}: a JSON Schema is an object, and this is {is}"))
        .hint("as in {\"type\": \"object\", \"properties\": {\"port\": {\"type\": \"integer\"}}}"))
}

/// The bytes of a file; `-` stands for stdin.
fn read(path: &Path, most: usize, what: &str) -> Result<Vec<u8>, CliError> {
    let place = path.display();
    let cannot = |error: io::Error| CliError::io(format!("cannot read {place}"), &error);
    let too_large =
        |size: &str| CliError::invalid(format!("{place} has {size}; {what} may have {}", text::bytes(most as u64)));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(most as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    } else {
        let file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(CliError::invalid(format!("{place} is a folder, not a file")));
        }
        if metadata.is_file() && metadata.len() > most as u64 {
            return Err(too_large(&format!("{} bytes", text::count(metadata.len()))));
        }
        file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    }
    if bytes.len() > most {
        return Err(too_large(&format!("more than {} bytes", text::count(most as u64))));
    }
    if bytes.is_empty() {
        return Err(CliError::invalid(format!("{place} is empty")));
    }
    Ok(bytes)
}

/// The name of a file without its folder, and without control characters.
fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".to_owned();
    }
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    name.chars().map(|letter| if letter.is_control() { '_' } else { letter }).collect()
}

/// The media type of an image that models take, by its first bytes.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// What bytes are that are no text, by their beginning.
fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 17] = [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"BM", "a BMP image"),
        (b"II*\0", "a TIFF image"),
        (b"MM\0*", "a TIFF image"),
        (b"%PDF-", "a PDF"),
        (b"PK\x03\x04", "a ZIP archive, as office documents are"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"BZh", "a bzip2 archive"),
        (b"\xfd7zXZ\0", "an xz archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"\x7fELF", "a program"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"OggS", "an Ogg recording"),
        (b"ID3", "an MP3 recording"),
    ];
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(match bytes.get(8..12) {
            Some(b"avif" | b"avis") => "an AVIF image",
            Some(b"heic" | b"heix" | b"mif1") => "a HEIC image",
            _ => "a film",
        });
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("a WebP image");
    }
    let found = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    // Letters alone do not make a text an image or a recording.
    let (beginning, name) = found?;
    let plain = beginning.iter().all(|byte| byte.is_ascii_alphanumeric());
    if plain && std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0')) { None } else { Some(name) }
}

/// The media type of a text, by the end of its name.
fn text_type(path: &Path) -> &'static str {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    match end.as_deref() {
        Some("md" | "markdown") => "text/markdown",
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("xml") => "application/xml",
        Some("yaml" | "yml") => "application/yaml",
        Some("toml") => "application/toml",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("scratch space");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("it can be written");
        (folder, path)
    }

    #[test]
    fn an_image_is_known_by_its_bytes() {
        for (bytes, media_type) in [
            (&b"\x89PNG\r\n\x1a\n..."[..], "image/png"),
            (b"\xff\xd8\xff\xe0..", "image/jpeg"),
            (b"GIF89a..", "image/gif"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        ] {
            let (_folder, path) = file("named.txt", bytes);
            assert_eq!(image(&path).expect("an image").media_type, media_type);
            let error = document(&path).expect_err("no text");
            assert!(error.message.contains(" image, not a text"), "{error:?}");
        }
        let (_folder, path) = file("named.png", b"%PDF-1.7");
        assert!(image(&path).expect_err("no image").message.contains("is a PDF; an image is"), "by its bytes");
        let (_folder, path) = file("named.png", b"just text");
        assert_eq!(image(&path).expect_err("no image").hints, ["--file takes texts"]);
    }

    #[test]
    fn a_text_is_known_by_its_name_and_may_begin_with_any_word() {
        for (name, media_type) in [("a.md", "text/markdown"), ("b.JSON", "application/json"), ("c.rs", "text/plain")] {
            let (_folder, path) = file(name, b"BM and BZh and ID3");
            let document = document(&path).expect("a text");
            assert_eq!((document.name.as_str(), document.media_type.as_str()), (name, media_type));
        }
        let (_folder, path) = file("a.txt", b"caf\xe9");
        assert!(document(&path).expect_err("latin1").message.ends_with("is not UTF-8: 0xe9 at byte 3"));
        let (_folder, path) = file("a.txt", b"PK\x03\x04");
        assert!(document(&path).expect_err("an archive").message.contains("a ZIP archive"));
    }

    #[test]
    fn a_schema_is_an_object() {
        let (_folder, path) = file("s.json", b"{\"type\": \"object\"}\n");
        assert_eq!(schema(&path).expect("a schema"), "{\"type\": \"object\"}\n");
        let (_folder, path) = file("s.json", b"{\n  \"type\": oops}");
        let message = schema(&path).expect_err("no JSON").message;
        assert!(message.contains("s.json:2:11: expected a JSON Schema: "), "{message}");
        let (_folder, path) = file("s.json", b"\n  [1]");
        let message = schema(&path).expect_err("no object").message;
        assert!(message.ends_with("s.json:2:3: a JSON Schema is an object, and this is an array"), "{message}");
    }
}
