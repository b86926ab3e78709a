//! `zo memory show`.

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::{Answer, MemoryLine, Query};

use super::{MemoryJson, content_of, with_nearest};
use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::{Output, Style};
use crate::time::{AtArgs, second};

/// Show a memory with all its revisions
///
/// Examples:
///   zo memory show deploy-steps
///   zo memory show deploy-steps --json | jq -r '.older[].content'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Its id
    id: String,
    #[command(flatten)]
    at: AtArgs,
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let shown = query(&mut client, Query::Memory { id: self.id.clone() }, self.at.at, |answer| match answer {
            Answer::Memory { memory, older } => Some((memory, older)),
            _ => None,
        });
        let (memory, older) = shown.map_err(|error| with_nearest(error, &mut client, &self.id))?;
        if context.output.is_json() {
            #[derive(Serialize)]
            struct Whole<'a> {
                #[serde(flatten)]
                memory: MemoryJson<'a>,
                older: Vec<MemoryJson<'a>>,
            }
            let older = older.iter().map(MemoryJson::of).collect();
            context.output.data(&Whole { memory: MemoryJson::of(&memory), older })?;
        } else {
            print_revision(&mut context.output, &memory)?;
            for revision in &older {
                context.output.line("")?;
                print_revision(&mut context.output, revision)?;
            }
        }
        context.close(client)
    }
}

fn print_revision(output: &mut Output, line: &MemoryLine) -> Result<(), CliError> {
    let until = line.until.map(|until| format!(", until position {until}")).unwrap_or_default();
    let id = output.shown(&line.id);
    output.line(format!("{}  {}", output.paint(Style::Bold, &id), line.state))?;
    output.line(format!("version {} at position {}{until}, {}", line.version, line.position, second(line.at)))?;
    if let Some(occurred_at) = line.occurred_at {
        output.line(format!("happened {}", second(occurred_at)))?;
    }
    if let Some(meta) = &line.meta {
        output.line(format!("meta {}", output.shown(meta)))?;
    }
    output.line("")?;
    output.line(output.shown(content_of(line)))
}
