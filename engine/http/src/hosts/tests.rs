//! Names and origins.

use super::*;

fn hosts() -> Hosts {
    let bound = "127.0.0.1:7733".parse().expect("an address");
    let names = ["zo.example".to_owned(), "Proxy.example:8443".to_owned()];
    Hosts::new(bound, &names, &["https://App.example".to_owned()]).expect("they are names")
}

/// The kind of problem with a request, if there is one.
fn check(host: &str, origin: Option<&str>) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, host.parse().expect("a header"));
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, origin.parse().expect("a header"));
    }
    hosts().check(&"/".parse().expect("an address"), &headers).err().map(|problem| problem.kind)
}

#[test]
fn this_machine_is_called_by_its_names_at_its_port() {
    for host in ["127.0.0.1:7733", "localhost:7733", "LOCALHOST:7733", "[::1]:7733", "zo.example", "zo.example:99"] {
        assert_eq!(check(host, None), None, "{host}");
    }
    assert_eq!(check("proxy.example:8443", None), None);
    for host in [
        "evil.example:7733",
        "localhost",
        "localhost:80",
        "localhost:7733.evil.example",
        "user@localhost:7733",
        "127.0.0.2:7733",
        "proxy.example",
        "proxy.example:443",
        "sub.zo.example",
        "localhost:",
        ":7733",
        "",
    ] {
        assert_eq!(check(host, None).as_deref(), Some("forbidden_host"), "{host}");
    }
}

#[test]
fn pages_of_other_origins_are_refused() {
    let local = "localhost:7733";
    assert_eq!(check(local, Some("http://localhost:7733")), None);
    assert_eq!(check(local, Some("https://app.example")), None);
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost:7734",
        "http://localhost",
        "file://localhost:7733",
        "http://localhost:7733.evil.example",
        "http://app.example",
        "",
    ] {
        assert_eq!(check(local, Some(origin)).as_deref(), Some("forbidden_origin"), "{origin}");
    }
}

#[test]
fn a_request_names_one_host() {
    let none = hosts().check(&Uri::from_static("/"), &HeaderMap::new()).expect_err("no host");
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    let mut headers = HeaderMap::new();
    headers.append(header::HOST, HeaderValue::from_static("localhost:7733"));
    let other = Uri::from_static("http://evil.example/");
    assert_eq!(hosts().check(&other, &headers).expect_err("two names").status, StatusCode::BAD_REQUEST);
    headers.append(header::HOST, HeaderValue::from_static("localhost:7733"));
    let twice = hosts().check(&Uri::from_static("/"), &headers).expect_err("two headers");
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
}

#[test]
fn what_is_no_name_is_refused_at_the_start() {
    let bound = "127.0.0.1:1".parse().expect("an address");
    for host in ["", "a b", "http://x", "x:99999", "x/y"] {
        assert!(Hosts::new(bound, &[host.to_owned()], &[]).is_err(), "{host:?}");
    }
    for origin in ["app.example", "ftp://x", "https://", "https://x/y"] {
        assert!(Hosts::new(bound, &[], &[origin.to_owned()]).is_err(), "{origin:?}");
    }
}
