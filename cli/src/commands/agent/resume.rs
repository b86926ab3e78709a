//! `zo agent resume`.

use clap::Args;

use super::find;
use crate::answering::{self, Manner};
use crate::context::Context;
use crate::error::CliError;

/// Carry on an agent that has not ended, and wait for what it comes to
///
/// Examples:
///   zo agent resume 7Y0ABC
///   zo agent resume 01K… --json
///
/// Whoever opens the home carries on by itself what was left unfinished; this is for who wants to wait for the answer, has the
/// keys for it, or can be asked for permissions. No recorded reply is asked for again, and nothing is done twice
/// that must not be.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Resume {
    /// Its run, or the end of its id
    run: String,
    /// With --json: print each thing that happens on a line as it happens
    #[arg(long)]
    stream: bool,
}

impl Resume {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let agent = find(&mut client, &self.run)?;
        let manner = Manner { stream: self.stream, ..Manner::default() };
        let given = answering::resume(&mut client, &agent.line.run, context, manner)?;
        context.close(client)?;
        given.whole()
    }
}
