//! Doing what a person would do, and what is said when it cannot be done.

use std::time::{Duration, Instant};

use serde_json::json;
use zo_browser::{Act, ActErrorKind, Note};

use crate::support::{Home, Site, reference};

#[test]
fn fields_take_any_text_and_tell_what_is_in_them() {
    let site = Site::new(&[(
        "/f",
        "<input id=i value=old><textarea id=t></textarea><div id=c contenteditable>x</div><input id=d type=date>
        <label for=i>Name</label><input id=r readonly><script>log=[];i.oninput=e=>log.push(e.inputType||'set')</script>",
    )]);
    let home = Home::new();
    home.open(&site.url("/f"));
    let text = "Ünïcödé 日本 🎉 \"quotes\"";
    for target in ["#i", "#t", "label=Name"] {
        assert_eq!(home.act(json!({ "act": "fill", "target": target, "text": text })).value, text);
    }
    assert_eq!(home.act(json!({ "act": "fill", "target": "#c", "text": text })).value, text);
    assert_eq!(home.eval("log.length > 0"), true);
    assert_eq!(home.act(json!({ "act": "fill", "target": "#d", "text": "2026-12-31" })).value, "2026-12-31");
    home.fails(json!({ "act": "fill", "target": "#d", "text": "tomorrow" }), ActErrorKind::Invalid);
    assert_eq!(home.act(json!({ "act": "fill", "target": "#i", "text": "" })).value, "");
    home.fails(json!({ "act": "fill", "target": "#r", "text": "x" }), ActErrorKind::Disabled);
    home.act(json!({ "act": "type", "target": "#i", "text": "aB日" }));
    home.act(json!({ "act": "type", "text": "c" }));
    assert_eq!(home.act(json!({ "act": "get", "what": "value", "target": "#i" })).value, "aB日c");
    home.act(json!({ "act": "press", "keys": "Control+A Backspace é" }));
    assert_eq!(home.act(json!({ "act": "get", "what": "value", "target": "#i" })).value, "é");
}

#[test]
fn a_form_is_filled_and_sent() {
    let site = Site::new(&[
        (
            "/form",
            "<form method=post action=/done><input name=a aria-label=A><select name=s multiple aria-label=S><option value=1>One<option value=2>Two<option disabled>Three</select>
            <input type=checkbox name=c aria-label=C><input type=radio name=r value=x aria-label=X><label><input type=checkbox name=h style='display:none'>Own box</label><button>Send</button></form>",
        ),
        ("/done", "<h1>Done</h1>"),
    ]);
    let home = Home::new();
    home.open(&site.url("/form"));
    let snapshot = home.snapshot();
    home.act(json!({ "act": "fill", "target": reference(&snapshot, "\"A\""), "text": "x y" }));
    assert_eq!(
        home.act(json!({ "act": "select", "target": "label=S", "values": ["1", "two"] })).value,
        json!(["1", "2"])
    );
    let error = home.fails(json!({ "act": "select", "target": "label=S", "values": ["4"] }), ActErrorKind::NotFound);
    assert_eq!(error.hint.as_deref(), Some("it has One, Two, Three"));
    home.fails(json!({ "act": "select", "target": "label=S", "values": ["Three"] }), ActErrorKind::Disabled);
    home.act(json!({ "act": "check", "target": "label=C" }));
    home.act(json!({ "act": "check", "target": "label=C" }));
    home.act(json!({ "act": "check", "target": "label=X" }));
    home.fails(json!({ "act": "check", "target": "label=X", "checked": false }), ActErrorKind::Disabled);
    home.act(json!({ "act": "check", "target": "css=[name=h]" }));
    let done = home.act(json!({ "act": "press", "keys": "Tab" }));
    assert!(done.url.ends_with("/form"));
    let done = home.act(json!({ "act": "click", "target": "role=button[name=send]" }));
    assert!(done.url.ends_with("/done"), "{}", done.url);
    let seen = site.seen.lock().unwrap();
    let sent = seen.iter().find(|line| line.starts_with("POST")).unwrap();
    assert_eq!(sent, "POST /done a=x+y&s=1&s=2&c=on&r=x&h=on");
}

#[test]
fn what_is_in_the_way_is_named_at_once() {
    let site = Site::new(&[(
        "/c",
        "<button id=a style='position:absolute;left:10px;top:10px'>A</button><div id=overlay style='position:fixed;inset:0;background:#0003'></div>
        <button id=d disabled>D</button><button>Same</button><button>Same</button><button id=h style='visibility:hidden'>H</button><fieldset disabled><button id=f>F</button></fieldset>",
    )]);
    let home = Home::new();
    home.open(&site.url("/c"));
    let started = Instant::now();
    let error = home.within(json!({ "act": "click", "target": "#a" }), Duration::from_secs(10)).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Covered);
    assert!(error.message.contains("covered by <div id=overlay"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    home.fails(json!({ "act": "click", "target": "#d" }), ActErrorKind::Disabled);
    home.fails(json!({ "act": "click", "target": "#f" }), ActErrorKind::Disabled);
    home.fails(json!({ "act": "click", "target": "#h" }), ActErrorKind::NotVisible);
    home.fails(json!({ "act": "click", "target": "#none" }), ActErrorKind::NotFound);
    home.fails(json!({ "act": "click", "target": "@e1" }), ActErrorKind::NotFound);
    let error = home.fails(json!({ "act": "click", "target": "text=Same" }), ActErrorKind::Ambiguous);
    assert!(
        error.message.starts_with("2 elements fit text=Same: 1. <button> \"Same\"; 2. <button> \"Same\""),
        "{error}"
    );
    let error = home.fails(json!({ "act": "hover", "target": "role=button[name=Same]" }), ActErrorKind::Ambiguous);
    assert!(error.message.contains("1. <button> \"Same\""), "{error}");
    let snapshot = home.snapshot();
    let gone = reference(&snapshot, "\"A\"");
    home.eval("a.remove()");
    home.fails(json!({ "act": "click", "target": gone }), ActErrorKind::Detached);
}

#[test]
fn an_element_is_waited_for_until_it_can_be_clicked() {
    let site = Site::new(&[(
        "/w",
        "<style>@keyframes m{from{margin-left:0}to{margin-left:300px}}</style><div style='height:2000px'></div><button id=b disabled style='animation:m .5s' onclick='n=(window.n||0)+1'>B</button><script>setTimeout(()=>b.disabled=false,300)</script>
        <div id=cover style='position:fixed;inset:0'></div><script>setTimeout(()=>cover.remove(),600)</script>",
    )]);
    let home = Home::new();
    home.open(&site.url("/w"));
    home.act(json!({ "act": "click", "target": "#b" }));
    assert_eq!(home.eval("n"), 1);
    home.act(json!({ "act": "click", "target": "#b", "count": 2 }));
    assert_eq!(home.eval("n"), 3);
    home.act(json!({ "act": "scroll", "to": "top" }));
    assert_eq!(home.eval("scrollY"), 0);
    home.act(json!({ "act": "scroll", "y": 100 }));
    assert_eq!(home.eval("scrollY"), 100);
    assert_eq!(home.act(json!({ "act": "scroll", "to": "bottom" })).value["bottom"], true);
}

#[test]
fn files_are_given() {
    let site = Site::new(&[(
        "/u",
        "<input type=file id=one><input type=file id=many multiple><button onclick='many.click()'>Choose</button><button>Not</button>",
    )]);
    let home = Home::new();
    home.open(&site.url("/u"));
    let file = home.folder.path().join("ü.txt");
    std::fs::write(&file, "content").unwrap();
    home.act(json!({ "act": "upload", "target": "#one", "files": [file] }));
    assert_eq!(home.eval("one.files[0].text().then(text => [one.files[0].name, text])"), json!(["ü.txt", "content"]));
    home.act(json!({ "act": "upload", "target": "text=Choose", "files": [file, file] }));
    assert_eq!(home.eval("many.files.length"), 2);
    home.fails(json!({ "act": "upload", "target": "#one", "files": [file, file] }), ActErrorKind::Invalid);
    home.fails(json!({ "act": "upload", "target": "#one", "files": ["/nowhere"] }), ActErrorKind::Io);
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let site = Site::new(&[(
        "/l",
        "<a href='file:///etc/passwd'>Local</a> <a href='mailto:a@example.org'>Mail</a> <a href='/l'>Here</a>",
    )]);
    let home = Home::new();
    home.open(&site.url("/l"));
    for (text, url) in [("Local", "file:///etc/passwd"), ("Mail", "mailto:a@example.org")] {
        let done = home.act(json!({ "act": "click", "target": format!("text={text}") }));
        assert!(matches!(&done.notes[..], [Note::Blocked { url: blocked, .. }] if blocked == url), "{:?}", done.notes);
        assert_eq!(done.url, site.url("/l"));
    }
    assert_eq!(home.act(json!({ "act": "click", "target": "text=Here" })).notes, []);
}

#[test]
fn fields_for_passwords_are_known_before_something_is_written_into_them() {
    let site =
        Site::new(&[("/p", "<label>Password <input type=password id=p></label><label>Name <input id=n></label>")]);
    let home = Home::new();
    home.open(&site.url("/p"));
    let conceals = |act| home.session().conceals(&Act::from_value(act).unwrap());
    for target in ["#p", "label=Password", "text=Password"] {
        assert!(conceals(json!({ "act": "fill", "target": target, "text": "x" })), "{target}");
    }
    assert!(!conceals(json!({ "act": "fill", "target": "#n", "text": "x" })));
    assert!(!conceals(json!({ "act": "fill", "target": "#missing", "text": "x" })));
    assert!(!conceals(json!({ "act": "click", "target": "#p" })));
    assert!(!conceals(json!({ "act": "type", "text": "x" })));
    home.act(json!({ "act": "click", "target": "#p" }));
    assert!(conceals(json!({ "act": "type", "text": "x" })));
}
