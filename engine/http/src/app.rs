//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Bytes;
use tokio::sync::Semaphore;
use zo_engine::engine::Engine;
use zo_engine::mcp::workspace::Home;
use zo_mcp::server::HttpServer;

use crate::hosts::Hosts;
use crate::mcp::Openers;
use crate::metrics::Metrics;
use crate::openai::threads::Threads;
use crate::openapi;
use crate::options::HttpOptions;
use crate::rates::Rates;
use crate::table::Table;

/// The server, seen from a request.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) options: HttpOptions,
    pub(crate) hosts: Hosts,
    pub(crate) rates: Rates,
    pub(crate) metrics: Metrics,
    pub(crate) table: Table,
    /// The document, as it is sent.
    pub(crate) openapi: Bytes,
    /// Permits to have the engine work on something…
    pub(crate) turns: Arc<Semaphore>,
    /// …and to do so for as long as somebody listens.
    pub(crate) streams: Arc<Semaphore>,
    /// Which conversations requests in OpenAI's manner go on with.
    pub(crate) threads: Threads,
    /// The workspace as a server of the Model Context Protocol.
    pub(crate) mcp: HttpServer,
    /// Who opened which of its sessions.
    pub(crate) mcp_openers: Openers,
    /// Whether the server stops: who follows is let go.
    pub(crate) stopping: AtomicBool,
}

impl App {
    pub(crate) fn new(engine: Arc<Engine>, options: HttpOptions, hosts: Hosts) -> Self {
        let table = Table::new();
        // Those skills that ship: folders are the machine's, and not everybody's who has a token.
        let mcp = HttpServer::new(Arc::new(Home::new(engine.clone(), Vec::new())));
        let openapi = openapi::document(&table).to_string().into();
        Self {
            engine,
            hosts,
            rates: Rates::new(&options.limits),
            metrics: Metrics::new(),
            table,
            openapi,
            turns: Arc::new(Semaphore::new(options.limits.requests_at_once)),
            streams: Arc::new(Semaphore::new(options.limits.streams_at_once)),
            threads: Threads::default(),
            mcp,
            mcp_openers: Openers::default(),
            stopping: AtomicBool::new(false),
            options,
        }
    }
}
