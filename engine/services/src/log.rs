//! What a service printed: files of bounded size, each line with its time and where it came from.
//!
//! ```text
//! LABEL.log      # zo log from byte 4194355      the one that is written
//! LABEL.log.1    # zo log from byte 52           older ones, up to .3; what falls off the end is gone
//!                2026-11-21T21:29:25.123Z out listening on 8000
//!                2026-11-21T21:29:31.007Z zo  exit code 1, again in 0.5 s
//! ```
//!
//! A place in the log is a number of bytes since its beginning; as each file says where it begins, it means the same wherever that line
//! lies by now, and after a restart too.

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{SecondsFormat, Utc};

/// Bytes of a file, after which another is begun.
const FILE_BYTES: u64 = 4 << 20;
/// Files beside the one that is written.
const OLDER: u32 = 3;
/// Bytes of a line; a longer one is several.
const LINE_BYTES: usize = 16 << 10;
/// Bytes of the first line of a file, at the most.
const HEADER_BYTES: u64 = 64;
const HEADER: &str = "# zo log from byte ";

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Stdout,
    Stderr,
    /// Who keeps the service running.
    Keeper,
}

impl From {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "out",
            Self::Stderr => "err",
            Self::Keeper => "zo ",
        }
    }
}

/// Writes the log of a service; there is one at a time.
#[derive(Debug)]
pub(crate) struct LogWriter {
    path: PathBuf,
    file: File,
    /// Bytes of the file, its first line included.
    length: u64,
    /// Where the whole log ends.
    ends: u64,
    file_bytes: u64,
    /// Lines whose ends are yet to come.
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl LogWriter {
    /// Goes on with the log of this label, in a folder that is made if need be, for its owner alone.
    pub(crate) fn open(folder: &Path, label: &str) -> io::Result<Self> {
        Self::with_file_bytes(folder, label, FILE_BYTES)
    }

    fn with_file_bytes(folder: &Path, label: &str, file_bytes: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = path_of(folder, label);
        let (file, ends) = match Part::open(&path)? {
            Some(part) => (OpenOptions::new().append(true).open(&path)?, part.ends()?),
            // Nothing, or nothing of ours: what is older tells where to go on.
            None => {
                let older = Part::open(&older(&path, 1))?;
                let ends = older.map_or(Ok(0), |part| part.ends())?;
                (begin(&path, ends)?, ends)
            }
        };
        let length = file.metadata()?.len();
        let (stdout, stderr) = (Vec::new(), Vec::new());
        let mut writer = Self { path, file, length, ends, file_bytes, stdout, stderr };
        if !ends_a_line(&writer.path)? {
            // The system went down in the middle of it. It is ended here, in this file, however full that is.
            writer.file.write_all(b"\n")?;
            writer.length += 1;
            writer.ends += 1;
        }
        Ok(writer)
    }

    /// Adds what was printed: its whole lines, and those before it that end with it.
    pub(crate) fn print(&mut self, from: From, bytes: &[u8]) -> io::Result<()> {
        let mut printed = std::mem::take(self.held(from));
        printed.extend_from_slice(bytes);
        let (mut lines, mut rest) = (Vec::new(), printed.as_slice());
        while let Some(length) = next_line(rest) {
            stamp(from, &rest[..length], &mut lines);
            rest = &rest[length..];
        }
        *self.held(from) = rest.to_vec();
        self.write(&lines)
    }

    /// Adds what was printed without the end of a line; there is nothing more to come.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        for from in [From::Stdout, From::Stderr] {
            let line = std::mem::take(self.held(from));
            if !line.is_empty() {
                stamp(from, &line, &mut lines);
            }
        }
        self.write(&lines)
    }

    /// Adds a line of who keeps the service running.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        let mut line = Vec::new();
        stamp(From::Keeper, text.replace('\n', " ").as_bytes(), &mut line);
        self.write(&line)
    }

    fn held(&mut self, from: From) -> &mut Vec<u8> {
        if from == From::Stderr { &mut self.stderr } else { &mut self.stdout }
    }

    /// Writes whole lines, to the next file if this one is full.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.length >= self.file_bytes {
            self.rotate()?;
        }
        self.file.write_all(lines)?;
        self.length += lines.len() as u64;
        self.ends += lines.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..OLDER).rev() {
            rename(&older(&self.path, number), &older(&self.path, number + 1))?;
        }
        rename(&self.path, &older(&self.path, 1))?;
        self.file = begin(&self.path, self.ends)?;
        self.length = self.file.metadata()?.len();
        Ok(())
    }
}

/// Reads the log of a service, also while it is written, by whichever process.
#[derive(Clone, Debug)]
pub struct LogReader {
    path: PathBuf,
}

/// Lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPiece {
    /// The lines, oldest first, without their ends: time, `out`, `err` or `zo `, and what was printed, as it was printed. A terminal
    /// may be told things by it.
    pub lines: Vec<String>,
    /// Where to go on reading: for [`LogReader::after`].
    pub next: u64,
    /// Bytes that were asked for and are gone, as newer ones took their place.
    pub skipped: u64,
}

impl LogReader {
    /// The log of this label in a folder; it need not be there yet.
    #[must_use]
    pub fn new(folder: &Path, label: &str) -> Self {
        Self { path: path_of(folder, label) }
    }

    /// The last `most` lines.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn last(&self, most: usize) -> io::Result<LogPiece> {
        let mut piece = LogPiece::default();
        for mut part in self.parts()?.into_iter().rev() {
            let begins = part.begins;
            let (mut lines, ends) = part.lines_from(begins, u64::MAX)?;
            piece.next = piece.next.max(ends);
            lines.append(&mut piece.lines);
            piece.lines = lines;
            if piece.lines.len() >= most {
                break;
            }
        }
        piece.lines.drain(..piece.lines.len().saturating_sub(most));
        Ok(piece)
    }

    /// The lines from a place on, of at most so many bytes or a single line; none if there is nothing new.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn after(&self, place: u64, most_bytes: u64) -> io::Result<LogPiece> {
        let parts = self.parts()?;
        let oldest = parts.first().map_or(place, |part| part.begins);
        let mut piece =
            LogPiece { next: place.max(oldest), skipped: oldest.saturating_sub(place), ..LogPiece::default() };
        let most_bytes = most_bytes.max(2 * LINE_BYTES as u64);
        let begun = piece.next;
        for mut part in parts {
            let left = most_bytes.saturating_sub(piece.next - begun);
            if part.begins <= piece.next && left > 0 {
                let (mut lines, next) = part.lines_from(piece.next, left)?;
                piece.lines.append(&mut lines);
                piece.next = next;
            }
        }
        Ok(piece)
    }

    /// The files there are, oldest first.
    fn parts(&self) -> io::Result<Vec<Part>> {
        let mut parts = Vec::new();
        // Newest first: what is renamed in between is met twice, and not missed.
        for number in 0..=OLDER {
            let path = if number == 0 { self.path.clone() } else { older(&self.path, number) };
            parts.extend(Part::open(&path)?);
        }
        parts.sort_by_key(|part| part.begins);
        parts.dedup_by_key(|part| part.begins);
        Ok(parts)
    }
}

/// A file of a log, opened.
#[derive(Debug)]
struct Part {
    file: File,
    /// Where it begins in the whole log.
    begins: u64,
    /// Bytes of its first line.
    header: u64,
}

impl Part {
    /// Opens a file of a log; `None` if it is not there, or none.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut line = String::new();
        let read = BufReader::new((&file).take(HEADER_BYTES)).read_line(&mut line);
        let begins = line.strip_prefix(HEADER).and_then(|rest| rest.strip_suffix('\n')?.parse().ok());
        Ok(read.ok().and(begins).map(|begins| Self { file, begins, header: line.len() as u64 }))
    }

    /// Where it ends in the whole log.
    fn ends(&self) -> io::Result<u64> {
        Ok(self.begins + self.file.metadata()?.len().saturating_sub(self.header))
    }

    /// Whole lines from a place on, of at most so many bytes, and where they end.
    fn lines_from(&mut self, place: u64, most: u64) -> io::Result<(Vec<String>, u64)> {
        let from = place.saturating_sub(self.begins);
        self.file.seek(SeekFrom::Start(self.header + from))?;
        let mut bytes = Vec::new();
        (&self.file).take(most).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
        let lines = bytes.split(|&byte| byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned());
        let mut lines: Vec<String> = lines.collect();
        lines.pop(); // what comes after the last end is nothing
        Ok((lines, self.begins + from + whole as u64))
    }
}

fn path_of(folder: &Path, label: &str) -> PathBuf {
    folder.join(format!("{label}.log"))
}

fn older(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// Renames what may not be there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Begins a file, for its owner alone; what is there is replaced.
fn begin(path: &Path, begins: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600).open(path)?;
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(format!("{HEADER}{begins}\n").as_bytes())?;
    Ok(file)
}

fn ends_a_line(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The length of the first line, its end included, if it is there or the line is too long to wait for it.
fn next_line(bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().take(LINE_BYTES).position(|&byte| byte == b'\n');
    end.map(|at| at + 1).or((bytes.len() >= LINE_BYTES).then_some(LINE_BYTES))
}

/// Adds a line with its time and where it came from.
fn stamp(from: From, line: &[u8], lines: &mut Vec<u8>) {
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    lines.extend_from_slice(format!("{time} {} ", from.name()).as_bytes());
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    lines.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
    lines.push(b'\n');
}
