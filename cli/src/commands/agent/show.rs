//! `zo agent show`.

use clap::Args;
use zo_engine::protocol::{AgentDetail, CallLine};
use zo_projections::event::run::Account;
use zo_projections::event::run::agent::ToolStatus;

use super::find;
use super::list::status;
use crate::answering::cost;
use crate::context::Context;
use crate::error::CliError;
use crate::output::text::{bytes, count, counted, dollars, preview};
use crate::output::{Output, Style};
use crate::time::second;

/// Show what an agent did, step by step, and what it came to
///
/// Examples:
///   zo agent show 7Y0ABC
///   zo agent show 01K… --json | jq -r '.replies[].calls[].tool'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Its run, or the end of its id
    run: String,
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let agent = find(&mut client, &self.run)?;
        if context.output.is_json() {
            context.output.data(&agent)?;
        } else {
            print(&mut context.output, &agent)?;
        }
        context.close(client)
    }
}

fn print(output: &mut Output, agent: &AgentDetail) -> Result<(), CliError> {
    let line = &agent.line;
    let head = format!("{}  {}", line.run, status(line));
    output.line(output.paint(Style::Bold, &head))?;
    let field = |output: &mut Output, name: &str, value: Option<String>| match value {
        // Further lines of a text stand below its first one.
        Some(value) => {
            output.line(format!("{name:>12}  {}", output.shown(&value).replace('\n', &format!("\n{:14}", ""))))
        }
        None => Ok(()),
    };
    field(output, "name", line.name.clone())?;
    field(output, "task", Some(agent.question.clone()))?;
    let conversation = match &line.conversation_name {
        Some(name) => format!("{name} ({})", line.conversation),
        None => line.conversation.clone(),
    };
    field(output, "conversation", Some(conversation))?;
    field(output, "started by", line.parent.clone())?;
    field(output, "model", Some(line.model.clone()))?;
    field(output, "folder", agent.workspace.clone())?;
    field(output, "started", Some(second(line.started_at)))?;
    field(output, "ended", line.ended_at.map(second))?;
    field(output, "budget", Some(budget(agent)))?;
    let used =
        format!("{}, {}", counted(u64::from(line.tool_calls), "tool call"), cost(&line.usage, &Account::default()));
    field(output, "used", Some(used))?;
    let skills: Vec<String> =
        agent.skills.iter().map(|skill| format!("{} ({})", skill.name, short(&skill.version))).collect();
    field(output, "skills", (!skills.is_empty()).then(|| skills.join(", ")))?;
    for reply in &agent.replies {
        if !reply.text.trim().is_empty() {
            let said = preview(&reply.text);
            output.line(output.paint(Style::Dim, &output.shown(&format!("  {said}"))))?;
        }
        reply.calls.iter().try_for_each(|call| print_call(output, call))?;
    }
    for child in &agent.children {
        output.line(output.shown(&format!("  agent {}  {}  {}", child.run, status(child), preview(&child.task))))?;
    }
    if let Some(answer) = &agent.answer {
        output.line("")?;
        output.line(output.shown(answer))?;
    }
    if let Some(reason) = &agent.reason {
        output.line("")?;
        output.line(output.paint(Style::Red, &output.shown(reason)))?;
    }
    Ok(())
}

fn print_call(output: &mut Output, call: &CallLine) -> Result<(), CliError> {
    let arguments = preview(&call.arguments);
    output.line(output.shown(&format!("  {:>5}  {} {arguments}", call.call, call.tool)))?;
    let told = preview(call.output.as_deref().unwrap_or_default());
    let came_to = match call.status {
        None => "has not returned".to_owned(),
        Some(ToolStatus::Done) => format!("ok, {}: {told}", bytes(call.bytes)),
        Some(status) => format!("{}: {told}", status_in_words(status)),
    };
    output.line(output.shown(&format!("         {came_to}")))
}

fn status_in_words(status: ToolStatus) -> &'static str {
    match status {
        ToolStatus::Done => "ok",
        ToolStatus::Failed => "failed",
        ToolStatus::Refused => "refused",
        ToolStatus::Invalid => "not called",
        ToolStatus::Interrupted => "interrupted",
        ToolStatus::Cancelled => "stopped",
    }
}

/// What it may use: `12 of 50 replies, 20,000 tokens, $0.5000, until 2026-11-21 08:30:00`.
fn budget(agent: &AgentDetail) -> String {
    let (steps, all) = (count(u64::from(agent.line.steps)), count(u64::from(agent.budget_steps)));
    let mut budget = format!("{steps} of {all} replies");
    if let Some(tokens) = agent.budget_tokens {
        budget.push_str(&format!(", {} tokens", count(tokens)));
    }
    if let Some(micros) = agent.budget_cost_micros {
        budget.push_str(&format!(", {}", dollars(micros)));
    }
    if let Some(deadline) = agent.deadline {
        budget.push_str(&format!(", until {}", second(deadline)));
    }
    budget
}

/// As much of a version as tells it from others.
fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}
