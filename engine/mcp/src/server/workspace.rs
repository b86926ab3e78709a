//! What a workspace has to do to be a server, without a word of the protocol.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Look at things.
    pub read: bool,
    /// Put questions.
    pub ask: bool,
    /// Change things.
    pub act: bool,
}

impl Access {
    /// Everything.
    pub const ALL: Self = Self { read: true, ask: true, act: true };
    /// Nothing.
    pub const NONE: Self = Self { read: false, ask: false, act: false };

    /// Whether it is enough for this.
    #[must_use]
    pub fn allows(self, need: Need) -> bool {
        match need {
            Need::Read => self.read,
            Need::Ask => self.ask,
            Need::Act => self.act,
        }
    }
}

/// What somebody must be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To look at things.
    Read,
    /// To put questions.
    Ask,
    /// To change things.
    Act,
}

impl Need {
    /// The scope of a token that allows it.
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ask => "ask",
            Self::Act => "admin",
        }
    }
}

/// A tool that is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// JSON Schema of its arguments: an object.
    pub parameters: Value,
    /// Whether it only looks.
    pub read_only: bool,
    /// Whether calling it twice does no more than calling it once.
    pub idempotent: bool,
    /// Whether something may be gone afterwards.
    pub destructive: bool,
}

/// What a call gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// For whoever reads.
    pub text: String,
    /// The same for programs: an object.
    pub structured: Option<Value>,
}

/// Where a call is made.
pub struct Doing<'a> {
    /// What who calls may do.
    pub access: Access,
    /// Tells how far it is: so much, and in words.
    pub progress: &'a (dyn Fn(u64, &str) + Sync),
    /// Whether it is to stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// How the next one is asked for.
    pub next: Option<String>,
}

/// Something that can be read, in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceLine {
    /// How it is asked for.
    pub uri: String,
    /// A short name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Its media type.
    pub media_type: &'static str,
}

/// A form of addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// As RFC 6570 has it: `zo://memory/{id}`.
    pub uri: &'static str,
    /// A short name.
    pub name: &'static str,
    /// What is there.
    pub description: &'static str,
    /// Its media type.
    pub media_type: &'static str,
}

/// Something that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Its media type.
    pub media_type: &'static str,
    /// What it says.
    pub text: String,
}

/// A prompt, in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptLine {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it takes.
    pub arguments: Vec<PromptArgument>,
}

/// Something that a prompt takes.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptArgument {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Whether it must be there.
    pub required: bool,
}

/// A prompt, filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptText {
    /// What it is for.
    pub description: String,
    /// What it says.
    pub text: String,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// What was given cannot be taken.
    #[error("{0}")]
    Invalid(String),
    /// Who asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// It could not be done.
    #[error("{0}")]
    Failed(String),
}

/// A workspace. Every method may take its time: each call has a thread of its own.
pub trait Workspace: Send + Sync + 'static {
    /// What is told to who comes: what this is, and how to use it.
    fn instructions(&self) -> String;

    /// The tools for who may do this.
    fn tools(&self, access: Access) -> Vec<Offer>;

    /// Calls a tool.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is no such tool; what cannot be taken or done is told to the model.
    fn call(&self, name: &str, arguments: Map<String, Value>, doing: &Doing<'_>) -> Result<Told, Refusal>;

    /// A page of what can be read.
    ///
    /// # Errors
    /// If there is no such page, or it cannot be had.
    fn resources(&self, from: Option<&str>) -> Result<Page<ResourceLine>, Refusal>;

    /// What else can be read.
    fn templates(&self) -> Vec<Template>;

    /// Reads something.
    ///
    /// # Errors
    /// If there is no such thing, or it cannot be had.
    fn read(&self, uri: &str) -> Result<Content, Refusal>;

    /// The prompts.
    ///
    /// # Errors
    /// If they cannot be had.
    fn prompts(&self) -> Result<Vec<PromptLine>, Refusal>;

    /// A prompt, filled in.
    ///
    /// # Errors
    /// If there is no such prompt, or something is missing.
    fn prompt(&self, name: &str, arguments: &BTreeMap<String, String>) -> Result<PromptText, Refusal>;
}
