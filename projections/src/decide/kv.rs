//! Decisions about keys and values.

use super::{Decision, NewEvent, check_name, record, text_size};
use crate::command::Rejection;
use crate::event::kv::{Body, Deleted, Set};
use crate::ids::{Category, StreamId};
use crate::views::Views;

pub(super) fn set(id: u128, key: String, value: String) -> Result<Decision, Rejection> {
    check_name("the key", &key)?;
    let size = text_size("the value", &value)?;
    Ok(record([NewEvent::new(StreamId::new(Category::Kv, id), Set { key, size }).with_body(&Body { value })]))
}

pub(super) fn delete(views: &Views, id: u128, key: String) -> Result<Decision, Rejection> {
    if views.key_values.get(&key).is_none() {
        return Err(Rejection::not_found("key", key));
    }
    Ok(record([NewEvent::new(StreamId::new(Category::Kv, id), Deleted { key })]))
}

#[cfg(test)]
mod tests;
