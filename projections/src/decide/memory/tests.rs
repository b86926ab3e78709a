//! What memories can be told.

use super::*;
use crate::command::Command;
use crate::decide::{MAX_NAME_BYTES, MAX_TEXT_BYTES};
use crate::testing::{assert_lines, digest_of, told, told_by};

fn body(content: &str) -> Body {
    Body { content: content.to_owned(), ..Body::default() }
}

/// Memorizes; `id` 0 is none.
fn memorize(id: u128, content: &str) -> Command {
    let name = (id != 0).then(|| format!("name {id}"));
    let id = (id != 0).then_some(MemoryId(id));
    Command::Memorize { id, digest: digest_of(content), occurred_at: None, body: Body { name, ..body(content) } }
}

fn supersede(id: u128, content: &str) -> Command {
    Command::Supersede {
        id: MemoryId(id),
        digest: digest_of(content),
        occurred_at: Some(Timestamp(0)),
        body: body(content),
    }
}

fn retract(id: u128) -> Command {
    Command::Retract { id: MemoryId(id), reason: None }
}

fn forget(id: u128) -> Command {
    Command::Forget { id: MemoryId(id) }
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_content_without_an_id_is_kept_once() {
    let first = "1 memory/101 v1 memory.memorized digest=746561 size=3 | content=tea";
    check(&[memorize(0, "tea")], first);
    check(&[memorize(0, "tea"), memorize(0, "tea")], "already: memory/101 at 1");
    check(
        &[memorize(0, "tea"), memorize(0, "milk")],
        "2 memory/102 v1 memory.memorized digest=6d696c6b size=4 | content=milk",
    );
    // Also when its meta differs, for the digest is of both.
    let Command::Memorize { id, occurred_at, mut body, .. } = memorize(0, "tea") else { unreachable!("it is one") };
    body.meta = Some("{}".to_owned());
    check(
        &[memorize(0, "tea"), Command::Memorize { id, digest: digest_of("other"), occurred_at, body }],
        "2 memory/102 v1 memory.memorized digest=6f74686572 size=3 | content=tea meta={}",
    );
}

#[test]
fn a_content_with_an_id_is_another_memory() {
    let given = "memory/7 v1 memory.memorized digest=746561 named=true size=3 | name=name 7 content=tea";
    check(&[memorize(7, "tea")], &format!("1 {given}"));
    check(&[memorize(0, "tea"), memorize(7, "tea")], &format!("2 {given}"));
    check(
        &[memorize(7, "tea"), memorize(0, "tea")],
        "2 memory/101 v1 memory.memorized digest=746561 size=3 | content=tea",
    );
}

#[test]
fn an_id_given_again_supersedes_unless_it_says_the_same() {
    check(&[memorize(7, "tea"), memorize(7, "tea")], "already: memory/7 at 1");
    check(
        &[memorize(7, "tea"), memorize(7, "mint")],
        "2 memory/7 v2 memory.superseded digest=6d696e74 size=4 | name=name 7 content=mint",
    );
    check(
        &[memorize(7, "tea"), memorize(7, "mint"), memorize(7, "tea")],
        "3 memory/7 v3 memory.superseded digest=746561 size=3 | name=name 7 content=tea",
    );
}

#[test]
fn what_was_retracted_or_forgotten_comes_back_when_it_is_memorized() {
    for end in [retract(7), forget(7)] {
        check(
            &[memorize(7, "tea"), end, memorize(7, "tea")],
            "3 memory/7 v3 memory.memorized digest=746561 named=true size=3 | name=name 7 content=tea",
        );
    }
    check(
        &[memorize(0, "tea"), retract(1 << 10 | 1), memorize(0, "tea")],
        "3 memory/102 v1 memory.memorized digest=746561 size=3 | content=tea",
    );
}

#[test]
fn an_import_does_not_bring_back_what_was_retracted_or_forgotten() {
    let import = |commands: &[Command], expected: &str| assert_lines(&told_by(Actor::Import, commands), expected);
    for end in [retract(7), forget(7)] {
        import(&[memorize(7, "tea"), end.clone(), memorize(7, "tea")], "already: memory/7 at 1");
        import(&[memorize(7, "tea"), memorize(7, "mint"), end.clone(), memorize(7, "mint")], "already: memory/7 at 2");
        // What the source says now is something else, and new.
        import(
            &[memorize(7, "tea"), end, memorize(7, "mint")],
            "3 memory/7 v3 memory.memorized digest=6d696e74 named=true size=4 | name=name 7 content=mint",
        );
    }
    import(&[memorize(7, "tea"), memorize(7, "tea")], "already: memory/7 at 1");
    import(
        &[memorize(7, "tea"), memorize(7, "mint")],
        "2 memory/7 v2 memory.superseded digest=6d696e74 size=4 | name=name 7 content=mint",
    );
}

#[test]
fn only_a_live_memory_is_superseded() {
    let superseded = "memory.superseded digest=6d696e74 size=4 occurred_at=1970-01-01T00:00:00.000Z | content=mint";
    check(&[memorize(7, "tea"), supersede(7, "mint")], &format!("2 memory/7 v2 {superseded}"));
    check(&[memorize(7, "tea"), supersede(7, "tea")], "already: memory/7 at 1");
    check(&[supersede(7, "mint")], "rejected: there is no memory 7");
    check(
        &[memorize(7, "tea"), retract(7), supersede(7, "mint")],
        "rejected: memory 7 was retracted at position 2; memorize it anew",
    );
    check(&[memorize(7, "tea"), forget(7), supersede(7, "mint")], "rejected: there is no memory 7");
}

#[test]
fn a_memory_is_retracted_once_with_its_reason() {
    check(&[memorize(7, "tea"), retract(7)], "2 memory/7 v2 memory.retracted");
    let why = |reason: &str| Command::Retract { id: MemoryId(7), reason: Some(reason.to_owned()) };
    check(&[memorize(7, "tea"), why("not so")], "2 memory/7 v2 memory.retracted | reason=not so");
    check(&[memorize(7, "tea"), retract(7), why("not so")], "already: memory/7 at 2");
    check(&[memorize(7, "tea"), forget(7), retract(7)], "rejected: there is no memory 7");
    check(&[retract(7)], "rejected: there is no memory 7");
    check(
        &[memorize(7, "tea"), why(&"a".repeat(MAX_TEXT_BYTES + 1))],
        "rejected: the reason: 16777217 bytes are more than the 16777216 that one may have",
    );
}

#[test]
fn a_memory_is_forgotten_once() {
    check(&[memorize(7, "tea"), forget(7)], "2 memory/7 v2 memory.forgotten");
    check(&[memorize(7, "tea"), retract(7), forget(7)], "3 memory/7 v3 memory.forgotten");
    check(&[memorize(7, "tea"), forget(7), forget(7)], "already: memory/7 at 2");
    check(&[forget(7)], "rejected: there is no memory 7");
}

#[test]
fn what_cannot_be_kept_is_rejected() {
    let say = |body: Body| Command::Memorize { id: None, digest: digest_of("a"), occurred_at: None, body };
    let no = |body: Body, why: &str| {
        check(&[say(body.clone())], &format!("rejected: {why}"));
        let id = Some(MemoryId(7));
        check(
            &[
                memorize(7, "tea"),
                Command::Memorize { id, digest: digest_of("a"), occurred_at: None, body: body.clone() },
            ],
            &format!("rejected: {why}"),
        );
        let id = MemoryId(7);
        check(
            &[memorize(7, "tea"), Command::Supersede { id, digest: digest_of("a"), occurred_at: None, body }],
            &format!("rejected: {why}"),
        );
    };
    no(body(""), "the content: it is empty");
    no(body(" \n\t"), "the content: it is empty");
    let named = |name: &str| Body { name: Some(name.to_owned()), ..body("tea") };
    no(named(" "), "the id: it is empty");
    no(named("a\0b"), "the id: it has a control character in it");
    let long = "a".repeat(MAX_NAME_BYTES + 1);
    no(named(&long), "the id: 1025 bytes are more than the 1024 that one may have");
    let long = "a".repeat(MAX_TEXT_BYTES + 1);
    no(body(&long), "the content: 16777217 bytes are more than the 16777216 that one may have");
    let meta = Body { meta: Some(long), ..body("tea") };
    no(meta, "the meta: 16777217 bytes are more than the 16777216 that one may have");
}

#[test]
fn the_longest_content_can_be_read_again() {
    let longest = Body { content: "a".repeat(MAX_TEXT_BYTES), meta: Some("b".repeat(MAX_TEXT_BYTES)), name: None };
    let command = Command::Memorize { id: None, digest: digest_of("a"), occurred_at: None, body: longest };
    assert!(told(&[command]).starts_with("1 memory/"));
}
