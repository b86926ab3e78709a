//! `zo service start`, `stop`, `restart` and `remove`.

use clap::Args;
use zo_engine::protocol::{Request, ServiceAction};

use super::{find, note_nobody_serves};
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Have services run, now and whenever the engine does
///
/// Examples:
///   zo service start notes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Start {
    /// Their labels
    #[arg(value_name = "LABEL", required = true)]
    labels: Vec<String>,
}

/// Have services run no more, until they are started
///
/// Examples:
///   zo service stop notes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Stop {
    /// Their labels
    #[arg(value_name = "LABEL", required = true)]
    labels: Vec<String>,
}

/// End services and start them anew
///
/// Examples:
///   zo service restart notes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Restart {
    /// Their labels
    #[arg(value_name = "LABEL", required = true)]
    labels: Vec<String>,
}

/// Stop a service and forget it
///
/// Examples:
///   zo service remove notes
///   zo service remove notes --yes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// Its label
    label: String,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Start {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        control(context, &self.labels, ServiceAction::Start, "to run")
    }
}

impl Stop {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        control(context, &self.labels, ServiceAction::Stop, "to run no more")
    }
}

impl Restart {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        control(context, &self.labels, ServiceAction::Restart, "to be started anew")
    }
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let label = find(&mut client, &self.label)?.label;
        context.output.confirm(&format!("Stop and remove the service {label}?"), self.yes)?;
        let request = Request::ControlService { label, action: ServiceAction::Remove };
        let acknowledged = write_one(&mut client, &request)?;
        context.print_acknowledged(&acknowledged, "removed")?;
        context.close(client)
    }
}

/// All services are known before the first one is changed.
fn control(context: &mut Context, labels: &[String], action: ServiceAction, what: &str) -> Result<(), CliError> {
    let mut client = context.open_existing()?;
    let labels: Vec<String> =
        labels.iter().map(|label| Ok(find(&mut client, label)?.label)).collect::<Result<_, CliError>>()?;
    for label in labels {
        let acknowledged = write_one(&mut client, &Request::ControlService { label, action })?;
        context.print_acknowledged(&acknowledged, what)?;
        context.output.flush()?;
    }
    if action != ServiceAction::Stop {
        note_nobody_serves(context, &client);
    }
    context.close(client)
}
