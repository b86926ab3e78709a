//! `zo key set`.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::protocol::{Environment, ProviderLine, Request, SecretText};

use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::passphrase::unlocked;
use crate::providers::{VAULT, check_name, find, find_preset, keys, never_an_argument, providers};
use crate::secret;

/// Give a provider its key
///
/// Examples:
///   zo key set openai
///   zo key set anthropic --from-file ~/anthropic.key
///   pass show groq | zo key set groq
///
/// On a terminal the key is asked for and not shown while it is typed or pasted. It is never an argument, since everybody on
/// this machine can see those.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Set {
    /// The provider, as `zo provider list` has it
    provider: OsString,
    /// Read the key from a file; `-` is stdin
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Caught so that the message can say why there is none.
    #[arg(hide = true, allow_hyphen_values = false)]
    refused: Vec<OsString>,
}

impl Set {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if !self.refused.is_empty() {
            return Err(never_an_argument("a key is never given as an argument"));
        }
        let name = self.provider.to_string_lossy();
        check_name(&name)?;
        let mut environment = context.environment();
        // Whoever types is told of a provider that does not exist before typing; what comes by itself is checked before a
        // home is made.
        let typed = self.from_file.is_none() && io::stdin().is_terminal();
        let given = if typed { None } else { Some(self.read(context)?) };
        if !context.home.exists() {
            find_preset(&name)?;
        }
        let mut client = context.open()?;
        let all = providers(&mut client, &environment)?;
        let provider = find(&all, &name)?;
        let key = match given {
            Some(key) => key,
            None => self.read(context)?,
        };
        let first = identity_is_missing(&environment);
        let acknowledged = unlocked(&mut context.output, &mut environment, |_, environment| {
            let (provider, key, environment) = (provider.name.clone(), key.clone(), environment.clone());
            write_one(&mut client, &Request::SetKeyOfProvider { provider, key, environment })
        })?;
        context.print_acknowledged(&acknowledged, "set")?;
        let keys = keys(&mut client, &environment)?;
        if let Some(line) = keys.iter().find(|line| line.provider == provider.name && line.origin.starts_with(VAULT)) {
            context.output.note(format!("its fingerprint is {}", line.fingerprint));
        }
        if let (true, Some(identity)) = (first, &environment.identity) {
            context.output.note(format!(
                "the vault is opened by the identity {identity}, which is new, and is in no backup and no export: keep a copy"
            ));
        }
        if let Some(variable) = set_variable(provider, &environment) {
            context.output.note(format!("note: {variable} is set, and goes before the vault"));
        }
        context.close(client)
    }

    fn read(&self, context: &mut Context) -> Result<SecretText, CliError> {
        let what = format!("key of {}", self.provider.to_string_lossy());
        let key = secret::read(context, &what, self.from_file.as_deref())?;
        secret::check_key(&key)?;
        Ok(key)
    }
}

/// Whether the identity is yet to be made.
fn identity_is_missing(environment: &Environment) -> bool {
    environment.identity.as_deref().is_some_and(|identity| !Path::new(identity).exists())
}

/// The variable that holds a key of the provider, if one does.
fn set_variable<'a>(provider: &'a ProviderLine, environment: &Environment) -> Option<&'a String> {
    provider.key_variables.iter().find(|variable| environment.keys.iter().any(|(name, _)| name == *variable))
}
