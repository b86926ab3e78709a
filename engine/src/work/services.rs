//! Services: what the views want running, kept running.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zo_projections::command::ServiceNews;
use zo_projections::event::service::{Exited, HealthChanged, ServiceBody, Spawned};
use zo_projections::{Actor, Command, Position, ServiceId, Submission, Timestamp};
use zo_services::{Exit, Service, ServiceChange, ServiceEvent, ServiceOptions, ServiceSpec, ServiceState};

use crate::engine::Engine;
use crate::protocol::{Failure, FailureKind};
use crate::service::body_of;

/// So often is looked whether anything became of a service.
const LOOK: Duration = Duration::from_millis(200);
/// How long services may take to end when they are to.
const GRACE: Duration = Duration::from_secs(10);

/// Services that are kept running by this process.
#[derive(Default)]
pub(crate) struct Supervised {
    kept: Mutex<HashMap<ServiceId, Kept>>,
    /// Why services do not run, or are not well: what was seen last.
    troubles: Mutex<HashMap<ServiceId, String>>,
}

struct Kept {
    service: Service,
    defined: Position,
    restart: Option<Position>,
}

/// What the views want of a service.
struct Wanted {
    id: ServiceId,
    defined: Position,
    restart: Option<Position>,
}

impl Supervised {
    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<ServiceId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a service is, and where it is reached, if this process keeps it running.
    pub(crate) fn state(&self, id: ServiceId) -> Option<(ServiceState, Option<u16>)> {
        self.kept().get(&id).map(|kept| (kept.service.state(), kept.service.port()))
    }

    /// What was wrong with a service last, if it has not been well since.
    pub(crate) fn trouble(&self, id: ServiceId) -> Option<String> {
        self.troubles().get(&id).cloned()
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, HashMap<ServiceId, String>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_trouble(&self, id: ServiceId, change: &ServiceChange) {
        let trouble = match change {
            ServiceChange::NotStarted { why, .. } | ServiceChange::Unhealthy { why } => Some(why.clone()),
            // That it has ended since says less than why it was ended.
            ServiceChange::Exited { .. } => return,
            ServiceChange::Spawned { .. } | ServiceChange::Healthy | ServiceChange::Stopped => None,
        };
        let mut troubles = self.troubles();
        match trouble {
            Some(why) => troubles.insert(id, why),
            None => troubles.remove(&id),
        };
    }

    /// Ends all of them.
    fn stop_all(&self) {
        let kept = std::mem::take(&mut *self.kept());
        for one in kept.values() {
            one.service.ask_to_stop(GRACE);
        }
        for one in kept.into_values() {
            one.service.stop(GRACE);
        }
    }
}

impl Engine {
    /// Keeps services running, until this process ends.
    pub(super) fn keep_services(&self) {
        let (tell, told) = mpsc::channel();
        let mut seen = Position::START;
        while !self.is_stopping() {
            if let Err(failure) = self.reconcile(&tell) {
                tracing::warn!("services cannot be looked after: {failure}");
            }
            self.record_news(&told);
            seen = self.writer.wait_behind(seen, LOOK);
        }
        self.work.supervised.stop_all();
        self.record_news(&told);
    }

    /// Starts what is wanted and not running, ends what is running and not wanted.
    fn reconcile(&self, tell: &Sender<ServiceEvent>) -> Result<(), Failure> {
        let wanted: Vec<Wanted> = self.writer.read(|views| {
            let wanted = views.services.iter().filter(|(_, service)| service.wanted);
            wanted.map(|(id, service)| Wanted { id, defined: service.defined, restart: service.restart }).collect()
        })?;
        let is_wanted = |id: &ServiceId, kept: &Kept| {
            wanted.iter().any(|one| one.id == *id && one.defined == kept.defined && one.restart == kept.restart)
        };
        let gone: Vec<Kept> = {
            let mut kept = self.work.supervised.kept();
            let ids: Vec<ServiceId> = kept.iter().filter(|(id, one)| !is_wanted(id, one)).map(|(id, _)| *id).collect();
            ids.iter().filter_map(|id| kept.remove(id)).collect()
        };
        for one in gone {
            one.service.stop(GRACE);
        }
        for one in wanted {
            if self.work.supervised.kept().contains_key(&one.id) {
                continue;
            }
            let spec = self.service_spec(one.defined)?;
            let label = spec.label.clone();
            match Service::start(spec, self.service_options(), self.sandbox.clone(), tell.clone()) {
                Ok(service) => {
                    let kept = Kept { service, defined: one.defined, restart: one.restart };
                    self.work.supervised.kept().insert(one.id, kept);
                }
                Err(error) => {
                    tracing::warn!("service {label} is stopped: {error}");
                    self.work.supervised.troubles().insert(one.id, error.to_string());
                    self.writer.submit_one(Submission::new(Actor::Engine, Command::StopService { service: one.id }))?;
                }
            }
        }
        Ok(())
    }

    /// How a service is started, as the event at `position` says.
    pub(crate) fn service_spec(&self, position: Position) -> Result<ServiceSpec, Failure> {
        let body: ServiceBody = body_of(&self.reader.event(position)?)?.unwrap_or_default();
        serde_json::from_str(&body.spec)
            .map_err(|error| Failure::new(FailureKind::Damaged, format!("how a service is started: {error}")))
    }

    fn service_options(&self) -> ServiceOptions {
        let mut options = ServiceOptions::below(&self.home.service_logs());
        options.logs = self.home.service_logs();
        options.folders = self.home.scratch().join("services");
        options.kept_out = vec![self.home.folder().to_owned()];
        options.grace = GRACE;
        options
    }

    fn record_news(&self, told: &Receiver<ServiceEvent>) {
        while let Ok(event) = told.try_recv() {
            let service = ServiceId(self.names.service(&event.label));
            self.work.supervised.note_trouble(service, &event.change);
            let Some(news) = self.news_of(event.change) else { continue };
            let command = Command::RecordService { service, news };
            if let Err(error) = self.writer.submit_one(Submission::new(Actor::Engine, command)) {
                tracing::debug!("what became of service {} is not recorded: {error}", event.label);
            }
        }
    }

    fn news_of(&self, change: ServiceChange) -> Option<ServiceNews> {
        let later = |wait: Duration| {
            let ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            Some(Timestamp(self.world.now().0.saturating_add(ms)))
        };
        Some(match change {
            ServiceChange::Spawned { port } => ServiceNews::Spawned(Spawned { port }),
            ServiceChange::Healthy => ServiceNews::HealthChanged(HealthChanged { healthy: true }),
            ServiceChange::Unhealthy { why } => {
                tracing::info!("a service is unwell: {why}");
                ServiceNews::HealthChanged(HealthChanged { healthy: false })
            }
            ServiceChange::Exited { exit, restart_in, .. } => {
                let (code, signal) = match exit {
                    Exit::Code(code) => (Some(code), None),
                    Exit::Signal(signal) => (None, Some(signal)),
                    Exit::Ended(_) => (None, None),
                };
                ServiceNews::Exited(Exited { code, signal, restart_at: later(restart_in) })
            }
            ServiceChange::NotStarted { restart_in, .. } => {
                ServiceNews::Exited(Exited { code: None, signal: None, restart_at: later(restart_in) })
            }
            ServiceChange::Stopped => ServiceNews::Exited(Exited { code: None, signal: None, restart_at: None }),
        })
    }
}
