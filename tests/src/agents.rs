//! Agents whose every reply follows from their task and how far they are, so that what survived a crash can be judged.
//!
//! - [`script`]: what the model says, and the server that says it and notes who asked.
//! - [`child`]: what a process does that may be killed: begins or resumes the agent, and reports what became of it.
//! - [`law`]: what must hold of a report, whenever processes were killed.

pub mod child;
pub mod law;
pub mod script;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Makes the folder in which a story happens: a home that knows the model server, and a folder to work in.
///
/// # Errors
/// If it cannot be made.
pub fn prepare(folder: &Path, server_url: &str) -> Result<()> {
    let work = folder.join("work");
    fs::create_dir_all(&work)?;
    fs::write(work.join("seed.txt"), "what was there before\n")?;
    child::add_provider(folder, server_url)
}

/// Copies a folder with all that is in it.
///
/// # Errors
/// If something cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        }
    }
    // The vault's and the socket's folder are the user's alone.
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    Ok(())
}
