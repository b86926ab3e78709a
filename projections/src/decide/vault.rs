//! Decisions about the vault: what is recorded of it.

use super::home::check_provider;
use super::{Decision, NewEvent, check_name, record};
use crate::command::Rejection;
use crate::event::vault::{KeyRemoved, KeySet};
use crate::ids::{Category, StreamId};
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
