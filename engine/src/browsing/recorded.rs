//! What of an act is written down: all of it but secrets.

use serde_json::Value;
use zo_browser::Note;
use zo_browser::act::{Act, CookiesOp, StorageOp};

/// What stands where a secret was.
pub(super) const LEFT_OUT: &str = "[left out]";

/// An act as it is recorded. The text of a field whose text is secret, and values of cookies and of storage, which log people in,
/// are left out.
pub(super) fn act(act: &Act, is_secret: bool) -> String {
    let mut recorded = act.clone();
    let left_out = || LEFT_OUT.to_owned();
    match &mut recorded {
        Act::Fill(fill) if is_secret => fill.text = left_out(),
        Act::Type(typed) if is_secret => typed.text = left_out(),
        Act::Cookies(cookies) if cookies.op == CookiesOp::Set => cookies.value = Some(left_out()),
        Act::Storage(storage) if storage.op == StorageOp::Set => storage.value = Some(left_out()),
        _ => {}
    }
    serde_json::to_string(&recorded).unwrap_or_default()
}

/// What an act gave, as it is recorded: the value, and the text.
pub(super) fn given(act: &Act, value: &Value, text: Option<&str>) -> (Option<String>, Option<String>) {
    let mut value = value.clone();
    match act {
        Act::Cookies(_) => leave_out(&mut value),
        // What is stored under a name is a value whatever it is called.
        Act::Storage(_) => return (None, None),
        _ => return ((!value.is_null()).then(|| value.to_string()), text.map(str::to_owned)),
    }
    ((!value.is_null()).then(|| value.to_string()), None)
}

/// Leaves out what stands under `value`, however deep.
fn leave_out(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(leave_out),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "value" => *value = LEFT_OUT.into(),
                    _ => leave_out(value),
                }
            }
        }
        _ => {}
    }
}

/// A note as one reads it.
pub(super) fn note(note: &Note) -> String {
    match note {
        Note::Dialog { kind, message, accepted, text } => {
            let answer = match (accepted, text) {
                (true, Some(text)) => format!("accepted with {text:?}"),
                (true, None) => "accepted".to_owned(),
                (false, _) => "dismissed".to_owned(),
            };
            format!("a dialog ({kind}) was {answer}: {message}")
        }
        Note::PopUp { tab, url } => format!("the page opened tab {tab}: {url}"),
        Note::DownloadFailed { suggested_name, url, reason } => {
            format!("the download of {suggested_name:?} from {url} failed: {reason}")
        }
        Note::Blocked { url, reason } => format!("{url} was refused: {reason}"),
        Note::TabClosed { tab, url } => format!("tab {tab} was closed by its page: {url}"),
        Note::Recovered { what } => what.clone(),
    }
}

#[cfg(test)]
mod tests;
