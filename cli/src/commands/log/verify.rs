//! `zo log verify`.

use std::ops::ControlFlow;

use clap::Args;
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::maintenance;
use zo_engine::protocol::{FailureKind, Problem, Request, Response, Verification};
use zo_projections::Position;

use crate::context::{Context, with_progress};
use crate::error::{CliError, Kind};
use crate::output::text::{count, counted};
use crate::output::{Style, Total};

/// Read and check everything that is stored
///
/// Examples:
///   zo log verify
///   zo log verify --json | jq -r '.problems[].what'
///
/// Every copy of every event, the chain of hashes, every blob and key, and that no event was impossible where it
/// stands. The exit code is 0 if there is no problem, and 3 if there is one.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Verify {}

impl Verify {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let found = match context.open_existing() {
            Ok(client) => verify_open(context, client)?,
            // What cannot be opened can still be looked at, file by file.
            Err(error) if error.kind == Kind::Engine(FailureKind::Damaged) => {
                context.output.warn(&error);
                verify_closed(context)?
            }
            Err(error) => return Err(error),
        };
        let output = &mut context.output;
        if output.is_json() {
            #[derive(Serialize)]
            struct Json<'a> {
                ok: bool,
                events: u64,
                head: Position,
                hash: &'a str,
                problems: &'a [Problem],
            }
            let (ok, events, head) = (found.ok, found.events, found.head);
            output.data(&Json { ok, events, head, hash: &found.hash, problems: &found.problems })?;
        } else {
            for problem in &found.problems {
                let range = match (problem.first, problem.last) {
                    (Some(first), Some(last)) if first == last => format!(", position {first}"),
                    (Some(first), Some(last)) => format!(", positions {first} to {last}"),
                    (Some(first), None) => format!(", from position {first} on"),
                    _ => String::new(),
                };
                let word = output.paint(Style::Red, "problem");
                let what = output.shown(&problem.what);
                output.line(format!("{word}  {}{range}: {what}", output.shown(&problem.place)))?;
                if let Some(restored_by) = &problem.restored_by {
                    output.line(format!("         restored by {}", output.shown(restored_by)))?;
                }
            }
            if found.ok {
                let word = output.paint(Style::Green, "ok");
                output.line(format!(
                    "{word}  {} events, head {}, hash {}",
                    count(found.events),
                    found.head,
                    found.hash
                ))?;
            }
        }
        if found.ok {
            return Ok(());
        }
        let problems = counted(found.problems.len() as u64, "problem");
        Err(CliError::new(Kind::Unsound, format!("the log has {problems}")))
    }
}

fn verify_open(context: &mut Context, mut client: Client) -> Result<Verification, CliError> {
    let request = Request::Verify;
    let found = with_progress(&mut client, &mut context.output, "verifying", &request, |response| match response {
        Response::Verification(verification) => Some(*verification),
        _ => None,
    })?;
    context.close(client)?;
    Ok(found)
}

fn verify_closed(context: &mut Context) -> Result<Verification, CliError> {
    let progress = context.output.progress("verifying", Total::Later);
    let found = maintenance::verify_closed(&context.home, &mut |what, done, total| {
        progress.show(what, done, total);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
