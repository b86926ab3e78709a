//! `zo provider add`.

use clap::{Args, ValueEnum};
use zo_engine::protocol::Request;

use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input;

/// Add a provider, or change one
///
/// Examples:
///   zo provider add lan --base-url http://10.0.0.7:8000/v1
///   zo provider add work --base-url https://models.example.com/anthropic/v1 --dialect anthropic
///
/// Whatever speaks like OpenAI or like Anthropic can be one: another provider, a server of your own. One that zo knows gets
/// this address instead of its own.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Add {
    /// The name by which its models are called, NAME/MODEL: lowercase letters, digits, `-`, `_` and `.`
    name: String,
    /// Where it is, up to the part before `/chat/completions` or `/messages`
    #[arg(long, value_name = "URL")]
    base_url: String,
    /// What it speaks
    #[arg(long, value_enum, default_value_t)]
    dialect: Dialect,
}

/// What providers speak.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Dialect {
    /// OpenAI's chat completions
    #[default]
    #[value(name = "openai")]
    OpenAi,
    /// Anthropic's messages
    Anthropic,
}

impl Dialect {
    /// Its name in the protocol.
    fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

impl Add {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        input::check_name("the name", &self.name)?;
        input::check_name("the base URL", &self.base_url)?;
        let request = Request::AddProvider {
            name: self.name.clone(),
            dialect: self.dialect.name().to_owned(),
            base_url: self.base_url.clone(),
        };
        let mut client = context.open()?;
        let acknowledged = write_one(&mut client, &request)?;
        context.print_acknowledged(&acknowledged, "added")?;
        let name = context.output.shown(&self.name);
        context.output.note(format!(
            "`zo model list {name}` shows its models; `zo key set {name}` gives it a key, if it wants one"
        ));
        context.close(client)
    }
}
