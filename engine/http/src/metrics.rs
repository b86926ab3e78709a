//! Figures for Prometheus: what was asked, how long it took, and where the home stands.

use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use zo_engine::engine::Engine;

/// What `/metrics` is.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// The figures.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    denied: Counter,
    events: Gauge<u64, AtomicU64>,
    runs: Family<StateLabels, Gauge<u64, AtomicU64>>,
    jobs: Family<StateLabels, Gauge<u64, AtomicU64>>,
    memories: Gauge<u64, AtomicU64>,
    messages: Gauge<u64, AtomicU64>,
    tokens: Gauge<u64, AtomicU64>,
    resident: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("zo");
        let durations = Family::new_with_constructor(durations as fn() -> Histogram);
        let metrics = Self {
            requests: Family::default(),
            durations,
            denied: Counter::default(),
            events: Gauge::default(),
            runs: Family::default(),
            jobs: Family::default(),
            memories: Gauge::default(),
            messages: Gauge::default(),
            tokens: Gauge::default(),
            resident: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests that were answered", metrics.requests.clone());
        registry.register("http_request_seconds", "Until the answer began", metrics.durations.clone());
        registry.register("http_denied", "Requests without a good token", metrics.denied.clone());
        registry.register("events", "Events in the log", metrics.events.clone());
        registry.register("runs", "Runs of models and agents", metrics.runs.clone());
        registry.register("jobs", "Jobs by what becomes of them", metrics.jobs.clone());
        registry.register("memories", "Memories that are live", metrics.memories.clone());
        registry.register("messages", "Messages of conversations", metrics.messages.clone());
        registry.register("model_tokens", "Tokens that models were sent and sent", metrics.tokens.clone());
        registry.register("resident_bytes", "Resident memory of this process", metrics.resident.clone());
        Self { registry, ..metrics }
    }

    /// Counts a request that was answered. `route` is one of a limited number.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = Labels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts a request without a good token.
    pub(crate) fn denied(&self) {
        self.denied.inc();
    }

    /// All figures as text, those of the engine as they are now.
    pub(crate) fn text(&self, engine: &Engine) -> String {
        let figures = engine.writer().read(|views| views.figures());
        if let Ok(figures) = figures {
            self.memories.set(figures.memories_live);
            self.messages.set(figures.messages);
            self.tokens.set(figures.tokens);
            for (state, number) in [
                ("outstanding", figures.runs_outstanding),
                ("finished", figures.runs_finished),
                ("failed", figures.runs_failed),
            ] {
                self.runs.get_or_create(&StateLabels { state }).set(number);
            }
            for (state, number) in [
                ("pending", figures.jobs_pending),
                ("running", figures.jobs_running),
                ("done", figures.jobs_done),
                ("cancelled", figures.jobs_cancelled),
                ("dead", figures.jobs_dead),
            ] {
                self.jobs.get_or_create(&StateLabels { state }).set(number);
            }
        }
        self.events.set(engine.writer().position().0);
        self.resident.set(resident_bytes().unwrap_or_default());
        let mut out = String::new();
        // Writing into a text cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// From a tenth of a millisecond to about two minutes.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 11))
}

/// Resident memory of this process: the second field of `proc_pid_statm(5)`, in pages.
fn resident_bytes() -> Option<u64> {
    const PAGE: u64 = 4096;
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
}
