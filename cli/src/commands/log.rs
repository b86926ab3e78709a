//! `zo log …`: one file per command; what they share is which events are meant and how one is shown.

mod backup;
mod export;
mod import;
pub(super) mod line;
mod restore;
mod show;
mod stats;
mod tail;
mod verify;

use clap::Subcommand;
use serde::Serialize;
use zo_engine::maintenance::RestoredHome;
use zo_projections::Position;

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::Output;
use crate::output::text::counted;

/// The log of everything: tail, show, count, verify, back up, restore
///
/// Examples:
///   zo log tail --follow
///   zo log show 120..140 --json
///   zo log verify
///   zo log backup /mnt/usb/zo
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Log {
    Tail(tail::Tail),
    Show(show::Show),
    Stats(stats::Stats),
    Verify(verify::Verify),
    Export(export::Export),
    Import(import::Import),
    Backup(backup::Backup),
    Restore(restore::Restore),
}

impl Log {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Tail(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Stats(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Export(command) => command.run(context),
            Self::Import(command) => command.run(context),
            Self::Backup(command) => command.run(context),
            Self::Restore(command) => command.run(context),
        }
    }
}

/// What bringing back a home came to, as JSON has it.
#[derive(Serialize)]
struct RestoredJson<'a> {
    head: Position,
    lost: Option<Lost>,
    findings: &'a [String],
    blobs: u32,
    files: u32,
    keys: bool,
    /// Why what is sealed cannot be read, if it cannot.
    unreadable: &'a Option<String>,
}

/// Positions that are gone, both included.
#[derive(Serialize)]
struct Lost {
    first: Position,
    last: Position,
}

/// Prints what bringing back a home came to.
///
/// # Errors
/// [`Kind::Incomplete`] if something could not be brought back.
fn print_restored(output: &mut Output, restored: &RestoredHome) -> Result<(), CliError> {
    let RestoredHome { head, lost, findings, blobs, files, keys, unreadable } = restored;
    if output.is_json() {
        let lost = lost.map(|(first, last)| Lost { first, last });
        output.data(&RestoredJson {
            head: *head,
            lost,
            findings,
            blobs: *blobs,
            files: *files,
            keys: *keys,
            unreadable,
        })?;
    } else {
        for finding in findings {
            output.line(output.shown(finding))?;
        }
        let blobs = if *blobs > 0 { format!(", with {}", counted(u64::from(*blobs), "blob")) } else { String::new() };
        let files = match *files {
            0 => String::new(),
            parts => format!(", with {} of hosted files", counted(u64::from(parts), "part")),
        };
        let keys = if *keys { ", with the keys" } else { "" };
        output.line(format!("the log reaches to position {head}{blobs}{files}{keys}"))?;
    }
    match (lost, unreadable) {
        (None, None) => Ok(()),
        (None, Some(why)) => Err(CliError::new(Kind::Incomplete, format!("what is sealed cannot be read: {why}"))
            .hint("`zo log restore --from DIR` takes the keys from a backup made with --with-keys")
            .hint("`zo log restore --new-keys` goes on without them: what they sealed stays unreadable for good")),
        (Some((first, last)), _) => {
            let message = format!("positions {first} to {last} could not be brought back");
            Err(CliError::new(Kind::Incomplete, message).hint("a backup may have them: `zo log restore --from DIR`"))
        }
    }
}
