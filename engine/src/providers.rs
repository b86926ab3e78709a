//! Providers of language models: those that zo knows, those that were added, and the keys for them.

use zo_models::{Dialect, ModelError, Provider, Secret};
use zo_projections::event::run::KeyOrigin;
use zo_vault::{Unlock, Vault, VaultError};

use crate::engine::Engine;
use crate::protocol::{Environment, Failure, FailureKind};

/// What `offline` is called: the built-in responder, which is no language model.
pub(crate) const OFFLINE: &str = "offline";
/// The provider of models on this machine.
pub(crate) const OLLAMA: &str = "ollama";

/// A model that can be called.
pub(crate) struct Target {
    pub(crate) provider: Provider,
    /// Its name, without the provider's.
    pub(crate) model: String,
    pub(crate) key: Option<Secret>,
    pub(crate) origin: KeyOrigin,
}

impl Target {
    /// `provider/name`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.provider.name, self.model)
    }
}

/// All providers, and whether each was added. One that was added under a name that zo knows goes elsewhere, and is
/// otherwise as known.
pub(crate) fn all(engine: &Engine, environment: &Environment) -> Result<Vec<(Provider, bool)>, Failure> {
    let added = engine.writer.read(|views| views.settings.providers().clone())?;
    let mut providers: Vec<(Provider, bool)> = Provider::presets().into_iter().map(|preset| (preset, false)).collect();
    if let Some((ollama, _)) = providers.iter_mut().find(|(provider, _)| provider.name == OLLAMA)
        && let Some(url) = &environment.ollama
    {
        ollama.base_url = format!("{}/v1", url.trim_end_matches('/'));
    }
    for (name, there) in added {
        let damaged = |why: String| Failure::new(FailureKind::Invalid, format!("provider {name}: {why}"));
        let dialect: Dialect = there.dialect.parse().map_err(|_| damaged(format!("no dialect {:?}", there.dialect)))?;
        let mut custom = Provider::custom(&name, dialect, &there.base_url).map_err(damaged)?;
        custom.key_variables.push(key_variable(&name));
        match providers.iter_mut().find(|(provider, _)| provider.name == name) {
            Some((preset, added)) => {
                *added = true;
                preset.dialect = custom.dialect;
                preset.base_url = custom.base_url;
            }
            None => providers.push((custom, true)),
        }
    }
    Ok(providers)
}

/// The variable in which the key of an added provider is looked for: `near.by` has `NEAR_BY_API_KEY`.
fn key_variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{}_API_KEY", name.chars().map(letter).collect::<String>())
}

/// The provider of this name.
pub(crate) fn find(engine: &Engine, environment: &Environment, name: &str) -> Result<Provider, Failure> {
    let providers = all(engine, environment)?;
    let names: Vec<&str> = providers.iter().map(|(provider, _)| provider.name.as_str()).collect();
    let hint =
        format!("there are {}, and {OFFLINE}; `zo provider add {name} --base-url URL` adds one", names.join(", "));
    let found = providers.into_iter().find(|(provider, _)| provider.name == name);
    let missing = || Failure::new(FailureKind::NotFound, format!("there is no provider {name:?}")).hint(hint);
    Ok(found.ok_or_else(missing)?.0)
}

/// What is needed to call a model: `provider/name`, or a provider alone, whose default model is meant.
pub(crate) fn target(engine: &Engine, environment: &Environment, model: &str) -> Result<Target, Failure> {
    let (name, model) = match model.split_once('/') {
        Some((provider, model)) if !model.is_empty() => (provider, Some(model.to_owned())),
        _ => (model.trim_end_matches('/'), None),
    };
    let provider = find(engine, environment, name)?;
    let model = match model.or_else(|| provider.default_model.clone()) {
        Some(model) => model,
        None if name == OLLAMA => engine.models.local_chat_model(&provider).ok_or_else(|| {
            let message = format!("no Ollama with a chat model answers at {}", provider.base_url);
            Failure::new(FailureKind::Model, message).hint("`ollama pull` fetches one, `ollama serve` starts it")
        })?,
        None => {
            let message = format!("which model of {name}?");
            return Err(Failure::new(FailureKind::Invalid, message)
                .hint(format!("name it: `{name}/MODEL`; `zo model list {name}` shows those there are")));
        }
    };
    let (key, origin) = match key_of(engine, environment, &provider)? {
        Some((key, origin)) => (Some(key), origin),
        None if provider.needs_key => return Err(no_key(&provider)),
        None => (None, KeyOrigin::None),
    };
    Ok(Target { provider, model, key, origin })
}

/// There is no key for a provider that wants one.
pub(crate) fn no_key(provider: &Provider) -> Failure {
    let set = format!("`zo key set {}` puts one into the vault", provider.name);
    let variable = provider.key_variables.first().map(|name| format!("; {name} in the environment does too"));
    let page = provider.keys_page.as_ref().map(|page| format!("; one gets it at {page}"));
    let hint = [Some(set), variable, page].into_iter().flatten().collect::<String>();
    Failure::new(FailureKind::Key, format!("there is no key for {}", provider.title)).hint(hint)
}

/// The key for a provider: from the environment, else from the vault.
pub(crate) fn key_of(
    engine: &Engine,
    environment: &Environment,
    provider: &Provider,
) -> Result<Option<(Secret, KeyOrigin)>, Failure> {
    if let Some(key) = in_environment(environment, provider) {
        return Ok(Some((Secret::new(key), KeyOrigin::Environment)));
    }
    Ok(key_in_vault(engine, environment, provider)?.map(|key| (key, KeyOrigin::Vault)))
}

/// The key for a provider in the vault.
pub(crate) fn key_in_vault(
    engine: &Engine,
    environment: &Environment,
    provider: &Provider,
) -> Result<Option<Secret>, Failure> {
    let vault = vault(engine, environment);
    // A provider without a key in the vault needs no passphrase.
    let known = engine.writer.read(|views| views.provider_keys.get(&provider.name).is_some())?;
    if !known || !vault.is_used() {
        return Ok(None);
    }
    let key = with_unlock(environment, |unlock| vault.get(&provider.name, unlock))?;
    Ok(key.map(|key| {
        engine.writer.redactor().learn(key.expose());
        Secret::new(key.expose())
    }))
}

/// The value of the first variable that has a key for this provider.
pub(crate) fn in_environment<'a>(environment: &'a Environment, provider: &Provider) -> Option<&'a str> {
    let value = |name: &String| environment.keys.iter().find(|(variable, _)| variable == name);
    provider.key_variables.iter().find_map(value).map(|(_, key)| key.0.trim())
}

/// The vault of the home, opened by the identity of who asks.
pub(crate) fn vault(engine: &Engine, environment: &Environment) -> Vault {
    let identity = environment.identity.as_ref().or(engine.environment.identity.as_ref());
    // Where nobody says where the identity is, it is looked for where it can only be missing.
    let identity = identity.map_or_else(|| "/nonexistent/zo/identity".into(), Into::into);
    Vault::new(engine.home.vault(), identity)
}

/// Does something with the vault, with the passphrase there is.
pub(crate) fn with_unlock<T>(
    environment: &Environment,
    open: impl FnOnce(Unlock<'_>) -> Result<T, VaultError>,
) -> Result<T, Failure> {
    let passphrase = environment.passphrase.as_ref().map(|text| zo_vault::Secret::new(text.0.clone()));
    let unlock = passphrase.as_ref().map_or(Unlock::Plain, Unlock::Passphrase);
    open(unlock).map_err(Failure::from)
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let kind = match &error {
            VaultError::VaultDamaged { .. } | VaultError::IdentityDamaged { .. } => FailureKind::Damaged,
            VaultError::Newer { .. } => FailureKind::Newer,
            VaultError::Io { .. } => FailureKind::Io,
            VaultError::PassphraseNeeded { .. } | VaultError::WrongPassphrase { .. } => FailureKind::Locked,
            VaultError::InvalidName { .. } | VaultError::InvalidKey { .. } => FailureKind::Invalid,
            _ => FailureKind::Key,
        };
        let failure = Self::new(kind, crate::service::failure::with_causes(&error));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let kind = match error.kind {
            zo_models::ErrorKind::NoKey | zo_models::ErrorKind::Key => FailureKind::Key,
            _ => FailureKind::Model,
        };
        Self { kind, message: error.message, hint: error.hint }
    }
}
