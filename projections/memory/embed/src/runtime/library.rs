//! What a file is that may be ONNX Runtime, told from its bytes, without loading it.
//!
//! Loading is no way to find out: the loader maps a library that is cut short and the process dies of SIGBUS, and an older
//! version lacks what `ort` calls. An ELF file tells its extent in its headers, and ONNX Runtime's version in the name of
//! its one symbol version, `VERS_1.24.4`.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::{Candidate, Finding, places, places::Places};

/// The oldest version that has what `ort` calls.
pub(crate) fn required() -> String {
    format!("1.{}", ort::MINOR_VERSION)
}

/// Whether a library of this version has what `ort` calls: the interface only grows within major version 1.
pub(crate) fn is_recent_enough(version: &str) -> bool {
    let mut parts = version.split('.');
    let major = parts.next();
    let minor = parts.next().and_then(|minor| minor.parse::<u32>().ok());
    major == Some("1") && minor.is_some_and(|minor| minor >= ort::MINOR_VERSION)
}

/// All that is found at the places, in their order; within a folder the latest version first.
pub(crate) fn survey(places: &Places) -> Vec<Candidate> {
    let judged = |path: PathBuf| Candidate { finding: judge(&path), path };
    if let Some(path) = &places.explicit {
        return vec![judged(path.clone())];
    }
    let mut candidates = Vec::new();
    let mut seen = Vec::new();
    for folder in &places.folders {
        let mut paths = places::entries(folder, "libonnxruntime.");
        paths.retain(|path| is_library_name(path));
        // `libonnxruntime.so` is mostly a link to the numbered file beside it.
        paths.retain(|path| {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            let is_new = !seen.contains(&real);
            seen.push(real);
            is_new
        });
        let mut found: Vec<Candidate> = paths.into_iter().map(judged).collect();
        found.sort_by_key(|candidate| match &candidate.finding {
            Finding::Usable { version } => std::cmp::Reverse(version.as_deref().map(numbers)),
            _ => std::cmp::Reverse(None),
        });
        candidates.extend(found);
    }
    candidates
}

/// `1.24.4` as numbers, which compare as versions do.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn is_library_name(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let rest = name.strip_prefix("libonnxruntime.").unwrap_or_default();
    rest == "so" || rest.starts_with("so.") || rest.ends_with("dylib")
}

/// What the file is.
pub(crate) fn judge(path: &Path) -> Finding {
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Finding::Missing,
        Err(error) => return Finding::NotALibrary { reason: error.to_string() },
        // Nothing else may be opened: a pipe would wait for a writer.
        Ok(metadata) if !metadata.is_file() => return Finding::NotAFile,
        Ok(_) => {}
    }
    let version = match version(path) {
        Ok(version) => version,
        Err(reason) => return Finding::NotALibrary { reason },
    };
    match version {
        Some(version) if !is_recent_enough(&version) => Finding::WrongVersion { version, required: required() },
        version => Finding::Usable { version },
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
use elf::version;

/// Elsewhere the file's name has to do: `libonnxruntime.1.24.4.dylib`.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
fn version(path: &Path) -> Result<Option<String>, String> {
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    let name = real.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let digits: String =
        name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let version = digits.trim_end_matches('.');
    Ok(version.contains('.').then(|| version.to_owned()))
}

#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
mod elf {
    //! As much of ELF as it takes (System V gABI, chapters 4 and 5).

    use std::{fs::File, os::unix::fs::FileExt, path::Path};

    /// The fixed part of a 64-bit header, of a program header and of an entry of the dynamic section, in bytes.
    const HEADER: usize = 64;
    const PROGRAM_HEADER: usize = 56;
    const DYNAMIC: usize = 16;

    /// No string table of a library is longer than this; ONNX Runtime's has some kilobytes.
    const MOST_STRINGS: u64 = 16 << 20;

    const PT_LOAD: u32 = 1;
    const PT_DYNAMIC: u32 = 2;
    const DT_STRTAB: u64 = 5;
    const DT_STRSZ: u64 = 10;

    /// The version of the ONNX Runtime in the file, if it tells; an error if the file is no whole library for this
    /// machine, or another.
    pub(super) fn version(path: &Path) -> Result<Option<String>, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let header = read(&file, 0, HEADER).map_err(|_| "it is no ELF file")?;
        if header[..4] != *b"\x7fELF" {
            return Err("it is no ELF file".into());
        }
        if header[4..6] != [2, 1] || u16_at(&header, 16) != 3 {
            return Err("it is no 64-bit shared library".into());
        }
        let machine = match std::env::consts::ARCH {
            "x86_64" => Some(62),
            "aarch64" => Some(183),
            "riscv64" => Some(243),
            _ => None,
        };
        if machine.is_some_and(|machine| machine != u16_at(&header, 18)) {
            return Err(format!("it is for another machine than {}", std::env::consts::ARCH));
        }

        // The section headers stand at the end: a file that has them has not lost its tail.
        let sections_end =
            u64_at(&header, 40).saturating_add(u64::from(u16_at(&header, 58)) * u64::from(u16_at(&header, 60)));
        let programs = usize::from(u16_at(&header, 56));
        let table = read(&file, u64_at(&header, 32), programs * PROGRAM_HEADER)?;
        let segments: Vec<Segment> = table.chunks_exact(PROGRAM_HEADER).map(Segment::parse).collect();
        let loaded_end = segments.iter().map(|segment| segment.offset.saturating_add(segment.in_file)).max();
        let end = sections_end.max(loaded_end.unwrap_or(0));
        if end > length {
            return Err(format!("it is cut short, {length} of {end} bytes are there"));
        }

        let strings = dynamic_strings(&file, &segments)?;
        if !strings.split(|byte| *byte == 0).any(|name| name == b"OrtGetApiBase") {
            return Err("it has no OrtGetApiBase, so it is not ONNX Runtime".into());
        }
        let version = strings.split(|byte| *byte == 0).find_map(|name| name.strip_prefix(b"VERS_"));
        Ok(version.and_then(|version| String::from_utf8(version.to_vec()).ok()))
    }

    /// A part of the file and where it is mapped to.
    struct Segment {
        kind: u32,
        offset: u64,
        address: u64,
        in_file: u64,
    }

    impl Segment {
        fn parse(header: &[u8]) -> Self {
            Self {
                kind: u32_at(header, 0),
                offset: u64_at(header, 8),
                address: u64_at(header, 16),
                in_file: u64_at(header, 32),
            }
        }
    }

    /// The names of the symbols, of their versions and of other libraries, each ended by a zero byte.
    fn dynamic_strings(file: &File, segments: &[Segment]) -> Result<Vec<u8>, String> {
        let no_table = || "it has no table of its symbols".to_owned();
        let dynamic = segments.iter().find(|segment| segment.kind == PT_DYNAMIC).ok_or_else(no_table)?;
        let entries =
            read(file, dynamic.offset, usize::try_from(dynamic.in_file.min(1 << 16)).map_err(|_| no_table())?)?;
        let value = |tag: u64| {
            entries
                .chunks_exact(DYNAMIC)
                .find(|entry| u64_at(entry, 0) == tag)
                .map(|entry| u64_at(entry, 8))
                .ok_or_else(no_table)
        };
        let (address, size) = (value(DT_STRTAB)?, value(DT_STRSZ)?.min(MOST_STRINGS));
        let inside = |segment: &&Segment| {
            segment.kind == PT_LOAD
                && (segment.address..segment.address.saturating_add(segment.in_file)).contains(&address)
        };
        let segment = segments.iter().find(inside).ok_or_else(no_table)?;
        read(
            file,
            segment.offset.saturating_add(address - segment.address),
            usize::try_from(size).map_err(|_| no_table())?,
        )
    }

    fn read(file: &File, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, offset)
            .map_err(|_| format!("it is cut short before byte {}", offset.saturating_add(length as u64)))?;
        Ok(bytes)
    }

    fn u16_at(bytes: &[u8], at: usize) -> u16 {
        u16::from_le_bytes([bytes[at], bytes[at + 1]])
    }

    fn u32_at(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were taken"))
    }

    fn u64_at(bytes: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes were taken"))
    }
}

#[cfg(test)]
mod tests;
