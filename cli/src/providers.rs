//! Providers of language models: which there are, which model was chosen, which would answer.

use zo_engine::client::Client;
use zo_engine::protocol::{Answer, ChosenModel, Environment, ProviderKeyLine, ProviderLine, Query, WouldAnswer};

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

/// What would answer a question now, and why.
///
/// # Errors
/// If it cannot be told.
pub(crate) fn would_answer(client: &mut Client, environment: &Environment) -> Result<WouldAnswer, CliError> {
    query(client, Query::WouldAnswer { environment: environment.clone() }, None, |answer| match answer {
        Answer::WouldAnswer(answer) => Some(answer),
        _ => None,
    })
}

/// Where a key is that is not in the environment.
pub(crate) const VAULT: &str = "vault";

#[cfg(test)]
mod tests {
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
