//! `zo sandbox …`: what this machine enforces, and a command run under it. Neither needs a home.

mod check;
pub(in crate::commands) mod run;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;

/// See what confines commands here, and run one confined
///
/// Examples:
///   zo sandbox check
///   zo sandbox run -- ls /
///   zo sandbox run --write . -- python3 build.py
///
/// A command that runs confined sees the system's programs, the folder it starts in and what is allowed by name; no home,
/// no keys, no other processes and no network. With everything it starts it is limited in time, memory, processes, output
/// and files, and nothing of it is left when it ends.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Sandbox {
    Check(check::Check),
    Run(run::Run),
}

impl Sandbox {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Check(command) => command.run(context),
            Self::Run(command) => command.run(context),
        }
    }
}
