//! `zo agent tools`.

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use zo_engine::protocol::{Answer, Query, ToolLine};
use zo_projections::event::run::agent::Effect;

use crate::context::{Context, query};
use crate::error::CliError;
use crate::input;
use crate::output::Table;
use crate::output::text::preview;

/// List the tools that agents are offered
///
/// Examples:
///   zo agent tools
///   zo agent tools --json | jq 'select(.name == "run_command").parameters'
///
/// EFFECT is what doing it twice would do: `pure` changes nothing, `idempotent` is as good as once, and what is `once` is
/// never done again after a crash. USUALLY is what happens where no rule says otherwise: `zo permission list` has the rules.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Tools {}

/// A tool, as JSON has it.
#[derive(Serialize)]
struct ToolJson<'a> {
    name: &'a str,
    description: &'a str,
    effect: Effect,
    usually: &'a str,
    parameters: Value,
}

impl Tools {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let tools = query(&mut client, Query::Tools, None, |answer| match answer {
            Answer::Tools(tools) => Some(tools),
            _ => None,
        })?;
        context.output.list_as(Table::new(&["NAME", "EFFECT", "USUALLY", "DESCRIPTION"]), &tools, json, |tool| {
            let description = preview(&tool.description);
            [tool.name.clone(), effect(tool.effect).to_owned(), tool.usually.clone(), description]
        })?;
        context.close(client)
    }
}

fn json(tool: &ToolLine) -> ToolJson<'_> {
    ToolJson {
        name: &tool.name,
        description: &tool.description,
        effect: tool.effect,
        usually: &tool.usually,
        parameters: input::json_of(&tool.parameters),
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "pure",
        Effect::Idempotent => "idempotent",
        Effect::Once => "once",
    }
}
