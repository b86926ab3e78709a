//! Cookies, storage, downloads.

use std::fs;

use serde_json::json;
use zo_browser::{ActErrorKind, Note};

use crate::support::{Home, Site};

#[test]
fn cookies_and_storage_are_listed_set_and_cleared() {
    let site = Site::new(&[("/a", "<title>A</title>")]);
    let home = Home::new();
    home.open(&site.url("/a"));
    home.act(
        json!({ "act": "cookies", "op": "set", "name": "n", "value": "v", "http_only": true, "same_site": "strict" }),
    );
    let listed = home.act(json!({ "act": "cookies" })).value;
    assert_eq!(listed[0]["value"], "v");
    assert_eq!(
        (&listed[0]["http_only"], &listed[0]["same_site"], &listed[0]["expires"]),
        (&json!(true), &json!("strict"), &json!(null))
    );
    home.open(&site.url("/cookie"));
    assert_eq!(home.act(json!({ "act": "get", "what": "text", "target": "#cookie" })).value, "n=v");
    assert_eq!(home.act(json!({ "act": "cookies", "op": "clear", "name": "n" })).value, 1);
    assert_eq!(home.act(json!({ "act": "cookies" })).value, json!([]));
    for kind in ["local", "session"] {
        home.act(json!({ "act": "storage", "kind": kind, "op": "set", "key": "k", "value": "ü\"" }));
        assert_eq!(home.act(json!({ "act": "storage", "kind": kind, "op": "get", "key": "k" })).value, "ü\"");
        assert_eq!(home.act(json!({ "act": "storage", "kind": kind })).value, json!({ "k": "ü\"" }));
        home.act(json!({ "act": "storage", "kind": kind, "op": "clear" }));
        assert_eq!(home.act(json!({ "act": "storage", "kind": kind, "op": "get", "key": "k" })).value, json!(null));
    }
    home.open("about:blank");
    home.fails(json!({ "act": "storage" }), ActErrorKind::Script);
    home.fails(json!({ "act": "cookies", "op": "set", "name": "n", "value": "v" }), ActErrorKind::Invalid);
}

#[test]
fn downloads_are_kept_under_harmless_names_and_within_their_limit() {
    const EVIL: &str = "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"..\\\\..\\\\.evil.txt\"\r\n";
    let site = Site::with(vec![
        ("/a", "Content-Type: text/html\r\n", b"<a href=/file>get</a><a href=/big>big</a><a href=/a>page</a>".to_vec()),
        ("/file", EVIL, b"content".to_vec()),
        ("/big", EVIL, vec![b'x'; 200_000]),
        ("/page.html", "Content-Type: text/html\r\n", b"<h1>stored</h1>".to_vec()),
    ]);
    let home = Home::with(|options| options.download_limit = 100_000);
    home.open(&site.url("/a"));
    let done = home.act(json!({ "act": "download", "target": "text=get" }));
    let [file] = &done.downloads[..] else { panic!("{:?}", done.downloads) };
    assert_eq!(file.path.parent().unwrap(), home.folder.path().join("downloads"));
    assert!(!file.name.starts_with('.') && file.name.ends_with("evil.txt"), "{}", file.name);
    assert_eq!(fs::read(&file.path).unwrap(), b"content");
    assert_eq!(done.value["size"], 7);
    let done = home.act(json!({ "act": "download", "url": site.url("/page.html") }));
    assert_eq!(fs::read_to_string(&done.downloads[0].path).unwrap(), "<h1>stored</h1>");
    assert_eq!(home.session().tabs().len(), 1);
    assert_eq!(done.url, site.url("/a"));
    let error = home.fails(json!({ "act": "download", "target": "text=big" }), ActErrorKind::TooLarge);
    assert!(error.message.contains("200000 bytes, and may have 100000"), "{error}");
    assert!(matches!(&error.notes[..], [Note::DownloadFailed { .. }]), "{:?}", error.notes);
    home.fails(json!({ "act": "download", "url": site.url("/nothing") }), ActErrorKind::Navigation);
    let done = home.open(&site.url("/file"));
    assert_eq!(done.downloads.len(), 1, "what is opened and is no page is downloaded");
    assert_eq!(fs::read_dir(home.folder.path().join("downloads")).unwrap().count(), 3);
    assert_eq!(home.session().tabs().len(), 1);
}
