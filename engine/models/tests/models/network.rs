//! What is between us and a provider: names, sockets, certificates, proxies.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use zo_model_server::{ModelServer, Request, Response, openai};
use zo_models::{Dialect, ErrorKind, ModelError, Models, Options, Provider, Retries, Timeouts};

use crate::support::{ask_with, hint, once, open_ai, options, question};

fn at(base_url: &str) -> Provider {
    Provider::custom("mine", Dialect::OpenAi, base_url).unwrap()
}

fn fails(models: &Models, base_url: &str, kind: ErrorKind) -> ModelError {
    let error = ask_with(models, &at(base_url), &question()).0.expect_err("an error");
    assert_eq!(error.kind, kind, "{error:?}");
    error
}

fn through(proxy: &str) -> Models {
    Models::new(Options {
        proxy: Some(proxy.to_string()),
        retries: Retries { most: 1, ..options().retries },
        ..options()
    })
}

#[test]
fn a_name_that_does_not_exist_is_an_address() {
    let error = fails(&once(), "https://nobody.invalid/v1", ErrorKind::Address);
    assert!(
        error
            .message
            .starts_with("mine at https://nobody.invalid/v1/chat/completions: cannot resolve nobody.invalid: "),
        "{error}"
    );
    assert!(hint(&error).contains("base URL") && !error.sent, "{error:?}");
}

#[test]
fn nobody_listening_is_no_connection_and_is_tried_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = fails(&Models::new(options()), &format!("http://127.0.0.1:{port}/v1"), ErrorKind::Connect);
    assert!(error.message.contains("cannot connect: Connection refused"), "{error}");
    assert_eq!((hint(&error), error.attempts, error.sent), ("is mine running there, on that port?", 4, false));
}

#[test]
fn a_connection_that_nobody_takes_times_out() {
    // The queue of a listener that accepts nothing is full after a few; the next handshake is not answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
        assert!(queued.len() < 10_000, "the queue does not end");
    }
    let timeouts = Timeouts { connect: Duration::from_millis(150), ..options().timeouts };
    let models = Models::new(Options { timeouts, retries: Retries { most: 1, ..options().retries }, ..options() });
    let error = fails(&models, &format!("http://{address}/v1"), ErrorKind::ConnectTimeout);
    assert!(!error.sent && error.message.contains("no connection within 0.15 s"), "{error:?}");
}

#[test]
fn a_certificate_that_nobody_signed_is_no_secure_connection() {
    let (server, _certificate) = ModelServer::start_tls(|_| openai::stream("scripted", &["ok"]));
    let error = fails(&Models::new(options()), &format!("{}/v1", server.url()), ErrorKind::Tls);
    assert!(error.message.contains("no secure connection to 127.0.0.1: invalid peer certificate"), "{error}");
    assert!(hint(&error).contains("certificate"), "{error:?}");
    assert_eq!((error.attempts, error.sent), (1, false));
    assert!(server.requests().is_empty());
}

#[test]
fn https_to_a_server_of_http_is_explained() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["ok"]));
    let error = fails(&once(), &format!("https://{}/v1", server.address()), ErrorKind::Tls);
    assert!(hint(&error).contains("does not speak TLS"), "{error:?}");
}

#[test]
fn what_is_no_http_is_no_answer() {
    let server = ModelServer::start(|_| Response::raw().send("SSH-2.0-OpenSSH_9.9\r\n"));
    let error = fails(&once(), &format!("{}/v1", server.url()), ErrorKind::Connect);
    assert!(error.sent && error.message.contains("the connection broke before an answer"), "{error:?}");
}

#[test]
fn a_proxy_is_taken_and_gets_the_whole_address() {
    let proxy = ModelServer::start(|_| openai::stream("scripted", &["through the proxy"]));
    let reply = ask_with(&through(&proxy.url()), &at("http://models.internal/v1"), &question()).0.unwrap();
    assert_eq!(reply.text, "through the proxy");
    assert_eq!(proxy.requests()[0].path, "http://models.internal/v1/chat/completions");
}

#[test]
fn a_proxy_that_is_set_is_taken_even_to_this_machine_and_none_otherwise() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["direct"]));
    let proxy = ModelServer::start(|_| openai::stream("scripted", &["through the proxy"]));
    let asked = |models: &Models| ask_with(models, &open_ai(&server), &question()).0.unwrap().text;
    assert_eq!(asked(&through(&proxy.url())), "through the proxy");
    assert_eq!(asked(&once()), "direct");
    assert_eq!(asked(&Models::new(Options { proxy: None, ..options() })), "direct");
}

#[test]
fn a_proxy_that_refuses_says_so_without_its_password() {
    let refusing = |status: u16| ModelServer::start(move |_: &Request| Response::new(status).body("no"));
    let with_password = |server: &ModelServer| server.url().replace("http://", "http://me:hush@");

    let proxy = refusing(403);
    let error = fails(&through(&with_password(&proxy)), "https://api.example.com/v1", ErrorKind::Proxy);
    assert!(error.message.ends_with(&format!("the proxy {} refuses the connection", proxy.url())), "{error}");
    assert!(!format!("{error:?}").contains("hush"));
    assert_eq!(
        (proxy.requests()[0].method.as_str(), proxy.requests()[0].path.as_str()),
        ("CONNECT", "api.example.com:443")
    );
    assert!(proxy.requests()[0].header("proxy-authorization").is_some());

    let proxy = refusing(407);
    let error = fails(&through(&with_password(&proxy)), "https://api.example.com/v1", ErrorKind::Proxy);
    assert!(error.message.contains("wants a user name and a password"), "{error}");
    let error = fails(&through(&proxy.url()), "http://models.internal/v1", ErrorKind::Proxy);
    assert_eq!(error.status, Some(407));
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for base_url in ["https://api.example.com/v1", "http://models.internal/v1"] {
        let error = fails(&through(&format!("http://127.0.0.1:{port}")), base_url, ErrorKind::Proxy);
        assert!(error.message.contains(&format!("cannot reach the proxy http://127.0.0.1:{port}: ")), "{error}");
        assert!(hint(&error).contains("the proxy setting") && !error.sent, "{error:?}");
    }
    fails(&through("http://proxy.invalid:3128"), "https://api.example.com/v1", ErrorKind::Proxy);
    fails(&through("::not a proxy::"), "https://api.example.com/v1", ErrorKind::Proxy);
}

#[test]
fn a_key_does_not_travel_in_clear() {
    let provider =
        Provider { base_url: "http://models.example.com/v1".to_string(), ..at("https://models.example.com/v1") };
    let error = ask_with(&once(), &provider, &question()).0.expect_err("an error");
    assert_eq!((error.kind, error.attempts), (ErrorKind::Request, 0));
}

/// What a child of these tests is to do, for the environment cannot be changed within a process.
const CHILD: &str = "ZO_MODELS_TEST_CHILD";

/// What the test of that name says in a process of its own.
fn child(test: &str, task: &str, environment: &[(&str, &str)]) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, task)
        .env_remove("SSL_CERT_DIR")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    said
}

#[test]
fn a_certificate_that_the_system_trusts_is_good() {
    let (server, certificate) = ModelServer::start_tls(|_| openai::stream("scripted", &["over TLS"]));
    let file = std::env::temp_dir().join(format!("zo-models-{}.pem", std::process::id()));
    std::fs::write(&file, certificate).unwrap();
    let said = child("network::child_over_tls", &server.url(), &[("SSL_CERT_FILE", file.to_str().unwrap())]);
    std::fs::remove_file(&file).unwrap();
    assert!(said.contains("heard over TLS"), "{said}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
#[allow(clippy::print_stdout)]
fn child_over_tls() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let reply = ask_with(&once(), &at(&format!("{url}/v1")), &question()).0.unwrap();
    println!("heard {}", reply.text);
}

#[test]
fn the_systems_proxy_is_taken_but_not_to_this_machine() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["direct"]));
    let proxy = ModelServer::start(|_| openai::stream("scripted", &["through the proxy"]));
    let nobody = "http://me:hush@127.0.0.1:1";
    let environment = [
        ("HTTP_PROXY", proxy.url()),
        ("HTTPS_PROXY", nobody.to_string()),
        ("NO_PROXY", "excepted.internal".to_string()),
    ];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let said = child("network::child_with_a_proxy", &server.url(), &environment);
    assert!(said.contains("loopback: direct"), "{said}");
    assert!(said.contains("internal: through the proxy"), "{said}");
    assert!(said.contains("excepted: address"), "{said}");
    assert!(
        said.contains(
            "https: mine at https://api.example.com/v1/chat/completions: cannot reach the proxy http://127.0.0.1:1: "
        ),
        "{said}"
    );
    assert!(said.contains("the proxy comes from HTTPS_PROXY") && !said.contains("hush"), "{said}");
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
#[allow(clippy::print_stdout)]
fn child_with_a_proxy() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let models = Models::new(Options { proxy: None, retries: Retries { most: 1, ..options().retries }, ..options() });
    let asked = |base_url: &str| ask_with(&models, &at(base_url), &question()).0;
    println!("loopback: {}", asked(&format!("{url}/v1")).unwrap().text);
    println!("internal: {}", asked("http://models.internal/v1").unwrap().text);
    println!("excepted: {}", asked("http://excepted.internal/v1").expect_err("an error").kind);
    let error = asked("https://api.example.com/v1").expect_err("an error");
    println!("https: {error}: {}", hint(&error));
}
