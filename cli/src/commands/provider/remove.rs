//! `zo provider remove`.

use clap::Args;
use zo_engine::protocol::{FailureKind, Request};

use crate::context::{Context, write_one};
use crate::error::{CliError, Kind};
use crate::providers::{VAULT, find, providers};

/// Remove a provider that was added
///
/// Examples:
///   zo provider remove lan
///   zo provider remove lan --yes
///
/// One that zo knows gets its own address back. A key in the vault stays there: `zo key remove`.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// Its name
    name: String,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let environment = context.environment();
        let mut client = context.open_existing()?;
        let all = providers(&mut client, &environment)?;
        let provider = find(&all, &self.name)?;
        if !provider.added {
            let message = format!("{} was not added: it is one that zo knows", provider.name);
            return Err(CliError::new(Kind::Engine(FailureKind::Refused), message));
        }
        let question = format!("Remove the provider {} ({})?", provider.name, provider.base_url);
        context.output.confirm(&question, self.yes)?;
        let acknowledged = write_one(&mut client, &Request::RemoveProvider { name: self.name.clone() })?;
        context.print_acknowledged(&acknowledged, "removed")?;
        if provider.key.as_deref() == Some(VAULT) {
            context.output.note(format!("its key is still in the vault: `zo key remove {}`", provider.name));
        }
        context.close(client)
    }
}
