//! Runs: which questions still want an answer.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::{ConversationId, MessageId, Position, RunId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// Outstanding runs, and how many ended.
///
/// `started ──► [recalled] ──► finished | failed`; a run that has ended leaves this fold, and its id is not used again.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Runs {
    outstanding: BTreeMap<RunId, Run>,
    finished: u64,
    failed: u64,
}

/// A run that is not yet answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Run {
    /// The conversation the answer goes to.
    pub conversation: ConversationId,
    /// The question.
    pub question: MessageId,
    /// The model or responder that is to answer.
    pub model: String,
    /// The event that started it.
    pub started: Position,
    /// The event that says what was recalled, once that is recorded.
    pub recalled: Option<Position>,
}

impl Runs {
    /// Runs without an answer, oldest id first.
    pub fn outstanding(&self) -> &BTreeMap<RunId, Run> {
        &self.outstanding
    }

    /// How many were answered.
    pub fn finished(&self) -> u64 {
        self.finished
    }

    /// How many ended without an answer.
    pub fn failed(&self) -> u64 {
        self.failed
    }
}

impl Projection for Runs {
    const NAME: &'static str = "runs";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = RunId(header.stream.id);
        let not_outstanding = || Anomaly::new(recorded, format!("run {id} is not outstanding"));
        match &recorded.event {
            Event::RunStarted(event) => {
                // One that has ended has left this fold; its stream still knows it.
                if header.version != 1 || self.outstanding.contains_key(&id) {
                    return Err(Anomaly::new(recorded, format!("run {id} was started before")));
                }
                let run = Run {
                    conversation: event.conversation,
                    question: event.question,
                    model: event.model.clone(),
                    started: header.position,
                    recalled: None,
                };
                self.outstanding.insert(id, run);
            }
            Event::RunRecalled(_) => {
                let run = self.outstanding.get_mut(&id).ok_or_else(not_outstanding)?;
                if let Some(position) = run.recalled {
                    return Err(Anomaly::new(recorded, format!("run {id} recalled at position {position}")));
                }
                run.recalled = Some(header.position);
            }
            Event::RunFinished(_) => {
                self.outstanding.remove(&id).ok_or_else(not_outstanding)?;
                self.finished += 1;
            }
            Event::RunFailed(_) => {
                self.outstanding.remove(&id).ok_or_else(not_outstanding)?;
                self.failed += 1;
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
