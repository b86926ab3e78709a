//! `zo conversation show`.

use clap::Args;
use zo_engine::protocol::MessageLine;

use super::{MessageJson, content_of, each_message, file_in_words, role_name};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Style};
use crate::time::{AtArgs, minute};

/// Show the messages of a conversation, oldest first
///
/// Examples:
///   zo conversation show work
///   zo conversation show work --all-branches --json
///   zo conversation show work --at "an hour ago"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Its name or id
    conversation: String,
    /// The messages of all branches, in the order in which they were added
    #[arg(long)]
    all_branches: bool,
    #[command(flatten)]
    at: AtArgs,
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let output = &mut context.output;
        let mut first = true;
        let conversation =
            each_message(&mut client, &self.conversation, self.all_branches, self.at.at, |_, message| {
                if output.is_json() {
                    return output.data(&MessageJson::of(message));
                }
                if !std::mem::take(&mut first) {
                    output.line("")?;
                }
                print_message(output, message)
            })?;
        let name = conversation.name.as_deref().unwrap_or("(no name)");
        let branches = match conversation.branches {
            0 | 1 => String::new(),
            branches => format!(", {branches} branches"),
        };
        context.output.note(format!("{name}, {}{branches}", conversation.id));
        context.close(client)
    }
}

/// Prints a message: who and when, then what it says.
///
/// # Errors
/// If stdout cannot be written.
pub(in crate::commands) fn print_message(output: &mut Output, line: &MessageLine) -> Result<(), CliError> {
    let who = match &line.author {
        Some(author) => format!("{} ({})", role_name(line.role), output.shown(author)),
        None => role_name(line.role).to_owned(),
    };
    let mut rest = format!("{}  {}", minute(line.occurred_at.unwrap_or(line.at)), line.id);
    if let Some(model) = &line.model {
        rest.push_str(&format!("  {}", output.shown(model)));
    }
    if line.interrupted {
        rest.push_str("  interrupted");
    }
    output.line(format!("{}  {}", output.paint(Style::Bold, &who), output.paint(Style::Dim, &rest)))?;
    if !content_of(line).is_empty() {
        output.line(output.shown(content_of(line)))?;
    }
    for file in &line.files {
        let file = format!("with {}", file_in_words(file));
        output.line(output.shown(&file))?;
    }
    for call in &line.tool_calls {
        let call = format!("calls {} {}", call.name, call.arguments);
        output.line(output.shown(&call))?;
    }
    Ok(())
}
