//! `zo memory retract`.

use clap::Args;
use zo_engine::protocol::Request;

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input;

/// Mark a memory as wrong
///
/// Examples:
///   zo memory retract deploy-steps --reason "never was true"
///
/// Nothing is answered with it any more; `zo memory list --all` still has it. To bring it back, memorize it anew.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Retract {
    /// Its id
    id: String,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// Only if the memory is at this version
    #[arg(long, value_name = "N")]
    expect_version: Option<u32>,
}

impl Retract {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let reason = self.reason.clone().map(|reason| input::not_blank("the reason", reason)).transpose()?;
        let request = Request::Retract { memory: self.id.clone(), reason, expected: self.expect_version };
        let mut client = context.open_existing()?;
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.id))?;
        context.print_acknowledged(&acknowledged, "retracted")?;
        context.close(client)
    }
}
