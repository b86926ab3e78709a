//! Which model answers.

use zo_models::Provider;
use zo_projections::views::settings::ChosenModel;
use zo_projections::{Position, Rejection};

use crate::engine::Engine;
use crate::protocol::{Asking, Environment, Failure, FailureKind, SCRIPTED};
use crate::providers::{self, OFFLINE, OLLAMA};

/// The model that answers, and those that are called should it fail.
pub(crate) struct Choice {
    /// `provider/name`, or `offline`.
    pub(crate) model: String,
    pub(crate) fallbacks: Vec<String>,
    reason: Reason,
}

/// How a model came to be taken.
enum Reason {
    Named,
    Chosen(Position),
    KeyInVault {
        title: String,
    },
    LocalOllama,
    /// There is no other; perhaps there is a key in the environment.
    OnlyOffline {
        title_and_name: Option<(String, String)>,
    },
}

impl Choice {
    /// Why this model, in words.
    pub(crate) fn why(&self) -> String {
        match &self.reason {
            Reason::Named => "it was named".to_owned(),
            Reason::Chosen(position) => format!("it was chosen at position {position}"),
            Reason::KeyInVault { title } => {
                format!("no model was chosen, and there is a key for {title} in the vault")
            }
            Reason::LocalOllama => "no model was chosen, and a local Ollama has this one".to_owned(),
            Reason::OnlyOffline { title_and_name: None } => {
                "no model was chosen, there is no key in the vault, and no local Ollama answers".to_owned()
            }
            Reason::OnlyOffline { title_and_name: Some((title, name)) } => format!(
                "no model was chosen; the environment has a key for {title}, and `zo model use {name}` lets that answer"
            ),
        }
    }

    /// What is said of it to who has neither named nor chosen it.
    pub(super) fn note(&self) -> Option<String> {
        let model = &self.model;
        match &self.reason {
            Reason::Named | Reason::Chosen(_) => None,
            Reason::KeyInVault { title } => {
                Some(format!("{model} answers, for there is a key for {title}; `zo model use` chooses another one"))
            }
            Reason::LocalOllama => {
                Some(format!("{model} answers, which a local Ollama has; `zo model use` chooses another one"))
            }
            Reason::OnlyOffline { title_and_name } => {
                let then = match title_and_name {
                    Some((title, name)) => {
                        format!("the environment has a key for {title}, and `zo model use {name}` lets that answer")
                    }
                    None => "`zo key set PROVIDER` and `zo model use` let one answer".to_owned(),
                };
                Some(format!("`offline` answers, which is no language model: it quotes what is remembered; {then}"))
            }
        }
    }
}

/// The model for a question, checked.
pub(super) fn choose(engine: &Engine, asking: &Asking) -> Result<Choice, Failure> {
    let environment = &asking.environment;
    let mut choice = usual(engine, environment, asking.model.as_deref())?;
    if !asking.fallbacks.is_empty() {
        choice.fallbacks.clone_from(&asking.fallbacks);
    }
    // What cannot be called (no such provider, no key) is refused before anything is recorded.
    choice.model = checked(engine, environment, &choice.model)?;
    for fallback in &mut choice.fallbacks {
        *fallback = checked(engine, environment, fallback)?;
    }
    Ok(choice)
}

/// The model for an agent that another one starts, checked.
pub(super) fn choose_named(engine: &Engine, environment: &Environment, named: Option<&str>) -> Result<Choice, Failure> {
    let mut choice = usual(engine, environment, named)?;
    choice.model = checked(engine, environment, &choice.model)?;
    Ok(choice)
}

/// The model that is named, else the one that was chosen, else whichever is there; not yet checked.
pub(crate) fn usual(engine: &Engine, environment: &Environment, named: Option<&str>) -> Result<Choice, Failure> {
    if let Some(model) = named {
        return Ok(Choice { model: model.to_owned(), fallbacks: Vec::new(), reason: Reason::Named });
    }
    let chosen = engine.writer.read(|views| views.settings.model().cloned())?;
    match chosen {
        Some(ChosenModel { model: Some(model), fallbacks, since }) => {
            Ok(Choice { model, fallbacks, reason: Reason::Chosen(since) })
        }
        _ => whichever_is_there(engine, environment),
    }
}

/// A provider whose key somebody has put into the vault, else a local Ollama with a chat model, else `offline`. A key
/// that merely stands in the environment is no wish that what is remembered be sent there.
fn whichever_is_there(engine: &Engine, environment: &Environment) -> Result<Choice, Failure> {
    let choice = |model: String, reason| Choice { model, fallbacks: Vec::new(), reason };
    let providers = providers::all(engine, environment)?;
    for (provider, _) in &providers {
        let Some(model) = &provider.default_model else { continue };
        // Of a vault that is locked the log says what is in it.
        let in_vault = match providers::key_in_vault(engine, environment, provider) {
            Ok(key) => key.is_some(),
            Err(failure) => failure.kind == FailureKind::Locked,
        };
        if in_vault {
            let title = provider.title.clone();
            return Ok(choice(format!("{}/{model}", provider.name), Reason::KeyInVault { title }));
        }
    }
    let ollama = providers.iter().find(|(provider, _)| provider.name == OLLAMA).map(|(provider, _)| provider);
    if let Some(model) = ollama.and_then(|ollama| engine.models.local_chat_model(ollama)) {
        return Ok(choice(format!("{OLLAMA}/{model}"), Reason::LocalOllama));
    }
    let with_key = |(provider, _): &&(Provider, bool)| providers::in_environment(environment, provider).is_some();
    let title_and_name =
        providers.iter().find(with_key).map(|(provider, _)| (provider.title.clone(), provider.name.clone()));
    Ok(choice(OFFLINE.to_owned(), Reason::OnlyOffline { title_and_name }))
}

/// The full name of a model that can be called from here.
fn checked(engine: &Engine, environment: &Environment, model: &str) -> Result<String, Failure> {
    if model == OFFLINE || model == SCRIPTED {
        return Ok(model.to_owned());
    }
    if model.trim().is_empty() || model.chars().any(char::is_control) {
        let why = "a model is named `provider/name`, or `offline`".to_owned();
        return Err(Rejection::Invalid { what: format!("the model {model:?}"), why }.into());
    }
    Ok(providers::target(engine, environment, model)?.name())
}
