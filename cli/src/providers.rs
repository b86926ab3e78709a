//! Providers of language models: which there are, which model was chosen, which would answer.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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
    Err(not_there(name, providers.iter().map(|provider| provider.name.as_str())))
}

/// That zo knows this provider: before a home is made in which none can have been added.
///
/// # Errors
/// If it does not; the nearest name is a hint.
pub(crate) fn find_preset(name: &str) -> Result<(), CliError> {
    let presets = zo_models::Provider::presets();
    if presets.iter().any(|preset| preset.name == name) {
        return Ok(());
    }
    Err(not_there(name, presets.iter().map(|preset| preset.name.as_str())))
}

fn not_there<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> CliError {
    let error = CliError::not_found(format!("there is no provider {name}"));
    let error = match nearest(name, names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    };
    error.hint("`zo provider list` shows those there are, `zo provider add NAME --base-url URL` adds one")
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

/// What would answer: the chosen model; else the default model of the first provider that has a key in the vault; else one of a
/// local Ollama, if it answers; else `offline`. A key that merely stands in the environment is no wish that what is remembered
/// be sent there.
pub(crate) fn would_answer(
    chosen: &ChosenModel,
    providers: &[ProviderLine],
    keys: &[ProviderKeyLine],
    local: impl FnOnce(&ProviderLine) -> Option<String>,
) -> WouldAnswer {
    let answer = |model: String, why: String| WouldAnswer { model, why };
    if let Some(model) = &chosen.model {
        let since = chosen.since.map_or_else(String::new, |since| format!(" at position {since}"));
        return answer(model.clone(), format!("it was chosen{since}"));
    }
    let in_vault =
        |provider: &&ProviderLine| keys.iter().any(|key| key.provider == provider.name && key.origin == VAULT);
    let with_key =
        providers.iter().filter(in_vault).find_map(|provider| Some((provider, provider.default_model.as_ref()?)));
    if let Some((provider, model)) = with_key {
        let why = format!("no model was chosen, and there is a key for {} in the vault", provider.title);
        return answer(format!("{}/{model}", provider.name), why);
    }
    let ollama = providers.iter().find(|provider| provider.name == OLLAMA);
    if let Some(model) = ollama.and_then(local) {
        return answer(format!("{OLLAMA}/{model}"), "no model was chosen, and a local Ollama has this one".to_owned());
    }
    let why = match keys.first() {
        Some(key) => format!(
            "no model was chosen; there is a key for {0}, and `zo model use {0}` lets that answer",
            key.provider
        ),
        None => "no model was chosen, there is no key, and no local Ollama answers".to_owned(),
    };
    answer(OFFLINE.to_owned(), why)
}

/// Where a key is that is not in the environment.
pub(crate) const VAULT: &str = "vault";
/// The built-in responder, which is no language model.
pub(crate) const OFFLINE: &str = "offline";
/// The provider of models on this machine.
const OLLAMA: &str = "ollama";
/// So long is waited for a local Ollama at the most.
const PATIENCE: Duration = Duration::from_secs(1);

/// The chat model that a local Ollama has, if one answers within a second.
pub(crate) fn local_model(ollama: &ProviderLine) -> Option<String> {
    let preset = zo_models::Provider::preset(OLLAMA)?;
    let ollama = zo_models::Provider { base_url: ollama.base_url.clone(), ..preset };
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let model = zo_models::Models::new(zo_models::Options::default()).local_chat_model(&ollama);
        // Nobody may be waiting any more.
        let _ = sender.send(model);
    });
    receiver.recv_timeout(PATIENCE).ok().flatten()
}

#[cfg(test)]
mod tests {
    use zo_projections::Position;

    use super::*;

    fn provider(name: &str, key: Option<&str>, default_model: Option<&str>) -> ProviderLine {
        ProviderLine {
            name: name.to_owned(),
            title: name.to_uppercase(),
            dialect: "openai".to_owned(),
            base_url: "http://127.0.0.1:1/v1".to_owned(),
            added: false,
            needs_key: default_model.is_some(),
            key_variables: Vec::new(),
            key: key.map(str::to_owned),
            default_model: default_model.map(str::to_owned),
        }
    }

    fn key(provider: &str, origin: &str) -> ProviderKeyLine {
        ProviderKeyLine {
            provider: provider.to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
            origin: origin.to_owned(),
            set_at: None,
            last_used_at: None,
        }
    }

    #[test]
    fn what_was_chosen_goes_before_keys_and_keys_before_a_local_model() {
        let providers = [
            provider("openai", Some("environment"), Some("gpt")),
            provider("groq", Some("vault"), Some("llama")),
            provider("ollama", None, None),
        ];
        let keys = [key("openai", "environment: OPENAI_API_KEY"), key("groq", "vault")];
        let local = |_: &ProviderLine| Some("qwen".to_owned());
        let chosen = ChosenModel { model: Some("a/b".to_owned()), fallbacks: Vec::new(), since: Some(Position(7)) };
        let none = ChosenModel::default();
        let told = would_answer(&chosen, &providers, &keys, local);
        assert_eq!((told.model.as_str(), told.why.as_str()), ("a/b", "it was chosen at position 7"));
        assert_eq!(would_answer(&none, &providers, &keys, local).model, "groq/llama");
        assert_eq!(would_answer(&none, &providers, &keys[..1], local).model, "ollama/qwen");
        let told = would_answer(&none, &providers, &keys[..1], |_| None);
        assert_eq!(told.model, "offline");
        assert!(told.why.ends_with("`zo model use openai` lets that answer"), "{told:?}");
        assert!(would_answer(&none, &providers, &[], |_| None).why.contains("there is no key"));
    }

    #[test]
    fn a_provider_that_is_not_there_has_a_near_name_and_a_key_is_not_repeated() {
        let providers = [provider("openai", None, Some("gpt")), provider("groq", None, None)];
        let error = find(&providers, "opnai").expect_err("a typo");
        assert_eq!(error.message, "there is no provider opnai");
        assert_eq!(error.hints[0], "did you mean `openai`?");
        assert!(error.hints[1].contains("`zo provider add NAME --base-url URL`"));
        let error = check_name("sk-proj-0123456789").expect_err("that is no name");
        assert!(!format!("{error:?}").contains("0123456789"), "{error:?}");
        assert_eq!(key_in_words(&providers[0]), "needs one");
        assert_eq!(key_in_words(&providers[1]), "none needed");
    }
}
