//! The entries of one folder: what is durable, what was done since, and what a process sees.

use std::collections::BTreeMap;

use super::format::Name;

/// Index of a file, folder or link in the simulated disk.
pub(crate) type NodeId = usize;

/// Entries of a folder by name.
pub(crate) type Entries = BTreeMap<Name, NodeId>;

/// The entries of a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folder {
    durable: Entries,
    /// What was done since, in order.
    changes: Vec<Change>,
    live: Entries,
}

/// One atomic change of a folder's entries.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The record that did it.
    pub(crate) record: usize,
    /// Names and what they mean from now on; `None` removes one.
    pub(crate) edits: Vec<(Name, Option<NodeId>)>,
    /// The other folder of a rename between two, which has a change of the same record.
    pub(crate) partner: Option<NodeId>,
}

impl Folder {
    /// The entries as processes see them.
    pub(crate) fn live(&self) -> &Entries {
        &self.live
    }

    /// What was done and is not durable.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn change(&mut self, change: Change) {
        edit(&mut self.live, &change);
        self.changes.push(change);
    }

    /// Makes durable what records before `end` did, and names the other folders in which the same is due.
    pub(crate) fn settle(&mut self, end: usize) -> Vec<(NodeId, usize)> {
        let count = self.changes.partition_point(|change| change.record < end);
        let mut due = Vec::new();
        for change in self.changes.drain(..count) {
            edit(&mut self.durable, &change);
            due.extend(change.partner.map(|partner| (partner, change.record + 1)));
        }
        due
    }

    /// The entries if only the first `kept` changes survive.
    pub(crate) fn surviving(&self, kept: usize) -> Entries {
        let mut entries = self.durable.clone();
        for change in &self.changes[..kept] {
            edit(&mut entries, change);
        }
        entries
    }
}

fn edit(entries: &mut Entries, change: &Change) {
    for (name, node) in &change.edits {
        match node {
            Some(node) => entries.insert(name.clone(), *node),
            None => entries.remove(name),
        };
    }
}

/// Shortens what survives of each folder until every rename between two folders survives in both or in neither.
///
/// `kept` holds the number of surviving changes by folder, for all folders that have changes.
pub(crate) fn agree(folders: &BTreeMap<NodeId, &Folder>, kept: &mut BTreeMap<NodeId, usize>) {
    loop {
        let mut again = false;
        for (id, folder) in folders {
            let broken = folder.changes[..kept[id]].iter().position(|change| {
                change.partner.is_some_and(|partner| {
                    // Its side of the rename is a change, too: what is durable in one of them is so in both.
                    let theirs = &folders[&partner].changes;
                    theirs.partition_point(|other| other.record < change.record) >= kept[&partner]
                })
            });
            if let Some(index) = broken {
                kept.insert(*id, index);
                again = true;
            }
        }
        if !again {
            return;
        }
    }
}
