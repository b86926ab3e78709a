//! Requests about services.

use std::thread;
use std::time::Duration;

use zo_projections::event::service::{Added, ServiceBody};
use zo_projections::views::services::{Process, Service};
use zo_projections::{Actor, Command, ServiceId, Submission};
use zo_services::{CheckSpec, HealthSpec, LogReader, ServiceSpec, ServiceState};

use super::{Each, acknowledge};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, Failure, FailureKind, HealthCheck, Response, ServiceAction, ServiceInput, ServiceLine,
};

/// Between two looks at a log that is followed.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes of a log that are sent at once.
const PIECE: u64 = 256 * 1024;

fn spec_of(input: &ServiceInput) -> Result<ServiceSpec, Failure> {
    let health = |check: &HealthCheck| {
        let spec = HealthSpec::new(check.path.clone().map_or(CheckSpec::Tcp, CheckSpec::Http));
        HealthSpec {
            interval_ms: check.interval_ms.unwrap_or(spec.interval_ms),
            timeout_ms: check.timeout_ms.unwrap_or(spec.timeout_ms),
            threshold: check.threshold.unwrap_or(spec.threshold),
            ..spec
        }
    };
    let spec = ServiceSpec {
        label: input.label.clone(),
        argv: input.argv.clone(),
        folder: input.folder.clone(),
        env: input.env.clone(),
        read: input.read.clone(),
        write: input.write.clone(),
        // Any that is free, if none is named.
        port: Some(input.port.unwrap_or(0)),
        health: input.health.as_ref().map(health),
        limits: zo_services::ServiceLimits::default(),
    };
    spec.check().map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    Ok(spec)
}

pub(super) fn add(engine: &Engine, input: &ServiceInput) -> Result<Acknowledged, Failure> {
    let spec = spec_of(input)?;
    keep_apart(engine, &spec)?;
    let id = ServiceId(engine.names.service(&spec.label));
    let added = Added { label: spec.label.clone(), port: input.port, wanted: !input.stopped };
    let json = |error: serde_json::Error| Failure::new(FailureKind::Invalid, error.to_string());
    let body = ServiceBody { spec: serde_json::to_string(&spec).map_err(json)? };
    let command = Command::AddService { service: id, added, body };
    acknowledge(spec.label, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// A service sees nothing of the home: neither as a whole nor a folder that has it in it.
fn keep_apart(engine: &Engine, spec: &ServiceSpec) -> Result<(), Failure> {
    let home = engine.home.folder();
    let paths = spec.folder.iter().chain(&spec.read).chain(&spec.write);
    for path in paths {
        let folder = std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
        if folder.starts_with(home) || home.starts_with(&folder) {
            let message = format!("{path} overlaps {}, which no service may see", home.display());
            return Err(Failure::new(FailureKind::Invalid, message).hint("give it another folder with --folder"));
        }
    }
    Ok(())
}

fn find(engine: &Engine, label: &str) -> Result<(ServiceId, Service), Failure> {
    let id = ServiceId(engine.names.service(label));
    let (found, labels) = engine.writer.read(|views| {
        let labels: Vec<String> = views.services.iter().map(|(_, service)| service.label.clone()).collect();
        (views.services.get(id).cloned(), labels)
    })?;
    let hint = || match zo_models::did_you_mean(label, labels.iter().map(String::as_str)) {
        Some(near) => near,
        None => "`zo service list` shows those there are".to_owned(),
    };
    let found = found.map(|service| (id, service));
    found.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("there is no service {label}")).hint(hint()))
}

pub(super) fn control(engine: &Engine, label: &str, action: ServiceAction) -> Result<Acknowledged, Failure> {
    let (service, _) = find(engine, label)?;
    let command = match action {
        ServiceAction::Start => Command::StartService { service },
        ServiceAction::Stop => Command::StopService { service },
        ServiceAction::Restart => Command::RestartService { service },
        ServiceAction::Remove => Command::RemoveService { service },
    };
    acknowledge(label.to_owned(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn list(engine: &Engine) -> Result<Answer, Failure> {
    let services: Vec<(ServiceId, Service)> =
        engine.writer.read(|views| views.services.iter().map(|(id, service)| (id, service.clone())).collect())?;
    let mut lines = services.iter().map(|(id, service)| line(engine, *id, service)).collect::<Result<Vec<_>, _>>()?;
    lines.sort_by(|one, other| one.label.cmp(&other.label));
    Ok(Answer::Services(lines))
}

fn line(engine: &Engine, id: ServiceId, service: &Service) -> Result<ServiceLine, Failure> {
    let spec = engine.service_spec(service.defined)?;
    let running = engine.work.supervised.state(id);
    let state = match (&running, service.wanted) {
        (Some((state, _)), _) => match state {
            ServiceState::Starting => "starting",
            ServiceState::Running | ServiceState::Healthy => "running",
            ServiceState::Unhealthy { .. } => "unhealthy",
            ServiceState::Waiting { .. } => "backing off",
            ServiceState::Stopped => "stopped",
        },
        (None, false) => "stopped",
        (None, true) if engine.work.is_serving() => "starting",
        (None, true) => "waiting",
    };
    let port = running.and_then(|(_, port)| port).or(service.port);
    let mut line = ServiceLine {
        label: service.label.clone(),
        argv: spec.argv,
        folder: spec.folder,
        state: state.to_owned(),
        wanted: service.wanted,
        port,
        since: None,
        restart_at: None,
        code: None,
        signal: None,
        exits: service.exits,
        why: engine.work.supervised.trouble(id),
    };
    match service.process {
        Process::None => {}
        Process::Spawned { at, .. } => line.since = Some(at),
        Process::Exited { code, signal, at, restart_at } => {
            (line.since, line.code, line.signal) = (Some(at), code, signal);
            line.restart_at = restart_at.filter(|_| service.wanted);
        }
    }
    Ok(line)
}

pub(super) fn log(engine: &Engine, label: &str, lines: u32, follow: bool, each: Each<'_>) -> Result<(), Failure> {
    find(engine, label)?;
    let reader = LogReader::new(&engine.home.service_logs(), label);
    let failed = |error: std::io::Error| Failure::new(FailureKind::Io, format!("the log of {label}: {error}"));
    let mut piece = reader.last(lines as usize).map_err(failed)?;
    loop {
        // Also without lines: so that who no longer listens is noticed.
        if each(Response::ServiceLog { lines: std::mem::take(&mut piece.lines) }).is_break() || !follow {
            return Ok(());
        }
        if engine.is_stopping() {
            return Ok(());
        }
        thread::sleep(LOOK);
        piece = reader.after(piece.next, PIECE).map_err(failed)?;
    }
}

#[cfg(test)]
mod tests;
