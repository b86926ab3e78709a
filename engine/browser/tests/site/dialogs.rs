//! Dialogs are answered and told, pop-ups become tabs; neither stops anything.

use serde_json::json;
use zo_browser::Note;

use crate::support::{World, dialogs};

#[test]
fn dialogs_are_dismissed_and_told() {
    let world = World::new();
    world.open("/dialogs");
    let mut told = Vec::new();
    for id in ["alert", "confirm", "prompt", "many"] {
        told.extend(dialogs(&world.click(&format!("#{id}")).notes));
    }
    assert_eq!(world.log(4), ["alert over", "confirm false", "prompt null", "many over"]);
    told.extend(dialogs(&world.act(json!({"act": "get", "what": "title"})).notes));
    let expected = [("alert", "An alert"), ("confirm", "Really?"), ("prompt", "Your name?")];
    for (known, (kind, message)) in told.iter().zip(expected) {
        assert_eq!((known.0.as_str(), known.1.as_str()), (kind, message), "{told:?}");
    }
    assert_eq!(told.len(), 8, "{told:?}");
    assert!(told.iter().filter(|(kind, ..)| kind != "alert").all(|(.., accepted)| !accepted), "{told:?}");
}

#[test]
fn dialogs_are_accepted_if_that_is_the_policy() {
    let world = World::new();
    world.act(json!({"act": "dialog", "policy": {"answer": "accept", "text": "Ada 🐝"}}));
    world.open("/dialogs");
    world.click("#confirm");
    let notes = world.click("#prompt").notes;
    assert_eq!(world.log(2), ["confirm true", "prompt Ada 🐝"]);
    let text = notes.iter().find_map(|note| match note {
        Note::Dialog { text, .. } => text.clone(),
        _ => None,
    });
    assert_eq!(text.as_deref(), Some("Ada 🐝"), "{notes:?}");
    world.act(json!({"act": "dialog", "policy": {"answer": "dismiss"}}));
    world.click("#confirm");
    assert_eq!(world.log(3)[2], "confirm false");
}

#[test]
fn dialogs_while_loading_later_and_in_frames_stop_nothing() {
    let world = World::new();
    let notes = world.open("/dialogs-load").notes;
    assert_eq!(world.log(3), ["alert over", "confirm false", "prompt null"]);
    assert!(dialogs(&notes).iter().any(|(_, message, _)| message == "While loading"), "{notes:?}");
    world.open("/dialogs");
    world.click("#late");
    world.wait_for_text("late over");
    let notes = world.act(json!({"act": "click", "target": "role=button[name=\"Alert inside\"]"})).notes;
    let log = world.log(2);
    assert!(log.contains(&"frame over".to_owned()), "{log:?}");
    assert!(dialogs(&notes).iter().any(|(_, message, _)| message == "From a frame"), "{notes:?}");
    world.click("#print");
    assert!(world.log(3).contains(&"print over".to_owned()));
}

#[test]
fn a_page_that_wants_to_keep_its_visitor_is_left() {
    let world = World::new();
    world.open("/beforeunload");
    world.fill("#work", "unsaved");
    let notes = world.open("/article").notes;
    assert_eq!(
        dialogs(&notes).iter().map(|(kind, _, yes)| (kind.as_str(), *yes)).collect::<Vec<_>>(),
        [("beforeunload", true)]
    );
    world.open("/beforeunload");
    world.fill("#work", "unsaved");
    world.click("text=Leave");
    world.wait_for_text("On the keeping of bees");
    world.open("/beforeunload");
    world.fill("#work", "unsaved");
    world.act(json!({"act": "tabs", "op": "close"}));
    world.works();
    world.close();
}

#[test]
fn pop_ups_become_tabs() {
    let world = World::new();
    world.open("/popups");
    assert_eq!(world.log(1), ["at once false"], "nobody clicked");
    let notes = world.click("#blank").notes;
    let tab = notes.iter().find_map(|note| match note {
        Note::PopUp { tab, .. } => Some(*tab),
        _ => None,
    });
    let tab = tab.unwrap_or_else(|| panic!("no note of it: {notes:?}"));
    assert_eq!(world.session().tabs().len(), 2);
    world.act(json!({"act": "tabs", "op": "switch", "tab": tab}));
    world.act(json!({"act": "wait", "load": "load"}));
    assert_eq!(world.url(), world.site.url_of("/article"));
    world.act(json!({"act": "tabs", "op": "close"}));
    assert_eq!(world.session().tabs().len(), 1);
    world.click("#open");
    assert_eq!(world.log(2)[1], "opened true");
    let number = world.session().tabs().iter().find(|tab| tab.url.contains("/popups")).unwrap().tab;
    world.act(json!({"act": "tabs", "op": "switch", "tab": number}));
    world.click("#closing");
    std::thread::sleep(std::time::Duration::from_millis(600));
    world.act(json!({"act": "tabs"}));
    assert!(!world.session().tabs().iter().any(|tab| tab.url.contains("/slow")), "{:?}", world.session().tabs());
}
