//! What `ask` and `chat` are told alike: where the question goes, and who answers it how.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use zo_engine::protocol::ConversationChoice;

use crate::context::Context;
use crate::error::CliError;
use crate::input;

/// The conversation that questions go to unless another one is named.
const USUAL_CONVERSATION: &str = "main";

/// Where a question goes, and who answers it how.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Name or id of the conversation; it is begun if there is none
    #[arg(long, short, value_name = "NAME|ID")]
    conversation: Option<String>,
    /// Begin a new conversation; its name is that of --conversation, if given
    #[arg(long)]
    new: bool,
    /// The model that answers, or `offline`
    #[arg(long, short, value_name = "PROVIDER/NAME")]
    pub(crate) model: Option<String>,
    /// A model to be called should the one before fail; may be given more than once
    #[arg(long = "fallback", value_name = "PROVIDER/NAME")]
    pub(crate) fallbacks: Vec<String>,
    /// Instructions in place of the usual ones
    #[arg(long, value_name = "TEXT")]
    system: Option<OsString>,
    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "system")]
    system_file: Option<PathBuf>,
    /// Print what the model thinks aloud to stderr
    #[arg(long)]
    pub(crate) show_reasoning: bool,
}

impl Options {
    /// The conversation: the usual one if none is named.
    pub(crate) fn conversation(&self, context: &Context) -> ConversationChoice {
        match (&self.conversation, self.new) {
            (name, true) => ConversationChoice::New { id: context.fresh_id(), name: name.clone() },
            (Some(name), false) => ConversationChoice::Named(name.clone()),
            (None, false) => ConversationChoice::Named(USUAL_CONVERSATION.to_owned()),
        }
    }

    /// The conversation: a new one if none is named.
    pub(crate) fn conversation_of_its_own(&self, context: &Context) -> ConversationChoice {
        match (&self.conversation, self.new) {
            (Some(name), false) => ConversationChoice::Named(name.clone()),
            (name, _) => ConversationChoice::New { id: context.fresh_id(), name: name.clone() },
        }
    }

    /// The instructions, as an argument or from a file.
    ///
    /// # Errors
    /// If they are blank or cannot be read.
    pub(crate) fn system(&self) -> Result<Option<String>, CliError> {
        let text = match (&self.system, &self.system_file) {
            (Some(text), _) => input::text_of_argument(text)?,
            (None, Some(file)) => input::from_file(file)?,
            (None, None) => return Ok(None),
        };
        input::not_blank("the system text", text).map(Some)
    }
}
