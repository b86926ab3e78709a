use reqwest::StatusCode;
use reqwest::header::HeaderValue;

use super::Hop;
use crate::error::{EgressError, ErrorKind};
use crate::fetch::{FetchRequest, Method};

fn request(method: Method, url: &str, headers: &[(&str, &str)]) -> FetchRequest {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    FetchRequest { method, headers, body: b"body".to_vec(), ..FetchRequest::get(url) }
}

fn hop(method: Method, url: &str) -> Hop {
    let headers = [
        ("Authorization", "Bearer x"),
        ("Cookie", "a=b"),
        ("X-Api-Key", "k"),
        ("Accept", "text/html"),
        ("Content-Type", "text/plain"),
    ];
    Hop::first(&request(method, url, &headers)).unwrap()
}

fn after(hop: &Hop, status: u16, location: &str) -> Result<Hop, EgressError> {
    hop.next(StatusCode::from_u16(status).unwrap(), &HeaderValue::from_str(location).unwrap())
}

fn names(hop: &Hop) -> Vec<&str> {
    hop.headers.keys().map(|name| name.as_str()).collect()
}

#[test]
fn a_post_becomes_a_get_where_the_status_says_so() {
    let cases = [
        (Method::Post, 301, "GET", ""),
        (Method::Post, 302, "GET", ""),
        (Method::Post, 303, "GET", ""),
        (Method::Post, 307, "POST", "body"),
        (Method::Post, 308, "POST", "body"),
        (Method::Put, 302, "PUT", "body"),
        (Method::Delete, 303, "GET", ""),
        (Method::Head, 303, "HEAD", "body"),
    ];
    for (method, status, expected, body) in cases {
        let next = after(&hop(method, "https://example.org/a/b"), status, "../c").unwrap();
        assert_eq!((next.method.as_str(), next.url.as_str()), (expected, "https://example.org/c"), "{method} {status}");
        assert_eq!(String::from_utf8_lossy(&next.body), body, "{method} {status}");
        assert_eq!(next.headers.contains_key("content-type"), !body.is_empty(), "{method} {status}");
    }
}

#[test]
fn another_host_is_told_nothing_about_who_asks() {
    let first = hop(Method::Get, "https://me:hush@example.org/");
    let same = after(&first, 302, "/next").unwrap();
    assert_eq!(names(&same), ["authorization", "cookie", "x-api-key", "accept", "content-type"]);
    assert_eq!(same.url.as_str(), "https://me:hush@example.org/next");
    for elsewhere in ["https://example.com/", "//example.com/", "https://example.org:8443/", "https://www.example.org/"]
    {
        let next = after(&first, 302, elsewhere).unwrap();
        assert_eq!(names(&next), ["accept", "content-type"], "{elsewhere}");
        assert!(next.url.username().is_empty() && next.url.password().is_none(), "{elsewhere}");
    }
}

#[test]
fn a_server_does_not_choose_credentials() {
    let next = after(&hop(Method::Get, "https://example.org/"), 302, "https://you:and@example.com/").unwrap();
    assert_eq!(next.url.as_str(), "https://example.com/");
    let next = after(&hop(Method::Get, "https://example.org/"), 302, "https://you:and@example.org/").unwrap();
    assert_eq!(next.url.as_str(), "https://example.org/");
}

#[test]
fn a_redirect_into_the_clear_or_out_of_http_is_refused() {
    let error = after(&hop(Method::Get, "https://example.org/"), 302, "http://example.org/?token=1").err().unwrap();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("from https to http://example.org/?… is not followed"), "{error}");
    after(&hop(Method::Get, "http://example.org/"), 302, "https://example.org/").unwrap();
    for elsewhere in ["file:///etc/passwd", "ftp://example.org/", "data:text/plain,x", "javascript:x"] {
        let error = after(&hop(Method::Get, "http://example.org/"), 302, elsewhere).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Refused, "{elsewhere}: {error}");
    }
    let error = after(&hop(Method::Get, "http://example.org/"), 302, "http://[").err().unwrap();
    assert_eq!(error.kind, ErrorKind::Redirects);
}

#[test]
fn headers_that_lead_elsewhere_are_refused() {
    for name in ["Host", "transfer-encoding", "Proxy-Authorization", "Upgrade", "TE", "expect", "bad name", "", "a:b"] {
        let error = Hop::first(&request(Method::Get, "http://example.org/", &[(name, "x")])).err().expect(name);
        assert_eq!(error.kind, ErrorKind::Request, "{name}: {error}");
    }
    for value in ["a\r\nhost: evil", "a\nb", "a\0b"] {
        let error = Hop::first(&request(Method::Get, "http://example.org/", &[("x-y", value)])).err().expect(value);
        assert_eq!(error.kind, ErrorKind::Request);
    }
    let seen_to = [("Accept-Encoding", "br"), ("Content-Length", "9"), ("Connection", "close"), ("X-Y", "ü")];
    let hop = Hop::first(&request(Method::Get, "http://example.org/", &seen_to)).unwrap();
    assert_eq!(names(&hop), ["x-y"]);
}
