//! `zo job list`.

use clap::Args;
use zo_engine::protocol::{JobLine, MAX_PAGE};

use super::watching::standing;
use super::{Selection, page};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::output::text::count;
use crate::suggest::nearest;
use crate::time::minute;

/// The states of jobs.
const STATES: [&str; 8] = ["blocked", "waiting", "ready", "running", "interrupted", "dead", "done", "cancelled"];

/// List jobs: those that are to be done, in the order in which they are, then those that have ended
///
/// Examples:
///   zo job list
///   zo job list --state running
///   zo job list --queue gpu -n 1000 --json | jq -r .id
///   zo job list --batch 01K… --state done
///
/// A job is `blocked` until those are done that it comes after, `waiting` until its time comes, `ready`, `running`, and then
/// `done`, `cancelled` or `dead`: it failed as often as it is tried. What must be done only once and was cut off is `interrupted`.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Only those in this state
    #[arg(long, short, value_name = "STATE", value_parser = parse_state)]
    state: Option<String>,
    /// Only those of this queue
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Only those of this batch
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// How many at the most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: u32,
}

fn parse_state(text: &str) -> Result<String, String> {
    if STATES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(match nearest(text, STATES) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("a state is one of {}", STATES.join(", ")),
    })
}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let batch = self.batch.as_ref().map(|batch| batch.to_uppercase());
        let selection = Selection { state: self.state.clone(), queue: self.queue.clone(), batch };
        let mut shown = 0;
        while shown < self.limit {
            let limit = (self.limit - shown).min(MAX_PAGE as u32);
            let (jobs, total) = page(&mut client, &selection, shown, limit)?;
            print(context, &jobs, shown > 0)?;
            shown += jobs.len() as u32;
            if jobs.is_empty() || u64::from(shown) >= total {
                break;
            }
            if shown >= self.limit {
                context.output.note(format!("there are {} more: --limit {total}", count(total - u64::from(shown))));
            }
        }
        context.close(client)
    }
}

/// Prints jobs, a line each; further ones of the same list without headings.
pub(super) fn print(context: &mut Context, jobs: &[JobLine], further: bool) -> Result<(), CliError> {
    context.output.list(
        Table::new(&["ID", "STATE", "QUEUE", "PRIORITY", "TRIED", "SINCE", "WHAT"]).bare(further),
        jobs,
        row,
    )?;
    context.output.flush()
}

fn row(line: &JobLine) -> [String; 7] {
    let what = match &line.name {
        Some(name) => format!("{name}: {}", line.what),
        None => line.what.clone(),
    };
    // Of what has ended, lists do not know how often it was tried.
    let tried = match line.attempt {
        0 if line.state == "done" || line.state == "cancelled" => String::new(),
        attempt => format!("{attempt}/{}", line.max_attempts),
    };
    let (queue, priority) = (line.queue.clone(), line.priority.to_string());
    [line.id.clone(), standing(line), queue, priority, tried, minute(line.changed_at), what]
}
