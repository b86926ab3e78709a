//! Opening pages, and what becomes of those that do not come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use zo_browser::{Act, ActErrorKind, Note};

use crate::support::{Home, Site, eventually};

#[test]
fn pages_are_opened_and_gone_back_to() {
    let site = Site::new(&[
        ("/a", "<title>A</title><a href=/b>to b</a>"),
        ("/b", "<title>B</title><h1>b</h1>"),
        ("/hash", "<title>H</title><a href=#x>x</a>"),
    ]);
    let home = Home::new();
    let done = home.open(&site.url("/a"));
    assert_eq!((done.url.as_str(), done.title.as_str()), (site.url("/a").as_str(), "A"));
    assert_eq!(done.value, json!({ "tab": 1, "status": 200 }));
    let done = home.act(json!({ "act": "click", "target": "text=to b" }));
    assert_eq!(
        (done.url.as_str(), done.title.as_str()),
        (site.url("/b").as_str(), "B"),
        "a click waits for where it leads"
    );
    assert_eq!(home.act(json!({ "act": "back" })).url, site.url("/a"));
    assert_eq!(home.act(json!({ "act": "forward" })).url, site.url("/b"));
    assert_eq!(home.act(json!({ "act": "reload" })).title, "B");
    home.fails(json!({ "act": "forward" }), ActErrorKind::NotFound);
    assert_eq!(home.open(&site.url("/nothing")).value["status"], 404);
    home.open(&site.url("/hash"));
    assert_eq!(home.open(&site.url("/hash#y")).url, site.url("/hash#y"));
    assert_eq!(home.act(json!({ "act": "back" })).url, site.url("/hash"));
}

#[test]
fn a_page_that_does_not_come_is_an_error_and_the_tab_goes_on() {
    let site = Site::new(&[
        ("/a", "<title>A</title>"),
        ("/slow", "<title>S</title><p>here</p><img src=/hang>"),
        ("/to", "<a href=/hang>go</a>"),
    ]);
    let home = Home::new();
    let started = Instant::now();
    let error = home.within(json!({ "act": "open", "url": site.url("/hang") }), Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout);
    assert!(error.message.contains(&site.url("/hang")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(4));
    assert_eq!(home.session().tabs().len(), 1);
    assert_eq!(home.open(&site.url("/a")).title, "A");

    let error = home.within(json!({ "act": "open", "url": site.url("/slow") }), Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout);
    assert!(error.message.contains(&format!("waits for {}", site.url("/hang"))), "{error}");
    let done = home.act(json!({ "act": "open", "url": site.url("/slow"), "until": "dom" }));
    assert_eq!(done.title, "S");

    home.open(&site.url("/to"));
    let error = home.within(json!({ "act": "click", "target": "text=go" }), Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout, "{error}");
    assert_eq!(home.open(&site.url("/a")).title, "A");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = home.fails(json!({ "act": "open", "url": format!("http://{nobody}/") }), ActErrorKind::Navigation);
    assert_eq!(error.message, format!("http://{nobody}/ could not be loaded: ERR_CONNECTION_REFUSED"));
    assert_eq!(home.session().tabs()[0].url, "about:blank");
}

#[test]
fn only_pages_of_the_web_are_shown() {
    let site = Site::with(vec![
        (
            "/a",
            "Content-Type: text/html\r\n",
            b"<a href='file:///etc/passwd'>file</a><script>function go(u){location=u}</script>".to_vec(),
        ),
        ("/redirect", "Location: file:///etc/passwd\r\n", Vec::new()),
        (
            "/meta",
            "Content-Type: text/html\r\n",
            b"<meta http-equiv=refresh content='0;url=file:///etc/passwd'>".to_vec(),
        ),
    ]);
    let home = Home::new();
    for url in ["file:///etc/passwd", "chrome://version", "view-source:http://x/", "javascript:1", "data:text/html,x"] {
        home.fails(json!({ "act": "open", "url": url }), ActErrorKind::Refused);
    }
    home.fails(json!({ "act": "open", "url": site.url("/redirect") }), ActErrorKind::Refused);
    home.open(&site.url("/a"));
    for url in ["file:///etc/passwd", "chrome://version", "view-source:http://x/", "data:text/html,x", "filesystem:x"] {
        let _ = home.try_act(json!({ "act": "eval", "script": format!("go({url:?})") }));
        let _ = home.try_act(json!({ "act": "eval", "script": format!("window.open({url:?}) && 1") }));
    }
    let _ = home.try_act(json!({ "act": "click", "target": "text=file" }));
    let _ = home.try_act(json!({ "act": "open", "url": site.url("/meta") }));
    for tab in home.session().tabs() {
        let web = tab.url.starts_with("http://127.") || tab.url == "about:blank" || tab.url.is_empty();
        assert!(web, "{tab:?}");
    }
}

#[test]
fn an_act_is_stopped_at_once_and_acts_wait_for_each_other() {
    let site = Site::new(&[("/a", "<title>A</title>")]);
    let home = Home::new();
    home.open(&site.url("/a"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let act = Act::from_value(json!({ "act": "wait", "text": "never" })).unwrap();
            let stopped = home.session().act(&act, Duration::from_secs(30), &|| stop.load(Ordering::SeqCst));
            (stopped, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(200));
        let error = home.within(json!({ "act": "get", "what": "title" }), Duration::from_millis(200)).unwrap_err();
        assert!(error.message.contains("another one is under way"), "{error}");
        stop.store(true, Ordering::SeqCst);
        let at = Instant::now();
        let (stopped, ended) = waiting.join().unwrap();
        assert_eq!(stopped.unwrap_err().kind, ActErrorKind::Stopped);
        assert!(ended - at < Duration::from_millis(400), "{:?}", ended - at);
    });
    assert_eq!(home.act(json!({ "act": "get", "what": "title" })).value, "A");
}

#[test]
fn a_script_without_end_is_ended() {
    let site = Site::new(&[("/a", "<title>A</title>")]);
    let home = Home::new();
    home.open(&site.url("/a"));
    let error = home.within(json!({ "act": "eval", "script": "for (;;) {}" }), Duration::from_millis(500)).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout);
    assert_eq!(home.act(json!({ "act": "get", "what": "title" })).value, "A", "the page lives on");
}

#[test]
fn tabs_and_pop_ups_have_numbers() {
    let site = Site::new(&[
        ("/a", "<title>A</title><button onclick=\"window.open('/b')\">open</button><a href=/b target=_blank>blank</a>"),
        ("/b", "<title>B</title><button onclick='window.close()'>bye</button>"),
    ]);
    let home = Home::new();
    home.open(&site.url("/a"));
    let done = home.act(json!({ "act": "click", "target": "role=button[name=open]" }));
    assert!(matches!(&done.notes[..], [Note::PopUp { tab: 2, .. }]), "{:?}", done.notes);
    assert_eq!(done.title, "A", "the tab that was active stays it");
    home.act(json!({ "act": "tabs", "op": "switch", "tab": 2 }));
    home.act(json!({ "act": "wait", "url": "/b" }));
    let done = home.try_act(json!({ "act": "click", "target": "text=bye" }));
    let done = done.unwrap_or_else(|error| panic!("{error}"));
    let mut notes = done.notes;
    eventually("the tab that closes itself is there", || {
        notes.extend(home.act(json!({ "act": "tabs" })).notes);
        notes.iter().any(|note| matches!(note, Note::TabClosed { tab: 2, .. }))
    });
    let done = home.act(json!({ "act": "tabs", "op": "open", "url": site.url("/b") }));
    assert_eq!(done.value["tab"], 3);
    let listed = home.act(json!({ "act": "tabs" }));
    assert_eq!(listed.value.as_array().unwrap().len(), 2);
    assert_eq!(listed.value[1]["active"], true);
    home.act(json!({ "act": "tabs", "op": "close" }));
    home.act(json!({ "act": "tabs", "op": "close", "tab": 1 }));
    assert_eq!(home.session().tabs().len(), 1, "there is always one");
    home.fails(json!({ "act": "tabs", "op": "switch", "tab": 9 }), ActErrorKind::NotFound);
}

#[test]
fn dialogs_are_answered_and_told() {
    let site = Site::new(&[(
        "/a",
        "<title>A</title><button onclick=\"window.said = [confirm('sure?'), prompt('name?', 'x')]; alert('done')\">ask</button><script>onbeforeunload = e => e.preventDefault()</script>",
    )]);
    let home = Home::new();
    home.open(&site.url("/a"));
    let done = home.act(json!({ "act": "click", "target": "text=ask" }));
    assert_eq!(done.notes.len(), 3, "{:?}", done.notes);
    assert_eq!(home.eval("said"), json!([false, null]));
    home.act(json!({ "act": "dialog", "policy": { "answer": "accept", "text": "ada" } }));
    home.act(json!({ "act": "click", "target": "text=ask" }));
    assert_eq!(home.eval("said"), json!([true, "ada"]));
    home.open("about:blank");
}

#[test]
fn an_empty_tab_says_at_once_that_it_is_empty() {
    let home = Home::new();
    let started = Instant::now();
    let click = json!({ "act": "click", "target": "#b" });
    let error = home.within(click.clone(), Duration::from_secs(10)).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ActErrorKind::NotFound, "tab 1 is empty: no page is open in it"));
    home.try_act(json!({ "act": "open", "url": "http://none.invalid/" })).unwrap_err();
    let error = home.within(click, Duration::from_secs(10)).unwrap_err();
    assert_eq!(error.message, "tab 1 is empty: http://none.invalid/ could not be loaded");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}
