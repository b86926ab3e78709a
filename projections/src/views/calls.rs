//! Calls: which models are being called for runs, and when each provider was last called.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::{Position, RunId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// The calls of outstanding runs.
///
/// `called ──► call_failed | replied ──► called ──► … ──► the run is finished | failed`
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Calls {
    runs: BTreeMap<RunId, RunCalls>,
    last_called: BTreeMap<String, Timestamp>,
}

/// The calls of one outstanding run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct RunCalls {
    /// How many were begun.
    pub begun: u32,
    /// The models whose calls failed, in order.
    pub failed: Vec<String>,
    /// How many were cut off by the end of the process before anything came, since the last reply.
    pub cut_off: u32,
    /// The one that has not ended.
    pub under_way: Option<Call>,
}

/// A call that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Call {
    /// The event that says so.
    pub position: Position,
    /// The model, `provider/name`.
    pub model: String,
    /// Tokens of all that was sent, estimated.
    pub input_tokens: u64,
}

impl Calls {
    /// The calls of an outstanding run; none if none was begun.
    pub fn of(&self, run: RunId) -> Option<&RunCalls> {
        self.runs.get(&run)
    }

    /// When a provider was last called.
    pub fn last_called(&self, provider: &str) -> Option<Timestamp> {
        self.last_called.get(provider).copied()
    }
}

/// The provider of a model: what is in front of the first slash.
pub fn provider_of(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}

impl Projection for Calls {
    const NAME: &'static str = "calls";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let id = RunId(recorded.header.stream.id);
        match &recorded.event {
            Event::RunCalled(event) => {
                if self.runs.get(&id).is_some_and(|calls| calls.under_way.is_some()) {
                    return Err(Anomaly::new(recorded, format!("run {id} waits for another call")));
                }
                let calls = self.runs.entry(id).or_default();
                calls.begun = calls.begun.saturating_add(1);
                calls.under_way = Some(Call {
                    position: recorded.header.position,
                    model: event.model.clone(),
                    input_tokens: event.input_tokens,
                });
                self.last_called.insert(provider_of(&event.model).to_owned(), recorded.header.at);
            }
            Event::RunCallFailed(event) => {
                let waits = || Anomaly::new(recorded, format!("run {id} waits for no call"));
                let calls = self.runs.get_mut(&id).ok_or_else(waits)?;
                let call = calls.under_way.take().ok_or_else(waits)?;
                match event.attempts {
                    0 => calls.cut_off = calls.cut_off.saturating_add(1),
                    _ => calls.failed.push(call.model),
                }
            }
            Event::RunReplied(_) => {
                let waits = || Anomaly::new(recorded, format!("run {id} waits for no call"));
                let calls = self.runs.get_mut(&id).ok_or_else(waits)?;
                calls.under_way.take().ok_or_else(waits)?;
                calls.cut_off = 0;
            }
            Event::RunFinished(_) | Event::RunFailed(_) => drop(self.runs.remove(&id)),
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
