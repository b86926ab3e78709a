//! Snapshots: the views as of a position, on disk, so that a cold start folds only what came after.
//!
//! ```text
//!  0  "ZOVW"                       24  u64  position
//!  4  u32  format version          32  [32] chain hash of the log at that position
//!  8  [16] id of the home          64  u64  length of the views
//!                                  72  the views, as they save themselves
//!                                   …  [32] blake3 of everything above
//! ```
//!
//! A snapshot is derived: one that is damaged, of another home, of a log that went another way or of folds of another
//! shape is ignored, and the fold begins earlier.

use std::fs;
use std::path::PathBuf;

use zo_projections::{Position, Views};

use crate::disk::DiskError;
use crate::disk::files;
use crate::log::Head;
use crate::store::Store;

const MAGIC: [u8; 4] = *b"ZOVW";
const FORMAT: u32 = 1;
const HEADER: usize = 72;
/// How many snapshots are kept, newest first; older ones serve `--at`.
pub const KEPT: usize = 3;
/// A snapshot is made once so many events are not in the newest one.
pub const INTERVAL: u64 = 50_000;

/// The snapshots of a home.
#[derive(Clone, Debug)]
pub struct Snapshots {
    folder: PathBuf,
    home: [u8; 16],
}

impl Snapshots {
    /// Those in `folder`, which need not exist.
    pub fn new(folder: PathBuf, home: [u8; 16]) -> Self {
        Self { folder, home }
    }

    /// Positions of the snapshots that are there, newest first. Nothing is read.
    pub fn positions(&self) -> Vec<Position> {
        let mut positions: Vec<Position> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let stem = path.file_stem()?.to_str()?;
                (path.extension()? == "zov").then(|| stem.parse().ok().map(Position))?
            })
            .collect();
        positions.sort_unstable_by(|a, b| b.cmp(a));
        positions
    }

    /// The views of the newest usable snapshot at or before `to`; empty views if there is none.
    pub fn load(&self, store: &dyn Store, to: Position) -> Views {
        self.positions()
            .into_iter()
            .filter(|position| *position <= to)
            .find_map(|position| self.read(store, position))
            .unwrap_or_default()
    }

    fn read(&self, store: &dyn Store, position: Position) -> Option<Views> {
        let bytes = fs::read(self.path(position)).ok()?;
        let (content, hash) = bytes.split_last_chunk::<32>()?;
        let header = content.first_chunk::<HEADER>()?;
        let number = |at: usize| u64::from_le_bytes(*header[at..].first_chunk().expect("within the header"));
        let fits = header[..4] == MAGIC
            && header[4..8] == FORMAT.to_le_bytes()
            && header[8..24] == self.home
            && number(24) == position.0
            && number(64) == (content.len() - HEADER) as u64
            && blake3::hash(content).as_bytes() == hash;
        if !fits || !is_at(store, position, &header[32..64]) {
            return None;
        }
        let views = Views::load(&content[HEADER..]).ok()?;
        (views.position == position).then_some(views)
    }

    /// Writes a snapshot of `views`, which are as of `head`, and removes those that are no longer kept.
    ///
    /// # Errors
    /// If the disk says no. No snapshot that was there before is touched then.
    pub fn write(&self, views: &Views, head: &Head) -> Result<(), DiskError> {
        debug_assert_eq!(views.position, head.position, "a snapshot is of the head it names");
        files::make_folder(&self.folder)?;
        let state = views.save();
        let mut bytes = Vec::with_capacity(HEADER + state.len() + 32);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.home);
        bytes.extend_from_slice(&head.position.0.to_le_bytes());
        bytes.extend_from_slice(&head.hash);
        bytes.extend_from_slice(&(state.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&state);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        files::write_atomic(&self.path(head.position), &bytes, 0o600)?;
        for position in self.positions().into_iter().skip(KEPT) {
            // A snapshot that stays too long costs space only, and the next write tries again.
            let _ = fs::remove_file(self.path(position));
        }
        Ok(())
    }

    /// Removes all snapshots.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn clear(&self) -> Result<(), DiskError> {
        for position in self.positions() {
            let path = self.path(position);
            fs::remove_file(&path).map_err(DiskError::on("remove", &path))?;
        }
        Ok(())
    }

    fn path(&self, position: Position) -> PathBuf {
        self.folder.join(format!("{:020}.zov", position.0))
    }
}

/// Whether the log has, at `position`, the end of a pack with this hash.
fn is_at(store: &dyn Store, position: Position, hash: &[u8]) -> bool {
    store
        .read(position, 1)
        .ok()
        .and_then(|packs| packs.first().map(crate::log::Pack::head))
        .is_some_and(|head| head.position == position && head.hash == hash)
}
