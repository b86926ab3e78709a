//! `zo mcp remove`.

use clap::Args;
use zo_engine::protocol::Request;

use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::passphrase::unlocked;

/// Forget a server, and its secrets with it
///
/// Examples:
///   zo mcp remove files
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// Its name
    name: String,
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut environment = context.environment();
        let mut client = context.open_existing()?;
        let acknowledged = unlocked(&mut context.output, &mut environment, |_, environment| {
            let (name, environment) = (self.name.clone(), environment.clone());
            write_one(&mut client, &Request::RemoveMcpServer { name, environment })
        })?;
        context.print_acknowledged(&acknowledged, "removed")?;
        context.close(client)
    }
}
