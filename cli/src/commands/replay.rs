//! `zo replay`.

use std::ops::ControlFlow;

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::{At, Request, Response, Step};
use zo_projections::Position;

use super::log::line::{self, EventJson};
use crate::context::{Context, show_progress, stream};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::output::{Output, Style, Total};
use crate::time::parse_moment;

/// Fold the log, and show what each event changes
///
/// Examples:
///   zo replay --from 100 --to 120
///   zo replay --to yesterday --digests
///   zo replay --from 1 --step
///   zo replay --from 900000 --from-snapshot --json
///
/// Events are shown with every count that they change. Nothing is done again: replay starts no worker and asks nobody.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Replay {
    /// Show events from this position on; those before it are folded silently
    #[arg(long, value_name = "POSITION", default_value_t = 1)]
    from: u64,
    /// Stop after this position or time
    #[arg(long, value_name = "POSITION|TIME", value_parser = parse_moment, alias = "at")]
    to: Option<At>,
    /// Wait for Enter after each event
    #[arg(long, conflicts_with_all = ["digests", "json"])]
    step: bool,
    /// Begin with the nearest snapshot before --from, and not with nothing
    #[arg(long)]
    from_snapshot: bool,
    /// Show no events, only the digests of all views in the end
    #[arg(long, conflicts_with = "from")]
    digests: bool,
}

/// An event and what it changed, as JSON has it.
#[derive(Serialize)]
struct StepJson<'a> {
    #[serde(flatten)]
    event: EventJson<'a>,
    changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    figure: &'a str,
    before: u64,
    after: u64,
}

impl Replay {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if self.step && !context.output.is_interactive() {
            return Err(CliError::usage("--step waits for Enter, and this is not a terminal").hint("leave --step away"));
        }
        let request = Request::Replay {
            from: Position(self.from),
            to: self.to,
            from_snapshot: self.from_snapshot,
            silent: self.digests,
        };
        let mut client = context.open_existing()?;
        let interrupt = if self.step { None } else { Some(Interrupt::watch()?) };
        let mut folded = None;
        {
            let mut progress = Some(context.output.progress("folding", Total::Later));
            let output = &mut context.output;
            stream(&mut client, &request, |response| {
                if interrupt.as_ref().is_some_and(Interrupt::is_set) {
                    return Ok(ControlFlow::Break(()));
                }
                if let Some(progress) = &progress {
                    show_progress(progress, &response);
                }
                match response {
                    Response::Step(step) => {
                        progress = None;
                        print_step(output, &step)?;
                        if self.step && !output.wait_for_enter()? {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    Response::Digests { position, digests } => folded = Some((position, digests)),
                    _ => {}
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        if let Some((position, digests)) = folded {
            self.finish(&mut context.output, position, &digests)?;
        }
        context.close(client)
    }

    /// Prints what folding came to.
    fn finish(&self, output: &mut Output, position: Position, digests: &[(String, String)]) -> Result<(), CliError> {
        if !self.digests {
            output.note(format!("folded to position {position}"));
            return Ok(());
        }
        if output.is_json() {
            let digests: serde_json::Map<_, _> =
                digests.iter().map(|(name, digest)| (name.clone(), digest.as_str().into())).collect();
            return output.data(&serde_json::json!({"position": position, "digests": digests}));
        }
        output.note(format!("digests as of position {position}"));
        digests.iter().try_for_each(|(name, digest)| output.line(format!("{digest}  {name}")))
    }
}

fn print_step(output: &mut Output, step: &Step) -> Result<(), CliError> {
    if output.is_json() {
        let changes =
            step.changes.iter().map(|(figure, before, after)| Change { figure, before: *before, after: *after });
        return output.data(&StepJson { event: EventJson::of(&step.event), changes: changes.collect() });
    }
    line::print(output, &step.event)?;
    for (figure, before, after) in &step.changes {
        let change = format!("{before} → {after}");
        output.line(format!("          {figure} {}", output.paint(Style::Green, &change)))?;
    }
    Ok(())
}
