//! Decisions about the vault: what is recorded of it.

use super::home::check_provider;
use super::{Decision, NewEvent, check_name, record};
use crate::command::Rejection;
use crate::event::vault::{KeyRemoved, KeySet, TokenCreated, TokenRevoked};
use crate::ids::{Category, StreamId, TokenId};
use crate::views::Views;

/// The one stream of the vault.
const VAULT: StreamId = StreamId { category: Category::Vault, id: 0 };

pub(super) fn record_key(views: &Views, provider: String, fingerprint: String) -> Result<Decision, Rejection> {
    check_provider(&provider)?;
    check_name("the fingerprint", &fingerprint)?;
    Ok(match views.provider_keys.get(&provider) {
        Some(key) if key.fingerprint == fingerprint => Decision::already(VAULT, key.position),
        _ => record([NewEvent::new(VAULT, KeySet { provider, fingerprint })]),
    })
}

pub(super) fn record_removal(views: &Views, provider: String) -> Result<Decision, Rejection> {
    if views.provider_keys.get(&provider).is_none() {
        return Err(Rejection::not_found("key", provider));
    }
    Ok(record([NewEvent::new(VAULT, KeyRemoved { provider })]))
}

pub(super) fn create_token(views: &Views, id: TokenId, created: TokenCreated) -> Result<Decision, Rejection> {
    check_name("the name", &created.name)?;
    if let Some(token) = views.tokens.get(id) {
        return Ok(Decision::already(id, token.created));
    }
    let invalid = |what: &str, why: &str| Err(Rejection::Invalid { what: what.to_owned(), why: why.to_owned() });
    if views.streams.version(id.into()) > 0 {
        return Err(Rejection::state("token", id, "was revoked"));
    }
    if views.tokens.iter().any(|(_, token)| token.name == created.name) {
        return invalid("the name", &format!("there is a token {} already: revoke it first", created.name));
    }
    if created.scopes.is_empty() || !created.scopes.is_sorted_by(|one, other| one < other) {
        return invalid("the scopes", "at least one is needed, in order, each once");
    }
    Ok(record([NewEvent::new(id, created)]))
}

pub(super) fn revoke_token(views: &Views, id: TokenId) -> Result<Decision, Rejection> {
    views.tokens.get(id).ok_or_else(|| Rejection::not_found("token", id))?;
    Ok(record([NewEvent::new(id, TokenRevoked {})]))
}

#[cfg(test)]
mod tests;
