//! Decisions about services.

use super::{Decision, MAX_TEXT_BYTES, NewEvent, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::Event;
use crate::event::service::{
    Added, Exited, HealthChanged, Removed, RestartRequested, ServiceBody, Spawned, StartRequested, StopRequested,
};
use crate::ids::ServiceId;
use crate::views::Views;
use crate::views::services::Service;

/// What became of the process of a service.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum ServiceNews {
    /// It was started.
    Spawned(Spawned),
    /// Its health check says something else.
    HealthChanged(HealthChanged),
    /// It ended.
    Exited(Exited),
}

fn known(views: &Views, id: ServiceId) -> Result<&Service, Rejection> {
    views.services.get(id).ok_or_else(|| Rejection::not_found("service", id))
}

pub(super) fn add(views: &Views, id: ServiceId, added: Added, body: &ServiceBody) -> Result<Decision, Rejection> {
    check_name("the label", &added.label)?;
    check_length("how it is started", body.spec.len(), MAX_TEXT_BYTES)?;
    let taken = |other: &Service| added.port.is_some() && other.port == added.port && other.label != added.label;
    if let Some((_, other)) = views.services.iter().find(|(_, other)| taken(other)) {
        let why = format!("service {} has it", other.label);
        return Err(Rejection::Invalid { what: format!("port {}", added.port.unwrap_or_default()), why });
    }
    Ok(record([NewEvent::new(id, added).with_body(body)]))
}

pub(super) fn start(views: &Views, id: ServiceId) -> Result<Decision, Rejection> {
    let service = known(views, id)?;
    if service.wanted {
        return Ok(Decision::already(id, service.defined));
    }
    Ok(record([NewEvent::new(id, StartRequested {})]))
}

pub(super) fn stop(views: &Views, id: ServiceId) -> Result<Decision, Rejection> {
    let service = known(views, id)?;
    if !service.wanted {
        return Ok(Decision::already(id, service.defined));
    }
    Ok(record([NewEvent::new(id, StopRequested {})]))
}

pub(super) fn restart(views: &Views, id: ServiceId) -> Result<Decision, Rejection> {
    known(views, id)?;
    Ok(record([NewEvent::new(id, RestartRequested {})]))
}

pub(super) fn remove(views: &Views, id: ServiceId) -> Result<Decision, Rejection> {
    known(views, id)?;
    Ok(record([NewEvent::new(id, Removed {})]))
}

pub(super) fn news(views: &Views, id: ServiceId, news: ServiceNews) -> Result<Decision, Rejection> {
    let service = known(views, id)?;
    let event: Event = match news {
        ServiceNews::Spawned(spawned) => spawned.into(),
        ServiceNews::HealthChanged(changed) => {
            if !matches!(service.process, crate::views::services::Process::Spawned { .. }) {
                return Err(Rejection::state("service", &service.label, "has no process"));
            }
            changed.into()
        }
        ServiceNews::Exited(exited) => exited.into(),
    };
    Ok(record([NewEvent::new(id, event)]))
}

#[cfg(test)]
mod tests;
