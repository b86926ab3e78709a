//! The writer of the engine, without queue, keys and disk.

use serde::Serialize;
use serde_json::Value;

use super::short;
use crate::command::{Command, Receipt, Rejection, Submission};
use crate::decide::{Decision, decide};
use crate::event::{
    Event, browser, conversation, decode_body, file, job, kv, mcp, memory, run, schedule, service, skill,
};
use crate::ids::{EventId, KeyId, Position, StreamId};
use crate::record::{Actor, BodyPlace, Header, Recorded};
use crate::time::Timestamp;
use crate::views::Views;

/// Decides commands one after another against its own views, and keeps what they led to.
#[derive(Clone, Default)]
pub(crate) struct Writer {
    pub(crate) views: Views,
    /// As the log has it: with the places of the bodies, which the writer's own views never see.
    pub(crate) log: Vec<Recorded>,
    /// Their bodies, not sealed.
    pub(crate) bodies: Vec<Option<Vec<u8>>>,
    /// The next id that was never given before.
    pub(crate) fresh: u128,
    /// How far its clock is ahead of that of a writer which counts its events, in milliseconds.
    pub(crate) ahead_ms: i64,
}

impl Writer {
    /// The time that the next events have: each event takes a millisecond.
    pub(crate) fn now(&self) -> Timestamp {
        let events = i64::try_from(self.log.len()).expect("a test is short");
        Timestamp(1_700_000_000_000 + events + self.ahead_ms)
    }

    pub(crate) fn submit(&mut self, submission: Submission) -> Result<Receipt, Rejection> {
        let (actor, causation, correlation) = (submission.actor, submission.causation, submission.correlation);
        let idempotency = submission.idempotency;
        let mut fresh = self.fresh;
        let at = self.now();
        let decision = decide(&self.views, submission, at, &mut || {
            fresh += 1;
            fresh | 1 << 10
        })?;
        self.fresh = fresh;
        let events = match decision {
            Decision::Already(receipt) => return Ok(receipt),
            Decision::Record(events) => events,
        };
        let count = events.len();
        for (index, new) in events.into_iter().enumerate() {
            let state = self.views.streams.get(new.stream);
            let mut key = state.map_or(KeyId::NONE, |state| state.key);
            if new.body.is_some() && key == KeyId::NONE {
                key = KeyId(self.views.streams.last_key().0 + 1);
            }
            let header = Header {
                position: self.views.position.next(),
                id: EventId(self.log.len() as u128 + 1),
                stream: new.stream,
                version: self.views.streams.version(new.stream) + 1,
                at,
                actor,
                causation,
                correlation,
                idempotency: idempotency.filter(|_| index + 1 == count),
                key: if new.body.is_some() { key } else { KeyId::NONE },
                body: BodyPlace::None,
            };
            let mut recorded = Recorded { header, event: new.event };
            self.views.apply(&recorded);
            if let Some(body) = &new.body {
                recorded.header.body = BodyPlace::Inline(u32::try_from(body.len()).expect("a test's body is short"));
            }
            self.log.push(recorded);
            self.bodies.push(new.body);
        }
        let last = self.log.last().expect("a decision that records has at least one event");
        let events = u32::try_from(count).expect("a command leads to a handful of events");
        Ok(Receipt { stream: last.header.stream, position: last.header.position, version: last.header.version, events })
    }

    pub(crate) fn run(&mut self, command: Command) -> Result<Receipt, Rejection> {
        self.submit(Submission::new(Actor::User, command))
    }

    /// What a submission comes to, as text: the events it leads to, one a line, or why there are none.
    pub(crate) fn tell(&mut self, submission: Submission) -> String {
        let before = self.log.len();
        let text = match self.submit(submission) {
            Err(rejection) => format!("rejected: {rejection}"),
            Ok(Receipt { events: 0, stream, position, .. }) => format!("already: {stream} at {position}"),
            Ok(receipt) => {
                let new = &self.log[before..];
                let last = new.last().expect("there is an event").header;
                let expected = Receipt {
                    stream: last.stream,
                    position: last.position,
                    version: last.version,
                    events: new.len() as u32,
                };
                assert_eq!(receipt, expected);
                let lines =
                    new.iter().zip(&self.bodies[before..]).map(|(recorded, body)| line(recorded, body.as_deref()));
                lines.collect::<Vec<_>>().join("\n")
            }
        };
        short(&text)
    }
}

/// One event as a line: where it lies, what it says, what its body says. What is empty is left out.
fn line(Recorded { header, event }: &Recorded, body: Option<&[u8]>) -> String {
    let mut line = format!("{} {} v{} {}", header.position, header.stream, header.version, event.name());
    line += &brief(event);
    if let Some(bytes) = body {
        line += " |";
        line += &match event {
            Event::ConversationStarted(_) | Event::ConversationRenamed(_) => said::<conversation::NameBody>(bytes),
            Event::MessageAdded(_) => said::<conversation::MessageBody>(bytes),
            Event::Memorized(_) | Event::Superseded(_) => said::<memory::Body>(bytes),
            Event::KvSet(_) => said::<kv::Body>(bytes),
            Event::ConversationCompacted(_) => said::<conversation::SummaryBody>(bytes),
            Event::RunStarted(run::Started { agent: Some(_), .. }) => said::<run::agent::AgentBody>(bytes),
            Event::RunStarted(_) => said::<run::RequestBody>(bytes),
            Event::RunReplied(_) => said::<run::agent::ReplyBody>(bytes),
            Event::ToolReturned(_) => said::<run::agent::ResultBody>(bytes),
            Event::PermissionAsked(_) => said::<run::agent::PermissionBody>(bytes),
            Event::SkillVersionSeen(_) => said::<skill::FolderBody>(bytes),
            Event::FileAttached(_) => said::<conversation::FileBody>(bytes),
            Event::JobSubmitted(_) => said::<job::JobBody>(bytes),
            Event::JobCompleted(_) | Event::JobFailed(_) | Event::JobLeaseLost(_) | Event::JobCancelled(_) => {
                said::<job::EndBody>(bytes)
            }
            Event::ScheduleAdded(_) | Event::ScheduleEdited(_) => said::<schedule::PlanBody>(bytes),
            Event::ServiceAdded(_) => said::<service::ServiceBody>(bytes),
            Event::McpServerAdded(_) => said::<mcp::ServerBody>(bytes),
            Event::FilePut(_) => said::<file::ContentBody>(bytes),
            Event::FileShared(_) => said::<file::ShareBody>(bytes),
            Event::BrowserActBegun(_) => said::<browser::ActBody>(bytes),
            Event::BrowserActed(_) => said::<browser::ActedBody>(bytes),
            Event::BrowserArtifactKept(_) => said::<browser::ArtifactBody>(bytes),
            Event::Retracted(_) | Event::RunFailed(_) | Event::RunCallFailed(_) | Event::RunFinished(_) => {
                said::<run::ReasonBody>(bytes)
            }
            event => panic!("{} has no body", event.name()),
        };
    }
    line
}

fn said<T: bincode::Decode<()> + Serialize>(bytes: &[u8]) -> String {
    brief(&decode_body::<T>("the body", 1, bytes).expect("it is the body of this kind"))
}

fn brief(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("events are JSON");
    let Ok(Value::Object(fields)) = serde_json::from_str(&text) else { panic!("{text} is no object") };
    let empty = |value: &Value| {
        *value == Value::Null || *value == Value::Bool(false) || value.as_array().is_some_and(Vec::is_empty)
    };
    let fields = fields.into_iter().filter(|(_, value)| !empty(value));
    fields.map(|(name, value)| format!(" {name}={value}")).collect::<String>().replace('"', "")
}

/// An event as it comes out of the log, with nothing special about it.
pub(crate) fn recorded(position: u64, stream: impl Into<StreamId>, version: u32, event: impl Into<Event>) -> Recorded {
    let header = Header {
        position: Position(position),
        id: EventId(u128::from(position)),
        stream: stream.into(),
        version,
        at: Timestamp(i64::try_from(position).expect("a test's positions are small")),
        actor: Actor::User,
        causation: None,
        correlation: None,
        idempotency: None,
        key: KeyId::NONE,
        body: BodyPlace::None,
    };
    Recorded { header, event: event.into() }
}
