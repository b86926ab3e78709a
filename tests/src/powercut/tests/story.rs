//! Traces by hand, and folders in a line: `f=a0 g= x/ x/h=(2048a)`, where a letter is a page full of it, `0` one of zeros,
//! and pages of several kinds of bytes or less than 4 KiB stand in parentheses.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::powercut::fate::{Cut, Fate};
use crate::powercut::format::{Event, Name, Span, Writer};
use crate::powercut::{Model, Trace};

const PAGE: usize = 4096;
const SEEDS: u64 = 60;

/// Records in order; what a test does with it leaves it as it was.
#[derive(Clone, Debug)]
pub(super) struct Story {
    records: Vec<(Event, Vec<u8>)>,
    inodes: HashMap<String, u64>,
    free: Vec<u64>,
    tokens: u64,
    folder: std::sync::Arc<tempfile::TempDir>,
}

impl Story {
    pub(super) fn new() -> Self {
        let folder = std::sync::Arc::new(tempfile::tempdir().expect("a temporary folder"));
        Self { records: Vec::new(), inodes: HashMap::new(), free: vec![], tokens: 100, folder }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    fn with(&self, event: Event, data: &[u8]) -> Self {
        let mut story = self.clone();
        story.records.push((event, data.to_vec()));
        story
    }

    fn inode(&self, path: &str) -> u64 {
        // Something that is no inode of a file or folder stands for the recorded folder itself.
        if path.is_empty() { 1 } else { self.inodes[path] }
    }

    fn give_inode(&self, path: &str) -> (Self, u64) {
        let mut story = self.clone();
        let inode = story.free.pop().unwrap_or(1000 + story.inodes.len() as u64 + story.records.len() as u64);
        story.inodes.insert(path.to_owned(), inode);
        (story, inode)
    }

    pub(super) fn create(&self, path: &str) -> Self {
        let (story, inode) = self.give_inode(path);
        story.with(Event::Create { inode, path: Some(name(path)), mode: 0o644 }, b"")
    }

    /// `path` is how the story calls it until it is linked.
    pub(super) fn create_unnamed(&self, path: &str) -> Self {
        let (story, inode) = self.give_inode(path);
        story.with(Event::Create { inode, path: None, mode: 0o644 }, b"")
    }

    pub(super) fn folder(&self, path: &str) -> Self {
        let (story, inode) = self.give_inode(path);
        story.with(Event::MakeFolder { inode, path: name(path), mode: 0o755 }, b"")
    }

    pub(super) fn link(&self, from: &str, path: &str) -> Self {
        let inode = self.inode(from);
        let mut story = self.with(Event::Link { inode, path: name(path) }, b"");
        story.inodes.insert(path.to_owned(), inode);
        story
    }

    pub(super) fn symlink(&self, path: &str, text: &str) -> Self {
        self.with(Event::Symlink { inode: 1, path: name(path), text: name(text) }, b"")
    }

    /// Frees the inode number for the next file.
    pub(super) fn remove(&self, path: &str) -> Self {
        let mut story = self.with(Event::Unlink { path: name(path) }, b"");
        story.free.extend(story.inodes.remove(path));
        story
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Self {
        let mut story = self.with(Event::Rename { from: name(from), to: name(to), exchange: false }, b"");
        let inode = story.inodes.remove(from).expect("it has a name");
        story.inodes.insert(to.to_owned(), inode);
        story
    }

    pub(super) fn exchange(&self, one: &str, other: &str) -> Self {
        self.with(Event::Rename { from: name(one), to: name(other), exchange: true }, b"")
    }

    /// Fills one page with each letter, from `page` on.
    pub(super) fn write(&self, path: &str, page: u64, letters: &str) -> Self {
        self.write_bytes(path, page * PAGE as u64, &pages(letters), false)
    }

    pub(super) fn write_synced(&self, path: &str, page: u64, letters: &str) -> Self {
        self.write_bytes(path, page * PAGE as u64, &pages(letters), true)
    }

    pub(super) fn write_bytes(&self, path: &str, offset: u64, data: &[u8], synced: bool) -> Self {
        let (inode, span) = (self.inode(path), Span::default());
        self.with(Event::Write { inode, offset, data: span, synced, path: span }, data)
    }

    /// In pages.
    pub(super) fn length(&self, path: &str, pages: u64) -> Self {
        self.length_bytes(path, pages * PAGE as u64)
    }

    pub(super) fn length_bytes(&self, path: &str, length: u64) -> Self {
        self.with(Event::SetLength { inode: self.inode(path), length }, b"")
    }

    pub(super) fn punch(&self, path: &str, page: u64, pages: u64) -> Self {
        let (offset, length) = (page * PAGE as u64, pages * PAGE as u64);
        self.with(Event::Allocate { inode: self.inode(path), offset, length, mode: 3 }, b"")
    }

    pub(super) fn begin(&self, path: &str, token: u64) -> Self {
        self.with(Event::SyncBegin { inode: self.inode(path), token }, b"")
    }

    pub(super) fn end(&self, token: u64) -> Self {
        self.with(Event::SyncEnd { token }, b"")
    }

    pub(super) fn sync(&self, path: &str) -> Self {
        let mut story = self.begin(path, self.tokens).end(self.tokens);
        story.tokens += 1;
        story
    }

    pub(super) fn sync_all(&self) -> Self {
        self.with(Event::SyncBegin { inode: 0, token: 1 }, b"").end(1)
    }

    pub(super) fn mapped(&self, path: &str) -> Self {
        self.with(Event::Mapped { path: name(path) }, b"")
    }

    pub(super) fn stdout(&self, text: &str) -> Self {
        self.with(Event::Stdout { data: Span::default() }, text.as_bytes())
    }

    pub(super) fn stdout_short(&self, missing: u64) -> Self {
        self.with(Event::StdoutShort { missing }, b"")
    }

    /// The trace file of the story so far.
    pub(super) fn path(&self) -> PathBuf {
        let path = self.folder.path().join("trace");
        if !path.exists() {
            self.store(&path);
        }
        path
    }

    fn store(&self, path: &Path) {
        let mut writer = Writer::create(path).expect("a temporary file");
        for (event, data) in &self.records {
            writer.append(event, data).expect("room for a few pages");
        }
    }

    pub(super) fn trace(&self) -> Trace {
        let path = self.folder.path().join("trace");
        self.store(&path);
        Trace::open(&path).expect("a trace made by the writer")
    }

    /// What cuts at the end may leave, sorted.
    pub(super) fn outcomes(&self, model: Model) -> Vec<String> {
        let mut trace = self.trace();
        trace.set_model(model).expect("a new disk");
        let mut outcomes = BTreeSet::new();
        for seed in 0..SEEDS {
            for fate in Fate::ALL {
                let home = trace.materialise(Cut { at: self.len(), fate, seed }).expect("an image");
                outcomes.insert(snapshot(&home));
            }
        }
        outcomes.into_iter().collect()
    }
}

fn name(path: &str) -> Name {
    path.as_bytes().into()
}

fn pages(letters: &str) -> Vec<u8> {
    letters.bytes().flat_map(|letter| [letter; PAGE]).collect()
}

/// A folder in a line.
pub(super) fn snapshot(folder: &Path) -> String {
    let mut parts = Vec::new();
    collect(folder, Path::new(""), &mut parts);
    parts.sort();
    parts.join(" ")
}

fn collect(root: &Path, below: &Path, parts: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(below)).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = below.join(entry.file_name());
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            parts.push(format!("{}/", path.display()));
            collect(root, &path, parts);
        } else if kind.is_symlink() {
            let text = fs::read_link(entry.path()).expect("a link");
            parts.push(format!("{}->{}", path.display(), text.display()));
        } else {
            let data = fs::read(entry.path()).expect("a file");
            parts.push(format!("{}={}", path.display(), data.chunks(PAGE).map(page).collect::<String>()));
        }
    }
}

fn page(bytes: &[u8]) -> String {
    let letter = |byte: u8| if byte == 0 { '-' } else { char::from(byte) };
    let runs: Vec<&[u8]> = bytes.chunk_by(|one, other| one == other).collect();
    match runs[..] {
        [[0, ..]] if bytes.len() == PAGE => "0".to_owned(),
        [run] if bytes.len() == PAGE => letter(run[0]).to_string(),
        _ => {
            let runs: Vec<String> = runs.iter().map(|run| format!("{}{}", run.len(), letter(run[0]))).collect();
            format!("({})", runs.join(" "))
        }
    }
}
