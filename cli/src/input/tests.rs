use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use super::*;

fn message(result: Result<String, CliError>) -> String {
    result.expect_err("this is no text").message
}

#[test]
fn one_line_end_is_dropped() {
    let read = |bytes: &[u8]| from_reader("stdin", bytes).expect("this is a text");
    assert_eq!(read(b"a\n"), "a");
    assert_eq!(read(b"a\r\n"), "a");
    assert_eq!(read(b"a\n\n"), "a\n");
    assert_eq!(read(b""), "");
}

#[test]
fn what_is_not_utf8_is_named_with_its_byte() {
    let argument = OsStr::from_bytes(b"ab\xffc");
    assert_eq!(message(from_argument(argument)), "the argument is not UTF-8: 0xff at byte 2");
    assert_eq!(message(from_reader("x.txt", &b"caf\xe9\n"[..])), "x.txt is not UTF-8: 0xe9 at byte 3");
}

#[test]
fn a_nul_is_named_with_its_byte() {
    assert_eq!(message(from_reader("stdin", &b"a\0b"[..])), "stdin has a NUL at byte 1, so it is no text");
}

#[test]
fn the_longest_text_is_taken_and_one_byte_more_is_not() {
    let mut text = vec![b'x'; MAX_TEXT_BYTES];
    assert_eq!(from_reader("stdin", &text[..]).expect("just fits").len(), MAX_TEXT_BYTES);
    text.push(b'\n');
    assert_eq!(from_reader("stdin", &text[..]).expect("just fits").len(), MAX_TEXT_BYTES);
    text[MAX_TEXT_BYTES] = b'x';
    let said = message(from_reader("stdin", &text[..]));
    assert_eq!(said, "stdin has more than 16,777,216 bytes; one text may have 16.0 MiB");
}

#[test]
fn a_long_file_is_refused_before_it_is_read() {
    let mut file = tempfile::NamedTempFile::new().expect("a scratch file");
    file.write_all(b"x").expect("a byte");
    file.as_file().set_len(100_000_000).expect("a long file");
    let said = message(from_file(file.path()));
    assert!(said.ends_with("has 100,000,000 bytes; one text may have 16.0 MiB"), "{said}");
}

#[test]
fn a_folder_is_no_text() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let error = from_file(folder.path()).expect_err("a folder");
    assert!(error.message.ends_with("is a folder, not a text"), "{error:?}");
    assert!(error.hints[0].contains("zo import"), "{error:?}");
}

#[test]
fn meta_is_made_of_pairs() {
    assert_eq!(key_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
    assert!(key_value("a").is_err());
    assert!(key_value("=a").is_err());
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let object = meta(&[pair("b", "1"), pair("a", "2")]).expect("two keys");
    assert_eq!(meta_text(&object).as_deref(), Some(r#"{"b":"1","a":"2"}"#));
    assert_eq!(meta_text(&Map::new()), None);
    assert_eq!(meta(&[pair("a", "1"), pair("a", "2")]).expect_err("twice").message, "--meta gives `a` twice");
}

#[test]
fn names_are_checked() {
    assert!(check_name("the id", "notes/a.md#b").is_ok());
    assert_eq!(check_name("the id", " ").expect_err("blank").message, "the id is empty");
    let said = check_name("the id", "a\u{1b}b").expect_err("a control character").message;
    assert_eq!(said, "the id has the control character U+001B at byte 1");
    let said = check_name("the id", &"x".repeat(1025)).expect_err("too long").message;
    assert_eq!(said, "the id has 1,025 bytes; it may have 1,024");
}
