//! `zo file unshare`.

use clap::Args;
use zo_engine::protocol::Request;

use crate::context::{Context, write_one};
use crate::error::CliError;

/// Take links back
///
/// Examples:
///   zo file unshare 01K…
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Unshare {
    /// Their ids, as `zo file shares` has them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

impl Unshare {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        for id in &self.ids {
            let acknowledged = write_one(&mut client, &Request::UnshareFile { id: id.to_uppercase() })?;
            context.print_acknowledged(&acknowledged, "taken back")?;
            context.output.flush()?;
        }
        context.close(client)
    }
}
