//! Pages that do not come, or come from elsewhere.

use std::time::{Duration, Instant};

use serde_json::json;
use zo_browser::ActErrorKind;
use zo_test_site::Place;

use crate::support::World;

const SHORT: Duration = Duration::from_millis(1500);

/// Opens what never loads: an error in about the deadline, and nothing of it lasts.
fn times_out(world: &World, path: &str) {
    let began = Instant::now();
    let error = world.attempt(json!({"act": "open", "url": world.site.url_of(path)}), SHORT).expect_err(path);
    let took = began.elapsed();
    assert_eq!(error.kind, ActErrorKind::Timeout, "{path}: {error}");
    assert!(error.message.contains(path.split('?').next().unwrap()), "it names the page: {error}");
    assert!(took >= SHORT && took < SHORT + Duration::from_secs(4), "{path}: {took:?}");
    world.works();
}

#[test]
fn what_hangs_is_a_timeout_and_the_next_act_works() {
    let world = World::new();
    for path in
        ["/hang", "/hang/body", "/drip", "/hanging-script", "/hanging-image", "/hanging-style", "/hanging-frame"]
    {
        times_out(&world, path);
    }
    let began = Instant::now();
    while world.site.hanging() > 0 && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(world.site.hanging(), 0, "nobody waits for them any more");
    world.close();
}

#[test]
fn a_page_whose_picture_or_frame_hangs_can_be_used() {
    let world = World::new();
    for path in ["/hanging-image", "/hanging-frame"] {
        world.act(json!({"act": "open", "url": world.site.url_of(path), "until": "dom"}));
        world.click("text=Works");
        assert_eq!(world.text("button"), "Clicked", "{path}");
        assert!(world.snapshot().contains("hangs"));
        let picture = world.act(json!({"act": "screenshot"}));
        assert!(picture.artifacts[0].bytes.starts_with(b"\x89PNG"), "{path}");
    }
    world.open("/hanging-fetch");
    world.click("text=Works");
    let error = world.attempt(json!({"act": "wait", "load": "idle"}), SHORT).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout, "{error}");
    world.works();
}

#[test]
fn a_page_that_is_busy_for_ever_is_given_up() {
    let world = World::new();
    world.open("/busy");
    let began = Instant::now();
    // The click itself may be done: the page never says so.
    let _ = world.attempt(json!({"act": "click", "target": "#forever"}), SHORT);
    let error = world.attempt(json!({"act": "eval", "script": "1 + 1"}), SHORT);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    if let Err(error) = &error {
        assert!(matches!(error.kind, ActErrorKind::Timeout | ActErrorKind::Crashed), "{}: {error}", error.kind);
    }
    world.works();
    let error = world.attempt(json!({"act": "open", "url": world.site.url_of("/busy?now")}), SHORT).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout, "{error}");
    world.works();
    world.open("/busy");
    world.click("#second");
    world.wait_for_text("Done");
    world.close();
}

#[test]
fn redirects_end_where_they_lead() {
    let world = World::new();
    let done = world.open("/redirect/chain/5");
    assert!(done.url.ends_with("/redirect/chain/0"), "{}", done.url);
    assert_eq!(done.title, "Arrived");
    assert_eq!(world.open("/redirect/other").url, world.site.other_url_of("/article"));
    let error =
        world.fails(&[ActErrorKind::Navigation], json!({"act": "open", "url": world.site.url_of("/redirect/loop")}));
    assert!(error.message.contains("TOO_MANY_REDIRECTS"), "{error}");
    world.works();
}

#[test]
fn answers_of_any_status_are_pages() {
    let world = World::new();
    for status in [404, 500] {
        let done = world.open(&format!("/status/{status}"));
        assert_eq!(done.value["status"], status, "{:?}", done.value);
        assert_eq!(world.text("h1"), format!("Status {status}"));
    }
    for (path, text) in [("/plain", "plain text"), ("/json", "42")] {
        world.open(path);
        let read = world.act(json!({"act": "read", "format": "text"})).text.unwrap();
        assert!(read.contains(text), "{path}: {read}");
    }
    // Nothing to show: the page that was there stays.
    world.fails(&[ActErrorKind::Navigation], json!({"act": "open", "url": world.site.url_of("/empty")}));
    world.works();
}

#[test]
fn bad_certificates_are_respected() {
    let world = World::new();
    let error = world.fails(
        &[ActErrorKind::Navigation, ActErrorKind::Refused],
        json!({"act": "open", "url": world.site.tls_url_of("/article")}),
    );
    assert!(error.message.contains("CERT"), "{error}");
    world.open("/bad-tls");
    assert_eq!(world.log(1), ["fetch failed"]);
    let _ = world.attempt(json!({"act": "click", "target": "#link"}), Duration::from_secs(5));
    world.works();
    assert!(!world.site.requests().iter().any(|seen| seen.place == Place::Tls), "nothing was asked for there");
    let error = world.fails(
        &[ActErrorKind::Navigation, ActErrorKind::Refused],
        json!({"act": "open", "url": world.site.url_of("/redirect/tls")}),
    );
    assert!(error.message.contains("CERT"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_no_timeout() {
    let world = World::new();
    let site = zo_test_site::Site::start();
    let (address, url) = (site.address(Place::Site), site.url_of("/"));
    drop(site);
    let mut policy = (*world.proxy.policy()).clone();
    policy.allow_hosts.push(zo_egress::HostPattern::parse(&address.to_string()).unwrap());
    world.proxy.set_policy(policy).unwrap();
    let error = world.fails(&[ActErrorKind::Navigation, ActErrorKind::Refused], json!({"act": "open", "url": url}));
    assert!(error.message.contains(&address.to_string()), "{error}");
    world.works();
}

#[test]
fn late_content_is_waited_for() {
    let world = World::new();
    world.open("/lazy?ms=700");
    world.click("text=\"Late\"");
    assert_eq!(world.text("#late"), "Clicked");
    world.open("/lazy?ms=500");
    world.act(json!({"act": "wait", "hidden": "#going"}));
    world.act(json!({"act": "wait", "script": "window.ready"}));
    world.act(json!({"act": "wait", "selector": "#late"}));
    world.wait_for_text("ready");
    world.click("#begin");
    world.act(json!({"act": "wait", "url": "#begun"}));
    let error = world.attempt(json!({"act": "wait", "text": "never there", "deadline_ms": 300}), SHORT).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout, "{error}");
    assert!(error.message.contains("never there"), "{error}");
    assert_eq!(world.act(json!({"act": "is", "target": "#seen", "state": "visible"})).value, false);
    world.act(json!({"act": "scroll", "target": "#far"}));
    world.wait_for_text("Loaded when seen");
}

#[test]
fn an_endless_list_grows_as_it_is_scrolled() {
    let world = World::new();
    world.open("/scroll");
    let count = || world.act(json!({"act": "get", "what": "count", "target": "li"})).value.as_u64().unwrap();
    world.wait_for_text("Item 19");
    let before = count();
    for _ in 0..3 {
        world.act(json!({"act": "scroll", "to": "bottom"}));
        let now = count();
        world.act(json!({"act": "wait", "script": format!("document.querySelectorAll('li').length > {now}")}));
    }
    assert!(count() >= before + 60, "{before} and then {}", count());
}

#[test]
fn a_single_page_app_is_followed() {
    let world = World::new();
    world.open("/app");
    world.click("role=link[name=Items]");
    world.click("text=\"Item 7\"");
    world.wait_for_text("Back");
    assert_eq!(world.url(), world.site.url_of("/app/items/7"));
    assert_eq!(world.text("h1"), "Item 7");
    world.click("role=button[name=Back]");
    world.wait_for_text("Item 19");
    world.act(json!({"act": "back"}));
    world.act(json!({"act": "wait", "url": world.site.url_of("/app")}));
    world.click("role=link[name=Form]");
    world.fill("label=Title", "saved text");
    world.click("text=Save");
    world.wait_for_text("1 saved");
    world.act(json!({"act": "reload"}));
    world.wait_for_text("0 saved");
    world.act(json!({"act": "back"}));
    world.wait_for_text("Title");
    world.act(json!({"act": "forward"}));
    world.wait_for_text("Home");
}
