//! The protocol's messages in terms of a [`Workspace`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProgressToken, Prompt,
    PromptArgument, PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate, Role, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{Peer, RequestContext, RoleServer};
use rmcp::{RoleServer as Server, ServerHandler};
use serde_json::Value;
use tokio::sync::mpsc;

use super::workspace::{Access, Doing, Offer, PromptLine, Refusal, ResourceLine, Template, Told, Workspace};

/// Words of progress that wait to be told; of more, those that find no room are left out.
const AHEAD: usize = 64;

/// Answers one client.
#[derive(Clone)]
pub(super) struct Handler {
    workspace: Arc<dyn Workspace>,
    /// What everybody may do who comes this way; each request says so itself, if there is none.
    access: Option<Access>,
}

impl Handler {
    pub(super) fn new(workspace: Arc<dyn Workspace>, access: Option<Access>) -> Self {
        Self { workspace, access }
    }

    /// What who sends this request may do.
    fn access(&self, context: &RequestContext<Server>) -> Result<Access, ErrorData> {
        let said = || context.extensions.get::<hyper::http::request::Parts>()?.extensions.get::<Access>().copied();
        let access = self.access.or_else(said);
        access.ok_or_else(|| ErrorData::invalid_request("who asks is not known", None))
    }

    /// Refuses who may not look at things.
    fn may_read(&self, context: &RequestContext<Server>) -> Result<(), ErrorData> {
        let refused = || ErrorData::invalid_request("this needs a token with the scope read", None);
        if self.access(context)?.read { Ok(()) } else { Err(refused()) }
    }

    /// Does something that may take its time, on a thread of its own.
    async fn off<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Workspace) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, ErrorData> {
        let workspace = self.workspace.clone();
        let done = tokio::task::spawn_blocking(move || work(&*workspace)).await;
        done.map_err(|_| broken())?.map_err(error)
    }

    /// Calls a tool, tells its progress, and stops it if the client no longer waits.
    async fn called(&self, request: CallToolRequestParams, context: RequestContext<Server>) -> Result<Told, Outcome> {
        let access = self.access(&context).map_err(Outcome::Protocol)?;
        let (tx, rx) = mpsc::channel(AHEAD);
        let stopped = Arc::new(AtomicBool::new(false));
        let (workspace, stop) = (self.workspace.clone(), stopped.clone());
        let mut work = tokio::task::spawn_blocking(move || {
            let progress = |done: u64, what: &str| drop(tx.try_send((done, what.to_owned())));
            let doing = Doing { access, progress: &progress, stop: &|| stop.load(Ordering::Relaxed) };
            workspace.call(&request.name, request.arguments.unwrap_or_default(), &doing)
        });
        let teller = context.meta.get_progress_token().map(|token| tokio::spawn(tell(context.peer.clone(), token, rx)));
        let done = tokio::select! {
            done = &mut work => done,
            () = context.ct.cancelled() => {
                stopped.store(true, Ordering::Relaxed);
                work.await
            }
        };
        if let Some(teller) = teller {
            // The answer is the last that is said.
            let _ = teller.await;
        }
        match done {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(refusal @ Refusal::NotFound(_))) => Err(Outcome::Protocol(error(refusal))),
            Ok(Err(refusal)) => Err(Outcome::Tool(refusal.to_string())),
            Err(_) => Err(Outcome::Protocol(broken())),
        }
    }
}

/// How a call came to nothing.
enum Outcome {
    /// The client has made a mistake.
    Protocol(ErrorData),
    /// The model may do better.
    Tool(String),
}

/// Tells progress as it comes.
async fn tell(peer: Peer<RoleServer>, token: ProgressToken, mut rx: mpsc::Receiver<(u64, String)>) {
    while let Some((done, what)) = rx.recv().await {
        #[allow(clippy::cast_precision_loss)] // it is a count of a few
        let param = ProgressNotificationParam::new(token.clone(), done as f64).with_message(what);
        if peer.notify_progress(param).await.is_err() {
            return;
        }
    }
}

fn broken() -> ErrorData {
    ErrorData::internal_error("the request failed unexpectedly", None)
}

fn error(refusal: Refusal) -> ErrorData {
    match refusal {
        Refusal::NotFound(what) | Refusal::Invalid(what) => ErrorData::invalid_params(what, None),
        Refusal::Forbidden(what) => ErrorData::invalid_request(what, None),
        Refusal::Failed(what) => ErrorData::internal_error(what, None),
    }
}

/// Resources have a code of their own for what is not there.
fn error_of_resource(error: ErrorData, uri: &str) -> ErrorData {
    if error.code == rmcp::model::ErrorCode::INVALID_PARAMS {
        return ErrorData::resource_not_found(error.message, Some(serde_json::json!({ "uri": uri })));
    }
    error
}

fn tool(offer: &Offer) -> Tool {
    let schema = match &offer.parameters {
        Value::Object(schema) => schema.clone(),
        _ => serde_json::Map::new(),
    };
    let hints = ToolAnnotations::new()
        .read_only(offer.read_only)
        .destructive(offer.destructive)
        .idempotent(offer.idempotent)
        .open_world(false);
    Tool::new(offer.name, offer.description, schema).with_annotations(hints)
}

fn resource(line: ResourceLine) -> Resource {
    let mut resource = Resource::new(line.uri, line.name).with_mime_type(line.media_type);
    resource.title = line.title;
    resource.description = line.description;
    resource
}

fn template(template: &Template) -> ResourceTemplate {
    ResourceTemplate::new(template.uri, template.name)
        .with_description(template.description)
        .with_mime_type(template.media_type)
}

fn prompt(line: PromptLine) -> Prompt {
    let argument = |argument: super::workspace::PromptArgument| {
        PromptArgument::new(argument.name).with_description(argument.description).with_required(argument.required)
    };
    Prompt::new(line.name, Some(line.description), Some(line.arguments.into_iter().map(argument).collect()))
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("zo", env!("CARGO_PKG_VERSION")))
            .with_instructions(self.workspace.instructions())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<Server>,
    ) -> Result<ListToolsResult, ErrorData> {
        let access = self.access(&context)?;
        Ok(ListToolsResult::with_all_items(self.workspace.tools(access).iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<Server>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = match self.called(request, context).await {
            Ok(told) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(told.text)]);
                result.structured_content = told.structured;
                result
            }
            Err(Outcome::Tool(why)) => CallToolResult::error(vec![ContentBlock::text(why)]),
            Err(Outcome::Protocol(error)) => return Err(error),
        };
        Ok(CallToolResponse::Complete(result))
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<Server>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.may_read(&context)?;
        let from = request.and_then(|request| request.cursor);
        let page = self.off(move |workspace| workspace.resources(from.as_deref())).await?;
        let mut result = ListResourcesResult::with_all_items(page.items.into_iter().map(resource).collect());
        result.next_cursor = page.next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<Server>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.may_read(&context)?;
        let templates = self.workspace.templates().iter().map(template).collect();
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<Server>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.may_read(&context)?;
        let (uri, wanted) = (request.uri.clone(), request.uri);
        let read = self.off(move |workspace| workspace.read(&wanted)).await;
        let content = read.map_err(|error| error_of_resource(error, &uri))?;
        let contents = ResourceContents::text(content.text, uri).with_mime_type(content.media_type);
        Ok(ReadResourceResponse::Complete(ReadResourceResult::new(vec![contents])))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<Server>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.may_read(&context)?;
        let prompts = self.off(|workspace| workspace.prompts()).await?;
        Ok(ListPromptsResult::with_all_items(prompts.into_iter().map(prompt).collect()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<Server>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.may_read(&context)?;
        let said = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let given = request.arguments.unwrap_or_default().into_iter();
        let arguments: BTreeMap<String, String> = given.map(|(name, value)| (name, said(value))).collect();
        let filled = self.off(move |workspace| workspace.prompt(&request.name, &arguments)).await?;
        let message = PromptMessage::new_text(Role::User, filled.text);
        Ok(GetPromptResponse::Complete(GetPromptResult::new(vec![message]).with_description(filled.description)))
    }
}
