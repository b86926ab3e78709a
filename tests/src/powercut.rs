//! Power cuts: records what a real process writes below a folder, and makes what the disk may hold after the power
//! failed at any instant.
//!
//! ```no_run
//! # use std::{path::Path, process::Command};
//! # use zo_tests::powercut::{self, PowerCut};
//! # fn verify(home: &Path, acknowledged: &[u8]) -> anyhow::Result<()> { Ok(()) }
//! # fn test() -> anyhow::Result<()> {
//! let root = Path::new("a folder, empty or not");
//! let mut trace = PowerCut::record(Command::new("the program, printing what is durable"), root)?;
//! for cut in trace.cuts(powercut::seed(), 200) {
//!     let home = trace.materialise(cut)?;
//!     verify(&home, trace.acked_before(cut))?;
//! }
//! // The same, with the seed, the cut and the kept trace in the message of the first failure:
//! trace.check(powercut::seed(), 200, |home, acknowledged| verify(home, acknowledged))?;
//! # Ok(())
//! # }
//! ```
//!
//! # The model
//! A cut happens after some number of records; what a process did before is called *done*, and done is not durable.
//! The model is meant to be pessimistic and yet possible on some journaling file system (ext4, xfs, btrfs, f2fs).
//!
//! **Syncs.** `fsync` or `fdatasync` of a file makes durable what was done to the file (data and length) before the call
//! *began*, once the call has *returned*. Between the two nothing is promised. `sync` and `syncfs` do that for everything;
//! `sync_file_range` and closing do nothing. A write through `O_SYNC` or `O_DSYNC` is durable on its own (its pages and the
//! file's length, not the other pages). Failed syncs promise nothing, and failing disks are not simulated.
//!
//! **Data.** Of the undurable writes, every aligned 4 KiB page of a file survives on its own, as the page stood after some
//! prefix of the undurable writes that touched it: none, all, or some in between. A write of several pages may be torn
//! between any two of them, never within one. Within a page nothing is reordered, since it is written from one buffer.
//!
//! **Lengths.** Changes of a file's length survive independently of its data, as some prefix of them. A kept extension
//! whose data was dropped reads as zeros; kept data behind a dropped extension is not visible. A kept shrinking takes with it
//! what was written behind the new end before, and without it what was written there afterwards is not seen.
//!
//! **Names.** What was done to the entries of one folder (create, rename, unlink, mkdir, rmdir, link) survives as some prefix, in
//! order, independently of other folders and of the files' data: a rename may survive without the data of the file. A rename between
//! two folders survives in both or in neither. `fsync` of a folder makes its entries durable (not its own name). With
//! [`Model::Journal`], the default, `fsync` of a file or folder also makes durable the creation of it and of the folders above it
//! and, being a prefix, everything done earlier in those folders, as ext4, xfs and btrfs do; with [`Model::Posix`] it does
//! not. Syncing a file never makes a later rename of it durable. Modes are durable at once; owners and times are not kept.
//!
//! **Not in the model.** Stores through shared writable mappings (a trace with one is refused unless
//! [`Trace::tolerate_mappings`] is called), io_uring and raw system calls (noticed as long as they write: the end state of
//! the trace is compared with the real folder; rustix makes raw calls unless it is built with its feature `use-libc`),
//! and sectors below 4 KiB.
//!
//! # Where to start
//! `recorder.c` (outside of `src`) is the library preloaded into the process; `record.rs` builds it and runs the process;
//! `format.rs` reads its records; `trace.rs` is the trace and the choice of cuts; `fate.rs` says what survives; `disk.rs`
//! follows the records, with `file.rs` for data and lengths and `names.rs` for folders; `image.rs` writes the
//! outcome to a folder.

mod disk;
mod fate;
mod file;
mod format;
mod image;
mod names;
mod record;
#[cfg(test)]
mod tests;
mod trace;

pub use disk::Model;
pub use fate::{Cut, Fate, seed};
pub use image::{Home, Report};
pub use record::{PowerCut, Recording};
pub use trace::{Checked, Trace};
