//! `zo job show`.

use clap::Args;
use zo_engine::protocol::{AttemptLine, JobDetail};
use zo_projections::event::job::Effect;

use super::find;
use super::watching::standing;
use crate::context::Context;
use crate::error::CliError;
use crate::output::text::{bytes, dollars};
use crate::output::{Output, Style};
use crate::time::second;

/// Show a job: what it does, each attempt, what it came to
///
/// Examples:
///   zo job show 7Y0ABC
///   zo job show 01K… --json | jq .result
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Its id, or the end of it
    job: String,
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let job = find(&mut client, &self.job)?;
        if context.output.is_json() {
            context.output.data(&job)?;
        } else {
            print(&mut context.output, &job)?;
        }
        context.close(client)
    }
}

fn print(output: &mut Output, detail: &JobDetail) -> Result<(), CliError> {
    let job = &detail.job;
    output.line(output.paint(Style::Bold, &output.shown(&format!("{}  {}", job.id, standing(job)))))?;
    field(output, "name", job.name.clone())?;
    field(output, "what", Some(job.what.clone()))?;
    field(output, "job", Some(detail.spec.clone()))?;
    field(output, "queue", Some(format!("{}, priority {}", job.queue, job.priority)))?;
    field(output, "submitted", Some(second(job.submitted_at)))?;
    field(output, "not before", detail.not_before.map(second))?;
    field(output, "deadline", detail.deadline.map(second))?;
    field(output, "due", job.due.map(second))?;
    field(output, "after", (!detail.after.is_empty()).then(|| detail.after.join(", ")))?;
    field(output, "needs", needs(detail))?;
    field(output, "done again", (detail.effect == Effect::Once).then(|| "never by itself".to_owned()))?;
    field(output, "batch", job.batch.clone())?;
    field(output, "schedule", job.schedule.clone())?;
    field(output, "node", job.node.clone())?;
    field(output, "waits for", job.waits_for.clone())?;
    detail.attempts.iter().try_for_each(|attempt| print_attempt(output, attempt))?;
    match &detail.result {
        Some(result) => {
            output.line("")?;
            output.line(output.shown(result))
        }
        None => Ok(()),
    }
}

fn field(output: &mut Output, name: &str, value: Option<String>) -> Result<(), CliError> {
    match value {
        Some(value) => {
            output.line(format!("{name:>12}  {}", output.shown(&value).replace('\n', &format!("\n{:14}", ""))))
        }
        None => Ok(()),
    }
}

fn print_attempt(output: &mut Output, attempt: &AttemptLine) -> Result<(), CliError> {
    let ended = attempt.ended_at.map_or_else(String::new, |at| format!(" – {}", second(at)));
    let mut line = format!("{}  {}{ended}  {}", attempt.outcome, second(attempt.started_at), attempt.node);
    if attempt.log_bytes > 0 {
        line.push_str(&format!(", printed {}", bytes(attempt.log_bytes)));
    }
    field(output, &format!("attempt {}", attempt.attempt), Some(line))?;
    field(output, "run", attempt.run.clone())?;
    field(output, "because", attempt.reason.clone())
}

/// What a node must have.
fn needs(detail: &JobDetail) -> Option<String> {
    let requires = &detail.requires;
    let mut needs = Vec::new();
    needs.extend(requires.node.as_ref().map(|node| format!("the node {node}")));
    needs.extend(requires.labels.iter().map(|label| format!("label {label}")));
    needs.extend(requires.region.as_ref().map(|region| format!("region {region}")));
    needs.extend(requires.gpu.as_ref().map(|gpu| format!("GPU {gpu}")));
    needs.extend(requires.max_price_micros.map(|price| format!("at most {} an hour", dollars(price))));
    (!needs.is_empty()).then(|| needs.join(", "))
}
