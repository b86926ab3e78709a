//! Files that are downloaded: they are stored under a number, watched for their size, and then get a name that can be trusted.

use serde_json::{Value, json};

use super::{Reaction, Tracker, send, text};
use crate::done::{Downloaded, Note};
use crate::downloads::{Finished, KeepError};
use crate::error::ActErrorKind;

/// A download on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arriving {
    pub(crate) url: String,
    pub(crate) suggested_name: String,
    /// Why it does not come, once that is known.
    refused: Option<(ActErrorKind, String)>,
}

/// A page whose answer is to be stored instead of shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forced {
    /// What the server answered instead of a file.
    pub(crate) failed: Option<String>,
}

impl Tracker {
    pub(super) fn download_begins(&mut self, params: &Value) -> Vec<Reaction> {
        let arriving =
            Arriving { url: text(params, "url"), suggested_name: text(params, "suggestedFilename"), refused: None };
        self.begun.push(text(params, "guid"));
        self.arriving.insert(text(params, "guid"), arriving);
        Vec::new()
    }

    pub(super) fn download_progress(&mut self, params: &Value) -> Vec<Reaction> {
        let guid = text(params, "guid");
        let size = |name: &str| params[name].as_f64().unwrap_or(0.0);
        let limit = self.download_limit;
        let Some(arriving) = self.arriving.get_mut(&guid) else { return Vec::new() };
        match params["state"].as_str() {
            Some("completed") if arriving.refused.is_none() => {
                let finished = Finished {
                    from: self.incoming.join(&guid),
                    folder: self.download_folder.clone(),
                    suggested_name: arriving.suggested_name.clone(),
                    url: arriving.url.clone(),
                    limit,
                    guid,
                };
                vec![Reaction::Keep(finished)]
            }
            Some("completed" | "canceled") => {
                let refused = self.arriving.remove(&guid).unwrap_or_default();
                let broke_off = || (ActErrorKind::Navigation, "it broke off".to_owned());
                let (kind, reason) = refused.refused.unwrap_or_else(broke_off);
                self.ended_downloads.insert(guid, Err((kind, reason.clone())));
                // A file that was complete before it could be refused is removed with its folder.
                self.note(Note::DownloadFailed { suggested_name: refused.suggested_name, url: refused.url, reason });
                Vec::new()
            }
            // What a server announces is believed only if it is too much.
            _ if size("receivedBytes") > limit as f64 || size("totalBytes") > limit as f64 => {
                if arriving.refused.is_some() {
                    return Vec::new();
                }
                let most = size("receivedBytes").max(size("totalBytes"));
                let reason = format!("it has {most} bytes, and may have {limit}");
                arriving.refused = Some((ActErrorKind::TooLarge, reason));
                vec![send(None, "Browser.cancelDownload", json!({ "guid": guid }))]
            }
            _ => Vec::new(),
        }
    }

    /// A download is in its place, or could not be put there.
    pub(crate) fn kept(&mut self, guid: &str, kept: Result<Downloaded, KeepError>) {
        let Some(arriving) = self.arriving.remove(guid) else { return };
        match kept {
            Ok(downloaded) => {
                self.ended_downloads.insert(guid.to_owned(), Ok(downloaded.clone()));
                self.downloaded.push(downloaded);
            }
            Err(error) => {
                let kind =
                    if matches!(error, KeepError::TooLarge { .. }) { ActErrorKind::TooLarge } else { ActErrorKind::Io };
                let reason = error.to_string();
                self.ended_downloads.insert(guid.to_owned(), Err((kind, reason.clone())));
                self.note(Note::DownloadFailed { suggested_name: arriving.suggested_name, url: arriving.url, reason });
            }
        }
    }

    /// An answer is here whose page was asked for as a file: it goes on as one.
    pub(super) fn paused(&mut self, session: Option<&str>, params: &Value) -> Vec<Reaction> {
        let request = json!({ "requestId": params["requestId"] });
        let Some(forced) = session.and_then(|session| self.forced.get_mut(session)) else {
            return vec![send(session, "Fetch.continueRequest", request)];
        };
        let status = params["responseStatusCode"].as_u64().unwrap_or(0);
        if params["responseErrorReason"].is_string() || (300..400).contains(&status) {
            return vec![send(session, "Fetch.continueRequest", request)];
        }
        if !(200..300).contains(&status) {
            forced.failed = Some(format!("the server answered {status}"));
            return vec![send(
                session,
                "Fetch.failRequest",
                json!({ "requestId": params["requestId"], "errorReason": "Aborted" }),
            )];
        }
        let headers = as_attachment(&params["responseHeaders"]);
        let answer = json!({ "requestId": params["requestId"], "responseCode": status, "responseHeaders": headers });
        vec![send(session, "Fetch.continueResponse", answer)]
    }
}

/// The headers of an answer that is stored whatever it is; a name that the server gives is kept.
fn as_attachment(headers: &Value) -> Value {
    let mut headers: Vec<Value> = headers.as_array().cloned().unwrap_or_default();
    let is_disposition =
        |header: &Value| header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("content-disposition"));
    let said = headers.iter().find(|header| is_disposition(header)).map(|header| text(header, "value"));
    headers.retain(|header| !is_disposition(header));
    let parameters = said.as_deref().and_then(|said| said.split_once(';')).map(|(_, rest)| format!(";{rest}"));
    let value = format!("attachment{}", parameters.unwrap_or_default());
    headers.push(json!({ "name": "Content-Disposition", "value": value }));
    Value::Array(headers)
}
