//! Policies that permit the servers of a test, and requests that are not cancelled.

use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use zo_egress::{Egress, EgressError, ErrorKind, FetchRequest, Fetched, HostPattern, Policy};
use zo_model_server::ModelServer;

/// What may be reached: these servers and nothing else.
pub(crate) fn only(servers: &[&ModelServer]) -> Egress {
    let allow_hosts = servers.iter().map(|server| HostPattern::parse(&server.address().to_string()).unwrap()).collect();
    Egress::new(Policy { allow_hosts, ..Policy::default() }).unwrap()
}

pub(crate) fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A request that a broken test does not wait long for.
pub(crate) fn get(url: impl Into<String>) -> FetchRequest {
    FetchRequest { timeout: Duration::from_secs(20), ..FetchRequest::get(url) }
}

pub(crate) fn fetch(egress: &Egress, url: impl Into<String>) -> Result<Fetched, EgressError> {
    egress.fetch(&get(url), &mut go_on)
}

/// The error of a request, which must be of that kind.
pub(crate) fn fails(egress: &Egress, request: &FetchRequest, kind: ErrorKind) -> EgressError {
    let error = egress.fetch(request, &mut go_on).expect_err("an error");
    assert_eq!(error.kind, kind, "{error:?}");
    error
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A port of this machine that nobody listens on.
pub(crate) fn dead_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
