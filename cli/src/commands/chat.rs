//! `zo chat`: a loop of reading and answering.
//!
//! - [`session`]: the conversation that goes on, and what a question or a slash command does to it.
//! - [`slash`]: the slash commands as they are typed. [`lines`]: what is one input. [`editor`]: the terminal's line editor.

mod editor;
mod lines;
mod session;
mod slash;

use std::io::{self, IsTerminal};

use clap::Args;

use self::editor::Editor;
use self::lines::{Piped, Typed};
use self::session::{Next, Session};
use super::agent::options::AgentOptions;
use super::ask::options::Options;
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::text::counted;

/// Talk with a model, question by question
///
/// Examples:
///   zo chat
///   zo chat --conversation work --model anthropic/claude-sonnet-5-5
///   zo chat --tools --workspace ~/project
///   zo chat --new --system "Answer in one sentence."
///   cat questions.txt | zo chat --json
///
/// Goes on with a conversation: `main`, unless another one is named or begun with --new. A line is a question; one
/// that ends with a backslash goes on on the next line, and """ begins and ends a text of many lines. /help lists what else
/// can be typed. Ctrl-C stops an answer, Ctrl-D leaves. With --tools agents answer, which may call tools; /tools turns that on
/// and off.
///
/// Where stdin is not a terminal, the same is read line by line, and the exit code is 3 if a question was not answered.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Chat {
    #[command(flatten)]
    options: Options,
    /// Let agents answer: they may call tools, below the current folder unless --workspace names another
    #[arg(long)]
    tools: bool,
    #[command(flatten)]
    agent: AgentOptions,
}

impl Chat {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let Options { model, fallbacks, show_reasoning, .. } = &self.options;
        let instructions = self.options.system()?;
        if self.tools {
            self.agent.check_model(model.as_deref())?;
        } else {
            self.agent.check_unused()?;
        }
        let agent = self.agent.request(context)?;
        let conversation = self.options.conversation(context);
        let client = context.open()?;
        let mut session = Session::new(context, client, conversation);
        session.model = model.clone();
        session.fallbacks = fallbacks.clone();
        session.system = instructions;
        session.agent = agent;
        session.tools = self.tools;
        session.manner.show_reasoning = *show_reasoning;
        let person =
            io::stdin().is_terminal() && session.context.output.is_terminal() && !session.context.output.is_json();
        if person { by_hand(session) } else { by_pipe(session) }
    }
}

/// A person types.
fn by_hand(mut session: Session<'_>) -> Result<(), CliError> {
    let earlier = session.open()?;
    let mut editor = Editor::new(session.completion())?;
    earlier.iter().for_each(|question| editor.remember(question));
    let mut prefill = String::new();
    let mut leaving = false;
    loop {
        session.context.output.flush()?;
        let typed = editor.read(&session.prompt(), &std::mem::take(&mut prefill))?;
        let again = std::mem::take(&mut leaving);
        let text = match typed {
            Typed::Text(text) => text,
            Typed::Cleared { empty: true } if again => break,
            Typed::Cleared { empty } => {
                leaving = empty;
                if empty {
                    session.context.output.note("Ctrl-C once more leaves, and so do Ctrl-D and /quit");
                }
                continue;
            }
            Typed::End => break,
        };
        if text.trim().is_empty() {
            continue;
        }
        editor.remember(&text);
        match session.take(&text) {
            Ok(Next::Go) => {}
            Ok(Next::Edit(question)) => prefill = question,
            Ok(Next::Leave) => break,
            Err(error) if error.kind == Kind::ClosedPipe => return Err(error),
            Err(error) if error.kind == Kind::Interrupted => session.context.output.note(error.message),
            Err(error) => session.context.output.error(&error),
        }
    }
    session.close()
}

/// A program writes, or a file is read.
fn by_pipe(mut session: Session<'_>) -> Result<(), CliError> {
    session.manner.stream = true;
    let mut input = Piped::new(io::stdin().lock());
    let mut failed = 0;
    while let Some(text) = input.next()? {
        if text.trim().is_empty() {
            continue;
        }
        match session.take(&text) {
            Ok(Next::Go) => {}
            Ok(Next::Leave) => break,
            Ok(Next::Edit(_)) => {
                session
                    .context
                    .output
                    .error(&CliError::usage("/edit wants the new text here, as in `/edit And today?`"));
                failed += 1;
            }
            Err(error) if matches!(error.kind, Kind::ClosedPipe | Kind::Interrupted) => return Err(error),
            Err(error) => {
                session.context.output.error(&error);
                failed += 1;
            }
        }
    }
    session.close()?;
    match failed {
        0 => Ok(()),
        _ => Err(CliError::new(Kind::Incomplete, format!("{} failed, as said above", counted(failed, "line")))),
    }
}
