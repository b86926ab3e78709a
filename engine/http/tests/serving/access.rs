//! Who may what.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use zo_http::{HttpError, HttpOptions, Limits};
use zo_projections::event::vault::Scope;

use crate::support::{Served, engine, options, start, token};

/// Every operation of the document: method, path, and the scopes of which it needs one; none needs no token.
fn operations(document: &Value) -> Vec<(Method, String, Vec<String>)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let scopes = operation["x-scopes"].as_array().cloned().unwrap_or_default();
            let scopes = scopes.iter().map(|scope| scope.as_str().expect("a name").to_owned()).collect();
            operations.push((method, path.clone(), scopes));
        }
    }
    operations
}

#[test]
fn every_endpoint_wants_a_token_that_is_good_for_it() {
    let patient = Limits { failures_per_minute: NonZeroU32::MAX, ..Limits::default() };
    let served = Served::with(HttpOptions { limits: patient, ..options() });
    let (status, document) = served.get("/openapi.json");
    assert_eq!(status, StatusCode::OK);
    let operations = operations(&document);
    assert!(operations.len() > 60, "{}", operations.len());
    for (method, path, scopes) in operations {
        let what = format!("{method} {path}");
        if path == "/healthz" {
            continue;
        }
        assert!(!scopes.is_empty(), "{what} needs a scope");
        let url = format!("{}{path}", served.url);
        let (status, json) = served.send(served.client.request(method.clone(), &url));
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{what} without a token");
        assert!(json["error"]["message"].is_string(), "{what}: {json}");
        for token in ["wrong", "old"] {
            let (status, _) = served.send(served.as_(token, &method, &path));
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{what} with a token that is {token}");
        }
        for token in ["ask", "read", "node"].into_iter().filter(|token| !scopes.contains(&(*token).to_owned())) {
            let (status, json) = served.send(served.as_(token, &method, &path));
            assert_eq!(status, StatusCode::FORBIDDEN, "{what} with the scope {token}: {json}");
        }
    }
}

#[test]
fn who_has_no_token_is_told_how_to_present_one() {
    let served = Served::new();
    served.runtime.block_on(async {
        let get = |token: Option<&str>| {
            let request = served.client.get(format!("{}/metrics", served.url));
            match token {
                Some(token) => request.header("authorization", token),
                None => request,
            }
        };
        let response = get(None).send().await.expect("answered");
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"zo\"");
        let json: Value = response.json().await.expect("JSON");
        assert_eq!(json["error"]["kind"], "unauthorized");
        assert!(json["error"]["hint"].as_str().is_some_and(|hint| hint.contains("zo token create")), "{json}");
        let expired = get(Some(&format!("Bearer {}", served.token("old")))).send().await.expect("answered");
        assert!(expired.headers()["www-authenticate"].to_str().expect("a text").contains("expired"));
        let bare = get(Some(served.token("read"))).send().await.expect("answered");
        assert_eq!(bare.status(), StatusCode::OK, "a bare token is taken");
    });
}

#[test]
fn health_needs_no_token() {
    let served = Served::new();
    let url = format!("{}/healthz", served.url);
    assert_eq!(served.text(served.client.get(&url)), "ok\n");
    let (status, _) = served.send(served.client.post(&url));
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn foreign_hosts_and_origins_are_refused_whatever_the_token() {
    let served = Served::new();
    let check = |header: &str, value: &str, path: &str, expected: StatusCode, kind: &str| {
        let (status, json) = served.send(served.as_("admin", &Method::GET, path).header(header, value));
        assert_eq!((status, json["error"]["kind"].as_str()), (expected, Some(kind)), "{header}: {value}");
    };
    for path in ["/healthz", "/api/v1/query/status", "/v1/models-that-are-not"] {
        let (status, _) = served.send(served.as_("admin", &Method::GET, path).header("host", "evil.example"));
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
    check("host", "evil.example", "/metrics", StatusCode::FORBIDDEN, "forbidden_host");
    check("origin", "https://evil.example", "/metrics", StatusCode::FORBIDDEN, "forbidden_origin");
    check("origin", "null", "/metrics", StatusCode::FORBIDDEN, "forbidden_origin");
    let own = served.as_("admin", &Method::GET, "/metrics").header("origin", served.url.clone());
    assert_eq!(served.send(own).0, StatusCode::OK);
}

#[test]
fn pages_of_a_permitted_origin_may_ask() {
    let served = Served::with(HttpOptions { allowed_origins: vec!["https://app.example".into()], ..options() });
    served.runtime.block_on(async {
        let url = format!("{}/api/v1/query/status", served.url);
        let preflight = served.client.request(Method::OPTIONS, &url).header("origin", "https://app.example");
        let response = preflight.send().await.expect("answered");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
        let asked = served.client.get(&url).bearer_auth(served.token("read")).header("origin", "https://app.example");
        let response = asked.send().await.expect("answered");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
        let foreign = served.client.request(Method::OPTIONS, &url).header("origin", "https://other.example");
        assert_eq!(foreign.send().await.expect("answered").status(), StatusCode::FORBIDDEN);
    });
}

#[test]
fn other_machines_are_served_with_a_certificate_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let everywhere = HttpOptions { listen: "0.0.0.0:0".parse().expect("an address"), ..options() };
    let error = start(&engine, everywhere.clone()).err().expect("it is refused");
    assert!(matches!(error, HttpError::NeedsTls { .. }), "{error}");
    assert!(error.hint().contains("--tls-cert"), "{}", error.hint());

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let tls = zo_http::TlsFiles { certificates: certificate.clone(), key };
    let with_tls = HttpOptions { tls: Some(tls), ..everywhere.clone() };
    let error = start(&engine, with_tls.clone()).err().expect("nobody could be let in");
    assert!(matches!(error, HttpError::NeedsToken { .. }) && error.hint().contains("zo token create"), "{error}");
    token(&engine, "phone", Scope::Read, None);
    let http = start(&engine, with_tls).expect("it starts");
    let port = http.local_addr().port();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
    let health = runtime.block_on(async {
        client.get(format!("https://localhost:{port}/healthz")).send().await.expect("answered").text().await
    });
    assert_eq!(health.expect("a text"), "ok\n");
    http.stop();

    let missing = zo_http::TlsFiles { certificates: certificate, key: folder.path().join("none.pem") };
    let error = start(&engine, HttpOptions { tls: Some(missing), ..everywhere }).err().expect("there is no key");
    assert!(error.to_string().contains("none.pem"), "{error}");
    engine.close();
}

#[test]
fn a_port_that_is_in_use_is_named_with_who_has_it() {
    let served = Served::new();
    let address = served.http.as_ref().expect("it runs").local_addr();
    let error = start(&served.engine, HttpOptions { listen: address, ..options() }).err().expect("it is taken");
    let expected = format!("{address} is in use, by process {} (", std::process::id());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(error.hint().contains("--listen"), "{}", error.hint());
}

#[test]
fn an_agent_with_rules_of_its_own_needs_the_scope_admin() {
    let served = Served::new();
    let body = json!({"question": {"new": {"text": "hi"}}, "agent": {"rules": ["allow: run_command(rm)"]}});
    let (status, json) = served.send(served.as_("ask", &Method::POST, "/api/v1/ask").json(&body));
    assert_eq!(status, StatusCode::FORBIDDEN, "{json}");
}

#[test]
fn what_is_no_http_is_refused_and_harms_nobody() {
    let served = Served::new();
    let address = served.http.as_ref().expect("it runs").local_addr();
    for bytes in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(bytes).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("no more");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    }
    let (status, _) = served.get("/api/v1/query/status");
    assert_eq!(status, StatusCode::OK);
}
