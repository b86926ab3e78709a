//! `zo status`.

use clap::Args;
use zo_engine::protocol::{Answer, Query, Status as HomeStatus};

use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::text::{bytes, counted};
use crate::output::{Output, Style};
use crate::time::{AtArgs, second};

/// Show where the home stands
///
/// Examples:
///   zo status
///   zo status --at yesterday --json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Status {
    #[command(flatten)]
    at: AtArgs,
}

impl Status {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let status = query(&mut client, Query::Status, self.at.at, |answer| match answer {
            Answer::Status(status) => Some(status),
            _ => None,
        })?;
        if context.output.is_json() {
            context.output.data(&status)?;
        } else {
            print(&mut context.output, &status)?;
        }
        context.close(client)
    }
}

fn print(output: &mut Output, status: &HomeStatus) -> Result<(), CliError> {
    let figures = status.figures;
    let mut line = |name: &str, value: String| {
        let name = output.paint(Style::Bold, &format!("{name:14}"));
        output.line(format!("{name}{value}"))
    };
    line("home", status.folder.clone())?;
    line("id", status.home.clone())?;
    line("log", format!("{}, the last one recorded {}", counted(status.head.0, "event"), second(status.at)))?;
    let retracted = match figures.memories_retracted {
        0 => String::new(),
        retracted => format!(", {retracted} retracted"),
    };
    let memories = counted(figures.memories_live, "memory");
    line("memory", format!("{memories}, {}{retracted}", bytes(figures.memory_bytes)))?;
    let conversations = counted(figures.conversations, "conversation");
    line("conversations", format!("{conversations}, {}", counted(figures.messages, "message")))?;
    line("keys", counted(figures.keys, "key"))?;
    let runs = format!("{} finished, {} failed", figures.runs_finished, figures.runs_failed);
    line("runs", format!("{runs}, {} outstanding", figures.runs_outstanding))?;
    let (log, blobs, derived) = (bytes(status.bytes.log), bytes(status.bytes.blobs), bytes(status.bytes.derived));
    line("on disk", format!("log {log}, blobs {blobs}, derived {derived}"))?;
    let snapshot = status.snapshot.map_or("none".to_owned(), |position| format!("position {position}"));
    line("sealed", format!("{}; newest snapshot: {snapshot}", counted(u64::from(status.segments), "segment")))?;
    line("held by", format!("process {}", status.holder))?;
    if figures.anomalies > 0 {
        line("anomalies", format!("{}: `zo log verify` shows them", figures.anomalies))?;
    }
    for note in &status.recovery {
        line("recovery", note.clone())?;
    }
    Ok(())
}
