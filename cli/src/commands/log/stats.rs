//! `zo log stats`.

use clap::Args;
use zo_engine::protocol::{Request, Response};

use crate::context::{Context, with_progress};
use crate::error::CliError;
use crate::output::Table;
use crate::output::text::{bytes, count};
use crate::time::{AtArgs, second};

/// Count what is in the log
///
/// Examples:
///   zo log stats
///   zo log stats --at yesterday
///   zo log stats --json | jq '.kinds[] | select(.kind == "memory.memorized").events'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Stats {
    #[command(flatten)]
    at: AtArgs,
}

impl Stats {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let request = Request::Stats { at: self.at.at };
        let stats = with_progress(&mut client, &mut context.output, "counting", &request, |response| match response {
            Response::Stats(stats) => Some(*stats),
            _ => None,
        })?;
        let output = &mut context.output;
        if output.is_json() {
            output.data(&stats)?;
            return context.close(client);
        }
        let span = match (stats.first_at, stats.last_at) {
            (Some(first), Some(last)) => format!(", {} to {}", second(first), second(last)),
            _ => String::new(),
        };
        output.line(format!(
            "{} events in {} packs, {}{span}",
            count(stats.events),
            count(stats.packs),
            bytes(stats.bytes)
        ))?;
        let disk = stats.disk;
        output.line(format!(
            "on disk: log {}, blobs {}, derived {}",
            bytes(disk.log),
            bytes(disk.blobs),
            bytes(disk.derived)
        ))?;
        output.line("")?;
        let mut table = Table::new(&["EVENTS", "BYTES", "KIND"]);
        for kind in &stats.kinds {
            table.row([count(kind.events), bytes(kind.bytes), kind.kind.clone()]);
        }
        table.print(output)?;
        context.close(client)
    }
}
