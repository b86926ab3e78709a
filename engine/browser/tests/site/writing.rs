//! Forms of all fields, and text of all scripts.

use serde_json::json;
use zo_browser::ActErrorKind;

use crate::support::World;

/// What is written in many ways: beyond the basic plane, joined, combined, from right to left, without spaces.
const TEXTS: [&str; 8] = [
    "Grüße, naïve façade",
    "😀👩‍👩‍👧‍👦🏳️‍🌈👍🏽",
    "e\u{301}a\u{308}o\u{323}\u{302}",
    "مرحبا بالعالم",
    "שָׁלוֹם",
    "日本語と한국어",
    "𝕳𝖊𝖑𝖑𝖔 𐍈",
    "here 'quotes' \"double\" \\ <b>&amp;",
];

fn points(text: &str) -> String {
    text.chars().map(|c| format!(" {:x}", u32::from(c))).collect()
}

#[test]
fn text_of_any_script_arrives_as_it_is() {
    let world = World::new();
    for text in TEXTS {
        world.open("/unicode");
        world.fill("#line", text);
        world.act(json!({"act": "type", "target": "#area", "text": text}));
        world.fill("label=שורה", text);
        world.fill("#editor", text);
        let editor = world.eval("document.getElementById('editor').innerText.replaceAll('\\u00a0', ' ')");
        assert_eq!(editor, text, "in the editor");
        world.click("text=Send");
        let sent = world.text("#points");
        let lines: Vec<&str> = sent.lines().collect();
        assert_eq!(lines[0], format!("line:{}", points(text)), "{text}");
        assert_eq!(lines[1], format!("area:{}", points(text)), "{text}");
        assert_eq!(lines[2], format!("rtl:{}", points(text)), "{text}");
    }
    world.open("/unicode");
    world.click("role=button[name=\"Löschen 🗑\"]");
    assert_eq!(world.log(1), ["deleted"]);
    assert!(world.snapshot().contains("Ünïcödé 文字 😀 مرحبا"));
}

#[test]
fn lines_are_kept_in_text_areas() {
    let world = World::new();
    world.open("/unicode");
    world.fill("#area", "one\ntwo\n\nfour 😀");
    assert_eq!(world.act(json!({"act": "get", "what": "value", "target": "#area"})).value, "one\ntwo\n\nfour 😀");
    world.fill("#area", "");
    assert_eq!(world.act(json!({"act": "get", "what": "value", "target": "#area"})).value, "");
}

#[test]
fn every_kind_of_field_is_filled() {
    let world = World::new();
    world.open("/form");
    let fields = [
        ("label=Text", "after"),
        ("label=Password", "s3cret"),
        ("label=E-mail", "a@b.example"),
        ("label=URL", "https://example.org/"),
        ("label=Telephone", "+41 1"),
        ("label=Search", "bees"),
        ("label=Number", "7"),
        ("label=Range", "75"),
        ("css=[name=date]", "2026-12-31"),
        ("css=[name=time]", "23:59"),
        ("css=[name=datetime]", "2026-12-31T23:59"),
        ("css=[name=month]", "2026-12"),
        ("css=[name=week]", "2026-W53"),
        ("label=Colour >> nth=1", "#d0006f"),
        ("testid=notes", "first\nsecond"),
        ("label=City", "Genève"),
    ];
    for (target, text) in fields {
        world.fill(target, text);
    }
    world.fill("role=textbox[name=Editor]", "edited");
    world.act(json!({"act": "check", "target": "label=Newsletter"}));
    world.act(json!({"act": "check", "target": "label=\"Checked before\"", "checked": false}));
    world.act(json!({"act": "check", "target": "role=radio[name=Large]"}));
    world.act(json!({"act": "select", "target": "label=Fruit", "values": ["Banana"]}));
    world.act(json!({"act": "select", "target": "label=Colours", "values": ["r", "Blue"]}));
    assert_eq!(world.text("#editor"), "edited");
    assert_eq!(world.act(json!({"act": "is", "target": "label=Newsletter", "state": "checked"})).value, true);
    world.click("role=button[name=Send]");
    let sent = world.text("#echo");
    for (line, count) in [
        ("text=after", 1),
        ("password=s3cret", 1),
        ("number=7", 1),
        ("range=75", 1),
        ("date=2026-12-31", 1),
        ("time=23:59", 1),
        ("datetime=2026-12-31T23:59", 1),
        ("month=2026-12", 1),
        ("week=2026-W53", 1),
        ("color=#d0006f", 1),
        ("city=Genève", 1),
        ("news=yes", 1),
        ("checked=yes", 0),
        ("size=l", 1),
        ("fruit=b", 1),
        ("colours=r", 1),
        ("colours=g", 0),
        ("colours=u", 1),
        ("sent=button", 1),
        ("hidden=unseen", 1),
    ] {
        assert_eq!(sent.lines().filter(|known| *known == line).count(), count, "{line} in:\n{sent}");
    }
}

#[test]
fn fields_that_take_nothing_say_so() {
    let world = World::new();
    world.open("/form");
    for target in ["css=[name=readonly]", "css=[name=disabled]"] {
        world.fails(&[ActErrorKind::Disabled], json!({"act": "fill", "target": target, "text": "x"}));
    }
    world.fails(
        &[ActErrorKind::NotFound, ActErrorKind::Disabled, ActErrorKind::Invalid],
        json!({"act": "select", "target": "label=Fruit", "values": ["Durian"]}),
    );
    world.fails(
        &[ActErrorKind::NotFound, ActErrorKind::Disabled, ActErrorKind::Invalid],
        json!({"act": "select", "target": "label=Fruit", "values": ["Cherry"]}),
    );
    world.fails(
        &[ActErrorKind::Invalid, ActErrorKind::Disabled],
        json!({"act": "fill", "target": "#plain", "text": "x"}),
    );
    world.fails(
        &[ActErrorKind::Invalid],
        json!({"act": "fill", "target": "css=[name=date]", "text": "the last of May"}),
    );
    assert_eq!(world.act(json!({"act": "get", "what": "value", "target": "label=Fruit"})).value, "");
}

#[test]
fn a_field_is_filled_by_events_that_pages_hear() {
    let world = World::new();
    world.open("/form");
    world.fill("label=Text", "heard");
    world.act(json!({"act": "select", "target": "label=Fruit", "values": ["a"]}));
    world.act(json!({"act": "check", "target": "label=Newsletter"}));
    let log = world.log(4);
    for line in ["input text", "input fruit", "change fruit", "change news"] {
        assert!(log.iter().any(|known| known == line), "{line}: {log:?}");
    }
}
