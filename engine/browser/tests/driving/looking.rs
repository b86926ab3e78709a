//! Snapshots, texts, pictures, questions.

use std::time::{Duration, Instant};

use serde_json::json;
use zo_browser::ActErrorKind;

use crate::support::{Home, Site, reference};

const FORM: &str = "<title>Form</title><h1>Sign in</h1><form>
<label>Email <input id=email type=email required></label>
<label>Password <input type=password value=secret></label>
<select aria-label=Colour><option value=r>Red<option value=g selected>Green</select>
<input type=checkbox aria-label=Remember><button disabled>Send</button></form>
<div id=shut></div><div id=ajar></div>
<script>shut.attachShadow({mode:'closed'}).innerHTML='<button>In closed</button>';
ajar.attachShadow({mode:'open'}).innerHTML='<button class=inner>In open</button>';</script>";

#[test]
fn a_snapshot_lists_what_is_there_with_references_that_last() {
    let site = Site::new(&[("/form", FORM)]);
    let home = Home::new();
    home.open(&site.url("/form"));
    let first = home.snapshot();
    for line in [
        "- heading \"Sign in\" [e1] level=1",
        "- textbox \"Email\" [e2] required",
        "- checkbox \"Remember\"",
        "- button \"Send\"",
        "- button \"In closed\"",
        "- button \"In open\"",
    ] {
        assert!(first.contains(line), "no {line} in\n{first}");
    }
    assert!(!first.contains("secret"), "{first}");
    home.eval(
        "document.body.prepend(document.createElement('button')); document.querySelector('button').textContent = 'New'",
    );
    let second = home.snapshot();
    assert_eq!(reference(&first, "\"Email\""), reference(&second, "\"Email\""), "{second}");
    assert_ne!(reference(&second, "\"New\""), "@e1", "{second}");
    home.act(json!({ "act": "reload" }));
    assert_eq!(home.snapshot(), first, "an unchanged page has the same numbers");
    let part = home.act(json!({ "act": "snapshot", "interactive": true, "max_nodes": 2 }));
    assert_eq!(part.text.as_ref().unwrap().lines().count(), 3, "{:?}", part.text);
    assert_eq!(part.value["shown"], 2);
}

#[test]
fn frames_are_part_of_the_page_also_those_of_other_sites() {
    let site = Site::new(&[(
        "/inner",
        "<button onclick=\"this.textContent='Clicked'\">Inner</button><input aria-label=Field>",
    )]);
    let outer = Site::new(&[(
        "/outer",
        &format!(
            "<div style='height:1500px'>tall</div><iframe style='border:7px solid;padding:5px' src='{}'></iframe><iframe srcdoc='<button>Same</button>'></iframe>",
            site.elsewhere("/inner")
        ),
    )]);
    let home = Home::new();
    home.open(&outer.url("/outer"));
    let snapshot = home.snapshot();
    let inner = reference(&snapshot, "\"Inner\"");
    assert!(snapshot.contains("  - button \"Same\""), "{snapshot}");
    home.act(json!({ "act": "click", "target": inner }));
    assert_eq!(
        home.act(json!({ "act": "get", "what": "text", "target": "role=button[name=Clicked]" })).value,
        "Clicked"
    );
    home.act(json!({ "act": "fill", "target": "label=Field", "text": "in a frame" }));
    assert_eq!(home.act(json!({ "act": "get", "what": "value", "target": "label=Field" })).value, "in a frame");
    home.act(json!({ "act": "click", "target": "text=Same" }));
    let read = home.act(json!({ "act": "read" })).text.unwrap();
    assert!(read.contains("Clicked") && read.contains("Frame http://localhost"), "{read}");
}

#[test]
fn twenty_thousand_nodes_are_listed_page_by_page() {
    let body: String = (0..5_000).map(|n| format!("<li><a href='#{n}'>Item {n}</a>")).collect();
    let site = Site::new(&[("/many", &format!("<ul>{body}</ul>"))]);
    let home = Home::new();
    let open = json!({ "act": "open", "url": site.url("/many") });
    home.within(open, Duration::from_secs(120)).unwrap_or_else(|error| panic!("{error}"));
    let started = Instant::now();
    let act = json!({ "act": "snapshot", "offset": 7_000, "max_nodes": 10 });
    let done = home.within(act, Duration::from_secs(120)).unwrap_or_else(|error| panic!("{error}"));
    let took = started.elapsed();
    eprintln!("20,000 nodes: {took:?}, {} lines", done.value["lines"]);
    assert_eq!(done.value["lines"], 10_001);
    assert!(done.text.unwrap().contains("more: go on with offset 7010"));
}

#[test]
fn a_page_is_read_as_text() {
    let site = Site::new(&[(
        "/page",
        "<title>T</title><nav><a href=/x>Menu</a></nav><main><h1>Tïtle</h1><p>Some <b>bold</b> and <a href=/link>a link</a>.</p>
        <ul><li>one<li>two<ul><li>deep</ul></ul><table><tr><th>A<th>B<tr><td>1<td>2|3</table><pre>x  = 1\n  y</pre>
        <p style='display:none'>hidden</p><script>1</script></main><footer>Foot</footer>",
    )]);
    let home = Home::new();
    home.open(&site.url("/page"));
    let text = home.act(json!({ "act": "read" })).text.unwrap();
    let expected = format!(
        "# Tïtle\n\nSome **bold** and [a link]({}).\n\n- one\n- two\n  - deep\n\n| A | B |\n| --- | --- |\n| 1 | 2\\|3 |\n\n```\nx  = 1\n  y\n```\n\n---\n\n[Menu]({})\n\nFoot",
        site.url("/link"),
        site.url("/x")
    );
    assert_eq!(text, expected);
    assert_eq!(home.act(json!({ "act": "read", "format": "outline" })).text.unwrap(), "- Tïtle");
    let part = home.act(json!({ "act": "read", "format": "text", "max_chars": 5 }));
    assert!(part.text.unwrap().starts_with("Tïtle\n\n… "));
    assert_eq!(home.act(json!({ "act": "read", "target": "footer" })).text.unwrap(), "Foot");
}

#[test]
fn pictures_and_documents_are_made() {
    let site = Site::new(&[(
        "/a",
        "<body style='margin:0'><button id=b style='width:100px;height:50px'>B</button><div style='height:3000px'>",
    )]);
    let home = Home::new();
    home.open(&site.url("/a"));
    let shot = home.act(json!({ "act": "screenshot" }));
    assert_eq!((shot.value["width"].as_f64(), shot.value["height"].as_f64()), (Some(1280.0), Some(800.0)));
    assert!(shot.artifacts[0].bytes.starts_with(b"\x89PNG"));
    let full = home.act(json!({ "act": "screenshot", "full": true, "format": "jpeg" }));
    assert!(full.value["height"].as_f64().unwrap() > 3000.0, "{}", full.value);
    assert!(full.artifacts[0].bytes.starts_with(&[0xff, 0xd8]));
    let one = home.act(json!({ "act": "screenshot", "target": "#b" }));
    assert_eq!((one.value["width"].as_f64(), one.value["height"].as_f64()), (Some(100.0), Some(50.0)));
    let marked = home.act(json!({ "act": "screenshot", "annotate": true }));
    assert_eq!(marked.value["marked"], 1);
    assert_ne!(marked.artifacts[0].bytes, shot.artifacts[0].bytes);
    assert_eq!(
        home.act(json!({ "act": "screenshot" })).artifacts[0].bytes,
        shot.artifacts[0].bytes,
        "the marks are gone"
    );
    assert!(home.act(json!({ "act": "pdf", "landscape": true })).artifacts[0].bytes.starts_with(b"%PDF"));
}

#[test]
fn questions_are_answered() {
    let site = Site::new(&[("/form", FORM)]);
    let home = Home::new();
    home.open(&site.url("/form"));
    let get = |what: &str, target: &str| home.act(json!({ "act": "get", "what": what, "target": target })).value;
    let is = |state: &str, target: &str| home.act(json!({ "act": "is", "state": state, "target": target })).value;
    assert_eq!(get("text", "h1"), "Sign in");
    assert_eq!(get("count", "input"), 3);
    assert_eq!(get("html", "h1"), "<h1>Sign in</h1>");
    assert_eq!(get("value", "label=Colour"), "g");
    assert!(get("box", "h1")["width"].as_f64().unwrap() > 10.0);
    assert_eq!(
        home.act(json!({ "act": "get", "what": "attribute", "name": "type", "target": "#email" })).value,
        "email"
    );
    assert_eq!(home.act(json!({ "act": "get", "what": "title" })).value, "Form");
    assert_eq!(is("disabled", "text=Send"), true);
    assert_eq!(is("editable", "#email"), true);
    assert_eq!(is("checked", "label=Remember"), false);
    assert_eq!(is("hidden", "#nothing"), true);
    assert_eq!(is("visible", "css=.inner"), true, "open shadow roots are searched");
    assert_eq!(is("visible", "role=button[name=\"In closed\"]"), true);
    assert_eq!(home.eval("Promise.resolve({ a: [1, 'ü'] })"), json!({ "a": [1, "ü"] }));
    assert_eq!(home.eval("() => 7"), 7);
    assert_eq!(home.eval("undefined"), json!(null));
    assert_eq!(
        home.act(json!({ "act": "eval", "script": "element => element.id", "target": "#email" })).value,
        "email"
    );
    let error = home.fails(json!({ "act": "eval", "script": "null.x" }), ActErrorKind::Script);
    assert!(error.message.contains("TypeError"), "{error}");
    home.fails(json!({ "act": "eval", "script": "'x'.repeat(2000000)" }), ActErrorKind::TooLarge);
    home.fails(json!({ "act": "eval", "script": "const a = {}; a.a = a; a" }), ActErrorKind::Script);
    home.fails(json!({ "act": "get", "what": "text", "target": "css=a[" }), ActErrorKind::Invalid);
}

#[test]
fn what_is_waited_for_comes_or_is_named() {
    let site = Site::new(&[(
        "/late",
        "<p id=p>now</p><script>setTimeout(() => { p.textContent = 'later'; history.pushState(0, '', '/pushed') }, 300)</script>",
    )]);
    let home = Home::new();
    home.open(&site.url("/late"));
    home.act(json!({ "act": "wait", "text": "later" }));
    home.act(json!({ "act": "wait", "url": "/pushed" }));
    home.act(json!({ "act": "wait", "load": "idle" }));
    home.act(json!({ "act": "wait", "script": "document.readyState === 'complete'" }));
    home.act(json!({ "act": "wait", "selector": "#p" }));
    home.act(json!({ "act": "wait", "hidden": "#none" }));
    let error = home.fails(json!({ "act": "wait", "selector": "#none", "deadline_ms": 200 }), ActErrorKind::Timeout);
    assert!(error.message.starts_with("#none is not visible after 0."), "{error}");
}

#[test]
fn a_page_that_is_too_large_to_be_listed_says_so_at_once_and_its_parts_can_be() {
    let rows: String = (0..51_000).map(|row| format!("<b>{row}</b>")).collect();
    let page = format!("<nav><button>Home</button></nav><main>{rows}</main>");
    let site = Site::new(&[("/huge", &page)]);
    let home = Home::new();
    home.open(&site.url("/huge"));
    let begun = Instant::now();
    let error = home.fails(json!({ "act": "snapshot" }), ActErrorKind::TooLarge);
    assert!(error.message.starts_with("the page has 51"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let part = home.act(json!({ "act": "snapshot", "target": "nav" })).text.unwrap();
    assert_eq!(part.trim(), "- navigation\n  - button \"Home\" [e1]");
    home.act(json!({ "act": "click", "target": "@e1" }));
}
