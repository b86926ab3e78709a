//! `zo service …`: one file per command.

mod add;
mod control;
mod list;
mod logs;
mod status;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, FailureKind, Query, ServiceLine};

use crate::context::{Context, query};
use crate::error::{CliError, Kind};
use crate::serving;
use crate::suggest::nearest;

/// Keep processes running: started with the engine, and anew when they end
///
/// Examples:
///   zo service add notes --port 8080 --health / -- python3 -m http.server --bind 127.0.0.1 8080
///   zo service status notes
///   zo service logs -f notes
///   zo service stop notes
///
/// `zo serve` runs them, in the sandbox. One that ends is started anew, after longer and longer waits if it ends at once.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Service {
    Add(add::Add),
    Start(control::Start),
    Stop(control::Stop),
    Restart(control::Restart),
    Logs(logs::Logs),
    Status(status::Status),
    List(list::List),
    Remove(control::Remove),
}

impl Service {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Add(command) => command.run(context),
            Self::Start(command) => command.run(context),
            Self::Stop(command) => command.run(context),
            Self::Restart(command) => command.run(context),
            Self::Logs(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Remove(command) => command.run(context),
        }
    }
}

/// The services, by label.
fn services(client: &mut Client) -> Result<Vec<ServiceLine>, CliError> {
    query(client, Query::Services, None, |answer| match answer {
        Answer::Services(services) => Some(services),
        _ => None,
    })
}

/// The service of this label.
///
/// # Errors
/// If there is none, with the nearest.
fn find(client: &mut Client, label: &str) -> Result<ServiceLine, CliError> {
    let services = services(client)?;
    match services.iter().find(|line| line.label == label) {
        Some(line) => Ok(line.clone()),
        None => Err(not_found(label, &services)),
    }
}

fn not_found(label: &str, services: &[ServiceLine]) -> CliError {
    let error = CliError::new(Kind::Engine(FailureKind::NotFound), format!("there is no service {label}"));
    match nearest(label, services.iter().map(|line| line.label.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`zo service list` shows the services there are"),
    }
}

/// Says so if nobody runs services now.
fn note_nobody_serves(context: &mut Context, client: &Client) {
    if serving::of(client, &context.home).is_none() {
        context.output.note("note: nothing runs services now: `zo serve` does");
    }
}

/// How a service stands, in words.
fn standing(line: &ServiceLine) -> String {
    let ended = match (line.code, line.signal) {
        (Some(code), _) => format!(", last ended with exit code {code}"),
        (None, Some(signal)) => format!(", last ended by signal {signal}"),
        (None, None) => String::new(),
    };
    if line.state == "running" { line.state.clone() } else { format!("{}{ended}", line.state) }
}
