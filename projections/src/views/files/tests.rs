//! Files: which content a name has, which it had, and who may read it.

use super::*;
use crate::event::file::{Removed, Shared, Unshared};
use crate::ids::StreamId;
use crate::testing::{assert_lines, digest_of, fold, letters};

fn put(name: &str, text: &str) -> Event {
    Put { name: name.to_owned(), size: 5, digest: digest_of(text), media_type: "text/plain".to_owned() }.into()
}

fn removed() -> Event {
    Removed {}.into()
}

fn shared(name: &str) -> Event {
    Shared { name: name.to_owned(), hash: [7; 32], site: true, expires_at: Some(Timestamp(99)) }.into()
}

fn folded(events: &[(u128, Event)]) -> (Files, String) {
    let events: Vec<_> = events.iter().map(|(id, event)| (StreamId::from(FileId(*id)), event.clone())).collect();
    fold(&events)
}

/// Folds events of files; every name with its versions, the links, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let (files, anomalies) = folded(events);
    let mut text = String::new();
    for (id, file) in files.iter() {
        assert_eq!(files.get(id), Some(file));
        let current = file.current();
        assert_eq!(
            (files.by_name(&file.name).is_some(), files.id_of(&file.name)),
            (current.is_some(), current.map(|_| id))
        );
        let version = |version: &Version| format!(" {}@{}", letters(version.put.digest), version.position);
        text += &format!("{}: {}{}", id.0, file.name, file.versions.iter().map(version).collect::<String>());
        text += &file.removed.map_or(String::new(), |at| format!(", removed@{at}"));
        text += "\n";
    }
    for (id, share) in files.shares() {
        assert_eq!((files.share(id), share.hash, share.site), (Some(share), [7; 32], true));
        text += &format!("{}: link to {:?} since {}\n", id.0, share.name, share.shared);
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_name_has_its_last_content_and_keeps_all() {
    check(
        &[
            (1, put("a", "one")),
            (2, put("b", "two")),
            (1, put("a", "three")),
            (1, removed()),
            (2, removed()),
            (2, put("b", "two")),
        ],
        "1: a one@1 three@3, removed@4
         2: b two@2 two@6",
    );
}

#[test]
fn what_is_not_possible_changes_nothing() {
    check(&[(1, removed()), (1, Unshared {}.into())], "!1 there is no such file\n!2 there is no such link");
    check(&[(1, put("a", "one")), (1, removed()), (1, removed())], "1: a one@1, removed@2\n!3 there is no such file");
    check(&[(1, put("a", "one")), (1, put("b", "two"))], "1: a one@1\n!2 its stream is that of a");
    check(&[(1, put("a", "one")), (2, put("a", "two"))], "1: a one@1\n!2 a is file 1");
}

#[test]
fn files_are_listed_by_prefix_from_a_name_on() {
    let names = ["site/a", "site/b", "site/b/c", "sites", "a", "site"];
    let events: Vec<_> = (1..).zip(names).map(|(id, name)| (id, put(name, "one"))).collect();
    let (files, _) = folded(&events);
    let list = |prefix: &str, after: Option<&str>| -> Vec<String> {
        files.list(prefix, after).map(|file| file.name.clone()).collect()
    };
    assert_eq!(list("", None), ["a", "site", "site/a", "site/b", "site/b/c", "sites"]);
    assert_eq!(list("site/", None), ["site/a", "site/b", "site/b/c"]);
    assert_eq!(list("site/", Some("site/a")), ["site/b", "site/b/c"]);
    assert_eq!(list("site/", Some("site/aa")), ["site/b", "site/b/c"]);
    assert_eq!(list("site/", Some("a")), ["site/a", "site/b", "site/b/c"]);
    assert_eq!(list("site/", Some("z")), Vec::<String>::new());
    assert_eq!(list("nobody's", None), Vec::<String>::new());
    assert_eq!((files.len(), files.is_empty(), Files::default().is_empty()), (6, false, true));
}

#[test]
fn a_link_covers_its_file_or_what_is_below_its_folder() {
    let covers = |name: &str, file: &str| {
        let (files, _) = folded(&[(9, shared(name))]);
        files.share(FileId(9)).expect("it was shared").covers(file)
    };
    assert!(covers("", "a") && covers("", "a/b"));
    assert!(covers("a", "a") && !covers("a", "a/b") && !covers("a", "ab"));
    assert!(covers("a/", "a/b") && covers("a/", "a/b/c") && !covers("a/", "a") && !covers("a/", "ab/c"));
}

#[test]
fn a_link_holds_until_it_is_taken_back() {
    check(
        &[(8, shared("")), (9, shared("a/")), (8, Unshared {}.into()), (8, Unshared {}.into())],
        "9: link to \"a/\" since 2
         !4 there is no such link",
    );
}
