//! `zo model test`.

use std::ops::ControlFlow;

use clap::Args;
use zo_engine::protocol::{FailureKind, Request, Response};

use super::print_step;
use crate::answering::OFFLINE;
use crate::context::{Context, stream};
use crate::error::{CliError, Kind};
use crate::passphrase::unlocked;
use crate::providers::{find, providers};

/// Try each step of a call of a language model
///
/// Examples:
///   zo model test
///   zo model test openai
///   zo model test anthropic/claude-sonnet-5-5 --json | jq 'select(.outcome == "failed")'
///
/// Looks up the address, connects, asks with the key, looks for the model and has it say a word. It stops at the first step
/// that fails and says what to do; the exit code is 3 then. Without a model the one that would answer is tried. It costs a few
/// tokens.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Test {
    /// The model, PROVIDER/NAME; the provider alone means its default model
    model: Option<String>,
}

impl Test {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut environment = context.environment();
        let mut client = context.open_existing()?;
        if let Some(provider) = self.model.as_deref().filter(|model| *model != OFFLINE).map(provider_of) {
            let all = providers(&mut client, &environment)?;
            find(&all, provider)?;
        }
        let mut failed = None;
        let tested = unlocked(&mut context.output, &mut environment, |output, environment| {
            let request = Request::TestModel { model: self.model.clone(), environment: environment.clone() };
            stream(&mut client, &request, |response| {
                if let Response::Tested(step) = response {
                    if output.is_json() {
                        output.data(&step)?;
                        output.flush()?;
                    } else {
                        print_step(output, &step.step, &step)?;
                    }
                    if step.outcome == "failed" {
                        failed = Some(step.step);
                    }
                }
                Ok(ControlFlow::Continue(()))
            })
        });
        match (failed, tested) {
            (None, tested) => tested?,
            // What went wrong and what to do about it is printed already.
            (Some(step), Err(CliError { kind: Kind::Engine(FailureKind::Key), .. })) => {
                return Err(CliError::new(Kind::KeyNotTaken, format!("the step `{step}` failed")));
            }
            (Some(step), Err(CliError { kind, .. })) => {
                return Err(CliError::new(kind, format!("the step `{step}` failed")));
            }
            (Some(step), Ok(())) => {
                let kind = Kind::Engine(FailureKind::Model);
                return Err(CliError::new(kind, format!("the step `{step}` failed")));
            }
        }
        context.close(client)
    }
}

/// The provider of a model, or the whole where there is no slash.
fn provider_of(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}
