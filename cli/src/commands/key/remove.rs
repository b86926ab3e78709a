//! `zo key remove`.

use clap::Args;
use zo_engine::protocol::Request;

use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::passphrase::unlocked;
use crate::providers::{VAULT, check_name, keys};
use crate::suggest::nearest;

/// Remove a provider's key from the vault
///
/// Examples:
///   zo key remove openai
///   zo key remove openai --yes
///
/// The provider still takes the key: withdraw it there if it may have been seen.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// The provider
    provider: String,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        check_name(&self.provider)?;
        let mut environment = context.environment();
        let mut client = context.open_existing()?;
        let all = keys(&mut client, &environment)?;
        let of_provider = || all.iter().filter(|line| line.provider == self.provider);
        let Some(line) = of_provider().find(|line| line.origin.starts_with(VAULT)) else {
            return Err(self.not_there(of_provider().next().map(|line| line.origin.as_str()), || {
                nearest(&self.provider, all.iter().map(|line| line.provider.as_str()))
            }));
        };
        let question = format!("Remove the key of {} with the fingerprint {}?", self.provider, line.fingerprint);
        context.output.confirm(&question, self.yes)?;
        let acknowledged = unlocked(&mut context.output, &mut environment, |_, environment| {
            let (provider, environment) = (self.provider.clone(), environment.clone());
            write_one(&mut client, &Request::RemoveKeyOfProvider { provider, environment })
        })?;
        context.print_acknowledged(&acknowledged, "removed")?;
        context.close(client)
    }

    /// There is no such key in the vault; `elsewhere` is where there is one.
    fn not_there<'a>(&self, elsewhere: Option<&str>, near: impl FnOnce() -> Option<&'a str>) -> CliError {
        let error = CliError::not_found(format!("there is no key of {} in the vault", self.provider));
        match (elsewhere, near()) {
            (Some(origin), _) => error.hint(format!("there is one in the {origin}, which you can unset")),
            (None, Some(near)) => error.hint(format!("did you mean `{near}`?")),
            (None, None) => error.hint("`zo key list` shows the keys there are"),
        }
    }
}
