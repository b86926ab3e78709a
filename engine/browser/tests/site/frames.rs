//! What is in frames and shadow trees is found and acted upon like everything else.

use serde_json::json;

use crate::support::World;

#[test]
fn frames_of_any_origin_are_listed_and_acted_upon() {
    let world = World::new();
    world.open("/frames");
    world.wait_for_text("Button deepest");
    let text = world.snapshot();
    for name in ["Outside", "Button same", "Button cross", "Button deepest", "Button written", "Button boxed"] {
        assert!(text.contains(&format!("button \"{name}\"")), "{name} in:\n{text}");
    }
    let order: Vec<usize> = ["Outside", "Button same", "Button cross", "Button deepest", "Button written"]
        .map(|name| text.find(name).unwrap())
        .into();
    assert!(order.is_sorted(), "in document order:\n{text}");
    for name in ["same", "cross", "deepest", "boxed"] {
        world.click(&format!("role=button[name=\"Button {name}\"]"));
    }
    let reference = world.reference("button \"Button written\"");
    world.click(&reference);
    let log = world.log(5);
    for name in ["same", "cross", "deepest", "boxed", "written"] {
        assert!(log.contains(&format!("{name} clicked")), "{name}: {log:?}");
    }
}

#[test]
fn fields_in_frames_are_filled() {
    let world = World::new();
    world.open("/frames");
    world.wait_for_text("Button deepest");
    let text = world.snapshot();
    // The references of the fields, in the order of their frames: same, cross, deepest, boxed.
    let fields: Vec<String> = text
        .lines()
        .filter(|line| line.contains("textbox \"Field\""))
        .map(|line| format!("@e{}", line.split_once("[e").unwrap().1.split(']').next().unwrap()))
        .collect();
    assert_eq!(fields.len(), 4, "{text}");
    for (field, name) in fields.iter().zip(["same", "cross", "deepest", "boxed"]) {
        world.fill(field, "ü😀");
        let log = world.log(1);
        assert!(log.contains(&format!("{name} typed ü😀")), "{name}: {log:?}");
    }
}

#[test]
fn shadow_trees_are_listed_and_acted_upon() {
    let world = World::new();
    world.open("/shadow");
    let text = world.snapshot();
    for name in ["Open button", "Closed button", "Declared button"] {
        assert!(text.contains(&format!("button \"{name}\"")), "{name} in:\n{text}");
    }
    assert!(text.contains("Slotted text"), "{text}");
    world.click("role=button[name=\"Closed button\"]");
    let closed = world.reference("textbox \"Closed field\"");
    world.fill(&closed, "typed");
    world.click("role=button[name=\"Open button\"] >> nth=1");
    world.fill("label=\"Open field\" >> nth=1", "typed");
    world.click("text=\"Declared button\"");
    let log = world.log(5);
    let expected = [
        "closed-box clicked",
        "closed-box typed typed",
        "open-box clicked",
        "open-box typed typed",
        "declared clicked",
    ];
    for line in expected {
        assert!(log.iter().any(|known| known == line), "{line}: {log:?}");
    }
    world.click("css=#in-open >> nth=2");
    assert_eq!(world.log(6).iter().filter(|line| *line == "open-box clicked").count(), 2);
    assert_eq!(world.act(json!({"act": "get", "what": "count", "target": "css=#in-closed"})).value, 0, "by role only");
}
