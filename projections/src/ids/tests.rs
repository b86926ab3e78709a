//! Ids as texts.

use proptest::prelude::*;

use super::*;
use crate::event::run::agent::CallId;

/// Reads a text as a memory's id and shows it again.
fn check(text: &str, expected: Result<&str, &str>) {
    let actual = text.parse::<MemoryId>().map(|id| id.to_string()).map_err(|error| error.to_string());
    assert_eq!(actual.as_deref().map_err(String::as_str), expected);
}

#[test]
fn an_id_is_shown_as_it_is_read() {
    check("01J9ZQ4R1M3V8K2T6W5X7Y0ABC", Ok("01J9ZQ4R1M3V8K2T6W5X7Y0ABC"));
    check("01j9zq4r1m3v8k2t6w5x7y0abc", Ok("01J9ZQ4R1M3V8K2T6W5X7Y0ABC"));
    check("00000000000000000000000000", Ok("00000000000000000000000000"));
    check("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", Ok("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
}

#[test]
fn a_text_that_is_no_id_is_named() {
    let no = |text: &str| {
        let message =
            format!("`{text}` is not an id: 26 letters and digits such as 01J9ZQ4R1M3V8K2T6W5X7Y0ABC are expected");
        check(text, Err(&message));
    };
    no("");
    no("01J9ZQ4R1M3V8K2T6W5X7Y0AB");
    no("01J9ZQ4R1M3V8K2T6W5X7Y0ABCD");
    no("01J9ZQ4R1M3V8K2T6W5X7Y0ABU");
    no(" 1J9ZQ4R1M3V8K2T6W5X7Y0ABC");
    no("ääääääääääääa");
    // 130 bits: the first two would be lost, and two texts would be one id.
    no("80000000000000000000000000");
    no("ZZZZZZZZZZZZZZZZZZZZZZZZZZ");
}

#[test]
fn a_stream_is_its_category_and_its_id() {
    let text = "memory/01J9ZQ4R1M3V8K2T6W5X7Y0ABC";
    let stream: StreamId = text.parse().expect("it is one");
    assert_eq!((stream.category, stream.to_string().as_str()), (Category::Memory, text));
    assert_eq!(stream, StreamId::from(MemoryId(stream.id)));
    for text in
        ["memory", "memory/", "memories/01J9ZQ4R1M3V8K2T6W5X7Y0ABC", "/01J9ZQ4R1M3V8K2T6W5X7Y0ABC", "memory/a/b"]
    {
        assert!(text.parse::<StreamId>().is_err(), "{text}");
    }
}

#[test]
fn categories_keep_their_numbers_and_names() {
    for (number, category) in (0..).zip(Category::ALL) {
        assert_eq!((category as u8, Category::from_number(number)), (number, Some(category)));
    }
    assert_eq!(Category::from_number(14), None);
    let names = Category::ALL.map(Category::name).join(" ");
    assert_eq!(names, "home conversation memory kv run job node schedule skill service file browser vault mcp");
}

#[test]
fn ids_and_digests_are_texts_in_json() {
    let json = serde_json::to_string(&(Position(1), RunId(31), StreamId::from(RunId(32)), Digest(255))).expect("JSON");
    let expected =
        r#"[1,"0000000000000000000000000Z","run/00000000000000000000000010","000000000000000000000000000000ff"]"#;
    assert_eq!(json, expected);
    assert_eq!(
        format!("{:>28}|{:<28}|", RunId(1), RunId(1)),
        "  00000000000000000000000001|00000000000000000000000001  |"
    );
}

/// A call of a run is named as people write it, and its two numbers stand for themselves in JSON.
#[test]
fn a_tool_call_is_its_reply_and_its_place() {
    let id = CallId { step: 2, call: 10 };
    assert_eq!(id.to_string(), "2.10");
    assert_eq!(serde_json::to_string(&id).expect("JSON"), r#"{"step":2,"call":10}"#);
    assert!(CallId { step: 2, call: 9 } < id && id < CallId { step: 3, call: 0 }, "they sort as they are asked for");
}

#[test]
fn positions_end_and_do_not_wrap() {
    assert_eq!(Position::START.next(), Position(1));
    assert_eq!(Position(u64::MAX).next(), Position(u64::MAX));
    assert_eq!(Position(u64::MAX - 1).plus(7), Position(u64::MAX));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_id_comes_back(id in any::<u128>()) {
        prop_assert_eq!(EventId(id).to_string().parse::<EventId>().expect("it was just shown"), EventId(id));
        let stream = StreamId::new(Category::Job, id);
        prop_assert_eq!(stream.to_string().parse::<StreamId>().expect("it was just shown"), stream);
        let before = EventId(id).to_string() < EventId(id ^ 1).to_string();
        prop_assert_eq!(before, id < id ^ 1, "texts sort as ids do");
    }
}
