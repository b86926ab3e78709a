//! What can be said of skills.

use super::*;
use crate::command::Command;
use crate::event::skill::Origin;
use crate::testing::{assert_lines, digest_of, told};

fn met(name: &str, origin: Origin, version: &str) -> Command {
    let (name, folder) = (name.to_owned(), format!("/skills/{name}"));
    Command::RecordSkillVersion { id: 1, name, origin, version: digest_of(version), folder }
}

fn seen(version: &str) -> Command {
    met("a", Origin::Project, version)
}

fn trust(version: &str) -> Command {
    Command::TrustSkill { id: 1, version: digest_of(version) }
}

fn withdraw() -> Command {
    Command::WithdrawTrust { id: 1 }
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_version_is_recorded_where_it_was_not_the_last() {
    let line = "skill.version_seen name=a origin=project";
    check(&[seen("one")], &format!("1 skill/1 v1 {line} version=6f6e65 | folder=/skills/a"));
    check(&[seen("one"), seen("one")], "already: skill/1 at 1");
    check(&[seen("one"), seen("two")], &format!("2 skill/1 v2 {line} version=74776f | folder=/skills/a"));
    check(&[seen("one"), seen("two"), seen("one")], &format!("3 skill/1 v3 {line} version=6f6e65 | folder=/skills/a"));
    check(
        &[seen("one"), met("a", Origin::User, "one")],
        "2 skill/1 v2 skill.version_seen name=a origin=user version=6f6e65 | folder=/skills/a",
    );
    check(
        &[seen("one"), met("b", Origin::Project, "one")],
        "2 skill/1 v2 skill.version_seen name=b origin=project version=6f6e65 | folder=/skills/b",
    );
    check(&[met("", Origin::User, "one")], "rejected: the skill: it is empty");
    let long = Command::RecordSkillVersion {
        id: 1,
        name: "a".to_owned(),
        origin: Origin::User,
        version: digest_of("one"),
        folder: "a".repeat(MAX_PATH_BYTES + 1),
    };
    check(&[long], "rejected: the folder: 16385 bytes are more than the 16384 that one may have");
}

#[test]
fn trust_is_given_to_the_version_that_was_looked_at() {
    check(&[seen("one"), trust("one")], "2 skill/1 v2 skill.trusted version=6f6e65");
    check(&[seen("one"), trust("one"), trust("one")], "already: skill/1 at 2");
    check(&[seen("one"), trust("two")], "rejected: skill a was changed since: look at it again");
    let changed = [seen("one"), trust("one"), seen("two")];
    check(&[&changed[..], &[trust("one")]].concat(), "rejected: skill a was changed since: look at it again");
    check(&[&changed[..], &[trust("two")]].concat(), "4 skill/1 v4 skill.trusted version=74776f");
    check(&[trust("one")], "rejected: there is no skill skill/1");
}

#[test]
fn trust_is_withdrawn_where_it_is_given() {
    check(&[seen("one"), trust("one"), withdraw()], "3 skill/1 v3 skill.trust_withdrawn");
    check(&[seen("one"), trust("one"), seen("two"), withdraw()], "4 skill/1 v4 skill.trust_withdrawn");
    check(&[seen("one"), withdraw()], "rejected: skill a is not trusted");
    check(&[seen("one"), trust("one"), withdraw(), withdraw()], "rejected: skill a is not trusted");
    check(&[seen("one"), trust("one"), withdraw(), trust("one")], "4 skill/1 v4 skill.trusted version=6f6e65");
    check(&[withdraw()], "rejected: there is no skill skill/1");
}
