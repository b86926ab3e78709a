//! `zo conversation export`.

use clap::{Args, ValueEnum};
use zo_engine::protocol::{ConversationLine, MessageLine};
use zo_projections::event::conversation::Role;

use super::{MessageJson, content_of, each_message, file_in_words, role_name};
use crate::context::Context;
use crate::error::CliError;
use crate::time::{AtArgs, minute};

/// Print a conversation as a document
///
/// Examples:
///   zo conversation export work > work.md
///   zo conversation export work --format json --all-branches > work.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Export {
    /// Its name or id
    conversation: String,
    /// Of which form; --json alone means json
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The messages of all branches, in the order in which they were added
    #[arg(long)]
    all_branches: bool,
    #[command(flatten)]
    at: AtArgs,
}

/// Forms of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Markdown,
    /// One JSON object with everything
    Json,
}

impl Export {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let format = self.format.unwrap_or(if context.output.is_json() { Format::Json } else { Format::Markdown });
        let mut client = context.open_existing()?;
        let output = &mut context.output;
        let mut begun = false;
        // Printed as it is read: a conversation may be longer than what should be held in memory.
        let line = each_message(&mut client, &self.conversation, self.all_branches, self.at.at, |line, message| {
            let first = !std::mem::replace(&mut begun, true);
            match format {
                Format::Markdown if first => output.text(&markdown_head(line))?,
                Format::Json if first => output.text(&json_head(line)?)?,
                Format::Json => output.text(",")?,
                Format::Markdown => {}
            }
            match format {
                Format::Markdown => output.text(&markdown(message)),
                Format::Json => output.text(&json(&MessageJson::of(message))?),
            }
        })?;
        match format {
            Format::Markdown if !begun => output.text(&markdown_head(&line))?,
            Format::Json if !begun => output.text(&(json_head(&line)? + "]}\n"))?,
            Format::Json => output.text("]}\n")?,
            Format::Markdown => {}
        }
        context.close(client)
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::invalid(format!("a message cannot be shown: {error}")))
}

/// The object up to its first message: `{"id": …, "messages":[`.
fn json_head(line: &ConversationLine) -> Result<String, CliError> {
    // The counts of the line are those of all branches; here they are the messages that follow.
    let ConversationLine { id, name, started_at, changed_at, .. } = line;
    let head = serde_json::json!({"id": id, "name": name, "started_at": started_at, "changed_at": changed_at});
    let mut text = json(&head)?;
    text.pop();
    Ok(text + ",\"messages\":[")
}

fn markdown_head(line: &ConversationLine) -> String {
    let name = line.name.as_deref().unwrap_or(&line.id);
    format!("# {}\n", name.replace('\n', " "))
}

fn markdown(line: &MessageLine) -> String {
    let mut text = format!("\n## {}", role_name(line.role));
    if let Some(author) = &line.author {
        text.push_str(&format!(" ({author})"));
    }
    text.push_str(&format!(", {}", minute(line.occurred_at.unwrap_or(line.at))));
    text.push_str(if line.interrupted { ", interrupted\n\n" } else { "\n\n" });
    let content = content_of(line);
    if line.role == Role::Tool {
        // What a tool brought is quoted, so that it cannot be taken for a part of the document.
        let fence = fence_for(content);
        text.push_str(&format!("{fence}\n{content}\n{fence}\n"));
    } else if !content.is_empty() {
        text.push_str(&format!("{content}\n"));
    }
    if !line.files.is_empty() {
        text.push('\n');
    }
    for file in &line.files {
        text.push_str(&format!("- with {}\n", file_in_words(file).replace('\n', " ")));
    }
    for call in &line.tool_calls {
        let fence = fence_for(&call.arguments);
        text.push_str(&format!("\nCalls `{}`:\n\n{fence}json\n{}\n{fence}\n", call.name, call.arguments));
    }
    text
}

/// A fence that does not end within `content`.
fn fence_for(content: &str) -> String {
    let longest = content.lines().map(|line| line.trim_start().chars().take_while(|&c| c == '`').count()).max();
    "`".repeat(longest.unwrap_or(0).max(2) + 1)
}

#[cfg(test)]
mod tests {
    use zo_engine::protocol::FileLine;

    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fence_for("plain"), "```");
        assert_eq!(fence_for("a\n  ````rust\nb"), "`````");
    }

    #[test]
    fn files_and_a_cut_off_answer_are_told() {
        let line = MessageLine {
            id: "A".to_owned(),
            parent: None,
            role: Role::Assistant,
            position: zo_projections::Position(3),
            at: zo_projections::Timestamp(0),
            occurred_at: None,
            model: None,
            interrupted: true,
            content: Some("As far as".to_owned()),
            author: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
            meta: None,
            files: vec![FileLine {
                name: Some("plan.png".to_owned()),
                media_type: "image/png".to_owned(),
                size: 2048,
                position: zo_projections::Position(4),
            }],
        };
        let text = markdown(&line);
        assert!(text.starts_with("\n## assistant, ") && text.contains(", interrupted\n\nAs far as\n"), "{text}");
        assert!(text.ends_with("\n\n- with plan.png (image/png, 2.0 KiB)\n"), "{text}");
    }
}
