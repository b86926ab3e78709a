//! `zo permission allow`, `deny`, `ask` and `remove`.

use clap::Args;
use zo_engine::protocol::{FailureKind, Request};

use super::super::agent::options::rule_of;
use super::rules;
use crate::context::{Context, write_one};
use crate::error::{CliError, Kind};
use crate::suggest::nearest;

/// Let agents do something without asking
///
/// Examples:
///   zo permission allow read_file
///   zo permission allow "run_command(cargo test …)"
///   zo permission allow "http_fetch(GET https://docs.rs/*)"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Allow {
    /// What: a tool, and perhaps what it is for
    rule: String,
}

/// Let agents never do something, whatever else allows it
///
/// Examples:
///   zo permission deny "run_command(git push)"
///   zo permission deny http_fetch
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Deny {
    /// What: a tool, and perhaps what it is for
    rule: String,
}

/// Have agents ask each time, whatever allows it
///
/// Examples:
///   zo permission ask write_file
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Ask {
    /// What: a tool, and perhaps what it is for
    rule: String,
}

/// Remove a rule
///
/// Examples:
///   zo permission remove "allow: run_command(cargo test)"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// The rule, as `zo permission list` has it
    rule: String,
}

impl Allow {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        add(context, "allow", &self.rule)
    }
}

impl Deny {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        add(context, "deny", &self.rule)
    }
}

impl Ask {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        add(context, "ask", &self.rule)
    }
}

fn add(context: &mut Context, verdict: &str, rule: &str) -> Result<(), CliError> {
    let rule = rule_of(verdict, rule)?;
    let mut client = context.open()?;
    let acknowledged = write_one(&mut client, &Request::AddRule { rule })?;
    context.print_acknowledged(&acknowledged, "added")?;
    context.close(client)
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let removed = write_one(&mut client, &Request::RemoveRule { rule: self.rule.clone() });
        let acknowledged = removed.map_err(|error| match rules(&mut client) {
            Ok(known) if error.kind == Kind::Engine(FailureKind::NotFound) => {
                match nearest(&self.rule, known.rules.iter().map(|line| line.rule.as_str())) {
                    Some(near) => error.first_hint(format!("did you mean `{near}`?")),
                    None => error,
                }
            }
            _ => error,
        })?;
        context.print_acknowledged(&acknowledged, "removed")?;
        context.close(client)
    }
}
