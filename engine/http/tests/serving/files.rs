//! Hosted files, on their own port.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Served;

/// A workspace with a site in `site/` and a file beside it.
fn hosting() -> Served {
    let served = Served::new();
    for (name, content) in [
        ("site/index.html", "<h1>home</h1>"),
        ("site/docs/index.html", "<h1>docs</h1>"),
        ("site/style.css", "body {}"),
        ("site/ä b.txt", "umlaut"),
        ("secret.txt", "0123456789"),
    ] {
        let (status, json) =
            served.post("/api/v1/put_file", &json!({"name": name, "content": {"bytes": STANDARD.encode(content)}}));
        assert_eq!(status, StatusCode::OK, "{json}");
    }
    served
}

/// The address of a new link.
fn link(served: &Served, body: &Value) -> String {
    let (status, json) = served.post("/api/v1/share_file", body);
    assert_eq!(status, StatusCode::OK, "{json}");
    let files = served.http.as_ref().and_then(zo_http::Http::files_addr).expect("files are served");
    format!("http://{files}{}", json["shared"]["path"].as_str().expect("a path"))
}

/// Gets an address, with headers; nothing is followed.
fn get(served: &Served, method: Method, url: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    served.runtime.block_on(async {
        let mut request = client.expect("a client").request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("answered");
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, response.text().await.expect("a text"))
    })
}

#[test]
fn a_site_is_served_with_its_indexes() {
    let served = hosting();
    let site = link(&served, &json!({"name": "site/", "site": true}));
    for (path, expected, media_type) in [
        ("", "<h1>home</h1>", "text/html; charset=utf-8"),
        ("index.html", "<h1>home</h1>", "text/html; charset=utf-8"),
        ("docs/", "<h1>docs</h1>", "text/html; charset=utf-8"),
        ("style.css", "body {}", "text/css; charset=utf-8"),
        ("%C3%A4%20b.txt", "umlaut", "text/plain; charset=utf-8"),
    ] {
        let (status, headers, text) = get(&served, Method::GET, &format!("{site}{path}"), &[]);
        assert_eq!((status, text.as_str()), (StatusCode::OK, expected), "{path}");
        assert_eq!(headers["content-type"], media_type, "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(headers["content-security-policy"].to_str().expect("a text").starts_with("sandbox"));
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(!headers.contains_key("set-cookie"));
    }
    let (status, headers, _) = get(&served, Method::GET, &format!("{site}docs"), &[]);
    assert_eq!((status, &headers["location"]), (StatusCode::PERMANENT_REDIRECT, &"docs/".parse().expect("a header")));
    let (status, headers, _) = get(&served, Method::GET, site.trim_end_matches('/'), &[]);
    assert_eq!(status, StatusCode::PERMANENT_REDIRECT);
    assert!(site.ends_with(headers["location"].to_str().expect("a text")));
}

#[test]
fn a_part_is_sent_where_a_part_is_asked_for() {
    let served = hosting();
    let file = link(&served, &json!({"name": "secret.txt"}));
    let range = |range: &str| get(&served, Method::GET, &file, &[("range", range)]);
    let (status, headers, text) = range("bytes=2-4");
    assert_eq!((status, text.as_str()), (StatusCode::PARTIAL_CONTENT, "234"));
    assert_eq!(
        (&headers["content-range"], &headers["content-length"]),
        (&"bytes 2-4/10".parse().expect("a header"), &"3".parse().expect("a header"))
    );
    assert_eq!(range("bytes=-3").2, "789");
    assert_eq!(range("bytes=7-").2, "789");
    let (status, headers, _) = range("bytes=10-");
    assert_eq!(
        (status, headers["content-range"].to_str().expect("a text")),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */10")
    );
    assert_eq!(range("bytes=0-1,3-4").0, StatusCode::OK, "several parts are answered with the whole");

    let (status, headers, text) = get(&served, Method::HEAD, &file, &[]);
    assert_eq!(
        (status, text.as_str(), &headers["content-length"]),
        (StatusCode::OK, "", &"10".parse().expect("a header"))
    );
    let tag = headers["etag"].to_str().expect("a text").to_owned();
    let (status, _, text) = get(&served, Method::GET, &file, &[("if-none-match", &tag)]);
    assert_eq!((status, text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let (status, ..) = get(&served, Method::GET, &file, &[("range", "bytes=2-4"), ("if-range", &tag)]);
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    let changed = json!({"name": "secret.txt", "content": {"bytes": STANDARD.encode("other")}});
    assert_eq!(served.post("/api/v1/put_file", &changed).0, StatusCode::OK);
    let (status, _, text) = get(&served, Method::GET, &file, &[("if-none-match", &tag)]);
    assert_eq!((status, text.as_str()), (StatusCode::OK, "other"), "another version has another tag");
    let (status, _, text) = get(&served, Method::GET, &file, &[("range", "bytes=2-4"), ("if-range", &tag)]);
    assert_eq!((status, text.as_str()), (StatusCode::OK, "other"));
}

#[test]
fn a_link_leads_to_what_it_shares_and_nowhere_else() {
    let served = hosting();
    let site = link(&served, &json!({"name": "site/", "site": true}));
    for path in [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "docs/../../secret.txt",
        "..%5csecret.txt",
        "%2fetc%2fpasswd",
        "secret.txt",
        "docs//index.html",
        "style.css%00",
        "none",
    ] {
        // An address is tidied by clients before it is sent, so this one is sent by hand.
        let (status, _) = by_hand(&served, &format!("{}{path}", path_of(&site)));
        assert_eq!(status, 404, "{path}");
    }
    let plain = link(&served, &json!({"name": "site/"}));
    assert_eq!(
        get(&served, Method::GET, &plain, &[]).0,
        StatusCode::NOT_FOUND,
        "a folder has no index if it is no site"
    );
    let (status, headers, _) = get(&served, Method::POST, &site, &[]);
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(headers.contains_key("content-security-policy"));
    let wrong = site.replace('-', "-x");
    assert_eq!(get(&served, Method::GET, &wrong, &[]).0, StatusCode::NOT_FOUND);
    assert_eq!(get(&served, Method::GET, &site, &[("host", "evil.example")]).0, StatusCode::FORBIDDEN);
    let old = link(&served, &json!({"name": "secret.txt", "expires_at": "1970-01-02"}));
    assert_eq!(get(&served, Method::GET, &old, &[]).0, StatusCode::NOT_FOUND, "its time is over");
    let id = path_of(&site).trim_start_matches("/s/").split('-').next().expect("an id").to_owned();
    assert_eq!(served.post("/api/v1/unshare_file", &json!({ "id": id })).0, StatusCode::OK);
    assert_eq!(get(&served, Method::GET, &site, &[]).0, StatusCode::NOT_FOUND, "it was taken back");
}

/// The path of an address.
fn path_of(url: &str) -> String {
    let behind = url.trim_start_matches("http://");
    behind[behind.find('/').expect("it has a path")..].to_owned()
}

/// The status of a request whose path is sent as it is.
fn by_hand(served: &Served, path: &str) -> (u16, String) {
    use std::io::{Read, Write};
    let files = served.http.as_ref().and_then(zo_http::Http::files_addr).expect("files are served");
    let mut stream = std::net::TcpStream::connect(files).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {files}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, text)
}
