//! Requests about the keys of providers.

use std::time::Instant;

use zo_projections::{Actor, Command, Submission};

use super::{Each, acknowledge, deliver, models};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, At, Environment, Failure, FailureKind, Outcome, ProviderKeyLine, Response, SecretText,
    TestStep,
};
use crate::providers;

/// Puts a key into the vault, then records that it lies there: a crash in between leaves a key that is neither used nor
/// listed until it is set again, never a listed one that is not there.
pub(super) fn set(
    engine: &Engine,
    provider: String,
    key: &SecretText,
    environment: &Environment,
) -> Result<Acknowledged, Failure> {
    providers::find(engine, environment, &provider)?;
    keep(engine, provider, key, environment)
}

/// The same for an entry of any name.
pub(super) fn keep(
    engine: &Engine,
    provider: String,
    key: &SecretText,
    environment: &Environment,
) -> Result<Acknowledged, Failure> {
    let secret = zo_vault::Secret::new(key.0.clone());
    let vault = providers::vault(engine, environment);
    providers::with_unlock(environment, |unlock| vault.set(&provider, &secret, unlock))?;
    engine.writer.redactor().learn(secret.expose());
    let fingerprint = fingerprint(engine, &secret);
    let command = Command::RecordKey { provider: provider.clone(), fingerprint };
    acknowledge(provider, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

fn fingerprint(engine: &Engine, key: &zo_vault::Secret) -> String {
    zo_vault::fingerprint(&engine.bodies.keys().digest_key(), key)
}

pub(super) fn remove(engine: &Engine, provider: String, environment: &Environment) -> Result<Acknowledged, Failure> {
    let vault = providers::vault(engine, environment);
    let was_there = vault.is_used() && providers::with_unlock(environment, |unlock| vault.remove(&provider, unlock))?;
    let known = engine.writer.read(|views| views.provider_keys.get(&provider).is_some())?;
    if !known && !was_there {
        return Err(Failure::new(FailureKind::NotFound, format!("there is no key for {provider} in the vault"))
            .hint("`zo key list` shows the keys there are"));
    }
    if !known {
        // It lay there, and a crash had kept that from being recorded.
        let position = engine.writer.position();
        return Ok(Acknowledged { id: provider, position, outcome: Outcome::Revised });
    }
    let command = Command::RecordKeyRemoval { provider: provider.clone() };
    acknowledge(provider, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn set_passphrase(
    engine: &Engine,
    new: Option<&SecretText>,
    environment: &Environment,
) -> Result<Acknowledged, Failure> {
    let vault = providers::vault(engine, environment);
    let secret = |text: &SecretText| zo_vault::Secret::new(text.0.clone());
    let (old, new) = (environment.passphrase.as_ref().map(secret), new.map(secret));
    vault.set_passphrase(old.as_ref(), new.as_ref())?;
    let id = vault.identity_path().display().to_string();
    Ok(Acknowledged { id, position: engine.writer.position(), outcome: Outcome::Revised })
}

/// Asks a provider whether it takes the key there is.
pub(super) fn check(engine: &Engine, provider: &str, environment: &Environment, each: Each<'_>) -> Result<(), Failure> {
    let provider = providers::find(engine, environment, provider)?;
    let Some((key, origin)) = providers::key_of(engine, environment, &provider)? else {
        return Err(providers::no_key(&provider));
    };
    let begun = Instant::now();
    let result = engine.models.check_key(&provider, &key).map_err(|error| models::cleaned(engine, error.into()));
    let elapsed_us = begun.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
    let whence = match origin {
        zo_projections::event::run::KeyOrigin::Environment => "from the environment",
        _ => "from the vault",
    };
    let (outcome, detail, hint) = match &result {
        Ok(()) => ("ok", format!("{} takes the key {whence}", provider.title), None),
        Err(failure) => ("failed", failure.message.clone(), failure.hint.clone()),
    };
    let (step, outcome) = ("key".to_owned(), outcome.to_owned());
    deliver(each, Response::Tested(TestStep { step, outcome, detail, hint, elapsed_us }))?;
    result
}

/// The keys in the vault, as the log knows them, and those of the environment.
pub(super) fn list(engine: &Engine, at: Option<At>, environment: &Environment) -> Result<Answer, Failure> {
    let all = providers::all(engine, environment)?;
    let in_vault = providers::vault(engine, environment).is_used();
    let in_environment = all.iter().filter_map(|(provider, _)| {
        let key = zo_vault::Secret::new(providers::in_environment(environment, provider)?);
        let variable = provider.key_variables.iter().find(|name| environment.keys.iter().any(|(it, _)| it == *name))?;
        Some(ProviderKeyLine {
            provider: provider.name.clone(),
            fingerprint: fingerprint(engine, &key),
            origin: format!("environment: {variable}"),
            set_at: None,
            last_used_at: None,
        })
    });
    let in_environment: Vec<ProviderKeyLine> = in_environment.collect();
    let lines = engine.ask_views(at, |views| {
        let of_vault = views.provider_keys.iter().map(|(provider, key)| ProviderKeyLine {
            provider: provider.to_owned(),
            fingerprint: key.fingerprint.clone(),
            origin: if in_vault { "vault" } else { "vault, where it is gone" }.to_owned(),
            set_at: Some(key.at),
            last_used_at: None,
        });
        let all = of_vault.chain(in_environment);
        all.map(|line| ProviderKeyLine { last_used_at: views.calls.last_called(&line.provider), ..line }).collect()
    })?;
    Ok(Answer::ProviderKeys(lines))
}
