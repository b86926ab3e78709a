//! What is between us and a server: sockets, certificates, the environment's proxies.

use std::process::Command;

use zo_egress::{Egress, ErrorKind, Policy};
use zo_model_server::{ModelServer, Response};

use crate::support::{dead_port, fails, fetch, get, only};

fn everything() -> Egress {
    Egress::new(Policy { allow_private: true, ..Policy::default() }).unwrap()
}

#[test]
fn nobody_listening_and_nobody_known_are_told_apart() {
    let port = dead_port();
    let error = fails(&everything(), &get(format!("http://127.0.0.1:{port}/x")), ErrorKind::Connect);
    assert!(
        error.message.starts_with(&format!("GET http://127.0.0.1:{port}/x: cannot connect to 127.0.0.1:{port}: ")),
        "{error}"
    );
    assert_eq!(error.hint.as_deref(), Some("is a server running there, on that port?"));
    let error = fails(&everything(), &get("https://nobody.invalid/"), ErrorKind::Dns);
    assert!(error.message.starts_with("GET https://nobody.invalid/: cannot resolve nobody.invalid: "), "{error}");
}

#[test]
fn a_refused_address_hears_nothing() {
    let server = ModelServer::start(|_| Response::new(200));
    let egress = Egress::new(Policy::default()).unwrap();
    for host in ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"] {
        fails(&egress, &get(format!("http://{host}:{}/", server.address().port())), ErrorKind::Refused);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_certificate_that_nobody_signed_is_no_secure_connection() {
    let (server, _certificate) = ModelServer::start_tls(|_| Response::new(200));
    let error = fails(&only(&[&server]), &get(server.url()), ErrorKind::Tls);
    assert!(error.message.contains("no secure connection to 127.0.0.1: invalid peer certificate"), "{error}");
    assert!(server.requests().is_empty());
    let plain = ModelServer::start(|_| Response::new(200));
    let error = fails(&only(&[&plain]), &get(plain.url().replace("http:", "https:")), ErrorKind::Tls);
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("does not speak TLS")), "{error:?}");
}

/// What a child of these tests is to do, for the environment cannot be changed within a process.
const CHILD: &str = "ZO_EGRESS_TEST_CHILD";

/// What the test of that name says in a process of its own.
fn child(test: &str, task: &str, environment: &[(&str, &str)]) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, task)
        .env_remove("SSL_CERT_DIR")
        .env_remove("REQUEST_METHOD")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    said
}

#[test]
fn a_certificate_that_the_system_trusts_is_good() {
    let (server, certificate) = ModelServer::start_tls(|_| Response::new(200).body("over TLS"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, certificate).unwrap();
    let said = child("network::child_over_tls", &server.url(), &[("SSL_CERT_FILE", file.to_str().unwrap())]);
    assert!(said.contains("heard over TLS"), "{said}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
#[allow(clippy::print_stdout)]
fn child_over_tls() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let fetched = fetch(&everything(), &url).unwrap();
    println!("heard {}", String::from_utf8_lossy(&fetched.body));
}

#[test]
fn the_environments_proxy_is_taken_only_if_the_policy_says_so() {
    let server = ModelServer::start(|_| Response::new(200).body("direct"));
    let proxy = ModelServer::start(|_| Response::new(200).body("through the proxy"));
    let nobody = format!("http://me:hush@127.0.0.1:{}", dead_port());
    let proxy_url = proxy.url();
    let environment = [
        ("HTTP_PROXY", proxy_url.as_str()),
        ("http_proxy", proxy_url.as_str()),
        ("HTTPS_PROXY", nobody.as_str()),
        ("https_proxy", nobody.as_str()),
        ("NO_PROXY", "excepted.invalid"),
        ("no_proxy", "excepted.invalid"),
    ];
    let said = child("network::child_with_a_proxy", &server.url(), &environment);
    assert!(said.contains("by default: dns"), "{said}");
    assert!(said.contains("system proxy: through the proxy"), "{said}");
    assert!(said.contains("this machine: direct"), "{said}");
    assert!(said.contains("excepted: dns"), "{said}");
    assert!(said.contains("written out: refused"), "{said}");
    assert!(said.contains("https: proxy") && !said.contains("hush"), "{said}");
    assert_eq!(proxy.requests().len(), 1);
    assert_eq!(proxy.requests()[0].path, "http://outside.invalid/x");
}

#[test]
#[allow(clippy::print_stdout)]
fn child_with_a_proxy() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let said = |policy: Policy, url: &str| match fetch(&Egress::new(policy).unwrap(), url) {
        Ok(fetched) => String::from_utf8_lossy(&fetched.body).into_owned(),
        Err(error) => format!("{} {error}", error.kind),
    };
    let through = Policy { system_proxy: true, ..Policy::default() };
    println!("by default: {}", said(Policy::default(), "http://outside.invalid/x"));
    println!("system proxy: {}", said(through.clone(), "http://outside.invalid/x"));
    println!("this machine: {}", said(Policy { allow_private: true, ..through.clone() }, &url));
    println!("excepted: {}", said(through.clone(), "http://excepted.invalid/"));
    println!("written out: {}", said(through.clone(), "http://10.0.0.1/"));
    println!("https: {}", said(through, "https://outside.invalid/"));
}
