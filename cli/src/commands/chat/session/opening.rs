//! What a chat knows of its conversation when it goes on with it.

use zo_engine::protocol::{Answer, FailureKind, MessageLine, Query};
use zo_projections::event::conversation::Role;

use super::{LastQuestion, Session};
use crate::context::query;
use crate::error::{CliError, Kind};
use crate::output::text::{counted, wrapped};
use crate::output::{Output, Style};
use crate::time::minute;

/// So many of the newest messages are looked at for questions to be called back.
const LOOKED_AT: u32 = 400;
/// So many of the newest questions can be called back.
const CALLED_BACK: usize = 200;
/// Of the last exchange so many lines are shown of each message.
const LINES: usize = 12;

impl Session<'_> {
    /// Shows a person where the conversation stands; returns the questions that were asked in it, oldest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(in crate::commands::chat) fn open(&mut self) -> Result<Vec<String>, CliError> {
        self.collect_models();
        let (messages, total) = self.newest(LOOKED_AT)?;
        let output = &mut self.context.output;
        let begin = messages.iter().rposition(|message| message.role == Role::User);
        match begin {
            None => output.note(format!("{}: nothing was asked yet; /help lists what can be typed", self.title)),
            Some(begin) => {
                let earlier = u64::from(total) - (messages.len() - begin) as u64;
                output.note(format!("{}: {} before these", self.title, counted(earlier, "message")));
                messages[begin..].iter().try_for_each(|message| show(output, message))?;
            }
        }
        self.last = begin.map(|at| &messages[at]).map(|message| LastQuestion {
            put: None,
            id: Some(message.id.clone()),
            text: message.content.clone().unwrap_or_default(),
            files: Vec::new(),
        });
        let of_user = messages.into_iter().filter(|message| message.role == Role::User);
        let mut questions: Vec<String> = of_user.filter_map(|message| message.content).collect();
        questions.drain(..questions.len().saturating_sub(CALLED_BACK));
        Ok(questions)
    }

    /// Whether the newest message is this question.
    pub(super) fn ends_with_question(&mut self, text: &str) -> bool {
        let newest = self.newest(1).map(|(messages, _)| messages).unwrap_or_default();
        newest.last().is_some_and(|last| last.role == Role::User && last.content.as_deref() == Some(text))
    }

    /// The newest messages of the selected branch, oldest first, and how many there are in all; nothing if the
    /// conversation is not there yet.
    fn newest(&mut self, count: u32) -> Result<(Vec<MessageLine>, u32), CliError> {
        let reference = self.reference();
        let mut page = |skip, limit| {
            let page = Query::Conversation { reference: reference.clone(), all_branches: false, skip, limit };
            query(&mut self.client, page, None, |answer| match answer {
                Answer::Conversation { messages, total, .. } => Some((messages, total)),
                _ => None,
            })
        };
        let (messages, total) = match page(0, 1) {
            Ok(first) => first,
            Err(error) if error.kind == Kind::Engine(FailureKind::NotFound) => return Ok((Vec::new(), 0)),
            Err(error) => return Err(error),
        };
        if total <= 1 { Ok((messages, total)) } else { page(total.saturating_sub(count), count) }
    }
}

/// Shows the beginning of a message.
fn show(output: &mut Output, message: &MessageLine) -> Result<(), CliError> {
    let who = if message.role == Role::User { "you" } else { message.model.as_deref().unwrap_or("model") };
    let rest = if message.interrupted { "  interrupted" } else { "" };
    let head = output.paint(Style::Bold, &output.shown(who));
    let when = output.paint(Style::Dim, &format!("  {}{rest}", minute(message.at)));
    output.line(format!("{head}{when}"))?;
    let shown = output.shown(message.content.as_deref().unwrap_or_default());
    wrapped(&shown, output.columns(), LINES).iter().try_for_each(|line| output.line(line))
}
