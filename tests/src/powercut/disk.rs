//! Follows a trace record by record: which files and folders there are, what of them is durable and what is not.
//!
//! Files are known by inode, as the records name them; an inode number that is used again is a new node here.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::fate::{Choices, Cut, PageId};
use super::file::{FileData, Source};
use super::format::{Event, Name};
use super::names::{Change, Entries, Folder, NodeId, agree};

/// The recorded folder itself.
pub(crate) const ROOT: NodeId = 0;

const FALLOC_KEEP_SIZE: u16 = 1;
const FALLOC_PUNCH_HOLE: u16 = 2;
const FALLOC_ZERO_RANGE: u16 = 0x10;

/// What the sync of a file says about its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// It makes its creation durable, as on journaling file systems.
    #[default]
    Journal,
    /// Nothing: only the sync of a folder makes its entries durable.
    Posix,
}

/// The simulated disk after some number of records.
#[derive(Debug)]
pub(crate) struct Disk {
    model: Model,
    /// Number of records that happened.
    done: usize,
    nodes: Vec<Node>,
    by_inode: HashMap<u64, NodeId>,
    /// Syncs that have begun: what they are about (`None`: everything), and the record of their beginning.
    syncs: HashMap<u64, (Option<NodeId>, usize)>,
    /// Folder of the base files, named by node.
    bases: PathBuf,
}

/// A file, folder or symbolic link.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) mode: u32,
    pub(crate) kind: Kind,
    /// The folder it was created in, and the record that did it.
    born: Option<(NodeId, usize)>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    File(FileData),
    Folder(Folder),
    Symlink(Name),
}

/// The folders after a cut, by node, and how many changes of entries survived.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) folders: HashMap<NodeId, Entries>,
    pub(crate) kept: usize,
    pub(crate) dropped: usize,
}

impl Disk {
    /// An empty disk. `bases` is emptied.
    pub(crate) fn new(model: Model, bases: PathBuf) -> Result<Self> {
        if bases.exists() {
            fs::remove_dir_all(&bases)?;
        }
        fs::create_dir_all(&bases)?;
        let root = Node { mode: 0o755, kind: Kind::Folder(Folder::default()), born: None };
        Ok(Self { model, done: 0, nodes: vec![root], by_inode: HashMap::new(), syncs: HashMap::new(), bases })
    }

    pub(crate) fn done(&self) -> usize {
        self.done
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(crate) fn base(&self, id: NodeId) -> PathBuf {
        self.bases.join(id.to_string())
    }

    /// Brings the base file of a file up to date with what is durable.
    pub(crate) fn update_base(&mut self, id: NodeId, trace: &File) -> Result<()> {
        let base = self.base(id);
        match &mut self.nodes[id].kind {
            Kind::File(data) => data.update_base(&base, trace),
            Kind::Folder(_) | Kind::Symlink(_) => Ok(()),
        }
    }

    /// Lets the next record happen.
    pub(crate) fn apply(&mut self, event: &Event, trace: &File) -> Result<()> {
        let record = self.done;
        self.apply_record(record, event, trace).with_context(|| format!("record {record} of the trace"))?;
        self.done += 1;
        Ok(())
    }

    fn apply_record(&mut self, record: usize, event: &Event, trace: &File) -> Result<()> {
        match event {
            Event::Process | Event::Stdout { .. } | Event::StdoutShort { .. } | Event::Mapped { .. } => Ok(()),
            Event::Create { inode, path, mode } => {
                self.make(record, *inode, path.as_ref(), *mode, Kind::File(FileData::default()))
            }
            Event::MakeFolder { inode, path, mode } => {
                self.make(record, *inode, Some(path), *mode, Kind::Folder(Folder::default()))
            }
            Event::Symlink { inode, path, text } => {
                self.make(record, *inode, Some(path), 0o777, Kind::Symlink(text.clone()))
            }
            Event::Write { inode, offset, data, synced, path } => {
                let file = self.file(*inode).with_context(|| {
                    let mut name = vec![0; path.length as usize];
                    let read = std::os::unix::fs::FileExt::read_exact_at(trace, &mut name, path.offset);
                    format!("a write to {:?} ({read:?})", String::from_utf8_lossy(&name))
                })?;
                file.write(record, *offset, data.length, Source::Trace(data.offset), *synced);
                Ok(())
            }
            Event::SetLength { inode, length } => {
                self.file(*inode)?.set_length(record, *length);
                Ok(())
            }
            Event::Allocate { inode, offset, length, mode } => {
                allocate(self.file(*inode)?, record, *offset, *length, *mode)
            }
            Event::Mode { inode, mode } => {
                // Sockets and the root are not nodes by inode; their modes are of no interest.
                if let Some(id) = self.by_inode.get(inode) {
                    self.nodes[*id].mode = *mode;
                }
                Ok(())
            }
            Event::SyncBegin { inode, token } => {
                // The root is the only folder without a record of its making.
                let about = (*inode != 0).then(|| self.by_inode.get(inode).copied().unwrap_or(ROOT));
                self.syncs.insert(*token, (about, record));
                Ok(())
            }
            Event::SyncEnd { token } => {
                let (about, begun) = self.syncs.remove(token).context("a sync that never began")?;
                self.sync(about, begun);
                Ok(())
            }
            Event::Link { inode, path } => {
                let id = *self.by_inode.get(inode).with_context(|| unknown(*inode))?;
                self.name(record, path, id)
            }
            Event::Unlink { path } | Event::RemoveFolder { path } | Event::RenameOut { from: path } => {
                self.remove(record, path)
            }
            Event::Rename { from, to, exchange } => self.rename(record, from, to, *exchange),
            Event::RenameIn { to } => bail!(
                "{:?} was moved into the recorded folder from outside, where its data was not recorded",
                String::from_utf8_lossy(to)
            ),
        }
    }

    fn make(&mut self, record: usize, inode: u64, path: Option<&Name>, mode: u32, kind: Kind) -> Result<()> {
        let id = self.nodes.len();
        let born = path.map(|path| self.folder_of(path)).transpose()?.map(|(folder, _)| (folder, record));
        self.nodes.push(Node { mode, kind, born });
        self.by_inode.insert(inode, id);
        path.map_or(Ok(()), |path| self.name(record, path, id))
    }

    fn name(&mut self, record: usize, path: &Name, id: NodeId) -> Result<()> {
        let (folder, name) = self.folder_of(path)?;
        self.change(folder, Change { record, edits: vec![(name, Some(id))], partner: None })
    }

    fn remove(&mut self, record: usize, path: &Name) -> Result<()> {
        let (folder, name) = self.folder_of(path)?;
        // Sockets and pipes are not recorded when they are made.
        if self.folder(folder)?.live().contains_key(&name) {
            self.change(folder, Change { record, edits: vec![(name, None)], partner: None })?;
        }
        Ok(())
    }

    fn rename(&mut self, record: usize, from: &Name, to: &Name, exchange: bool) -> Result<()> {
        let (from_folder, from_name) = self.folder_of(from)?;
        let (to_folder, to_name) = self.folder_of(to)?;
        let moved = self.folder(from_folder)?.live().get(&from_name).copied().with_context(|| {
            format!("{:?} was renamed, but its creation was not recorded", String::from_utf8_lossy(from))
        })?;
        let replaced = self.folder(to_folder)?.live().get(&to_name).copied();
        if replaced == Some(moved) {
            return Ok(()); // two names of one file: rename(2) does nothing
        }
        let out = (from_name, replaced.filter(|_| exchange));
        let into = (to_name, Some(moved));
        if from_folder == to_folder {
            return self.change(from_folder, Change { record, edits: vec![out, into], partner: None });
        }
        self.change(from_folder, Change { record, edits: vec![out], partner: Some(to_folder) })?;
        self.change(to_folder, Change { record, edits: vec![into], partner: Some(from_folder) })
    }

    fn change(&mut self, folder: NodeId, change: Change) -> Result<()> {
        match &mut self.nodes[folder].kind {
            Kind::Folder(folder) => folder.change(change),
            Kind::File(_) | Kind::Symlink(_) => bail!("node {folder} is no folder"),
        }
        Ok(())
    }

    fn folder(&self, id: NodeId) -> Result<&Folder> {
        match &self.nodes[id].kind {
            Kind::Folder(folder) => Ok(folder),
            Kind::File(_) | Kind::Symlink(_) => bail!("node {id} is no folder"),
        }
    }

    fn file(&mut self, inode: u64) -> Result<&mut FileData> {
        let id = *self.by_inode.get(&inode).with_context(|| unknown(inode))?;
        match &mut self.nodes[id].kind {
            Kind::File(data) => Ok(data),
            Kind::Folder(_) | Kind::Symlink(_) => bail!("inode {inode} is no file"),
        }
    }

    /// The folder that holds a path's last name, as processes see it, and that name.
    fn folder_of(&self, path: &Name) -> Result<(NodeId, Name)> {
        let mut parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let name = parts.pop().unwrap_or_default();
        ensure!(!name.is_empty(), "the recorded folder itself was changed");
        let mut at = ROOT;
        for part in parts {
            at = *self.folder(at)?.live().get(part).with_context(|| {
                format!("the creation of a folder of {:?} was not recorded", String::from_utf8_lossy(path))
            })?;
        }
        Ok((at, name.into()))
    }

    fn sync(&mut self, about: Option<NodeId>, end: usize) {
        let Some(id) = about else {
            for id in 0..self.nodes.len() {
                self.settle(id, end);
            }
            return;
        };
        self.settle(id, end);
        let mut named = id;
        while self.model == Model::Journal
            && let Some((folder, record)) = self.nodes[named].born
            && record < end
        {
            self.settle_names(folder, record + 1);
            named = folder;
        }
    }

    fn settle(&mut self, id: NodeId, end: usize) {
        match &mut self.nodes[id].kind {
            Kind::File(data) => data.settle(end),
            Kind::Folder(_) => self.settle_names(id, end),
            Kind::Symlink(_) => {}
        }
    }

    fn settle_names(&mut self, folder: NodeId, end: usize) {
        let mut due = vec![(folder, end)];
        while let Some((id, end)) = due.pop() {
            if let Kind::Folder(folder) = &mut self.nodes[id].kind {
                due.extend(folder.settle(end));
            }
        }
    }

    /// The choices of a cut, which need to know what is undurable at all.
    pub(crate) fn choices(&self, cut: Cut) -> Choices {
        let mut oldest = self.done;
        let (mut first_pages, mut last_pages) = (Vec::new(), Vec::new());
        for (node, kind) in self.nodes.iter().map(|node| &node.kind).enumerate() {
            match kind {
                Kind::File(data) => {
                    oldest = oldest.min(data.oldest().unwrap_or(oldest));
                    if let Some(((early, first), (late, last))) = data.extremes() {
                        first_pages.push((early, PageId { node, page: first }));
                        last_pages.push((late, PageId { node, page: last }));
                    }
                }
                Kind::Folder(folder) => {
                    oldest = folder.changes().first().map_or(oldest, |change| oldest.min(change.record));
                }
                Kind::Symlink(_) => {}
            }
        }
        let first = first_pages.into_iter().min_by_key(|(record, _)| *record);
        let last = last_pages.into_iter().max_by_key(|(record, _)| *record);
        Choices::new(cut, oldest, first.map(|(_, page)| page), last.map(|(_, page)| page))
    }

    /// The folders that the choices leave.
    pub(crate) fn tree(&self, choices: &Choices) -> Tree {
        let folders: BTreeMap<NodeId, &Folder> = self
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(id, node)| match &node.kind {
                Kind::Folder(folder) => Some((id, folder)),
                Kind::File(_) | Kind::Symlink(_) => None,
            })
            .collect();
        let choose = |(id, folder): (&NodeId, &&Folder)| {
            let records: Vec<usize> = folder.changes().iter().map(|change| change.record).collect();
            (*id, choices.names(*id, &records))
        };
        let mut kept: BTreeMap<NodeId, usize> = folders.iter().map(choose).collect();
        agree(&folders, &mut kept);
        let mut tree = Tree::default();
        for (id, folder) in folders {
            tree.kept += kept[&id];
            tree.dropped += folder.changes().len() - kept[&id];
            tree.folders.insert(id, folder.surviving(kept[&id]));
        }
        tree
    }
}

fn allocate(file: &mut FileData, record: usize, offset: u64, length: u64, mode: u16) -> Result<()> {
    let end = offset.saturating_add(length);
    let inside = end.min(file.length());
    let grow = |file: &mut FileData| {
        if mode & FALLOC_KEEP_SIZE == 0 && end > file.length() {
            file.set_length(record, end);
        }
    };
    match mode & !FALLOC_KEEP_SIZE {
        0 => grow(file),
        FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE => {
            if inside > offset {
                file.write(record, offset, inside - offset, Source::Zeros, false);
            }
            grow(file);
        }
        other => bail!("fallocate with mode {other:#x} is not simulated"),
    }
    Ok(())
}

fn unknown(inode: u64) -> String {
    format!("the creation of inode {inode} was not recorded (raw system calls? rustix needs its feature use-libc)")
}

/// The path of a name below a folder.
pub(crate) fn join(folder: &Path, name: &Name) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    folder.join(std::ffi::OsStr::from_bytes(name))
}
