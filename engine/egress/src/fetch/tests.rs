//! Names that change what they mean, which takes a resolver of the test's.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zo_model_server::{ModelServer, Response};

use super::{FetchRequest, Fetched, shown};
use crate::dial::Names;
use crate::error::{EgressError, ErrorKind};
use crate::pattern::HostPattern;
use crate::policy::Policy;
use crate::runtime::Egress;

fn fetch(egress: &Egress, url: &str) -> Result<Fetched, EgressError> {
    egress.fetch(&FetchRequest::get(url), &mut || ControlFlow::Continue(()))
}

#[test]
fn a_name_is_resolved_once_and_what_was_checked_is_connected_to() {
    let server = ModelServer::start(|_| Response::new(200).body("here"));
    let port = server.address().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let names = Names::Scripted(Arc::new({
        let asked = asked.clone();
        // Good at the first look, and nowhere at the second.
        move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec!["127.0.0.1".parse().unwrap()]),
            _ => Err(std::io::Error::other("asked again")),
        }
    }));
    let policy = Policy { allow_private: true, ..Policy::default() };
    let egress = Egress::with_names(policy, names).unwrap();
    let fetched = fetch(&egress, &format!("http://rebind.example:{port}/")).unwrap();
    assert_eq!((fetched.status, fetched.body.as_slice()), (200, b"here".as_slice()));
    assert_eq!((asked.load(Ordering::SeqCst), server.requests().len()), (1, 1));
    assert_eq!(server.requests()[0].header("host"), Some(format!("rebind.example:{port}").as_str()));
}

#[test]
fn a_name_that_turns_private_between_two_redirects_is_refused() {
    let server = ModelServer::start(|_| Response::new(302).header("location", "/again"));
    let port = server.address().port();
    let asked = AtomicUsize::new(0);
    let names = Names::Scripted(Arc::new(move |_| {
        let address = if asked.fetch_add(1, Ordering::SeqCst) == 0 { "127.0.0.1" } else { "127.0.0.3" };
        Ok(vec![address.parse().unwrap()])
    }));
    let deny_hosts = vec![HostPattern::parse("127.0.0.3").unwrap()];
    let egress = Egress::with_names(Policy { allow_private: true, deny_hosts, ..Policy::default() }, names).unwrap();
    let error = fetch(&egress, &format!("http://rebind.example:{port}/")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("/again: ") && error.message.contains("127.0.0.3 is denied"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_public_page_cannot_lead_to_a_private_name() {
    let server = ModelServer::start(|_| Response::new(302).header("location", "http://inside.example/secrets"));
    let port = server.address().port();
    let names = Names::Scripted(Arc::new(|_| Ok(vec!["127.0.0.1".parse().unwrap()])));
    let allow_hosts = ["*".to_string(), format!("front.example:{port}")];
    let allow_hosts = allow_hosts.iter().map(|text| HostPattern::parse(text).unwrap()).collect();
    let egress = Egress::with_names(Policy { allow_hosts, ..Policy::default() }, names).unwrap();
    let error = fetch(&egress, &format!("http://front.example:{port}/")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!(
        error.message,
        "GET http://inside.example/secrets: inside.example:80 is refused: 127.0.0.1 is this machine"
    );
}

#[test]
fn errors_show_no_secret_of_a_url() {
    let url = "https://me:hush@example.org/path?key=secret#part".parse().unwrap();
    assert_eq!(shown(&url), "https://example.org/path?…");
    let long = format!("https://example.org/{}", "é".repeat(500)).parse().unwrap();
    assert_eq!(shown(&long).chars().count(), 201);
}
