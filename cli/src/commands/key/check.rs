//! `zo key check`.

use std::ops::ControlFlow;

use clap::Args;
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::{Environment, FailureKind, Request, Response, TestStep};

use crate::context::{Context, stream};
use crate::error::{CliError, Kind};
use crate::output::Output;
use crate::output::text::counted;
use crate::passphrase::unlocked;
use crate::providers::{check_name, find, keys, providers};

/// Ask providers whether they take their keys
///
/// Examples:
///   zo key check openai
///   zo key check
///
/// Without a provider all keys are checked, those of environment variables too. The exit code is 3 if one is not taken, or if
/// a provider cannot be asked.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Check {
    /// The provider; all that have a key if there is none
    provider: Option<String>,
}

/// What checking a key came to, as JSON has it.
#[derive(Serialize)]
struct CheckJson<'a> {
    provider: &'a str,
    #[serde(flatten)]
    step: &'a TestStep,
}

impl Check {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        self.provider.as_deref().map_or(Ok(()), check_name)?;
        let mut environment = context.environment();
        let mut client = context.open_existing()?;
        let names = self.names(&mut client, &environment)?;
        let mut failed = Vec::new();
        for name in &names {
            let checked =
                unlocked(&mut context.output, &mut environment, |_, environment| check(&mut client, name, environment));
            match checked {
                Ok((step, None)) => print(&mut context.output, name, &step)?,
                Ok((step, Some(kind))) => {
                    print(&mut context.output, name, &step)?;
                    failed.push(kind);
                }
                // That there is no key is a refusal when it was this one that was asked for.
                Err(error) => return Err(error),
            }
        }
        if names.is_empty() {
            context.output.note("there is no key yet: `zo key set PROVIDER` gives one to a provider");
        }
        context.close(client)?;
        summed_up(&failed, names.len())
    }

    /// The providers whose keys are checked: each once.
    fn names(&self, client: &mut Client, environment: &Environment) -> Result<Vec<String>, CliError> {
        if let Some(name) = &self.provider {
            let all = providers(client, environment)?;
            return Ok(vec![find(&all, name)?.name.clone()]);
        }
        let mut names: Vec<String> = keys(client, environment)?.into_iter().map(|line| line.provider).collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(names)
    }
}

/// Has one key checked: the step that it came to and, if the key is not taken or the provider cannot be asked, the sort of
/// failure.
///
/// # Errors
/// If it did not come to asking the provider.
fn check(
    client: &mut Client,
    provider: &str,
    environment: &Environment,
) -> Result<(TestStep, Option<FailureKind>), CliError> {
    let request = Request::CheckKeyOfProvider { provider: provider.to_owned(), environment: environment.clone() };
    let mut tested = None;
    let ended = stream(client, &request, |response| {
        if let Response::Tested(step) = response {
            tested = Some(step);
        }
        Ok(ControlFlow::Continue(()))
    });
    match (tested, ended) {
        (Some(step), Ok(())) => Ok((step, None)),
        (Some(step), Err(CliError { kind: Kind::Engine(kind), .. })) => Ok((step, Some(kind))),
        (_, Err(error)) => Err(error),
        (None, Ok(())) => {
            Err(CliError::new(Kind::Engine(FailureKind::Io), format!("checking the key of {provider} came to nothing")))
        }
    }
}

fn print(output: &mut Output, provider: &str, step: &TestStep) -> Result<(), CliError> {
    if output.is_json() {
        output.data(&CheckJson { provider, step })?;
        return output.flush();
    }
    super::super::model::print_step(output, provider, step)
}

/// Whether all was well with `all` keys.
fn summed_up(failed: &[FailureKind], all: usize) -> Result<(), CliError> {
    if failed.is_empty() {
        return Ok(());
    }
    let refused = failed.iter().filter(|kind| **kind == FailureKind::Key).count();
    let of = counted(all as u64, "key");
    if refused > 0 {
        let message = format!("{refused} of {of} {} not taken", if refused == 1 { "is" } else { "are" });
        return Err(CliError::new(Kind::KeyNotTaken, message).hint("`zo key set PROVIDER` replaces a key"));
    }
    Err(CliError::new(Kind::Engine(FailureKind::Model), format!("{} of {of} could not be checked", failed.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_taken_counts_more_than_a_provider_that_cannot_be_asked() {
        assert_eq!(summed_up(&[], 3), Ok(()));
        let error = summed_up(&[FailureKind::Model, FailureKind::Key], 3).expect_err("two failed");
        assert_eq!((error.message.as_str(), error.kind.name()), ("1 of 3 keys is not taken", "key"));
        let error = summed_up(&[FailureKind::Model], 1).expect_err("one failed");
        assert_eq!((error.message.as_str(), error.kind.name()), ("1 of 1 key could not be checked", "model"));
        assert_eq!(error.kind.exit_code(), 3);
    }
}
