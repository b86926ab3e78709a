//! Logins, cookies and storage, and what of them lasts.

use serde_json::{Value, json};
use zo_browser::{Session, SessionOptions};

use crate::support::{PATIENCE, World, chromium, nothing_is_left};

pub(crate) fn log_in(world: &World) {
    world.open("/login");
    world.fill("label=User", "ada");
    world.fill("label=Password", "correct horse");
    world.click("role=button[name=\"Log in\"]");
    world.wait_for_text("Hello, ada");
}

#[test]
fn a_login_holds_and_ends() {
    let world = World::new();
    assert!(world.open("/account").url.ends_with("/login"), "not logged in");
    world.fill("label=User", "ada");
    world.fill("label=Password", "wrong");
    world.click("role=button[name=\"Log in\"]");
    world.wait_for_text("Wrong user or password");
    log_in(&world);
    assert!(world.open("/account").url.ends_with("/account"));
    world.click("text=\"Log out\"");
    assert!(world.open("/account").url.ends_with("/login"));
}

#[test]
fn a_form_over_three_pages_is_filled() {
    let world = World::new();
    world.open("/wizard/1");
    world.fill("label=Name", "Ada 🐝");
    world.fill("label=E-mail", "ada@example.org");
    world.click("text=Next");
    world.fill("label=Street", "Weg 1\nHinterhaus");
    world.act(json!({"act": "select", "target": "label=Country", "values": ["Japan"]}));
    world.click("text=Next");
    world.act(json!({"act": "check", "target": "label=Fast"}));
    world.click("text=Next");
    world.wait_for_text("agreed is missing");
    world.act(json!({"act": "check", "target": "label=Fast"}));
    world.act(json!({"act": "check", "target": "label=\"I agree\""}));
    world.click("text=Next");
    world.wait_for_text("Thank you");
    let file = world.act(json!({"act": "download", "target": "text=Receipt"})).downloads.remove(0);
    let receipt = std::fs::read_to_string(&file.path).unwrap();
    let lines: Vec<&str> = receipt.lines().collect();
    assert_eq!(lines[..3], ["receipt", "name: Ada 🐝", "email: ada@example.org"], "{receipt}");
    assert!(receipt.contains("country: jp\nspeed: fast\nagreed: yes\n"), "{receipt}");
}

#[test]
fn cookies_are_listed_set_and_cleared() {
    let world = World::new();
    world.open("/cookies/set");
    let listed = |world: &World| -> Vec<(String, String)> {
        let value = world.act(json!({"act": "cookies"})).value;
        let all = value.as_array().or_else(|| value["cookies"].as_array()).cloned().unwrap_or_default();
        let text = |cookie: &Value, name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
        let mut all: Vec<_> = all.iter().map(|cookie| (text(cookie, "name"), text(cookie, "value"))).collect();
        all.sort();
        all
    };
    let names: Vec<String> = listed(&world).into_iter().map(|(name, _)| name).collect();
    for name in ["plain", "hidden", "lasting", "strict", "elsewhere"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert!(!names.contains(&"gone".to_owned()), "{names:?}");
    world.act(json!({"act": "cookies", "op": "set", "name": "mine", "value": "42", "http_only": true}));
    world.open("/cookies");
    let (sent, script) = (world.text("#sent"), world.text("#script"));
    assert!(sent.contains("mine=42") && sent.contains("hidden=two"), "{sent}");
    assert!(!script.contains("mine") && !script.contains("hidden"), "{script}");
    world.act(json!({"act": "cookies", "op": "clear", "name": "plain"}));
    assert!(!listed(&world).iter().any(|(name, _)| name == "plain"));
    world.act(json!({"act": "cookies", "op": "clear"}));
    assert_eq!(listed(&world), []);
}

#[test]
fn storage_is_listed_set_and_cleared() {
    let world = World::new();
    world.open("/storage");
    world.click("#write");
    let get = |kind: &str| world.act(json!({"act": "storage", "kind": kind, "op": "get", "key": "kept"})).value;
    assert_eq!(get("local"), "für immer 😀");
    assert_eq!(get("session"), "for the session");
    world.act(json!({"act": "storage", "op": "set", "key": "mine", "value": "42"}));
    assert_eq!(world.eval("localStorage.getItem('mine')"), "42");
    world.act(json!({"act": "storage", "op": "clear"}));
    assert_eq!(world.eval("localStorage.length"), 0);
    assert_eq!(get("local"), Value::Null);
    assert_eq!(get("session"), "for the session");
}

#[test]
fn a_profile_keeps_what_lasts() {
    let world = World::new();
    world.open("/storage");
    world.click("#write");
    world.open("/cookies/set");
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile");
    let options = || {
        let mut options = SessionOptions::new(chromium(), &profile, folder.path().join("downloads"));
        options.proxy = Some(world.proxy.address());
        options
    };
    let act = |session: &Session, act: Value| {
        let act = zo_browser::Act::parse_json(&act.to_string()).unwrap();
        session.act(&act, PATIENCE, &|| false).unwrap()
    };
    let session = Session::open(options()).unwrap();
    act(&session, json!({"act": "open", "url": world.site.url_of("/cookies/set")}));
    act(&session, json!({"act": "open", "url": world.site.url_of("/storage")}));
    act(&session, json!({"act": "click", "target": "#write"}));
    assert!(Session::open(options()).is_err(), "one session has a profile at a time");
    session.close();
    nothing_is_left(&profile, None);

    let session = Session::open(options()).unwrap();
    act(&session, json!({"act": "open", "url": world.site.url_of("/cookies")}));
    let sent = act(&session, json!({"act": "get", "what": "text", "target": "#sent"})).value;
    assert!(sent.as_str().unwrap().contains("lasting=three"), "{sent}");
    act(&session, json!({"act": "open", "url": world.site.url_of("/storage")}));
    let log = act(&session, json!({"act": "get", "what": "text", "target": "#log"})).value;
    assert!(log.as_str().unwrap().contains("local für immer 😀"), "{log}");
    drop(session);
    nothing_is_left(&profile, None);
    world.close();
}
