use std::io::{self, BufRead, BufReader, Cursor, Read};

use serde_json::json;

use super::lines::Lines;
use super::{Jsonl, MAX_LINE_BYTES, MetaKeys, MetaKeysError};
use crate::item::{Imported, ImportedMemory};

fn read(bytes: impl AsRef<[u8]>) -> Vec<Result<ImportedMemory, String>> {
    Jsonl::new(Cursor::new(bytes), "notes.jsonl", MetaKeys::default())
        .map(|item| match item {
            Ok(Imported::Memory(memory)) => Ok(memory),
            Ok(other) => panic!("not a memory: {other:?}"),
            Err(error) => Err(error.to_string()),
        })
        .collect()
}

/// The contents of good lines and the messages of bad ones.
fn check(bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let found: Vec<String> =
        read(bytes).into_iter().map(|item| item.map_or_else(|error| error, |m| m.content)).collect();
    assert_eq!(found, expected);
}

#[test]
fn all_fields_are_taken() {
    let line = r#"{"id": "a/1", "content": "tea", "meta": {"speaker": "Ann", "n": 1}, "at": "2024-05-01T10:20:30Z"}"#;
    let memory = read(line).remove(0).expect("a good line");
    assert_eq!(memory.name.as_deref(), Some("a/1"));
    assert_eq!(memory.content, "tea");
    assert_eq!(json!(memory.meta), json!({"speaker": "Ann", "n": 1}));
    assert_eq!(memory.occurred_at_ms, Some(1_714_558_830_000));
    assert_eq!(memory.source, "notes.jsonl:1");
}

#[test]
fn mark_crlf_blank_lines_and_a_missing_last_line_end_are_no_errors() {
    check("\u{feff}{\"content\":\"a\"}\r\n\r\n   \n{\"content\":\"b\"}\r\n\n{\"content\":\"c\"}", &["a", "b", "c"]);
    check("", &[]);
    check("\n\n", &[]);
    assert_eq!(read("\n\n{\"content\":\"a\"}")[0].as_ref().expect("good").source, "notes.jsonl:3");
}

#[test]
fn bad_lines_are_named_and_the_rest_is_read() {
    check(
        concat!(
            "{\"content\":\"a\"}\n",
            "{\"content\":\"b\"\n",
            "[1]\n",
            "{\"text\":\"x\",\"n\":1}\n",
            "{}\n",
            "{\"content\":7}\n",
            "{\"content\":\" \\n\"}\n",
            "{\"content\":\"x\",\"id\":1.5}\n",
            "{\"content\":\"x\",\"id\":\"\"}\n",
            "{\"content\":\"x\",\"meta\":[]}\n",
            "{\"content\":\"x\",\"at\":\"soon\"}\n",
            "{\"content\":\"x\\u0000y\"}\n",
            "nonsense\n",
            "{\"content\":\"z\"} {\"content\":\"z\"}\n",
            "{\"content\":\"c\"}",
        ),
        &[
            "a",
            "notes.jsonl:2:14: expected JSON: EOF while parsing an object",
            "notes.jsonl:3: expected an object with `content`, found an array",
            "notes.jsonl:4: expected a field `content`, found only `text`, `n`",
            "notes.jsonl:5: expected a field `content`, found an empty object",
            "notes.jsonl:6: expected a string in `content`, found a number",
            "notes.jsonl:7: expected text in `content`, found only blanks",
            "notes.jsonl:8: expected a string or an integer in `id`, found a number",
            "notes.jsonl:9: expected a name in `id`, found only blanks",
            "notes.jsonl:10: expected an object in `meta`, found an array",
            "notes.jsonl:11: expected a time in `at` (RFC 3339, YYYY-MM-DD, unix seconds or milliseconds), found \"soon\"",
            "notes.jsonl:12: expected text, found a NUL",
            "notes.jsonl:13:2: expected JSON: expected ident",
            "notes.jsonl:14:17: expected JSON: trailing characters",
            "c",
        ],
    );
}

#[test]
fn bytes_that_are_no_text_are_named_by_line_and_column() {
    check(
        b"{\"content\":\"a\"}\n{\"content\":\"\xff\"}\n{\"content\":\"\0\"}\n{\"content\":\"b\"}\n",
        &[
            "a",
            "notes.jsonl:2:13: expected UTF-8 text, found byte 0xff",
            "notes.jsonl:3:13: expected text, found a NUL",
            "b",
        ],
    );
    check(b"\xef\xbb\xbf\xff", &["notes.jsonl:1:4: expected UTF-8 text, found byte 0xff"]);
    check(b"\xff\xfe{\0", &["notes.jsonl:1:1: expected UTF-8 text, found byte 0xff"]);
    check("\u{feff}{]", &["notes.jsonl:1:5: expected JSON: key must be a string"]);
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    let deep = format!("{{\"content\":\"x\",\"meta\":{}", "[".repeat(100_000));
    let items = read(format!("{deep}\n{{\"content\":\"a\"}}"));
    assert!(items[0].as_ref().expect_err("too deep").contains("recursion limit exceeded"));
    assert_eq!(items[1].as_ref().expect("good").content, "a");
}

#[test]
fn time_comes_from_at_then_from_meta() {
    let times: Vec<Option<i64>> = read(concat!(
        "{\"content\":\"x\",\"at\":1714558830,\"meta\":{\"date\":\"2020-01-01\"}}\n",
        "{\"content\":\"x\",\"at\":1714558830000}\n",
        "{\"content\":\"x\",\"at\":\"2024-05-01\"}\n",
        "{\"content\":\"x\",\"at\":null,\"meta\":{\"date\":\"2024-05-01\"}}\n",
        "{\"content\":\"x\",\"meta\":{\"date\":\"1:56 pm on 8 May, 2023\",\"at\":\"2024-05-01\"}}\n",
        "{\"content\":\"x\",\"meta\":{\"date\":\"1:56 pm on 8 May, 2023\"}}\n",
    ))
    .into_iter()
    .map(|item| item.expect("good").occurred_at_ms)
    .collect();
    let midnight = Some(1_714_521_600_000);
    assert_eq!(times, [Some(1_714_558_830_000), Some(1_714_558_830_000), midnight, midnight, midnight, None]);
}

#[test]
fn integer_ids_become_names() {
    assert_eq!(read("{\"content\":\"x\",\"id\":7}")[0].as_ref().expect("good").name.as_deref(), Some("7"));
    assert_eq!(read("{\"content\":\"x\",\"id\":null}")[0].as_ref().expect("good").name, None);
}

#[test]
fn unknown_fields_are_listed_once() {
    let text = "{\"content\":\"x\",\"tags\":[],\"user\":1}\n{\"content\":\"y\",\"tags\":1,\"lang\":\"en\"}\n";
    let mut reader = Jsonl::new(Cursor::new(text), "-", MetaKeys::default());
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
    assert_eq!(reader.unknown_fields(), ["tags", "user", "lang"]);
    assert_eq!(reader.bytes_read(), text.len() as u64);
    assert_eq!(reader.line(), 2);
}

#[test]
fn a_line_over_the_limit_is_skipped_without_being_held() {
    // Five limits of one byte without a line end, then a good line.
    let giant = io::repeat(b'x').take(5 * MAX_LINE_BYTES as u64).chain(Cursor::new("\n{\"content\":\"a\"}\n"));
    let items: Vec<_> = Jsonl::new(BufReader::new(giant), "-", MetaKeys::default()).collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].as_ref().expect_err("too long").to_string(), "-:1: longer than 67108864 bytes");
    assert!(items[1].is_ok());
}

#[test]
fn the_limit_itself_is_allowed() {
    let lengths = |text: &str| {
        let mut lines = Lines::new(Cursor::new(text.to_string()), "-".to_string(), 4);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line() {
            found.push(line.map(|line| line.text.len()).map_err(|error| error.to_string()));
        }
        found
    };
    assert_eq!(lengths("abcd\nab"), [Ok(4), Ok(2)]);
    assert_eq!(lengths("abcd"), [Ok(4)]);
    assert_eq!(lengths("abcde\nab"), [Err("-:1: longer than 4 bytes".to_string()), Ok(2)]);
    assert_eq!(lengths("abcde"), [Err("-:1: longer than 4 bytes".to_string())]);
}

#[test]
fn a_broken_stream_ends_after_its_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let stream: Box<dyn BufRead> = Box::new(BufReader::new(Cursor::new("{\"content\":\"a\"}\n{\"con").chain(Broken)));
    let items: Vec<String> = Jsonl::new(stream, "-", MetaKeys::default())
        .map(|item| item.map_or_else(|error| error.to_string(), |_| "ok".to_string()))
        .collect();
    assert_eq!(items, ["ok", "cannot read -:2"]);
}

#[test]
fn meta_keys_are_overridden_by_name() {
    let keys: MetaKeys = "conversation=thread, time=ts|when".parse().expect("good overrides");
    assert_eq!(keys.conversation, ["thread"]);
    assert_eq!(keys.time, ["ts", "when"]);
    assert_eq!(keys.speaker, ["speaker", "role"]);
    assert_eq!("".parse(), Ok(MetaKeys::default()));
    assert_eq!("thread".parse::<MetaKeys>(), Err(MetaKeysError::NoEquals("thread".to_string())));
    assert_eq!("who=x".parse::<MetaKeys>(), Err(MetaKeysError::UnknownRole("who".to_string())));
    assert_eq!("time=|".parse::<MetaKeys>(), Err(MetaKeysError::NoName("time".to_string())));
}

#[test]
fn meta_is_searched_under_all_names() {
    let keys = MetaKeys::default();
    let meta =
        json!({"conv": "", "conversation": "c", "session": 3, "role": "user", "date": "someday", "at": 1_714_558_830});
    let meta = meta.as_object().expect("an object");
    assert_eq!(keys.conversation_of(meta).as_deref(), Some("c"));
    assert_eq!(keys.session_of(meta).as_deref(), Some("3"));
    assert_eq!(keys.speaker_of(meta).as_deref(), Some("user"));
    assert_eq!(keys.time_of(meta), Some(1_714_558_830_000));
}
