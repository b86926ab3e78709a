//! Chapter 2 of the demo: a conversation with an assistant elsewhere, taken over with everything that was said.

use std::fs;
use std::path::Path;

use zo_engine::protocol::{Answer, Query};

use super::story::Story;
use crate::commands::import;
use crate::context::{Context, query};
use crate::embedding::embed;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::output::text::counted;

/// A chat that ships with the program, in the form of ChatGPT's export.
const EXPORT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/conversations/conversations.json"));

/// Tells the chapter.
pub(super) fn take_over(context: &mut Context, story: &mut Story, folder: &Path) -> Result<(), CliError> {
    story.chapter(&mut context.output, "A conversation from elsewhere")?;
    let file = folder.join("conversations.json");
    fs::write(&file, EXPORT).map_err(|error| CliError::io(format!("cannot write {}", file.display()), &error))?;
    story.say(&mut context.output, &format!("zo import {}", file.display()))?;
    let taken = import::chatgpt_export(context, &file)?;
    let mut client = context.open_existing()?;
    embed(&mut client, &mut context.output, &Interrupt::watch()?, None)?;
    let (conversations, messages) = query(&mut client, Query::Status, None, |answer| match answer {
        Answer::Status(status) => Some((status.figures.conversations, status.figures.messages)),
        _ => None,
    })?;
    context.close(client)?;
    let all = taken.failed == 0 && taken.messages.new > 0 && (conversations, messages) == (1, taken.messages.new);
    let claim = format!("it became {} with its times and its name", counted(messages, "message"));
    story.claim(&mut context.output, all, &claim)
}
