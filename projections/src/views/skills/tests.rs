//! Skills: versions met in folders, and trust.

use super::*;
use crate::event::skill::{TrustWithdrawn, Trusted, VersionSeen};
use crate::ids::{Category, StreamId};
use crate::testing::{assert_lines, digest_of, fold, letters};

fn seen(name: &str, origin: Origin, version: &str) -> Event {
    VersionSeen { name: name.to_owned(), origin, version: digest_of(version) }.into()
}

fn trusted(version: &str) -> Event {
    Trusted { version: digest_of(version) }.into()
}

fn withdrawn() -> Event {
    TrustWithdrawn {}.into()
}

/// Folds events of folders; what is known of each, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let stream = |id: u128| StreamId::new(Category::Skill, id);
    let events: Vec<_> = events.iter().map(|(id, event)| (stream(*id), event.clone())).collect();
    let (skills, anomalies) = fold::<Skills>(&events);
    let mut text = String::new();
    for (id, folder) in skills.iter() {
        assert_eq!(skills.get(id), Some(folder));
        let SkillFolder { name, origin, version, seen, versions, trusted } = folder;
        text += &format!("{id}: {name} of {origin:?}, {} seen at {seen}, {versions} met", letters(*version));
        text += &trusted.map_or(String::new(), |(version, since)| format!(", {} trusted@{since}", letters(version)));
        text += "\n";
    }
    assert_eq!(skills.get(99), None);
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn the_last_version_met_is_that_of_its_folder() {
    check(
        &[
            (2, seen("b", Origin::User, "one")),
            (1, seen("a", Origin::Project, "one")),
            (2, seen("b", Origin::User, "two")),
        ],
        "1: a of Project, one seen at 2, 1 met
         2: b of User, two seen at 3, 2 met",
    );
    // The folder may hold another skill by now.
    check(
        &[(1, seen("a", Origin::Project, "one")), (1, seen("b", Origin::Shipped, "one"))],
        "1: b of Shipped, one seen at 2, 2 met",
    );
}

#[test]
fn trust_is_pinned_to_the_version_it_was_given_to() {
    let begun = [(1, seen("a", Origin::Project, "one")), (1, trusted("one"))];
    let after = |event: Event| [&begun[..], &[(1, event)]].concat();
    check(&begun, "1: a of Project, one seen at 1, 1 met, one trusted@2");
    check(&after(seen("a", Origin::Project, "two")), "1: a of Project, two seen at 3, 2 met, one trusted@2");
    check(&after(trusted("two")), "1: a of Project, one seen at 1, 1 met, two trusted@3");
    check(&after(withdrawn()), "1: a of Project, one seen at 1, 1 met");
}

#[test]
fn a_skill_that_was_never_met_is_not_trusted() {
    check(
        &[(1, trusted("one")), (1, withdrawn()), (1, seen("a", Origin::User, "one")), (2, trusted("one"))],
        "1: a of User, one seen at 3, 1 met
         !1 the skill was never met
         !2 the skill was never met
         !4 the skill was never met",
    );
}
