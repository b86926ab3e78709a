//! Buttons that cannot be clicked, or only after a while: what is said is what happened.

use std::time::{Duration, Instant};

use serde_json::json;
use zo_browser::ActErrorKind;

use crate::support::World;

/// How long something that is in the way may be waited for, on a machine with much to do.
const AT_ONCE: Duration = Duration::from_secs(4);

fn clicked(world: &World, id: &str) -> bool {
    world.log(0).contains(&format!("{id} clicked"))
}

#[test]
fn what_is_in_the_way_is_told_at_once() {
    let world = World::new();
    world.open("/buttons");
    let cases = [
        ("#covered", ActErrorKind::Covered, "overlay"),
        ("#disabled", ActErrorKind::Disabled, "disabled"),
        ("#in-fieldset", ActErrorKind::Disabled, "disabled"),
        ("#aria-disabled", ActErrorKind::Disabled, "disabled"),
    ];
    for (target, kind, word) in cases {
        let began = Instant::now();
        let error = world.fails(&[kind], json!({"act": "click", "target": target}));
        assert!(began.elapsed() < AT_ONCE, "{target}: {:?}", began.elapsed());
        assert!(error.message.contains(target) && error.message.contains(word), "{error}");
    }
    let error = world.fails(&[ActErrorKind::Ambiguous], json!({"act": "click", "target": ".twin"}));
    assert_eq!(error.message.matches("Twin").count(), 2, "it lists them: {error}");
    world.click(".twin >> nth=2");
    for target in ["covered", "disabled", "in-fieldset", "aria-disabled"] {
        assert!(!clicked(&world, target), "{target}");
    }
}

#[test]
fn what_cannot_be_seen_is_not_clicked() {
    let world = World::new();
    world.open("/buttons");
    let deadline = Duration::from_secs(3);
    for target in ["#hidden", "#unseen", "#flat", "#inert", "#not-there"] {
        let error = world.attempt(json!({"act": "click", "target": target}), deadline).expect_err(target);
        let kinds = [
            ActErrorKind::NotVisible,
            ActErrorKind::NotFound,
            ActErrorKind::Covered,
            ActErrorKind::Disabled,
            ActErrorKind::Timeout,
        ];
        assert!(kinds.contains(&error.kind), "{target}: {}: {error}", error.kind);
        assert!(error.message.contains(target), "{error}");
        assert!(!clicked(&world, &target[1..]), "{target}");
    }
}

#[test]
fn what_comes_into_reach_is_clicked() {
    let world = World::new();
    world.open("/buttons");
    for id in ["plain", "uncovered", "unveiled", "enabled-late", "arriving", "lens", "scrolled", "far"] {
        world.click(&format!("#{id}"));
        assert!(clicked(&world, id), "{id}: {:?}", world.log(0));
    }
    world.click("label >> nth=1");
    assert_eq!(world.act(json!({"act": "is", "target": "#square", "state": "checked"})).value, true);
}

#[test]
fn what_is_gone_is_told_by_its_reference() {
    let world = World::new();
    world.open("/buttons");
    let reference = world.reference("button \"Plain\"");
    world.eval("document.getElementById('plain').remove()");
    let began = Instant::now();
    let error = world.fails(&[ActErrorKind::Detached], json!({"act": "click", "target": reference}));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert!(error.message.contains(&reference), "{error}");
    world.open("/article");
    let error =
        world.fails(&[ActErrorKind::Detached, ActErrorKind::NotFound], json!({"act": "click", "target": reference}));
    assert!(error.message.contains(&reference), "a reference of another page: {error}");
}

#[test]
fn an_act_is_said_to_be_done_if_and_only_if_it_was() {
    let world = World::new();
    world.open("/buttons");
    for id in ["replaced", "moving", "detached"] {
        let act = json!({"act": "click", "target": format!("#{id}")});
        let done = world.attempt(act, Duration::from_secs(4));
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(done.is_ok(), clicked(&world, id), "{id}: {done:?}");
    }
}

#[test]
fn references_stay_with_their_elements() {
    let world = World::new();
    world.open("/buttons");
    let plain = world.reference("button \"Plain\"");
    world.eval("document.body.prepend(Object.assign(document.createElement('button'), { textContent: 'New' }))");
    assert_eq!(world.reference("button \"Plain\""), plain);
    let new = world.reference("button \"New\"");
    assert_ne!(new, plain);
    world.click(&plain);
    assert!(clicked(&world, "plain"));
    world.act(json!({"act": "reload"}));
    assert_eq!(world.reference("button \"Plain\""), plain, "an unchanged page is numbered alike");
}

#[test]
fn hovering_opens_what_hovering_opens() {
    let world = World::new();
    world.open("/hover");
    assert_eq!(world.act(json!({"act": "is", "target": "#inside", "state": "visible"})).value, false);
    world.act(json!({"act": "hover", "target": "#opener"}));
    world.click("#inside");
    world.act(json!({"act": "click", "target": "#pointed", "count": 2}));
    world.act(json!({"act": "click", "target": "#pointed", "button": "right"}));
    let log = world.log(4);
    for line in ["inside clicked", "entered", "double", "menu"] {
        assert!(log.iter().any(|known| known == line), "{line}: {log:?}");
    }
}

#[test]
fn keys_are_pressed_as_a_person_would() {
    let world = World::new();
    world.open("/keys");
    world.click("#field");
    for keys in ["Control+a", "Backspace", "é", "Shift+Tab Tab", "ArrowLeft", "F2"] {
        world.act(json!({"act": "press", "keys": keys}));
    }
    let log = world.log(8);
    for line in
        ["down ctrl a KeyA", "down Backspace Backspace", "down shift Tab Tab", "down ArrowLeft ArrowLeft", "down F2 F2"]
    {
        assert!(log.iter().any(|known| known == line), "{line}: {log:?}");
    }
    assert_eq!(world.act(json!({"act": "get", "what": "value", "target": "#field"})).value, "é");
    world.fails(&[ActErrorKind::Invalid], json!({"act": "press", "keys": "NoSuchKey"}));
}

#[test]
fn acts_can_be_stopped() {
    let world = World::new();
    world.open("/buttons");
    let act = zo_browser::Act::parse_json(r##"{"act": "wait", "selector": "#never"}"##).unwrap();
    let began = Instant::now();
    let error = world
        .session()
        .act(&act, Duration::from_secs(60), &|| began.elapsed() > Duration::from_millis(300))
        .unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Stopped, "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    world.works();
}
