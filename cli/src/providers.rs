//! Providers of language models: which there are, which model was chosen, which would answer.

use zo_engine::client::Client;
use zo_engine::protocol::{Answer, ChosenModel, Environment, ProviderKeyLine, ProviderLine, Query};

use crate::context::query;
use crate::error::CliError;
use crate::secret::looks_like_key;
use crate::suggest::nearest;

/// The providers there are.
///
/// # Errors
/// If they cannot be told.
pub(crate) fn providers(client: &mut Client, environment: &Environment) -> Result<Vec<ProviderLine>, CliError> {
    query(client, Query::Providers { environment: environment.clone() }, None, |answer| match answer {
        Answer::Providers(providers) => Some(providers),
        _ => None,
    })
}

/// The keys there are.
///
/// # Errors
/// If they cannot be told.
pub(crate) fn keys(client: &mut Client, environment: &Environment) -> Result<Vec<ProviderKeyLine>, CliError> {
    query(client, Query::ProviderKeys { environment: environment.clone() }, None, |answer| match answer {
        Answer::ProviderKeys(keys) => Some(keys),
        _ => None,
    })
}

/// The language model that was chosen.
///
/// # Errors
/// If it cannot be told.
pub(crate) fn chosen_model(client: &mut Client) -> Result<ChosenModel, CliError> {
    query(client, Query::ChosenModel, None, |answer| match answer {
        Answer::ChosenModel(chosen) => Some(chosen),
        _ => None,
    })
}

/// The provider of this name.
///
/// # Errors
/// If there is none; the nearest name is a hint.
pub(crate) fn find<'a>(providers: &'a [ProviderLine], name: &str) -> Result<&'a ProviderLine, CliError> {
    if let Some(provider) = providers.iter().find(|provider| provider.name == name) {
        return Ok(provider);
    }
    let error = CliError::not_found(format!("there is no provider {name}"));
    let error = match nearest(name, providers.iter().map(|provider| provider.name.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    };
    Err(error.hint("`zo provider list` shows those there are, `zo provider add NAME --base-url URL` adds one"))
}

/// Checks a word that stands where a provider's name is expected, before any message repeats it.
///
/// # Errors
/// If it looks like a key.
pub(crate) fn check_name(name: &str) -> Result<(), CliError> {
    if looks_like_key(name) {
        return Err(never_an_argument("where the name of the provider is expected stands what looks like a key"));
    }
    Ok(())
}

/// A key was given as an argument, or may have been; `message` does not repeat it.
pub(crate) fn never_an_argument(message: &str) -> CliError {
    CliError::usage(message)
        .hint("arguments are visible to everybody on this machine, and shells keep them: if it was a key, get another one")
        .hint("`zo key set PROVIDER` asks for the key; `zo key set PROVIDER --from-file FILE` and a pipe do without asking")
}

/// What the column about keys says.
pub(crate) fn key_in_words(provider: &ProviderLine) -> &str {
    match &provider.key {
        Some(origin) => origin,
        None if provider.needs_key => "needs one",
        None => "none needed",
    }
}

/// What would answer a question now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WouldAnswer {
    /// The model, `provider/name`, or `offline`.
    pub(crate) model: String,
    /// Why it, in words.
    pub(crate) why: String,
}

/// What would answer: the chosen model; else the default model of the first provider that has a key; else a local Ollama, if
/// one answers; else `offline`.
pub(crate) fn would_answer(
    chosen: &ChosenModel,
    providers: &[ProviderLine],
    local: impl FnOnce() -> Option<String>,
) -> WouldAnswer {
    if let Some(model) = &chosen.model {
        let since = chosen.since.map_or_else(String::new, |since| format!(" at position {since}"));
        return WouldAnswer { model: model.clone(), why: format!("it was chosen{since}") };
    }
    let with_key = providers
        .iter()
        .find_map(|provider| Some((provider, provider.key.as_ref()?, provider.default_model.as_ref()?)));
    if let Some((provider, origin, model)) = with_key {
        let why = format!("none was chosen, and there is a key of {} in the {origin}", provider.name);
        return WouldAnswer { model: format!("{}/{model}", provider.name), why };
    }
    match local() {
        Some(model) => {
            WouldAnswer { model, why: "none was chosen, there is no key, and a local Ollama has it".to_owned() }
        }
        None => WouldAnswer {
            model: "offline".to_owned(),
            why: "none was chosen, there is no key, and no local Ollama answers".to_owned(),
        },
    }
}
