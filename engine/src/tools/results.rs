//! Reading on in an output that was too long to be told as a whole.

use schemars::JsonSchema;
use serde::Deserialize;
use zo_projections::event::run::agent::{CallId, Effect, ResultBody};

use super::rules::Subject;
use super::{Doing, Output, Tool, Usually};
use crate::service::body_of;

/// Bytes given at once.
const PIECE: usize = 16 * 1024;

/// Arguments of `read_result`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadResult {
    /// The call whose output is read, as the cut says it: `2.0`.
    call: String,
    /// Where to begin, in bytes.
    #[serde(default)]
    offset: u64,
    /// Only lines in which this stands.
    #[serde(default)]
    containing: Option<String>,
}

impl Tool for ReadResult {
    const NAME: &'static str = "read_result";
    const DESCRIPTION: &'static str = "Reads on in the output of an earlier tool call that was cut in the middle.";
    const EFFECT: Effect = Effect::Pure;
    const USUALLY: Usually = Usually::Allow;

    fn subject(&self) -> Result<Subject, String> {
        parse(&self.call).ok_or_else(|| format!("{:?} names no call; one is named as in `2.0`", self.call))?;
        Ok(Subject::text(Self::NAME, &self.call))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let place = parse(&self.call).and_then(|id| {
            let read = |views: &zo_projections::Views| {
                let returned = views.agents.running().get(&doing.run)?.call(id)?.returned?;
                Some((returned.position, returned.trust))
            };
            doing.engine.writer.read(read).ok().flatten()
        });
        let Some((position, trust)) = place else {
            return Output::failed(format!("call {} has returned nothing in this run", self.call));
        };
        let body = doing.engine.reader.event(position).map_err(|error| error.to_string());
        let body = body.and_then(|event| body_of::<ResultBody>(&event).map_err(|failure| failure.message));
        let text = match body {
            Ok(body) => body.unwrap_or_default().output,
            Err(error) => return Output::failed(error),
        };
        let text = match &self.containing {
            Some(wanted) => text.lines().filter(|line| line.contains(wanted)).collect::<Vec<_>>().join("\n"),
            None => text,
        };
        let from = text.floor_char_boundary(usize::try_from(self.offset).unwrap_or(usize::MAX).min(text.len()));
        let to = text.floor_char_boundary((from + PIECE).min(text.len()));
        let rest = match text.len() - to {
            0 => String::new(),
            rest => format!("\n… {rest} bytes follow: offset {to}"),
        };
        Output { trust, ..Output::done(format!("{}{rest}", &text[from..to])) }
    }
}

/// Reads the name of a call.
pub(crate) fn parse(text: &str) -> Option<CallId> {
    let (step, call) = text.trim().split_once('.')?;
    Some(CallId { step: step.parse().ok()?, call: call.parse().ok()? })
}
