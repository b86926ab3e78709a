//! `zo agent list`.

use clap::Args;
use zo_engine::protocol::{AgentLine, MAX_PAGE};

use super::page;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::time::minute;

/// List agents, last started first
///
/// Examples:
///   zo agent list
///   zo agent list --running --all
///   zo agent list --json | jq 'select(.status == "waiting")'
///
/// An agent that is running and on which no process works just now is carried on by whoever opens the home next, with the
/// keys that it has; `zo agent resume` does that with yours.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Those too that were started by other agents
    #[arg(long, short)]
    all: bool,
    /// Only those that have not ended
    #[arg(long, short)]
    running: bool,
    /// How many at the most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: u32,
}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let mut shown = 0;
        while shown < self.limit {
            let limit = (self.limit - shown).min(MAX_PAGE as u32);
            let (agents, total) = page(&mut client, self.all, self.running, shown, limit)?;
            context.output.list(
                Table::new(&["RUN", "STATUS", "STARTED", "CALLS", "TASK"]).bare(shown > 0),
                &agents,
                row,
            )?;
            context.output.flush()?;
            shown += agents.len() as u32;
            if agents.is_empty() || shown >= total {
                break;
            }
            if shown >= self.limit {
                context.output.note(format!("there are {} more: --limit {total}", total - shown));
            }
        }
        context.close(client)
    }
}

fn row(line: &AgentLine) -> [String; 5] {
    let task = match &line.name {
        Some(name) => format!("{name}: {}", line.task),
        None => line.task.clone(),
    };
    [line.run.clone(), status(line), minute(line.started_at), line.tool_calls.to_string(), task]
}

/// Where an agent stands, in a word or two.
pub(super) fn status(line: &AgentLine) -> String {
    match line.status.as_str() {
        "running" if !line.active => "running, idle".to_owned(),
        status => status.to_owned(),
    }
}
