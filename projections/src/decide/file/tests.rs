//! What can be told of files and their links.

use super::*;
use crate::command::Command;
use crate::testing::{assert_lines, digest_of, told};

fn put_as(id: u128, name: &str, text: &str) -> Command {
    let put = Put { name: name.to_owned(), size: 5, digest: digest_of(text), media_type: "text/plain".to_owned() };
    Command::PutFile { file: FileId(id), put, body: ContentBody::default() }
}

fn put(text: &str) -> Command {
    put_as(1, "a.txt", text)
}

fn remove() -> Command {
    Command::RemoveFile { file: FileId(1), name: "a.txt".to_owned() }
}

fn share(name: &str) -> Command {
    let shared = Shared { name: name.to_owned(), hash: [7; 32], site: false, expires_at: None };
    Command::ShareFile { share: FileId(9), shared, body: ShareBody { secret: "s3cret".to_owned() } }
}

const UNSHARE: Command = Command::UnshareFile { share: FileId(9) };

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn each_content_that_is_put_under_a_name_is_a_version() {
    let line = |position: u8, digest: &str| {
        let rest = "media_type=text/plain | chunk_bytes=0 blake3=";
        format!("{position} file/1 v{position} file.put name=a.txt size=5 digest={digest} {rest}")
    };
    check(&[put("one")], &line(1, "6f6e65"));
    check(&[put("one"), put("one")], "already: file/1 at 1");
    check(&[put("one"), put("two")], &line(2, "74776f"));
    check(&[put("one"), put("two"), put("one")], &line(3, "6f6e65"));
    check(&[put("one"), remove(), put("one")], &line(3, "6f6e65"));
}

#[test]
fn a_name_is_removed_once() {
    check(&[put("one"), remove()], "2 file/1 v2 file.removed");
    check(&[put("one"), remove(), remove()], "already: file/1 at 2");
    check(&[remove()], "rejected: there is no file a.txt");
}

#[test]
fn a_name_is_a_relative_path_that_leads_nowhere_else() {
    for name in ["a", "a/b.txt", "ü/日本.md", ".env", "a/..b", "a b/c"] {
        assert!(told(&[put_as(1, name, "one")]).contains("file.put"), "{name}");
    }
    let bad = [
        "/etc/passwd",
        "../up",
        "a/../../up",
        "..",
        ".",
        "a/./b",
        "a//b",
        "a/",
        "/",
        "a\\b",
        "..\\up",
        "C:",
        "C:/x",
        "a:stream",
    ];
    for name in bad {
        let why = format!("{name:?} is no relative path of plain names with / between them");
        check(&[put_as(1, name, "one")], &format!("rejected: the file's name: {why}"));
    }
    check(&[put_as(1, "", "one")], "rejected: the file's name: it is empty");
    check(&[put_as(1, "a\0b", "one")], "rejected: the file's name: it has a control character in it");
    check(
        &[put_as(1, &"a".repeat(1025), "one")],
        "rejected: the file's name: 1025 bytes are more than the 1024 that one may have",
    );
}

#[test]
fn a_name_has_one_stream_and_a_stream_one_name() {
    check(&[put("one"), put_as(1, "b.txt", "two")], "rejected: b.txt: its stream is that of a.txt");
    check(&[put("one"), put_as(2, "a.txt", "two")], "rejected: a.txt: its stream is that of file 1");
}

#[test]
fn what_is_too_large_or_has_no_type_is_refused() {
    let of = |size, media_type: &str| {
        let put = Put { name: "a".to_owned(), size, digest: digest_of("one"), media_type: media_type.to_owned() };
        Command::PutFile { file: FileId(1), put, body: ContentBody::default() }
    };
    check(
        &[of(MAX_HOSTED_BYTES + 1, "text/plain")],
        "rejected: a: 17179869185 bytes are more than the 17179869184 that one may have",
    );
    assert!(told(&[of(MAX_HOSTED_BYTES, "text/plain")]).contains("file.put"));
    check(&[of(1, "")], "rejected: the type: it is empty");
    check(&[of(1, "text/html\r\nx: y")], "rejected: the type: it has a control character in it");
}

#[test]
fn what_is_there_can_be_shared() {
    let site = || put_as(2, "site/index.html", "two");
    let line = |name: &str| format!("2 file/9 v1 file.shared name={name} hash={} | secret=s3cret", "07".repeat(32));
    for name in ["site/index.html", "site/", ""] {
        check(&[site(), share(name)], &line(name));
    }
    check(&[site(), share("site")], "rejected: there is no file site");
    check(&[site(), share("other/")], "rejected: there is no file below other/");
    check(&[share("")], "rejected: there is no file below ");
    check(&[put("one"), remove(), share("a.txt")], "rejected: there is no file a.txt");
    for name in ["../", "/", "a/../b/", "//"] {
        assert!(told(&[put("one"), share(name)]).starts_with("rejected: the file's name"), "{name}");
    }
}

#[test]
fn a_link_is_made_once_and_taken_back_once() {
    check(&[put("one"), share("a.txt"), share("a.txt")], "already: file/9 at 2");
    check(&[put("one"), share("a.txt"), UNSHARE], "3 file/9 v2 file.unshared");
    check(&[put("one"), share("a.txt"), UNSHARE, UNSHARE], "rejected: there is no link 9");
}
