//! `zo ask`.

use std::ffi::OsString;

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::{Answered, Asking, ConversationChoice, RecalledLine, Request, Response};
use zo_projections::Position;
use zo_projections::event::run::Usage;

use crate::context::{Context, unexpected};
use crate::error::CliError;
use crate::input;

/// The conversation that questions go to unless another one is named.
const USUAL_CONVERSATION: &str = "main";
/// The built-in responder.
const OFFLINE: &str = "offline";

/// Ask a question
///
/// Examples:
///   zo ask "Which port does the staging database use?"
///   zo ask --conversation work "And who may restart it?"
///   cat question.txt | zo ask --new --json
///
/// Question and answer become messages of a conversation: `main`, unless another one is named or begun with --new.
/// If this process dies before the answer is there, whoever opens the home next finishes it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Ask {
    /// The question; `-` reads it from stdin, which is also done without it if stdin is not a terminal
    question: Option<OsString>,
    /// Name or id of the conversation; it is begun if there is none
    #[arg(long, short, value_name = "NAME|ID")]
    conversation: Option<String>,
    /// Begin a new conversation; its name is that of --conversation, if given
    #[arg(long)]
    new: bool,
}

/// An answer, as JSON has it.
#[derive(Serialize)]
struct AnswerJson<'a> {
    answer: &'a str,
    conversation: &'a str,
    run: &'a str,
    model: &'a str,
    recalled: &'a [RecalledLine],
    usage: Usage,
    position: Position,
    indexed: Position,
    head: Position,
}

impl Ask {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let question = match &self.question {
            Some(question) => input::from_argument(question)?,
            None => input::from_stdin_unless_terminal()?,
        };
        let question = input::not_blank("the question", question)?;
        let conversation = match (&self.conversation, self.new) {
            (name, true) => ConversationChoice::New { id: context.fresh_id(), name: name.clone() },
            (Some(name), false) => ConversationChoice::Named(name.clone()),
            (None, false) => ConversationChoice::Named(USUAL_CONVERSATION.to_owned()),
        };
        let request = Request::Ask(Box::new(Asking::new(conversation, question, context.fresh_id())));
        let mut client = context.open()?;
        let answered = match client.one(&request)? {
            Response::Answered(answered) => *answered,
            other => return Err(unexpected(&other)),
        };
        self.print(context, &answered)?;
        context.close(client)
    }

    fn print(&self, context: &mut Context, answered: &Answered) -> Result<(), CliError> {
        if context.output.is_json() {
            let Answered { answer, conversation, run, model, recalled, usage, position, indexed, head, .. } = answered;
            let (usage, position, indexed, head) = (*usage, *position, *indexed, *head);
            return context.output.data(&AnswerJson {
                answer,
                conversation,
                run,
                model,
                recalled,
                usage,
                position,
                indexed,
                head,
            });
        }
        context.output.line(context.output.shown(&answered.answer))?;
        if answered.model == OFFLINE {
            context.output.note("note: `offline` answered, which is no language model: it quotes what is remembered");
        }
        Ok(())
    }
}
