//! The workspace as a server: its tools, resources and prompts, for other people's agents.
//!
//! ```text
//! stdin/stdout, or /mcp ──► the protocol ──► a thread for each call ──► Workspace
//! ```
//!
//! - [`workspace`]: what a workspace has to do. Start there.
//! - `handler`: the protocol's messages in terms of it.
//!
//! What of the log is told, and how, is not here: a [`Workspace`] is what the engine makes of it.

mod handler;
pub mod workspace;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes};
use hyper::{Request, Response};
use rmcp::ServiceExt;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use handler::Handler;
pub use workspace::{
    Access, Content, Doing, Need, Offer, Page, PromptArgument, PromptLine, PromptText, Refusal, ResourceLine, Template,
    Told, Workspace,
};

/// The largest request.
const MAX_REQUEST_BYTES: usize = 16 << 20;
/// Between two words on a stream that has nothing else to say.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Threads that calls have, at the most; others wait.
const MAX_CALLS: usize = 64;

/// Speaks through stdin and stdout until stdin ends. Whoever has these has everything: there is nobody else to ask.
///
/// # Errors
/// If there are no threads, or the greeting is none.
pub fn serve_stdio(workspace: Arc<dyn Workspace>) -> io::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).max_blocking_threads(MAX_CALLS).enable_all().build()?;
    let served = runtime.block_on(async {
        let handler = Handler::new(workspace, Some(Access::ALL));
        let running = handler.serve(rmcp::transport::stdio()).await;
        match running {
            Ok(running) => running.waiting().await.map(drop).map_err(io::Error::other),
            // Somebody has looked whether it starts, and left.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
        }
    });
    // A read of stdin cannot be given up.
    runtime.shutdown_background();
    served
}

/// Speaks by streamable HTTP. Whoever passes a request on has checked who sends it, and says so with an [`Access`] among the request's
/// extensions; without one it is refused.
#[derive(Clone)]
pub struct HttpServer {
    service: StreamableHttpService<Handler, LocalSessionManager>,
    stop: CancellationToken,
}

impl HttpServer {
    /// A server of this workspace.
    #[must_use]
    pub fn new(workspace: Arc<dyn Workspace>) -> Self {
        let stop = CancellationToken::new();
        let config = StreamableHttpServerConfig::default()
            .with_sse_keep_alive(Some(KEEP_ALIVE))
            .with_max_request_body_bytes(MAX_REQUEST_BYTES)
            .with_cancellation_token(stop.clone())
            // Whoever passes requests on has looked at both.
            .disable_allowed_hosts()
            .disable_allowed_origins();
        let make = move || Ok(Handler::new(workspace.clone(), None));
        Self { service: StreamableHttpService::new(make, Arc::new(LocalSessionManager::default()), config), stop }
    }

    /// Answers a request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<BoxBody<Bytes, Infallible>>
    where
        B: Body + Send + 'static,
        B::Data: Send + 'static,
        B::Error: std::fmt::Display,
    {
        self.service.handle(request).await
    }

    /// Ends every session and stream.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}
