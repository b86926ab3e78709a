//! The conversation that goes on: what it knows, and how a question is put. What slash commands do is in [`commands`].

mod commands;
mod opening;

use std::cell::RefCell;
use std::rc::Rc;

use zo_engine::client::Client;
use zo_engine::protocol::{
    AgentRequest, Answered, Asking, ConversationChoice, FileInput, Question, RecalledLine, SecretText,
};
use zo_projections::ConversationId;
use zo_projections::event::run::{Account, Usage};

use super::editor::ModelNames;
use super::lines::{is_block, meant};
use super::slash::{self, is_slash};
use crate::answering::{self, Manner, Unanswered};
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::input;
use crate::output::text;

/// What happens after an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next one is read.
    Go,
    /// The next one is read, and begins as this.
    Edit(String),
    /// The chat ends.
    Leave,
}

/// A conversation, and how its questions are put.
pub(super) struct Session<'a> {
    pub(super) context: &'a mut Context,
    /// The model of this chat; the chosen one if there is none.
    pub(super) model: Option<String>,
    pub(super) fallbacks: Vec<String>,
    /// Instructions in place of the usual ones.
    pub(super) system: Option<String>,
    pub(super) manner: Manner,
    /// What an agent is told that answers.
    pub(super) agent: AgentRequest,
    /// Whether agents answer.
    pub(super) tools: bool,
    client: Client,
    place: ConversationChoice,
    /// What the conversation is called in the prompt.
    title: String,
    /// Attached to the next question.
    files: Vec<FileInput>,
    last: Option<LastQuestion>,
    /// For the last answer.
    recalled: Vec<RecalledLine>,
    /// Typed once in this chat.
    passphrase: Option<SecretText>,
    total: Total,
    models: ModelNames,
}

/// The question that was put last.
struct LastQuestion {
    /// How it was put, and where, unless it is known to be in the log.
    put: Option<(ConversationChoice, Question)>,
    /// Id of its message, if that is known; without it the last question of the conversation is meant.
    id: Option<String>,
    text: String,
    files: Vec<FileInput>,
}

/// What the answers of this chat cost.
#[derive(Default)]
struct Total {
    answers: u64,
    usage: Usage,
    account: Account,
}

impl Total {
    fn add(&mut self, answered: &Answered) {
        let Answered { usage, account, .. } = answered;
        let add = |total: &mut u64, more: u64| *total = total.saturating_add(more);
        self.answers += 1;
        add(&mut self.usage.input_tokens, usage.input_tokens);
        add(&mut self.usage.output_tokens, usage.output_tokens);
        add(&mut self.usage.cost_micros, usage.cost_micros);
        add(&mut self.account.cached_tokens, account.cached_tokens);
        self.account.estimated |= account.estimated;
        self.account.unpriced |= account.unpriced;
    }
}

impl<'a> Session<'a> {
    /// A chat in this conversation, which need not be there yet.
    pub(super) fn new(context: &'a mut Context, client: Client, place: ConversationChoice) -> Self {
        let title = match &place {
            ConversationChoice::Existing(name) | ConversationChoice::Named(name) => name.clone(),
            ConversationChoice::New { name, .. } | ConversationChoice::Imported { name, .. } => {
                name.clone().unwrap_or_else(|| "new".to_owned())
            }
        };
        Self {
            context,
            model: None,
            fallbacks: Vec::new(),
            system: None,
            manner: Manner::default(),
            agent: AgentRequest::default(),
            tools: false,
            client,
            place,
            title,
            files: Vec::new(),
            last: None,
            recalled: Vec::new(),
            passphrase: None,
            total: Total::default(),
            models: Rc::new(RefCell::new(Vec::new())),
        }
    }

    /// Where names of models to complete come from.
    pub(super) fn completion(&self) -> ModelNames {
        Rc::clone(&self.models)
    }

    /// What stands before what is typed: the conversation, and what is attached.
    pub(super) fn prompt(&self) -> String {
        let files: String = self.files.iter().map(|file| format!(" +{}", file.name)).collect();
        text::clean(&format!("{}{files}> ", self.title)).replace(['\n', '\t'], " ")
    }

    /// Does what an input asks for: a question, or a slash command.
    ///
    /// # Errors
    /// Why it could not be done; the chat goes on.
    pub(super) fn take(&mut self, typed: &str) -> Result<Next, CliError> {
        let text = meant(typed);
        if is_slash(&text) && !is_block(typed) {
            return self.command(slash::parse(&text)?);
        }
        let text = input::not_blank("the question", text)?;
        let files = std::mem::take(&mut self.files);
        self.ask_new(text, files)?;
        Ok(Next::Go)
    }

    /// Ends the chat.
    ///
    /// # Errors
    /// That stdout cannot be written, or what was wrong with the log.
    pub(super) fn close(self) -> Result<(), CliError> {
        self.context.close(self.client)
    }

    fn ask_new(&mut self, text: String, files: Vec<FileInput>) -> Result<(), CliError> {
        let place = self.place.clone();
        self.put_first(place, Question::New { text, files }, None)
    }

    /// Asks the last question once more, or for the first time if it never came to be in the log.
    fn ask_again(&mut self, model: Option<&str>) -> Result<(), CliError> {
        if let Some((place, question)) = self.unrecorded() {
            return self.put_first(place, question, model);
        }
        let question = self.last.as_ref().and_then(|last| last.id.clone());
        let place = self.begun_place()?;
        self.put(place, Question::Again { question }, model)
    }

    /// Asks this in place of the last question. The files that belonged to that belong to this.
    fn ask_instead(&mut self, text: String) -> Result<(), CliError> {
        let unrecorded = self.unrecorded();
        let place = match &unrecorded {
            Some((place, _)) => place.clone(),
            None => self.begun_place()?,
        };
        let (of, mut files) = self.last.take().map(|last| (last.id, last.files)).unwrap_or_default();
        files.append(&mut self.files);
        let question = match unrecorded {
            Some((_, Question::Instead { of, .. })) => Question::Instead { of, text, files },
            Some(_) => Question::New { text, files },
            None => Question::Instead { of, text, files },
        };
        self.put_first(place, question, None)
    }

    /// The last question as it was put, if it never came to be in the log. Where that was not said, the conversation
    /// is looked at.
    fn unrecorded(&mut self) -> Option<(ConversationChoice, Question)> {
        let (put, text) = self.last.as_ref().and_then(|last| Some((last.put.clone()?, last.text.clone())))?;
        if !self.ends_with_question(&text) {
            return Some(put);
        }
        if let Some(last) = &mut self.last {
            last.put = None;
        }
        None
    }

    /// Puts a question that has not been put before.
    fn put_first(
        &mut self,
        place: ConversationChoice,
        question: Question,
        model: Option<&str>,
    ) -> Result<(), CliError> {
        if let Question::New { text, files } | Question::Instead { text, files, .. } = &question {
            let put = Some((place.clone(), question.clone()));
            self.last = Some(LastQuestion { put, id: None, text: text.clone(), files: files.clone() });
        }
        self.put(place, question, model)
    }

    /// Puts a question; `model` answers this once.
    fn put(&mut self, place: ConversationChoice, question: Question, model: Option<&str>) -> Result<(), CliError> {
        let mut environment = self.context.environment();
        environment.passphrase = self.passphrase.take();
        let mut asking = Asking {
            conversation: place,
            question,
            run: self.context.fresh_id(),
            model: model.map(str::to_owned).or_else(|| self.model.clone()),
            fallbacks: if model.is_some() { Vec::new() } else { self.fallbacks.clone() },
            system: self.system.clone(),
            schema: None,
            agent: self.tools.then(|| Box::new(self.agent.clone())),
            tools: Vec::new(),
            environment,
        };
        let put = answering::ask(&mut self.client, &mut asking, self.context, self.manner);
        self.passphrase = asking.environment.passphrase.take();
        match put {
            Ok(given) => {
                let answered = &given.answered;
                self.goes_on_in(&answered.conversation, None, &answered.question);
                self.total.add(answered);
                self.recalled.clone_from(&answered.recalled);
                given.whole().map_err(with_retry)
            }
            Err(Unanswered { error, begun }) => {
                if let Some(begun) = begun {
                    self.goes_on_in(&begun.conversation, begun.conversation_name.as_deref(), &begun.question);
                }
                Err(if error.kind == Kind::ClosedPipe { error } else { with_retry(error) })
            }
        }
    }

    /// The question is in the log, and so is its conversation.
    fn goes_on_in(&mut self, conversation: &str, name: Option<&str>, question: &str) {
        if let (ConversationChoice::New { name: None, .. }, None) = (&self.place, name) {
            // The end of an id tells conversations apart that were begun one after the other.
            self.title = conversation.chars().skip(conversation.len().saturating_sub(6)).collect();
        }
        if let Some(name) = name {
            name.clone_into(&mut self.title);
        }
        self.place = ConversationChoice::Existing(conversation.to_owned());
        if let Some(last) = &mut self.last {
            last.put = None;
            last.id = Some(question.to_owned());
        }
    }

    /// What the conversation is called where one is asked for that is there.
    fn reference(&self) -> String {
        match &self.place {
            ConversationChoice::Existing(name) | ConversationChoice::Named(name) => name.clone(),
            ConversationChoice::New { id, .. } => ConversationId(*id).to_string(),
            ConversationChoice::Imported { external, .. } => external.clone(),
        }
    }

    /// The conversation, which must have been begun.
    ///
    /// # Errors
    /// If it was not.
    fn begun_place(&self) -> Result<ConversationChoice, CliError> {
        match &self.place {
            ConversationChoice::New { .. } if self.last.is_none() => {
                Err(CliError::not_found("nothing was asked here yet"))
            }
            _ => Ok(ConversationChoice::Existing(self.reference())),
        }
    }
}

/// The same error with what to do about it in a chat.
fn with_retry(mut error: CliError) -> CliError {
    error.hints.retain(|hint| !hint.contains("zo ask --retry"));
    error.hint("/retry asks once more")
}
