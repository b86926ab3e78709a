//! Waiting for jobs: what they print and how far they are is told as it happens, and what became of them decides the exit code.

use std::ops::ControlFlow;

use zo_engine::client::Client;
use zo_engine::protocol::{JobArrival, JobLine, Request, Response};
use zo_projections::event::job::JobKind;

use crate::context::{Context, stream};
use crate::error::{CliError, Kind};
use crate::input::json_of;
use crate::interrupt::Interrupt;
use crate::output::text::{counted, percent};
use crate::output::{Output, Progress, Total};
use crate::serving;

/// What is waited for.
#[derive(Clone, Debug)]
pub(in crate::commands) enum Watched {
    /// A single job, by its id.
    One(String),
    /// Several, by their ids.
    Several(Vec<String>),
    /// All of a batch: its id, and how many there are.
    Batch(String, u64),
}

/// What became of a job.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Ended {
    job: JobLine,
    result: Option<String>,
    reason: Option<String>,
}

impl Ended {
    fn is_done(&self) -> bool {
        self.job.state == "done"
    }
}

/// Says so if nobody carries jobs out now.
pub(in crate::commands) fn note_nobody_serves(context: &mut Context, client: &Client) {
    if serving::of(client, &context.home).is_none() {
        context
            .output
            .note("note: nothing carries jobs out now: `zo serve` does, and `zo job wait` for as long as it waits");
    }
}

/// Waits until every job has ended, or waits for a person. What a single one prints goes to stdout; of many, how many
/// have ended is shown.
///
/// # Errors
/// [`Kind::Interrupted`] after Ctrl-C, which leaves the jobs as they are.
pub(in crate::commands) fn watch(
    context: &mut Context,
    client: &mut Client,
    watched: &Watched,
    logs: bool,
) -> Result<Vec<Ended>, CliError> {
    let (jobs, batch, total) = match watched.clone() {
        Watched::One(job) => (vec![job], None, 1),
        Watched::Several(jobs) => (jobs.clone(), None, jobs.len() as u64),
        Watched::Batch(batch, total) => (Vec::new(), Some(batch), total),
    };
    let interrupt = Interrupt::watch()?;
    let is_single = matches!(watched, Watched::One(_));
    let bar = (!is_single).then(|| context.output.progress("jobs", Total::Items(total)));
    let mut watching =
        Watching { output: &mut context.output, is_single, has_printed: false, bar, ended: Vec::new(), failed: 0 };
    let mut interrupted = false;
    stream(client, &Request::WatchJobs { jobs, batch, logs }, |response| {
        if let Response::JobArrived(arrival) = response {
            watching.arrived(arrival)?;
        }
        watching.output.flush()?;
        interrupted = interrupt.is_set();
        Ok(if interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let Watching { ended, bar, .. } = watching;
    drop(bar);
    context.output.take_away_awaited();
    context.output.end_pieces()?;
    if interrupted {
        return Err(CliError::new(
            Kind::Interrupted,
            "interrupted; what was submitted stays, and is done when somebody serves or waits",
        )
        .hint("`zo job wait` waits again, `zo job cancel` has it not done"));
    }
    let all = if matches!(watched, Watched::Batch(..)) { 0 } else { total };
    if (ended.len() as u64) < all {
        let message = "the waiting ended before the jobs did";
        return Err(
            CliError::new(Kind::NotDone, message).hint("`zo job list` shows how they stand, `zo job wait` waits again")
        );
    }
    Ok(ended)
}

/// Fails unless all got done.
///
/// # Errors
/// [`Kind::NotDone`], with why.
pub(in crate::commands) fn judged(ended: &[Ended]) -> Result<(), CliError> {
    let mut failed = ended.iter().filter(|one| !one.is_done());
    let Some(first) = failed.next() else { return Ok(()) };
    if ended.len() == 1 {
        let message = format!("job {} {}", first.job.id, fate(first));
        return Err(with_hints(CliError::new(Kind::NotDone, message), first));
    }
    let message = format!("{} of {} did not get done", 1 + failed.count(), counted(ended.len() as u64, "job"));
    Err(with_hints(CliError::new(Kind::NotDone, message), first))
}

fn with_hints(error: CliError, failed: &Ended) -> CliError {
    let id = &failed.job.id;
    match failed.job.state.as_str() {
        "cancelled" => error,
        _ => error.hint(format!("`zo job logs {id}` has what it printed, `zo job retry {id}` tries it again")),
    }
}

/// What became of a job that did not get done, in words.
fn fate(ended: &Ended) -> String {
    let what = match ended.job.state.as_str() {
        "cancelled" => "was cancelled",
        "interrupted" => "was interrupted, and must not be done again by itself",
        "dead" => "failed for good",
        "blocked" => "is not going to be done by itself",
        other => other,
    };
    match &ended.reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}

/// Who watches.
struct Watching<'a> {
    output: &'a mut Output,
    is_single: bool,
    /// Whether the single one has printed something.
    has_printed: bool,
    bar: Option<Progress>,
    ended: Vec<Ended>,
    failed: u64,
}

impl Watching<'_> {
    fn arrived(&mut self, arrival: JobArrival) -> Result<(), CliError> {
        if self.output.is_json() {
            self.output.data(&arrival)?;
        }
        match arrival {
            JobArrival::State(job) => self.state(&job),
            JobArrival::Log { text, .. } => self.log(&text)?,
            JobArrival::Ended { job, result, reason } => self.ended(Ended { job: *job, result, reason })?,
        }
        Ok(())
    }

    fn state(&mut self, job: &JobLine) {
        if self.is_single && job.state != "done" {
            let line = self.output.shown_err(&standing(job));
            self.output.awaiting(&line);
        }
    }

    fn log(&mut self, text: &str) -> Result<(), CliError> {
        self.has_printed |= !text.is_empty();
        if self.output.is_json() { Ok(()) } else { self.output.piece(text) }
    }

    fn ended(&mut self, ended: Ended) -> Result<(), CliError> {
        let is_done = ended.is_done();
        if !self.output.is_json() {
            self.output.end_pieces()?;
            match (self.is_single, is_done) {
                (true, true) => self.result(&ended)?,
                (false, false) => {
                    let line = self.output.shown_err(&format!("job {} {}", named(&ended.job), fate(&ended)));
                    self.output.note(line);
                }
                _ => {}
            }
        }
        self.failed += u64::from(!is_done);
        self.ended.push(ended);
        if let Some(bar) = &self.bar {
            bar.set(self.ended.len() as u64);
            if self.failed > 0 {
                bar.say(format!("{} not done", self.failed));
            }
        }
        Ok(())
    }

    /// What a job brought, if that was not printed while it ran.
    fn result(&mut self, ended: &Ended) -> Result<(), CliError> {
        let is_known = match ended.job.kind {
            JobKind::Command => true,
            JobKind::Agent | JobKind::Http => self.has_printed,
            _ => false,
        };
        let Some(result) = ended.result.as_deref().filter(|_| !is_known) else {
            return Ok(());
        };
        let value = json_of(result);
        let text = ["answer", "body"].iter().find_map(|field| value.get(field)?.as_str());
        let line = self.output.shown(text.unwrap_or(result));
        self.output.line(line)
    }
}

/// How a job stands, in a line.
pub(in crate::commands) fn standing(job: &JobLine) -> String {
    let mut line = job.state.clone();
    if job.state == "running" && job.cancelling {
        line.push_str(", to be stopped");
    }
    if let Some(part) = job.percent {
        line.push_str(&format!(", {} %", percent(part.clamp(0.0, 100.0) as u64, 100)));
    }
    if let Some(why) = &job.waits_for {
        line.push_str(&format!(": {why}"));
    }
    if let Some(doing) = &job.doing {
        line.push_str(&format!(": {doing}"));
    }
    line
}

fn named(job: &JobLine) -> String {
    match &job.name {
        Some(name) => format!("{name} ({})", job.id),
        None => job.id.clone(),
    }
}
