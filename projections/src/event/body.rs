//! Opened bodies as JSON, for people and programs that look at the log.

use bincode::Decode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Event, EventError, browser, conversation, decode_body, file, job, kv, mcp, memory, run, schedule, service, skill,
};

impl Event {
    /// What the event says together with its opened body, as one JSON object. JSON within it (meta, the arguments of
    /// tool calls) becomes JSON again.
    ///
    /// # Errors
    /// If the body is not what this kind has.
    pub fn to_json(&self, body: Option<&[u8]>) -> Result<Map<String, Value>, EventError> {
        let mut data = object(self);
        if let Some(body) = body {
            data.extend(self.body_json(body)?);
        }
        for field in ["meta", "arguments", "spec", "options", "result", "act"] {
            unfold_json(&mut data, field);
        }
        if let Some(Value::Array(calls)) = data.get_mut("tool_calls") {
            for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                unfold_json(call, "arguments");
            }
        }
        Ok(data)
    }

    fn body_json(&self, body: &[u8]) -> Result<Map<String, Value>, EventError> {
        match self {
            Self::Memorized(_) | Self::Superseded(_) => self.body_object::<memory::Body>(body),
            Self::MessageAdded(_) => self.body_object::<conversation::MessageBody>(body),
            Self::ConversationStarted(_) | Self::ConversationRenamed(_) => {
                self.body_object::<conversation::NameBody>(body)
            }
            Self::KvSet(_) => self.body_object::<kv::Body>(body),
            Self::FileAttached(_) => self.body_object::<conversation::FileBody>(body),
            Self::ConversationCompacted(_) => self.body_object::<conversation::SummaryBody>(body),
            Self::RunStarted(run::Started { agent: Some(_), .. }) => self.body_object::<run::agent::AgentBody>(body),
            Self::RunStarted(_) => self.body_object::<run::RequestBody>(body),
            Self::RunReplied(_) => self.body_object::<run::agent::ReplyBody>(body),
            Self::ToolReturned(_) => self.body_object::<run::agent::ResultBody>(body),
            Self::PermissionAsked(_) => self.body_object::<run::agent::PermissionBody>(body),
            Self::SkillVersionSeen(_) => self.body_object::<skill::FolderBody>(body),
            Self::JobSubmitted(_) => self.body_object::<job::JobBody>(body),
            Self::JobCompleted(_) | Self::JobFailed(_) | Self::JobLeaseLost(_) | Self::JobCancelled(_) => {
                self.body_object::<job::EndBody>(body)
            }
            Self::ScheduleAdded(_) | Self::ScheduleEdited(_) => self.body_object::<schedule::PlanBody>(body),
            Self::ServiceAdded(_) => self.body_object::<service::ServiceBody>(body),
            Self::McpServerAdded(_) => self.body_object::<mcp::ServerBody>(body),
            Self::FilePut(_) => self.body_object::<file::ContentBody>(body),
            Self::BrowserActBegun(_) => self.body_object::<browser::ActBody>(body),
            Self::BrowserActed(_) => self.body_object::<browser::ActedBody>(body),
            Self::BrowserArtifactKept(_) => self.body_object::<browser::ArtifactBody>(body),
            // The secret of a link is shown by what asks for it, not with the log.
            Self::Retracted(_) | Self::RunFailed(_) | Self::RunCallFailed(_) | Self::RunFinished(_) => {
                self.body_object::<run::ReasonBody>(body)
            }
            _ => Ok(Map::new()),
        }
    }

    fn body_object<T: Decode<()> + Serialize>(&self, body: &[u8]) -> Result<Map<String, Value>, EventError> {
        Ok(object(&decode_body::<T>(self.name(), self.schema(), body)?))
    }
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn unfold_json(object: &mut Map<String, Value>, field: &str) {
    if let Some(Value::String(text)) = object.get(field)
        && let Ok(value) = serde_json::from_str(text)
    {
        object.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
