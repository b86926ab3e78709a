//! What keys can be told.

use crate::command::Command;
use crate::decide::{MAX_NAME_BYTES, MAX_TEXT_BYTES};
use crate::testing::{assert_lines, told};

fn set(key: &str, value: &str) -> Command {
    Command::SetKey { id: 7, key: key.to_owned(), value: value.to_owned() }
}

fn delete(key: &str) -> Command {
    Command::DeleteKey { id: 7, key: key.to_owned() }
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_key_takes_any_value_again_and_again() {
    check(&[set("color", "red")], "1 kv/7 v1 kv.set key=color size=3 | value=red");
    check(&[set("color", "red"), set("color", "red")], "2 kv/7 v2 kv.set key=color size=3 | value=red");
    check(&[set("color", "")], "1 kv/7 v1 kv.set key=color size=0 | value=");
}

#[test]
fn only_a_key_that_has_a_value_is_deleted() {
    check(&[set("color", "red"), delete("color")], "2 kv/7 v2 kv.deleted key=color");
    check(&[delete("color")], "rejected: there is no key color");
    check(&[set("color", "red"), delete("color"), delete("color")], "rejected: there is no key color");
    check(
        &[set("color", "red"), delete("color"), set("color", "red")],
        "3 kv/7 v3 kv.set key=color size=3 | value=red",
    );
}

#[test]
fn what_cannot_be_a_key_or_a_value_is_rejected() {
    check(&[set("", "a")], "rejected: the key: it is empty");
    check(&[set("a\nb", "a")], "rejected: the key: it has a control character in it");
    let (key, value) = ("a".repeat(MAX_NAME_BYTES + 1), "a".repeat(MAX_TEXT_BYTES + 1));
    check(&[set(&key, "a")], "rejected: the key: 1025 bytes are more than the 1024 that one may have");
    check(&[set("a", &value)], "rejected: the value: 16777217 bytes are more than the 16777216 that one may have");
}
