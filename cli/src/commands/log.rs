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

use crate::context::Context;
use crate::error::{CliError, Kind};

/// The log of everything: tail, show, stats, verify, backup
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

/// This version cannot do `what` yet.
fn not_yet(what: &str, hint: &str) -> CliError {
    CliError::new(Kind::Unavailable, format!("this version of zo cannot {what} yet")).hint(hint)
}
