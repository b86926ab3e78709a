//! One call of a tool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ContentBlock, ProgressToken,
    ResourceContents, ServerResult,
};
use rmcp::service::{PeerRequestOptions, RequestHandle, RoleClient, ServiceError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::broadcast;

use super::connect::{Link, chain, reason};
use super::error::ClientError;

/// How often it is asked whether to stop.
pub(super) const TICK: Duration = Duration::from_millis(50);
/// How long the word that a call is stopped may take.
const CANCEL: Duration = Duration::from_secs(1);

/// How far a call is, as its server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// How far.
    pub done: f64,
    /// Of how much, if it is known.
    pub total: Option<f64>,
    /// In words.
    pub message: Option<String>,
}

/// What a call gave. Anybody may have written it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallResult {
    /// Its texts, one after the other; what is no text is named.
    pub text: String,
    /// What it gave as JSON, if it did.
    pub structured: Option<Value>,
    /// Whether the tool says that it failed.
    pub is_error: bool,
}

/// How a call is followed.
pub struct Calling<'a> {
    /// How long it may take.
    pub within: Duration,
    /// Is told how far it is, on the calling thread.
    pub progress: &'a mut dyn FnMut(Progress),
    /// Whether it is to stop: asked many times a second.
    pub stop: &'a dyn Fn() -> bool,
}

/// Calls a tool over a connection.
pub(super) async fn call(
    name: &str,
    link: &Arc<Link>,
    tool: &str,
    arguments: Map<String, Value>,
    calling: &mut Calling<'_>,
) -> Result<CallResult, ClientError> {
    let begun = Instant::now();
    // Before it is sent, so that nothing is missed.
    let mut progress = link.handler.progress();
    let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    let sent = link.peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await;
    let mut handle = match sent {
        Ok(handle) => handle,
        Err(error) => return Err(failed(name, link, error).await),
    };
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            answer = &mut handle.rx => {
                settle().await;
                drain(&mut progress, &handle.progress_token, calling);
                return match answer {
                    Ok(Ok(result)) => taken(name, result),
                    Ok(Err(error)) => Err(failed(name, link, error).await),
                    Err(_) => Err(failed(name, link, ServiceError::TransportClosed).await),
                };
            }
            () = link.over.cancelled() => return Err(failed(name, link, ServiceError::TransportClosed).await),
            told = progress.recv() => {
                if let Ok((token, told)) = told && token == handle.progress_token {
                    (calling.progress)(told);
                }
            }
            _ = tick.tick() => {
                if (calling.stop)() {
                    cancel(handle, "stopped").await;
                    return Err(ClientError::Stopped);
                }
                if begun.elapsed() >= calling.within {
                    cancel(handle, "it took too long").await;
                    return Err(ClientError::TimedOut { name: name.to_owned(), within: calling.within });
                }
            }
        }
    }
}

/// Lets everything that came before the answer be taken in: that is done by tasks, which run in the order in which they were started, as
/// the runtime has one thread.
async fn settle() {
    let behind_them = tokio::spawn(async { tokio::spawn(std::future::ready(())).await });
    let _ = behind_them.await;
}

/// Tells what came before the answer and was not told yet.
fn drain(
    progress: &mut broadcast::Receiver<(ProgressToken, Progress)>,
    token: &ProgressToken,
    calling: &mut Calling<'_>,
) {
    while let Ok((of, told)) = progress.try_recv() {
        if of == *token {
            (calling.progress)(told);
        }
    }
}

/// Tells the server that nobody waits any more; one that does not listen is not waited for.
async fn cancel(handle: RequestHandle<RoleClient>, why: &str) {
    let _ = tokio::time::timeout(CANCEL, handle.cancel(Some(why.to_owned()))).await;
}

/// Why there is no answer.
pub(super) async fn failed(name: &str, link: &Link, error: ServiceError) -> ClientError {
    let name = name.to_owned();
    match error {
        ServiceError::McpError(error) => {
            ClientError::Refused { name, code: error.code.0, message: error.message.into_owned() }
        }
        ServiceError::TransportClosed => ClientError::Died { name, why: link.why_it_ended().await },
        ServiceError::TransportSend(_) if link.process.is_some() => {
            ClientError::Died { name, why: link.why_it_ended().await }
        }
        ServiceError::TransportSend(error) => ClientError::Unusable { name, why: reason(&error) },
        ServiceError::Cancelled { reason } => {
            let why = reason.unwrap_or_else(|| "it gave no reason".to_owned());
            ClientError::Unusable { name, why: format!("it gave the call up: {why}") }
        }
        ServiceError::UnexpectedResponse => {
            ClientError::Unusable { name, why: "it is none to what was asked".to_owned() }
        }
        error => ClientError::Unusable { name, why: chain(&error) },
    }
}

fn taken(name: &str, result: ServerResult) -> Result<CallResult, ClientError> {
    let unusable = |why: &str| Err(ClientError::Unusable { name: name.to_owned(), why: why.to_owned() });
    match result {
        ServerResult::CallToolResult(result) => Ok(read(result)),
        ServerResult::InputRequiredResult(_) => unusable("it asks somebody at a terminal, and there is nobody"),
        _ => unusable("it is not the result of a tool"),
    }
}

fn read(result: CallToolResult) -> CallResult {
    let mut text = result.content.iter().map(shown).collect::<Vec<_>>().join("\n");
    if let Some(structured) = result.structured_content.as_ref().filter(|_| text.is_empty()) {
        text = structured.to_string();
    }
    CallResult { text, structured: result.structured_content, is_error: result.is_error.unwrap_or(false) }
}

/// A piece of content as text.
fn shown(content: &ContentBlock) -> String {
    match content {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[image: {}, {} bytes of base64]", image.mime_type, image.data.len()),
        ContentBlock::Audio(audio) => format!("[audio: {}, {} bytes of base64]", audio.mime_type, audio.data.len()),
        ContentBlock::ResourceLink(link) => format!("[resource: {} {}]", link.name, link.uri),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => format!("[resource: {uri}]\n{text}"),
            ResourceContents::BlobResourceContents { uri, blob, .. } => {
                format!("[resource: {uri}, {} bytes of base64]", blob.len())
            }
            _ => "[resource of a kind that is not known]".to_owned(),
        },
        _ => "[content of a kind that is not known]".to_owned(),
    }
}
