//! `zo ask`. What `chat` is told alike is in [`options`].

pub(super) mod options;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::protocol::{AgentRequest, Asking, ConversationChoice, FileInput, Question};

use self::options::Options;
use super::agent::options::{AgentOptions, note_workspace};
use super::conversation::with_nearest;
use crate::answering::{self, Manner};
use crate::attachments;
use crate::context::Context;
use crate::error::CliError;
use crate::input;

/// Ask a question
///
/// Examples:
///   zo ask "Which port does the staging database use?"
///   zo ask --conversation work --model anthropic/claude-sonnet-5-5 "And who may restart it?"
///   zo ask --new --image plan.png --file notes.md "What differs?"
///   zo ask --retry --model offline
///   zo ask --tools --deny run_command "What is in this folder?"
///   cat question.txt | zo ask --json --stream
///
/// Question and answer become messages of a conversation: `main`, unless another one is named or begun with --new. What is
/// remembered and fits is given to the model along with it. Without --model, the model that was chosen answers, else
/// the first provider that has a key in the vault, else a local Ollama, else `offline`, which is no language model and quotes
/// what is remembered.
///
/// With --tools an agent answers, in as many steps as it takes: `zo agent run --help` says how.
///
/// The answer is printed as it comes. Ctrl-C stops it, and what came is kept. If this process dies before the answer is
/// there, whoever opens the home next finishes it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Ask {
    /// The question; `-` reads it from stdin, which is also done without it if stdin is not a terminal
    question: Option<OsString>,
    #[command(flatten)]
    options: Options,
    /// An image that belongs to the question: PNG, JPEG, GIF or WebP; may be given more than once
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
    /// A text file that belongs to the question, `-` for stdin; may be given more than once
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The answer is to be JSON of the JSON Schema in this file
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Ask the last question of the conversation once more: the answer becomes a branch beside those there are
    #[arg(long, conflicts_with_all = ["question", "new", "images", "files"])]
    retry: bool,
    /// With --json: print each piece of the answer on a line as it comes
    #[arg(long)]
    stream: bool,
    /// Let an agent answer: it may call tools, below the current folder unless --workspace names another
    #[arg(long)]
    tools: bool,
    #[command(flatten)]
    agent: AgentOptions,
}

impl Ask {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut asking = Asking {
            conversation: self.conversation(context),
            question: self.question()?,
            run: context.fresh_id(),
            model: self.options.model.clone(),
            fallbacks: self.options.fallbacks.clone(),
            system: self.options.system()?,
            schema: self.schema.as_deref().map(attachments::schema).transpose()?,
            agent: self.agent(context)?,
            tools: Vec::new(),
            environment: context.environment(),
        };
        let mut client = if self.retry { context.open_existing()? } else { context.open()? };
        let manner = Manner { stream: self.stream, show_reasoning: self.options.show_reasoning, ..Manner::default() };
        let given = answering::ask(&mut client, &mut asking, context, manner);
        let given = given.map_err(|unanswered| match (&asking.conversation, unanswered.begun) {
            (ConversationChoice::Existing(name), None) => with_nearest(unanswered.error, &mut client, name),
            _ => unanswered.error,
        })?;
        context.close(client)?;
        given.whole()
    }

    fn agent(&self, context: &mut Context) -> Result<Option<Box<AgentRequest>>, CliError> {
        if !self.tools {
            return self.agent.check_unused().map(|()| None);
        }
        self.agent.check_model(self.options.model.as_deref())?;
        let agent = self.agent.request(context)?;
        note_workspace(&agent, context);
        Ok(Some(Box::new(agent)))
    }

    fn conversation(&self, context: &Context) -> ConversationChoice {
        match self.options.conversation(context) {
            // What is asked once more must have been asked.
            ConversationChoice::Named(name) if self.retry => ConversationChoice::Existing(name),
            choice => choice,
        }
    }

    fn question(&self) -> Result<Question, CliError> {
        if self.retry {
            return Ok(Question::Again { question: None });
        }
        let from_stdin = self.question.as_ref().is_none_or(|question| question == "-");
        let stdin_files = self.files.iter().filter(|file| *file == Path::new("-")).count();
        if stdin_files + usize::from(from_stdin) > 1 {
            return Err(CliError::usage("stdin can be read once: as the question, or as one --file -"));
        }
        let text = match &self.question {
            Some(question) => input::from_argument(question)?,
            None => input::from_stdin_unless_terminal()?,
        };
        let text = input::not_blank("the question", text)?;
        Ok(Question::New { text, files: files(&self.images, &self.files)? })
    }
}

/// The files that go with a question: images first.
fn files(images: &[PathBuf], documents: &[PathBuf]) -> Result<Vec<FileInput>, CliError> {
    let images = images.iter().map(|path| attachments::image(path));
    let documents = documents.iter().map(|path| attachments::document(path));
    let files: Vec<FileInput> = images.chain(documents).collect::<Result<_, _>>()?;
    attachments::check_together(&files)?;
    Ok(files)
}
