//! `zo schedule show`.

use chrono::Utc;
use clap::Args;
use zo_engine::protocol::{CheckIn, HistoryLine, ScheduleDetail};
use zo_projections::event::schedule::WhyMissed;
use zo_recurrence::Rule;

use super::options::misfire;
use super::{find, rule};
use crate::context::Context;
use crate::error::CliError;
use crate::output::text::{count, counted};
use crate::output::{Output, Style};
use crate::time::second;

/// Occurrences that are shown.
const SHOWN: usize = 5;

/// Show a schedule: its rule, what it does, when it is due, and what happened
///
/// Examples:
///   zo schedule show morning
///   zo schedule show morning --json | jq '.history[-1]'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Its name, its id, or the end of it
    schedule: String,
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let schedule = find(&mut client, &self.schedule)?;
        if context.output.is_json() {
            context.output.data(&schedule)?;
        } else {
            print(&mut context.output, &schedule)?;
        }
        context.close(client)
    }
}

fn print(output: &mut Output, detail: &ScheduleDetail) -> Result<(), CliError> {
    let line = &detail.schedule;
    let head = match &line.name {
        Some(name) => format!("{name}  {}", line.id),
        None => line.id.clone(),
    };
    output.line(output.paint(Style::Bold, &output.shown(&head)))?;
    let field = |output: &mut Output, name: &str, value: Option<String>| match value {
        Some(value) => {
            output.line(format!("{name:>10}  {}", output.shown(&value).replace('\n', &format!("\n{:12}", ""))))
        }
        None => Ok(()),
    };
    field(output, "when", Some(line.written.clone()))?;
    field(output, "rule", Some(line.rule.clone()))?;
    field(output, "zone", Some(line.zone.clone()))?;
    field(output, "what", Some(line.what.clone()))?;
    field(output, "job", Some(detail.spec.clone()))?;
    field(output, "check-in", detail.check_in.as_ref().map(check_in))?;
    field(output, "missed", Some(misfire(line.misfire)))?;
    field(output, "state", line.paused.then(|| "paused".to_owned()))?;
    let failed = (line.failures > 0).then(|| format!("failed {} times in a row", line.failures));
    field(output, "failures", failed)?;
    let occurred = format!("{}, {} left out", counted(line.occurred, "time"), count(line.missed));
    field(output, "occurred", Some(occurred))?;
    field(output, "open jobs", (!line.outstanding.is_empty()).then(|| line.outstanding.join(", ")))?;
    if !line.paused {
        print_next(output, line.next_local.as_deref(), &line.rule)?;
    }
    for entry in &detail.history {
        let entry = output.shown(&format!("  {}", history(entry)));
        output.line(output.paint(Style::Dim, &entry))?;
    }
    Ok(())
}

/// When it is due: the next time as the engine says it, which may be put off, then by the rule.
fn print_next(output: &mut Output, next: Option<&str>, rule: &str) -> Result<(), CliError> {
    let Some(next) = next else { return output.line(format!("{:>10}  never again", "next")) };
    output.line(format!("{:>10}  {next}", "next"))?;
    let Ok(rule) = Rule::parse_rfc(rule) else { return Ok(()) };
    let due = rule::occurrences(&rule, Utc::now(), SHOWN)?;
    let lines = due.iter().map(rule::line).filter(|line| line.local != next);
    lines.take(SHOWN - 1).try_for_each(|line| output.line(format!("{:10}  {}", "", line.local)))
}

fn check_in(check_in: &CheckIn) -> String {
    let hours = check_in.hours.as_ref().map_or_else(|| "at all hours".to_owned(), |hours| format!("within {hours}"));
    let list = check_in.checklist.as_ref().map_or_else(String::new, |file| format!(", by the list in {file}"));
    format!("{hours}{list}")
}

fn history(entry: &HistoryLine) -> String {
    match entry {
        HistoryLine::Occurred { due, at, job, state, started_at, ended_at, run, by_hand } => {
            let late = (at.0 - due.0).max(0) / 1000;
            let late =
                if late > 0 && !by_hand { format!(", {} late", counted(late as u64, "second")) } else { String::new() };
            let by_hand = if *by_hand { ", by hand" } else { "" };
            let span = match (started_at, ended_at) {
                (Some(started), Some(ended)) => format!(" in {} ms", count((ended.0 - started.0).max(0) as u64)),
                _ => String::new(),
            };
            let run = run.as_ref().map_or_else(String::new, |run| format!(", run {run}"));
            format!("{}{by_hand}{late}: job {job} {state}{span}{run}", second(*due))
        }
        HistoryLine::Missed { from, to, count: missed, why } => {
            let why = match why {
                WhyMissed::Policy => "nobody looked",
                WhyMissed::BackOff => "it failed again and again, and is tried less often",
                WhyMissed::Inactive => "it lay outside its hours",
                WhyMissed::Busy => "the job before was not done yet",
            };
            let span = if from == to { second(*from) } else { format!("{} to {}", second(*from), second(*to)) };
            format!("{span}: {} left out: {why}", counted(u64::from(*missed), "occurrence"))
        }
    }
}
