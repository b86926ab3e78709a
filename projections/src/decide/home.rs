//! Decisions about the home: its beginning, and what is chosen for all of it.

use super::{Decision, MAX_FALLBACKS, MAX_NAME_BYTES, NewEvent, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::home::{Created, EmbedderChosen, ModelChosen, ProviderAdded, ProviderRemoved};
use crate::ids::{Category, Position, StreamId};
use crate::views::Views;

/// The one stream of the home.
const HOME: StreamId = StreamId { category: Category::Home, id: 0 };

pub(super) fn create(views: &Views, zo_version: String) -> Result<Decision, Rejection> {
    if views.position != Position::START {
        return Err(Rejection::Invalid { what: "the home".to_owned(), why: "it was created before".to_owned() });
    }
    check_length("the version", zo_version.len(), MAX_NAME_BYTES)?;
    Ok(record([NewEvent::new(HOME, Created { zo_version })]))
}

pub(super) fn choose_embedder(views: &Views, model: String) -> Result<Decision, Rejection> {
    check_name("the model", &model)?;
    Ok(match views.settings.embedder() {
        Some((chosen, since)) if chosen == model => Decision::already(HOME, since),
        _ => record([NewEvent::new(HOME, EmbedderChosen { model })]),
    })
}

pub(super) fn choose_model(
    views: &Views,
    model: Option<String>,
    fallbacks: Vec<String>,
) -> Result<Decision, Rejection> {
    check_fallbacks(&fallbacks)?;
    model.iter().try_for_each(|model| check_name("the model", model))?;
    Ok(match views.settings.model() {
        Some(chosen) if chosen.model == model && chosen.fallbacks == fallbacks => Decision::already(HOME, chosen.since),
        _ => record([NewEvent::new(HOME, ModelChosen { model, fallbacks })]),
    })
}

/// Checks the models that are called in turn.
pub(super) fn check_fallbacks(fallbacks: &[String]) -> Result<(), Rejection> {
    if fallbacks.len() > MAX_FALLBACKS {
        let why = format!("{} are more than the {MAX_FALLBACKS} that there may be", fallbacks.len());
        return Err(Rejection::Invalid { what: "the fallbacks".to_owned(), why });
    }
    fallbacks.iter().try_for_each(|model| check_name("a fallback", model))
}

pub(super) fn add_provider(views: &Views, provider: ProviderAdded) -> Result<Decision, Rejection> {
    check_provider(&provider.name)?;
    check_name("the dialect", &provider.dialect)?;
    check_name("the base URL", &provider.base_url)?;
    Ok(match views.settings.providers().get(&provider.name) {
        Some(there) if there.dialect == provider.dialect && there.base_url == provider.base_url => {
            Decision::already(HOME, there.since)
        }
        _ => record([NewEvent::new(HOME, provider)]),
    })
}

/// Checks a provider's name, which stands in front of a slash.
pub(super) fn check_provider(name: &str) -> Result<(), Rejection> {
    check_name("the provider", name)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' || c == '.';
    if name.chars().all(plain) {
        return Ok(());
    }
    let why = "it may have lowercase letters, digits, `-`, `_` and `.`".to_owned();
    Err(Rejection::Invalid { what: format!("the provider {name:?}"), why })
}

pub(super) fn remove_provider(views: &Views, name: String) -> Result<Decision, Rejection> {
    if !views.settings.providers().contains_key(&name) {
        return Err(Rejection::not_found("provider", name));
    }
    Ok(record([NewEvent::new(HOME, ProviderRemoved { name })]))
}
