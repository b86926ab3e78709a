//! Nothing that a page does leads to where the policy does not permit.

use std::time::Duration;

use serde_json::json;
use zo_browser::ActErrorKind;
use zo_test_site::Place;

use crate::support::{World, allowing};

/// Kinds of an error that says that something may not be reached.
const NO: [ActErrorKind; 2] = [ActErrorKind::Refused, ActErrorKind::Navigation];

#[test]
fn only_pages_of_the_web_are_opened() {
    let world = World::new();
    let urls = [
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "chrome://version",
        "view-source:http://127.0.0.1/",
        "javascript:alert(1)",
        "data:text/html,<h1>x</h1>",
        "blob:http://127.0.0.1/x",
        "filesystem:http://127.0.0.1/x",
        "devtools://devtools/bundled/inspector.html",
        "ftp://127.0.0.1/",
        "about:version",
    ];
    for url in urls {
        world.fails(&[ActErrorKind::Refused, ActErrorKind::Invalid], json!({"act": "open", "url": url}));
        world.fails(&[ActErrorKind::Refused, ActErrorKind::Invalid], json!({"act": "tabs", "op": "open", "url": url}));
    }
    world.works();
}

#[test]
fn redirects_lead_to_no_files_and_no_private_addresses() {
    let world = World::new();
    for path in ["/redirect/file", "/redirect/data", "/redirect/script", "/redirect/chrome"] {
        world.fails(&NO, json!({"act": "open", "url": world.site.url_of(path)}));
        assert!(!world.url().starts_with("file:"), "{path}");
        world.works();
    }
    assert!(!world.was_refused());
    let error = world.fails(&NO, json!({"act": "open", "url": world.site.url_of("/redirect/forbidden")}));
    assert_eq!(error.kind, ActErrorKind::Refused, "{error}");
    assert!(world.was_refused(), "the proxy knows why");
    let error = world.fails(&NO, json!({"act": "open", "url": world.site.forbidden_url_of("/secret")}));
    assert_eq!(error.kind, ActErrorKind::Refused, "{error}");
    assert!(error.message.contains(&world.forbidden().0), "{error}");
    world.nobody_arrived();
    world.works();
}

#[test]
fn pages_lead_to_no_files() {
    let world = World::new();
    for id in ["file", "chrome", "source", "data", "mail", "unknown", "script"] {
        world.open("/schemes");
        let _ = world.attempt(json!({"act": "click", "target": format!("#{id}")}), Duration::from_secs(5));
        for tab in world.session().tabs() {
            let web = tab.url.starts_with("http://127.0.0.1") || tab.url == "about:blank" || tab.url.is_empty();
            assert!(web, "{id}: {tab:?}");
        }
        world.works();
    }
    world.open("/schemes");
    let log = world.log(2);
    assert!(log.contains(&"fetch failed".to_owned()) && log.contains(&"image failed".to_owned()), "{log:?}");
    let text = world.act(json!({"act": "read", "format": "text"})).text.unwrap_or_default();
    assert!(!text.contains("root:"), "{text}");
    for path in ["/refresh-file", "/refresh/header"] {
        world.open(path);
        std::thread::sleep(Duration::from_millis(500));
        assert!(world.url().starts_with("http://127.0.0.1"), "{path}: {}", world.url());
        world.works();
    }
    world.open("/popups");
    let _ = world.attempt(json!({"act": "click", "target": "#file"}), Duration::from_secs(5));
    assert!(!world.session().tabs().iter().any(|tab| tab.url.starts_with("file:")), "{:?}", world.session().tabs());
}

#[test]
fn no_way_out_of_a_page_reaches_a_private_address() {
    let world = World::new();
    world.open("/reach");
    world.act(json!({"act": "wait", "script": "document.getElementById('log').textContent.endsWith('over\\n')"}));
    let log = world.log(1);
    for way in ["fetch", "redirected", "xhr", "socket", "events", "worker", "img", "script", "link"] {
        assert!(log.contains(&format!("{way} failed")), "{way}: {log:?}");
    }
    assert!(log.contains(&"peer tried".to_owned()), "{log:?}");
    world.nobody_arrived();
    assert!(world.was_refused());
    world.close();
}

#[test]
fn service_workers_pop_ups_and_refreshes_do_not_either() {
    let world = World::new();
    world.open("/worker");
    world.wait_for_text("ready");
    world.click("#own");
    world.wait_for_text("/plain: 200 plain text");
    world.click("#outside");
    world.wait_for_text("by=worker: TypeError");
    assert!(world.was_refused());
    world.click("#through");
    world.wait_for_text("through: TypeError");
    world.open("/popups");
    let _ = world.attempt(json!({"act": "click", "target": "#forbidden"}), Duration::from_secs(5));
    world.open("/refresh-forbidden");
    std::thread::sleep(Duration::from_millis(700));
    world.works();
    assert!(world.was_refused());
    world.nobody_arrived();
    let local = world.site.url().replace("127.0.0.1", "localhost");
    world.fails(&NO, json!({"act": "open", "url": local}));
}

#[test]
fn websockets_work_where_they_may() {
    let world = World::new();
    world.open("/websocket");
    world.click("#send");
    world.wait_for_text("heard hello");
    world.fill("#message", "wörld 😀");
    world.click("#send");
    world.wait_for_text("heard wörld 😀");
    // A policy that no longer permits it closes it.
    world.proxy.set_policy(allowing(&world.site, &[Place::Other])).unwrap();
    world.wait_for_text("closed 1006");
    let error = world.fails(&NO, json!({"act": "open", "url": world.site.url_of("/article")}));
    assert_eq!(error.kind, ActErrorKind::Refused, "{error}");
    world.act(json!({"act": "open", "url": world.site.other_url_of("/article")}));
    assert_eq!(world.text("h1"), "On the keeping of bees");
}

/// What Chromium asks for when it starts, whatever it is told: who is logged in there, and one component. Nothing of what is done is in it.
const AT_START: [&str; 2] = ["accounts.google.com", "update.googleapis.com"];

#[test]
fn the_browser_tells_nobody_what_is_done_in_it() {
    let world = World::new();
    world.open("/form");
    world.fill("label=Text", "something");
    world.open("/login");
    world.fill("label=Password", "hush");
    world.open("/article");
    std::thread::sleep(Duration::from_secs(2));
    let refusals = world.proxy.refusals().list;
    let asked: Vec<&str> = refusals.iter().map(|refusal| refusal.host.as_str()).collect();
    let more: Vec<&&str> = asked.iter().filter(|host| !AT_START.contains(host)).collect();
    assert!(more.is_empty(), "{more:?}");
}
