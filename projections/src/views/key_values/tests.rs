//! Keys and values: the last write wins.

use super::*;
use crate::event::kv::{Deleted, Set};
use crate::ids::{Category, StreamId};
use crate::testing::{assert_lines, fold};

/// `key=size` sets, `-key` deletes.
fn folded(script: &str) -> (KeyValues, String) {
    let event = |word: &str| match (word.strip_prefix('-'), word.split_once('=')) {
        (Some(key), _) => (key.to_owned(), Event::from(Deleted { key: key.to_owned() })),
        (None, Some((key, size))) => {
            (key.to_owned(), Set { key: key.to_owned(), size: size.parse().expect("a size") }.into())
        }
        (None, None) => panic!("{word} is neither"),
    };
    let stream = |key: &str| StreamId::new(Category::Kv, key.bytes().map(u128::from).sum());
    let events: Vec<_> = script.split_whitespace().map(event).map(|(key, event)| (stream(&key), event)).collect();
    fold(&events)
}

/// Folds a script; every key as `key=size@position v version`, then the anomalies.
fn check(script: &str, expected: &str) {
    let (keys, anomalies) = folded(script);
    let mut text = String::new();
    for (key, value) in keys.after("", None) {
        assert_eq!(keys.get(key), Some(value));
        text += &format!("{key}={}@{} v{}\n", value.size, value.position, value.version);
    }
    text += &format!("{} keys\n", keys.len());
    assert_eq!(keys.is_empty(), keys.after("", None).next().is_none());
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn the_last_write_wins() {
    check(
        "color=3 size=1 color=5 -size size=2 -color color=9 color=8",
        "color=8@8 v5
         size=2@5 v3
         2 keys",
    );
    check("a=1 -a", "0 keys");
}

#[test]
fn what_has_no_value_cannot_be_deleted() {
    check(
        "-a b=1 -b -b -c",
        "0 keys
         !1 key \"a\" has no value to delete
         !4 key \"b\" has no value to delete
         !5 key \"c\" has no value to delete",
    );
}

/// The keys of one page.
fn check_page(prefix: &str, after: Option<&str>, expected: &str) {
    let (keys, _) = folded("a=1 a.b=1 a.c=1 a/d=1 b=1 ä=1");
    let page: Vec<_> = keys.after(prefix, after).map(|(key, _)| key).collect();
    assert_eq!(page.join(" "), expected);
}

#[test]
fn keys_are_paged_by_prefix_in_order() {
    check_page("", None, "a a.b a.c a/d b ä");
    check_page("", Some("a.b"), "a.c a/d b ä");
    check_page("a.", None, "a.b a.c");
    check_page("a.", Some("a.b"), "a.c");
    check_page("a.", Some("a.c"), "");
    check_page("a.", Some("a"), "a.b a.c");
    check_page("a.", Some("b"), "");
    check_page("z", None, "");
    check_page("ä", None, "ä");
}
