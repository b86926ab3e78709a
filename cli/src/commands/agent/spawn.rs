//! `zo agent spawn`.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zo_engine::protocol::{Asking, ConversationChoice, FailureKind, Question, SCRIPTED};

use super::find;
use super::options::{AgentOptions, note_workspace};
use crate::answering::{self, Manner};
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::input;
use crate::output::text::{counted, preview};
use crate::output::{Output, Style};

/// The tool that starts agents.
const SPAWN: &str = "spawn_agents";
/// In the text of a script: what the tools called by the reply before gave back.
const RESULTS: &str = "{{results}}";
/// Replies of the script that starts agents.
const SCRIPT_REPLIES: u32 = 2;
/// The most agents that one command starts.
const MAX_AGENTS: usize = 1000;

/// Let several agents work at the same time, and print what each of them came to
///
/// Examples:
///   zo agent spawn "What does main.rs do?" "What does lib.rs do?"
///   zo agent spawn --each topics.txt --model ollama/llama3.2 --concurrency 4
///   zo agent spawn --first --model groq/openai/gpt-oss-120b "Prove it" "Find a counterexample"
///   cat topics.txt | zo agent spawn --each - --json | jq -r '.[].answer'
///
/// Each agent has a conversation of its own; one that fails does not hinder the others. The results are printed in the order
/// of the tasks when the last one is done, or with --first as soon as one is, and then the others are stopped. What they may do
/// and use is as for `zo agent run`: steps, tokens and depth are those of each, cost and time those of all together. The exit code
/// is 3 if one did not finish.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Spawn {
    /// What an agent is to do; one agent for each
    #[arg(value_name = "TASK", required_unless_present = "each")]
    tasks: Vec<OsString>,
    /// One agent for each line of this file, `-` for stdin
    #[arg(long, value_name = "FILE")]
    each: Option<PathBuf>,
    /// Take the first answer, and stop the others
    #[arg(long)]
    first: bool,
    /// The model of each agent [default: the one that was chosen]
    #[arg(long, short, value_name = "PROVIDER/NAME")]
    model: Option<String>,
    #[command(flatten)]
    agent: AgentOptions,
}

/// What every agent is told, as the tool takes it.
#[derive(Debug, Default, Serialize)]
struct Each {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
}

/// An agent to be started.
#[derive(Serialize)]
struct Started<'a> {
    task: &'a str,
    #[serde(flatten)]
    each: &'a Each,
}

/// What an agent came to, as the tool says it.
#[derive(Debug, Deserialize, PartialEq)]
struct Came {
    run: String,
    status: String,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

impl Spawn {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if self.agent.has_script() || self.model.as_deref() == Some(SCRIPTED) {
            let message = "agents that are started by `zo agent spawn` cannot follow a script";
            let hint = "`zo agent run --model scripted --script FILE` starts one that does";
            return Err(CliError::usage(message).hint(hint));
        }
        let tasks = self.tasks()?;
        let mut request = self.agent.request(context)?;
        note_workspace(&request, context);
        let each = Each {
            model: self.model.clone(),
            tools: request.tools.clone(),
            steps: request.steps,
            tokens: request.tokens.take(),
        };
        // The one that starts them is no more than that: what is said of agents is said of those.
        if let Some(tools) = &mut request.tools {
            tools.push(SPAWN.to_owned());
        }
        request.steps = request.steps.map(|steps| steps.max(SCRIPT_REPLIES));
        request.depth = request.depth.map(|depth| depth.saturating_add(1));
        request.script = Some(script(&tasks, &each, self.first));
        // The tasks are in the conversations of the agents, and would be recalled from this one too.
        let text = format!("{} at the same time", counted(tasks.len() as u64, "task"));
        let mut asking = Asking {
            question: Question::New { text, files: Vec::new() },
            model: Some(SCRIPTED.to_owned()),
            agent: Some(Box::new(request)),
            environment: context.environment(),
            ..Asking::new(conversation(context), "", context.fresh_id())
        };
        let mut client = context.open()?;
        let manner = Manner { withhold: true, ..Manner::default() };
        let given = answering::ask_knowing(&mut client, &mut asking, context, manner, &tasks)?;
        let children = find(&mut client, &given.answered.run)?.children;
        let of_run: HashMap<String, String> = children.into_iter().map(|line| (line.run, line.task)).collect();
        let results = print(&mut context.output, &of_run, &given.answered.answer)?;
        context.close(client)?;
        given.whole()?;
        self.judged(&results)
    }

    fn tasks(&self) -> Result<Vec<String>, CliError> {
        let given = self.tasks.iter().map(|task| input::text_of_argument(task));
        let mut tasks: Vec<String> = given.collect::<Result<_, _>>()?;
        if let Some(file) = &self.each {
            let lines = match file == Path::new("-") {
                true => input::from_argument("-".as_ref())?,
                false => input::from_file(file)?,
            };
            tasks.extend(lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        let tasks: Vec<String> =
            tasks.into_iter().map(|task| input::not_blank("a task", task)).collect::<Result<_, _>>()?;
        match tasks.len() {
            0 => Err(CliError::usage("there is no task, so no agent is started")),
            1..=MAX_AGENTS => Ok(tasks),
            many => Err(CliError::usage(format!(
                "at most {MAX_AGENTS} agents are started at once, and {many} tasks are given"
            ))),
        }
    }

    /// Whether what came is what was wanted.
    fn judged(&self, results: &[Came]) -> Result<(), CliError> {
        let finished = results.iter().filter(|came| came.status == "finished").count();
        if finished == results.len() || (self.first && finished > 0) {
            return Ok(());
        }
        let message =
            format!("{} of {} did not finish", results.len() - finished, counted(results.len() as u64, "agent"));
        Err(CliError::new(Kind::Incomplete, message).hint("`zo agent list --all` names them, `zo agent show` says why"))
    }
}

/// The conversation of the one that starts them.
fn conversation(context: &Context) -> ConversationChoice {
    ConversationChoice::New { id: context.fresh_id(), name: None }
}

/// What the model `scripted` says: it starts the agents, and then tells what they came to.
fn script(tasks: &[String], each: &Each, first: bool) -> String {
    let agents: Vec<Started<'_>> = tasks.iter().map(|task| Started { task, each }).collect();
    json!([
        {"text": "", "tool_calls": [{"name": SPAWN, "arguments": {"agents": agents, "first": first}}]},
        {"text": RESULTS},
    ])
    .to_string()
}

/// Prints what the agents came to: a numbered list, or the tool's own list as JSON.
fn print(output: &mut Output, tasks: &HashMap<String, String>, answer: &str) -> Result<Vec<Came>, CliError> {
    let list: Value = serde_json::from_str(answer).map_err(|_| not_results(answer))?;
    let results: Vec<Came> = Deserialize::deserialize(&list).map_err(|_| not_results(answer))?;
    if output.is_json() {
        output.data_now(&list)?;
        return Ok(results);
    }
    for (number, came) in results.iter().enumerate() {
        let task = tasks.get(&came.run).map_or("(not started)", String::as_str);
        let head = format!("{}. {}", number + 1, preview(task));
        output.line(output.paint(Style::Bold, &output.shown(&head)))?;
        let text = match (&came.answer, &came.reason) {
            (Some(answer), _) => answer.clone(),
            (None, Some(reason)) => format!("{}: {reason}", came.status),
            (None, None) => came.status.clone(),
        };
        text.lines().try_for_each(|line| output.line(output.shown(&format!("   {line}"))))?;
    }
    output.flush()?;
    Ok(results)
}

fn not_results(answer: &str) -> CliError {
    CliError::new(
        Kind::Engine(FailureKind::Io),
        format!("the agents have ended, and gave no list: {}", preview(answer)),
    )
}
