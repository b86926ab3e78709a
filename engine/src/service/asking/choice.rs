//! Which model answers.

use zo_projections::Rejection;

use crate::engine::Engine;
use crate::protocol::{Asking, Environment, Failure};
use crate::providers::{self, OFFLINE, OLLAMA};

/// The model that answers, and those that are called should it fail.
pub(crate) struct Choice {
    /// `provider/name`, or `offline`.
    pub(crate) model: String,
    pub(crate) fallbacks: Vec<String>,
    /// How it came to be taken, where nobody has named or chosen it.
    pub(crate) why: Option<String>,
}

/// The model for a question: the one that is named, else the one that was chosen, else whichever is there. What cannot
/// be called (no such provider, no key) is refused before anything is recorded.
pub(super) fn choose(engine: &Engine, asking: &Asking) -> Result<Choice, Failure> {
    let environment = &asking.environment;
    let mut choice = usual(engine, environment, asking.model.as_deref())?;
    if !asking.fallbacks.is_empty() {
        choice.fallbacks.clone_from(&asking.fallbacks);
    }
    choice.model = checked(engine, environment, &choice.model)?;
    for fallback in &mut choice.fallbacks {
        *fallback = checked(engine, environment, fallback)?;
    }
    Ok(choice)
}

/// The model that is named, else the one that was chosen, else whichever is there; not yet checked.
pub(crate) fn usual(engine: &Engine, environment: &Environment, named: Option<&str>) -> Result<Choice, Failure> {
    if let Some(model) = named {
        return Ok(Choice { model: model.to_owned(), fallbacks: Vec::new(), why: None });
    }
    let chosen = engine.writer.read(|views| views.settings.model().cloned())?;
    match chosen {
        Some(chosen) if chosen.model.is_some() => {
            Ok(Choice { model: chosen.model.unwrap_or_default(), fallbacks: chosen.fallbacks, why: None })
        }
        _ => whichever_is_there(engine, environment),
    }
}

/// A provider whose key somebody has put into the vault, else a local Ollama with a chat model, else `offline`. A key
/// that merely stands in the environment is no wish that what is remembered be sent there.
fn whichever_is_there(engine: &Engine, environment: &Environment) -> Result<Choice, Failure> {
    let choice = |model: String, why: String| Choice { model, fallbacks: Vec::new(), why: Some(why) };
    let providers = providers::all(engine, environment)?;
    let in_vault = engine.writer.read(|views| {
        let with_key = |(provider, _): &&(zo_models::Provider, bool)| views.provider_keys.get(&provider.name).is_some();
        providers.iter().filter(with_key).find_map(|(provider, _)| {
            Some((provider.title.clone(), format!("{}/{}", provider.name, provider.default_model.as_ref()?)))
        })
    })?;
    if let Some((title, model)) = in_vault {
        let why = format!("{model} answers, for there is a key for {title}; `zo model use` chooses another one");
        return Ok(choice(model, why));
    }
    let ollama = providers.iter().find(|(provider, _)| provider.name == OLLAMA).map(|(provider, _)| provider);
    if let Some(model) = ollama.and_then(|ollama| engine.models.local_chat_model(ollama)) {
        let model = format!("{OLLAMA}/{model}");
        let why = format!("{model} answers, which a local Ollama has; `zo model use` chooses another one");
        return Ok(choice(model, why));
    }
    let in_environment =
        providers.iter().find(|(provider, _)| providers::in_environment(environment, provider).is_some());
    let why = match in_environment {
        Some((provider, _)) => format!(
            "`offline` answers, which is no language model: it quotes what is remembered; the environment has a key for \
             {}, and `zo model use {}` lets that answer",
            provider.title, provider.name
        ),
        None => {
            "`offline` answers, which is no language model: it quotes what is remembered; `zo key set PROVIDER` and \
                 `zo model use` let one answer"
                .to_owned()
        }
    };
    Ok(choice(OFFLINE.to_owned(), why))
}

/// The full name of a model that can be called from here.
fn checked(engine: &Engine, environment: &Environment, model: &str) -> Result<String, Failure> {
    if model == OFFLINE {
        return Ok(model.to_owned());
    }
    if model.trim().is_empty() || model.chars().any(char::is_control) {
        let why = "a model is named `provider/name`, or `offline`".to_owned();
        return Err(Rejection::Invalid { what: format!("the model {model:?}"), why }.into());
    }
    Ok(providers::target(engine, environment, model)?.name())
}
