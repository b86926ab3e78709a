//! `zo agent watch`. What events mean to who watches is in [`arrivals`].

mod arrivals;

use std::ops::ControlFlow;

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::{AgentArrival, AgentLine, Answer, At, EventLine, EventSelection, Query, Request, Response};
use zo_projections::Position;

use self::arrivals::Arrivals;
use super::super::log::line;
use super::{find, running, waiting};
use crate::answering::can_ask;
use crate::context::{Context, query, stream};
use crate::error::CliError;
use crate::following::Following;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// What the streams of runs are called.
const RUNS: &str = "run";

/// See what an agent does until it ends, or what all do
///
/// Examples:
///   zo agent watch 7Y0ABC
///   zo agent watch
///   zo agent watch --json
///
/// What the agent has done so far comes first. At a terminal you are asked what it asks for; whoever answers first counts.
/// Ctrl-C leaves, and the agent goes on. Without a run all agents of the home are watched, until Ctrl-C. With --json the
/// events are printed, as `zo log tail` has them.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Watch {
    /// Its run, or the end of its id
    run: Option<String>,
}

impl Watch {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let run = self.run.as_ref().map(|run| Ok::<_, CliError>(find(&mut client, run)?.line.run)).transpose()?;
        let interrupt = Interrupt::watch()?;
        let (environment, can_ask) = (context.environment(), can_ask(context));
        let following = match &run {
            Some(run) => Following::new(run.clone(), &context.home, environment, can_ask),
            None => Following::all(&context.home, environment, can_ask),
        };
        let mut watching =
            Watching { following, arrivals: Arrivals::default(), output: &mut context.output, ended: false };
        // Agents are asked for before the head is: one that starts in between is met twice, and not missed.
        let running = running(&mut client, true)?;
        let head = head(&mut client)?;
        if let Some(run) = &run {
            watching.past(&mut client, run, head)?;
        }
        watching.join(&running);
        if !watching.ended {
            watching.waiting(&mut client)?;
            watching.live(&mut client, head, &interrupt)?;
        }
        let Watching { mut following, ended, .. } = watching;
        following.end(&mut context.output);
        context.output.take_away_awaited();
        if let (Some(run), true) = (&run, ended) {
            outcome(context, &mut client, run)?;
        }
        context.close(client)
    }
}

fn head(client: &mut Client) -> Result<Position, CliError> {
    query(client, Query::Status, None, |answer| match answer {
        Answer::Status(status) => Some(status.head),
        _ => None,
    })
}

/// What the agent came to, for people: programs have it in the events.
fn outcome(context: &mut Context, client: &mut Client, run: &str) -> Result<(), CliError> {
    if context.output.is_json() {
        return Ok(());
    }
    let agent = find(client, run)?;
    if let Some(answer) = &agent.answer {
        context.output.line(context.output.shown(answer))?;
    }
    let reason = agent.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let line = context.output.shown_err(&format!("{}{reason}", agent.line.status));
    context.output.dim_note(&line);
    Ok(())
}

/// Who watches.
struct Watching<'a> {
    following: Following,
    arrivals: Arrivals,
    output: &'a mut Output,
    /// The run that is watched has ended.
    ended: bool,
}

impl Watching<'_> {
    /// What the run has done up to `head`.
    fn past(&mut self, client: &mut Client, run: &str, head: Position) -> Result<(), CliError> {
        let (stream_of_run, to) = (Some(format!("{RUNS}/{run}")), Some(At::Position(head)));
        let selection = EventSelection { to, stream: stream_of_run, ..EventSelection::default() };
        stream(client, &Request::Events { selection, follow: false }, |response| {
            if let Response::Event(event) = response {
                self.event(&event, false)?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Agents that have not ended: those below the run, or all.
    fn join(&mut self, running: &[AgentLine]) {
        // Last started first: whoever starts others comes after them.
        for line in running.iter().rev() {
            let parent = line.parent.clone().unwrap_or_default();
            if line.run == self.following.run() || !self.following.knows(&parent) {
                continue;
            }
            self.arrivals.join(&parent, &line.run);
            match parent.is_empty() {
                true => self.following.add(&parent, &line.run, &format!("{} ({})", line.task, line.run)),
                false => self.following.add(&parent, &line.run, &line.task),
            }
        }
    }

    /// What waits for a person already.
    fn waiting(&mut self, client: &mut Client) -> Result<(), CliError> {
        if self.output.is_json() {
            return Ok(());
        }
        for line in waiting(client)? {
            if self.following.knows(&line.run) {
                self.following.asked(line, self.output);
            }
        }
        Ok(())
    }

    /// What happens from now on.
    fn live(&mut self, client: &mut Client, head: Position, interrupt: &Interrupt) -> Result<(), CliError> {
        let selection =
            EventSelection { from: head.next(), stream: Some(RUNS.to_owned()), ..EventSelection::default() };
        stream(client, &Request::Events { selection, follow: true }, |response| {
            if let Response::Event(event) = response {
                self.event(&event, true)?;
            }
            self.following.look(self.output);
            if let (false, Some(progress)) = (self.following.is_asking(), self.following.progress()) {
                self.output.awaiting(&progress);
            }
            self.output.flush()?;
            let stop = self.ended || interrupt.is_set();
            Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }

    /// Tells an event of a run, if it is one of those that are watched. What was asked in the past is not asked again.
    fn event(&mut self, event: &EventLine, is_live: bool) -> Result<(), CliError> {
        let Some(run) = event.stream.strip_prefix("run/") else { return Ok(()) };
        let arrival = self.arrivals.of(run, event);
        let starts_below = match &arrival {
            Some(AgentArrival::AgentStarted { parent, .. }) => self.following.knows(parent),
            _ => false,
        };
        if !starts_below && !self.following.knows(run) {
            return Ok(());
        }
        let is_root = run == self.following.run();
        self.ended |= is_root && matches!(event.kind.as_str(), "run.finished" | "run.failed");
        if self.output.is_json() {
            line::print(self.output, event)?;
        }
        match arrival {
            // Only so that it is known who belongs to whom.
            Some(AgentArrival::AgentStarted { parent, run, task }) if self.output.is_json() => {
                self.following.add(&parent, &run, &task);
            }
            Some(AgentArrival::PermissionAsked(_)) if !is_live => {}
            Some(AgentArrival::AgentEnded { .. }) if is_root => {}
            Some(arrival) if !self.output.is_json() => self.following.arrived(arrival, self.output),
            _ => {}
        }
        Ok(())
    }
}
