//! `zo conversation list`.

use clap::Args;
use zo_engine::protocol::{Answer, MAX_PAGE, Query};

use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::Table;
use crate::time::{AtArgs, minute};

/// List conversations, last changed first
///
/// Examples:
///   zo conversation list
///   zo conversation list --at yesterday --json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// How many at the most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Those of agents that other agents started, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    at: AtArgs,
}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let mut shown = 0;
        while shown < self.limit {
            let limit = (self.limit - shown).min(MAX_PAGE as u32);
            let page = Query::Conversations { nested: self.all, skip: shown, limit };
            let (conversations, total) = query(&mut client, page, self.at.at, |answer| match answer {
                Answer::Conversations { conversations, total } => Some((conversations, total)),
                _ => None,
            })?;
            context.output.list(
                Table::new(&["ID", "MESSAGES", "CHANGED", "NAME"]).bare(shown > 0),
                &conversations,
                |line| {
                    let name = line.name.clone().unwrap_or_default();
                    [line.id.clone(), line.messages.to_string(), minute(line.changed_at), name]
                },
            )?;
            context.output.flush()?;
            shown += conversations.len() as u32;
            if conversations.is_empty() || shown >= total {
                break;
            }
            if shown >= self.limit {
                context.output.note(format!("there are {} more: --limit {total}", total - shown));
            }
        }
        context.close(client)
    }
}
