//! The records of a trace, as `recorder.c` writes them; nothing here knows what they mean for a disk.
//!
//! ```text
//! 0      4     6      8    12           16             20        24     32      40     48           56
//! | magic | kind | flags | pid | path length | second length | zero | inode | offset | value | data length | path second data
//! ```
//! Numbers are in the machine's byte order: a trace is read where it was written.

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

const MAGIC: u32 = 0x3143_5a50;
const HEADER_LENGTH: u64 = 56;
const FLAG_SYNCED: u16 = 1;
const FLAG_OUTSIDE_FROM: u16 = 0x100;
const FLAG_OUTSIDE_TO: u16 = 0x200;
/// `RENAME_EXCHANGE` of renameat2(2).
const RENAME_EXCHANGE: u16 = 2;
/// Longer paths do not come from the kernel; a header that claims one is damaged.
const LONGEST_PATH: u32 = 4096;

/// A path below the recorded folder, without a leading slash.
pub(crate) type Name = Box<[u8]>;

/// A range of bytes in the trace file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// One record and the process that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) pid: u32,
    pub(crate) event: Event,
}

/// What happened. Inodes name files only until they are unlinked and their number is used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Process,
    Stdout {
        data: Span,
    },
    StdoutShort {
        missing: u64,
    },
    Create {
        inode: u64,
        path: Option<Name>,
        mode: u32,
    },
    /// `path` is where the trace has the file's name at that moment, for messages.
    Write {
        inode: u64,
        offset: u64,
        data: Span,
        synced: bool,
        path: Span,
    },
    SetLength {
        inode: u64,
        length: u64,
    },
    Allocate {
        inode: u64,
        offset: u64,
        length: u64,
        mode: u16,
    },
    /// `inode` 0 stands for everything.
    SyncBegin {
        inode: u64,
        token: u64,
    },
    SyncEnd {
        token: u64,
    },
    Rename {
        from: Name,
        to: Name,
        exchange: bool,
    },
    /// One of the two names is outside of the recorded folder.
    RenameOut {
        from: Name,
    },
    RenameIn {
        to: Name,
    },
    Unlink {
        path: Name,
    },
    MakeFolder {
        inode: u64,
        path: Name,
        mode: u32,
    },
    RemoveFolder {
        path: Name,
    },
    Link {
        inode: u64,
        path: Name,
    },
    Symlink {
        inode: u64,
        path: Name,
        text: Name,
    },
    Mode {
        inode: u64,
        mode: u32,
    },
    Mapped {
        path: Name,
    },
}

/// Reads all records. The second value tells whether the last one was torn and left out.
pub(crate) fn read(path: &Path) -> Result<(Vec<Entry>, bool)> {
    let file = File::open(path).with_context(|| format!("trace {} cannot be opened", path.display()))?;
    let end = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut entries = Vec::new();
    let mut offset = 0;
    while offset < end {
        if end - offset < HEADER_LENGTH {
            return Ok((entries, true));
        }
        let mut raw = [0; HEADER_LENGTH as usize];
        reader.read_exact(&mut raw)?;
        let header =
            Header::parse(&raw).with_context(|| format!("trace {}: no record at byte {offset}", path.display()))?;
        let start = offset + HEADER_LENGTH + u64::from(header.path_length) + u64::from(header.second_length);
        if start.saturating_add(header.data_length) > end {
            return Ok((entries, true));
        }
        let mut name = vec![0; header.path_length as usize];
        reader.read_exact(&mut name)?;
        let mut second = vec![0; header.second_length as usize];
        reader.read_exact(&mut second)?;
        let skipped = i64::try_from(header.data_length).context("a record longer than a file can be")?;
        reader.seek_relative(skipped)?;
        let data = Span { offset: start, length: header.data_length };
        let event = header.event(name.into(), second.into(), data)?;
        entries.push(Entry { pid: header.pid, event });
        offset = start + header.data_length;
    }
    debug_assert_eq!(reader.stream_position()?, end);
    Ok((entries, false))
}

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    kind: u16,
    flags: u16,
    pid: u32,
    path_length: u32,
    second_length: u32,
    inode: u64,
    offset: u64,
    value: u64,
    data_length: u64,
}

impl Header {
    fn parse(raw: &[u8; HEADER_LENGTH as usize]) -> Result<Self> {
        let two = |at: usize| u16::from_ne_bytes([raw[at], raw[at + 1]]);
        let four = |at: usize| u32::from_ne_bytes(raw[at..at + 4].try_into().expect("four bytes"));
        let eight = |at: usize| u64::from_ne_bytes(raw[at..at + 8].try_into().expect("eight bytes"));
        let header = Self {
            kind: two(4),
            flags: two(6),
            pid: four(8),
            path_length: four(12),
            second_length: four(16),
            inode: eight(24),
            offset: eight(32),
            value: eight(40),
            data_length: eight(48),
        };
        ensure!(four(0) == MAGIC, "magic is {:#x}", four(0));
        ensure!(header.path_length <= LONGEST_PATH, "path of {} bytes", header.path_length);
        ensure!(header.second_length <= LONGEST_PATH, "path of {} bytes", header.second_length);
        Ok(header)
    }

    fn event(self, path: Name, second: Name, data: Span) -> Result<Event> {
        let Self { flags, inode, offset, value, .. } = self;
        // Modes were taken from a mode_t, so nothing is cut off.
        let mode = value as u32;
        Ok(match self.kind {
            1 => Event::Process,
            2 => Event::Stdout { data },
            3 => Event::StdoutShort { missing: value },
            4 => Event::Create { inode, path: Some(path).filter(|path| !path.is_empty()), mode },
            5 => {
                let length = u64::from(self.path_length);
                let path = Span { offset: data.offset - length, length };
                Event::Write { inode, offset, data, synced: flags & FLAG_SYNCED != 0, path }
            }
            6 => Event::SetLength { inode, length: value },
            7 => Event::Allocate { inode, offset, length: value, mode: flags },
            8 => Event::SyncBegin { inode, token: value },
            9 => Event::SyncEnd { token: value },
            10 if flags & FLAG_OUTSIDE_FROM != 0 => Event::RenameIn { to: second },
            10 if flags & FLAG_OUTSIDE_TO != 0 => Event::RenameOut { from: path },
            10 => Event::Rename { from: path, to: second, exchange: flags & RENAME_EXCHANGE != 0 },
            11 => Event::Unlink { path },
            12 => Event::MakeFolder { inode, path, mode },
            13 => Event::RemoveFolder { path },
            14 => Event::Link { inode, path },
            15 => Event::Symlink { inode, path, text: second },
            16 => Event::Mode { inode, mode },
            17 => Event::Mapped { path },
            other => bail!("unknown kind {other}"),
        })
    }
}

/// Appends records from this side: what was in the folder before the process started, and traces made up by tests.
pub(crate) struct Writer {
    file: File,
}

impl Writer {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("trace {} cannot be made", path.display()))?;
        Ok(Self { file })
    }

    /// Appends one record. The spans of `event` are ignored: its bytes are `data`.
    pub(crate) fn append(&mut self, event: &Event, data: &[u8]) -> Result<()> {
        let mut header = Header { pid: std::process::id(), ..Header::default() };
        let (path, second) = header.fill(event);
        let mut raw = Vec::with_capacity(HEADER_LENGTH as usize + path.len() + second.len() + data.len());
        raw.extend(MAGIC.to_ne_bytes());
        raw.extend(header.kind.to_ne_bytes());
        raw.extend(header.flags.to_ne_bytes());
        raw.extend(header.pid.to_ne_bytes());
        raw.extend(u32::try_from(path.len())?.to_ne_bytes());
        raw.extend(u32::try_from(second.len())?.to_ne_bytes());
        raw.extend([0; 4]);
        for number in [header.inode, header.offset, header.value, data.len() as u64] {
            raw.extend(number.to_ne_bytes());
        }
        raw.extend(path);
        raw.extend(second);
        raw.extend(data);
        Ok(self.file.write_all(&raw)?)
    }
}

impl Header {
    fn fill<'a>(&mut self, event: &'a Event) -> (&'a [u8], &'a [u8]) {
        let mut paths: (&[u8], &[u8]) = (b"", b"");
        match event {
            Event::Process => self.kind = 1,
            Event::Stdout { .. } => self.kind = 2,
            Event::StdoutShort { missing } => (self.kind, self.value) = (3, *missing),
            Event::Create { inode, path, mode } => {
                (self.kind, self.inode, self.value) = (4, *inode, u64::from(*mode));
                paths.0 = path.as_deref().unwrap_or_default();
            }
            Event::Write { inode, offset, synced, .. } => {
                (self.kind, self.inode, self.offset) = (5, *inode, *offset);
                self.flags = if *synced { FLAG_SYNCED } else { 0 };
            }
            Event::SetLength { inode, length } => (self.kind, self.inode, self.value) = (6, *inode, *length),
            Event::Allocate { inode, offset, length, mode } => {
                (self.kind, self.inode, self.offset) = (7, *inode, *offset);
                (self.value, self.flags) = (*length, *mode);
            }
            Event::SyncBegin { inode, token } => (self.kind, self.inode, self.value) = (8, *inode, *token),
            Event::SyncEnd { token } => (self.kind, self.value) = (9, *token),
            Event::Rename { from, to, exchange } => {
                self.kind = 10;
                self.flags = if *exchange { RENAME_EXCHANGE } else { 0 };
                paths = (from, to);
            }
            Event::RenameOut { from } => {
                (self.kind, self.flags) = (10, FLAG_OUTSIDE_TO);
                paths.0 = from;
            }
            Event::RenameIn { to } => {
                (self.kind, self.flags) = (10, FLAG_OUTSIDE_FROM);
                paths.1 = to;
            }
            Event::Unlink { path } => (self.kind, paths.0) = (11, path),
            Event::MakeFolder { inode, path, mode } => {
                (self.kind, self.inode, self.value) = (12, *inode, u64::from(*mode));
                paths.0 = path;
            }
            Event::RemoveFolder { path } => (self.kind, paths.0) = (13, path),
            Event::Link { inode, path } => (self.kind, self.inode, paths.0) = (14, *inode, path),
            Event::Symlink { inode, path, text } => {
                (self.kind, self.inode) = (15, *inode);
                paths = (path, text);
            }
            Event::Mode { inode, mode } => (self.kind, self.inode, self.value) = (16, *inode, u64::from(*mode)),
            Event::Mapped { path } => (self.kind, paths.0) = (17, path),
        }
        paths
    }
}
