//! The server: listening, answering, and stopping so that nobody is cut off who need not be.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinHandle;
use tower_http::catch_panic::CatchPanicLayer;
use zo_engine::engine::Engine;

use crate::app::App;
use crate::error::HttpError;
use crate::hosts::Hosts;
use crate::options::{HttpOptions, TlsFiles};
use crate::{api, files, gate, health, holder, mcp, openai, zo};

/// Threads that read and write; what the engine does has threads of its own.
const THREADS: usize = 2;
/// Threads beside those that limits allow for.
const SPARE_THREADS: usize = 16;
/// So long after everybody was let go threads are waited for.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// The workspace over HTTP, until it is stopped.
pub struct Http {
    app: Arc<App>,
    runtime: Runtime,
    listening: Vec<Listening>,
    local: SocketAddr,
    files: Option<SocketAddr>,
}

/// One port that is listened at.
struct Listening {
    handle: Handle<SocketAddr>,
    task: JoinHandle<()>,
}

impl Http {
    /// Begins to listen and to answer.
    ///
    /// # Errors
    /// If it cannot be listened there, or must not be.
    pub fn start(engine: Arc<Engine>, options: HttpOptions) -> Result<Self, HttpError> {
        for address in [Some(options.listen), options.files_listen].into_iter().flatten() {
            if !address.ip().is_loopback() && options.tls.is_none() {
                return Err(HttpError::NeedsTls { address });
            }
        }
        if !options.listen.ip().is_loopback() && !engine.has_tokens() {
            return Err(HttpError::NeedsToken { address: options.listen });
        }
        let limits = &options.limits;
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(limits.requests_at_once + limits.streams_at_once + SPARE_THREADS)
            .thread_name("zo-http")
            .enable_all()
            .build()
            .map_err(HttpError::Threads)?;
        let tls = options.tls.as_ref().map(|files| runtime.block_on(tls(files))).transpose()?;
        let (listener, local) = listen(options.listen)?;
        let hosts = Hosts::new(local, &options.allowed_hosts, &options.allowed_origins)?;
        let read_timeout = options.limits.read_timeout;
        let app = Arc::new(App::new(engine, options, hosts));
        let files = app.options.files_listen.map(listen).transpose()?;
        let files_address = files.as_ref().map(|(_, address)| *address);
        let mut listening = Vec::with_capacity(2);
        if let Some((listener, address)) = files {
            let router = files::router(&app, address)?;
            listening.push(serve(&runtime, listener, address, tls.clone(), router, read_timeout)?);
        }
        listening.push(serve(&runtime, listener, local, tls, router(&app), read_timeout)?);
        Ok(Self { app, runtime, listening, local, files: files_address })
    }

    /// Where the interface listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where hosted files are served.
    pub fn files_addr(&self) -> Option<SocketAddr> {
        self.files
    }

    /// Listens no longer, lets requests in flight be answered for as long as the limits say, and sends the others away.
    pub fn stop(self) {
        let Self { app, runtime, listening, .. } = self;
        app.stopping.store(true, Ordering::Relaxed);
        app.mcp.stop();
        let drain = app.options.limits.drain;
        for one in &listening {
            one.handle.graceful_shutdown(Some(drain));
        }
        runtime.block_on(async {
            for one in listening {
                // It ends by itself when the time is over.
                let _ = tokio::time::timeout(drain + LAST_WAIT, one.task).await;
            }
        });
        runtime.shutdown_timeout(LAST_WAIT);
    }
}

/// Takes a port.
fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), HttpError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => HttpError::InUse { address, holder: holder::of(address) },
        _ => HttpError::Listen { address, source },
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}

/// What encryption needs.
async fn tls(files: &TlsFiles) -> Result<RustlsConfig, HttpError> {
    // Whoever was first has chosen; there is only this one here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    for file in [&files.certificates, &files.key] {
        if let Err(error) = std::fs::File::open(file) {
            return Err(HttpError::Tls { file: file.clone(), why: error.to_string() });
        }
    }
    let config = RustlsConfig::from_pem_file(&files.certificates, &files.key).await;
    config.map_err(|error| HttpError::Tls { file: files.certificates.clone(), why: error.to_string() })
}

/// Answers whoever comes to a port.
fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
    router: Router,
    read_timeout: Duration,
) -> Result<Listening, HttpError> {
    let handle = Handle::new();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let _inside = runtime.enter();
    let failed = |source| HttpError::Listen { address, source };
    let task = match tls {
        Some(config) => {
            let mut server = axum_server::from_tcp_rustls(listener, config).map_err(failed)?.handle(handle.clone());
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(read_timeout);
            runtime.spawn(async move { ended(server.serve(service).await) })
        }
        None => {
            let mut server = axum_server::from_tcp(listener).map_err(failed)?.handle(handle.clone());
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(read_timeout);
            runtime.spawn(async move { ended(server.serve(service).await) })
        }
    };
    Ok(Listening { handle, task })
}

fn ended(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::error!("the HTTP server ended: {error}");
    }
}

/// Every path, behind the gate.
fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route(gate::HEALTH, get(health::health))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(health::openapi))
        .route("/api/v1/events", get(api::events).post(api::post_events))
        .route("/api/v1/{request}", post(api::request))
        .route("/api/v1/query/{query}", get(api::get_query).post(api::post_query))
        .route("/mcp", get(mcp::answer).post(mcp::answer).delete(mcp::answer))
        .merge(zo::routes())
        .merge(openai::routes())
        .fallback(gate::nothing)
        .method_not_allowed_fallback(gate::not_so)
        .layer(CatchPanicLayer::custom(gate::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), gate::gate))
        .with_state(app.clone())
}
