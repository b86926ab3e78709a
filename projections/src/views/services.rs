//! Services: which are to run, and what becomes of them.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::{Position, ServiceId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// Every service that was not removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Services {
    services: BTreeMap<ServiceId, Service>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Service {
    /// Its label.
    pub label: String,
    /// The port it listens at; none: any that is free.
    pub port: Option<u16>,
    /// The event with its body.
    pub defined: Position,
    /// Whether it is to run.
    pub wanted: bool,
    /// The last event that wants it ended and started anew.
    pub restart: Option<Position>,
    /// What the log says last of its process. That of an engine which was killed ended with it.
    pub process: Process,
    /// How often it ended by itself.
    pub exits: u64,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Process {
    /// There was none.
    #[default]
    None,
    /// It was started.
    Spawned {
        /// The port it was told to listen at.
        port: Option<u16>,
        /// When.
        at: Timestamp,
        /// What its health check said last, if there is one.
        healthy: Option<bool>,
    },
    /// It ended.
    Exited {
        /// Its exit code.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
        /// When.
        at: Timestamp,
        /// When it is started again.
        restart_at: Option<Timestamp>,
    },
}

impl Services {
    /// A service.
    pub fn get(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        self.services.iter().map(|(id, service)| (*id, service))
    }
}

impl Projection for Services {
    const NAME: &'static str = "services";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let (id, position, at) = (ServiceId(header.stream.id), header.position, header.at);
        if let Event::ServiceAdded(event) = &recorded.event {
            let before = self.services.get(&id);
            let service = Service {
                label: event.label.clone(),
                port: event.port,
                defined: position,
                wanted: event.wanted,
                restart: Some(position),
                process: before.map_or(Process::None, |service| service.process),
                exits: before.map_or(0, |service| service.exits),
            };
            self.services.insert(id, service);
            return Ok(());
        }
        let Some(service) = self.services.get_mut(&id) else {
            let is_ours = matches!(
                recorded.event,
                Event::ServiceStartRequested(_)
                    | Event::ServiceStopRequested(_)
                    | Event::ServiceRestartRequested(_)
                    | Event::ServiceSpawned(_)
                    | Event::ServiceHealthChanged(_)
                    | Event::ServiceExited(_)
                    | Event::ServiceRemoved(_)
            );
            return if is_ours { Err(Anomaly::new(recorded, format!("there is no service {id}"))) } else { Ok(()) };
        };
        match &recorded.event {
            Event::ServiceStartRequested(_) => service.wanted = true,
            Event::ServiceStopRequested(_) => service.wanted = false,
            Event::ServiceRestartRequested(_) => (service.wanted, service.restart) = (true, Some(position)),
            Event::ServiceSpawned(event) => {
                service.process = Process::Spawned { port: event.port, at, healthy: None };
            }
            Event::ServiceHealthChanged(event) => {
                let Process::Spawned { healthy, .. } = &mut service.process else {
                    return Err(Anomaly::new(recorded, "it has no process".to_owned()));
                };
                *healthy = Some(event.healthy);
            }
            Event::ServiceExited(event) => {
                service.exits = service.exits.saturating_add(1);
                let (code, signal, restart_at) = (event.code, event.signal, event.restart_at);
                service.process = Process::Exited { code, signal, at, restart_at };
            }
            Event::ServiceRemoved(_) => {
                self.services.remove(&id);
            }
            _ => {}
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(self, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        load_value(bytes)
    }
}

#[cfg(test)]
mod tests;
