//! `zo memory list`.

use clap::Args;
use zo_engine::protocol::{Answer, MAX_PAGE, Query};
use zo_projections::Position;

use super::{MemoryJson, content_of};
use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::{Table, text};
use crate::time::{AtArgs, minute};

/// List memories, newest first
///
/// Examples:
///   zo memory list
///   zo memory list --all --limit 1000 --json
///   zo memory list --at "2 hours ago"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Retracted ones too
    #[arg(long)]
    all: bool,
    /// How many at the most [default: 50; all of them with --json]
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<u64>,
    /// Those before this position, to continue a list
    #[arg(long, value_name = "POSITION")]
    before: Option<u64>,
    #[command(flatten)]
    at: AtArgs,
}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let mut before = self.before.map(Position);
        let mut left = self.limit.unwrap_or(if context.output.is_json() { u64::MAX } else { 50 });
        let mut first = true;
        while left > 0 {
            let limit = left.min(MAX_PAGE as u64);
            let page = Query::Memories { retracted: self.all, before, limit: limit as u32 };
            let (memories, next) = query(&mut client, page, self.at.at, |answer| match answer {
                Answer::Memories { memories, next } => Some((memories, next)),
                _ => None,
            })?;
            let mut table = Table::new(if self.all {
                &["ID", "STATE", "POSITION", "WHEN", "TEXT"]
            } else {
                &["ID", "POSITION", "WHEN", "TEXT"]
            })
            .bare(!first);
            for memory in &memories {
                if context.output.is_json() {
                    context.output.data(&MemoryJson::of(memory))?;
                    continue;
                }
                let when = minute(memory.occurred_at.unwrap_or(memory.at));
                let state = self.all.then(|| memory.state.clone());
                let rest = [memory.position.to_string(), when, text::preview(content_of(memory))];
                table.row([memory.id.clone()].into_iter().chain(state).chain(rest));
            }
            table.print(&mut context.output)?;
            context.output.flush()?;
            left = left.saturating_sub(memories.len() as u64);
            match next {
                Some(position) if !memories.is_empty() => before = Some(position),
                _ => break,
            }
            if left == 0
                && let Some(position) = next
            {
                context.output.note(format!("there are more: --before {position}"));
            }
            first = false;
        }
        context.close(client)
    }
}
