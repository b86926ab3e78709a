use super::*;

fn events(chunks: &[&[u8]]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut events).unwrap();
    }
    events.extend(decoder.finish());
    events
}

fn data(text: &str) -> Vec<String> {
    events(&[text.as_bytes()]).into_iter().map(|event| event.data).collect()
}

#[test]
fn the_examples_of_the_standard() {
    assert_eq!(data("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
    assert_eq!(
        data(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
        ["first event", "second event", " third event"]
    );
    assert_eq!(data("data\n\ndata\ndata\n\n"), Vec::<String>::new(), "empty data says nothing");
    assert_eq!(data("data:test\n\ndata: test\n\n"), ["test", "test"]);
}

#[test]
fn names_belong_to_their_event() {
    let found = events(&[b"event: a\ndata: 1\n\ndata: 2\n\nevent: lost\n\ndata: 3\n\n"]);
    let found: Vec<(&str, &str)> = found.iter().map(|event| (event.name.as_str(), event.data.as_str())).collect();
    assert_eq!(found, [("a", "1"), ("", "2"), ("", "3")]);
}

#[test]
fn all_line_ends_count_once_even_when_cut_between() {
    for text in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r"] {
        assert_eq!(data(text), ["a", "b"], "{text:?}");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes).len(), 2, "{text:?}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over_only_at_the_beginning() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("data: \u{feff}a\n\n"), ["\u{feff}a"]);
}

#[test]
fn the_last_event_needs_no_empty_line() {
    assert_eq!(data("data: a\n\ndata: b"), ["a", "b"]);
    assert_eq!(data("data: a\ndata: b\n"), ["a\nb"]);
    assert_eq!(events(&["data: ü".as_bytes().split_last().unwrap().1]), [], "it ends within a character");
}

#[test]
fn what_is_not_utf8_or_too_large_is_refused() {
    let mut decoder = Decoder::default();
    let fault = decoder.push(b"data: \xff\n\n", &mut Vec::new()).unwrap_err();
    assert_eq!((fault.kind, fault.text.as_str()), (ErrorKind::Protocol, "an event is not UTF-8 after 6 bytes"));
    let mut decoder = Decoder::default();
    let line = format!("data: {}\n", "x".repeat(1 << 20));
    let outcome = (0..17).try_for_each(|_| decoder.push(line.as_bytes(), &mut Vec::new()));
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Protocol);
}

#[test]
fn comments_are_told_from_fields_and_from_other_text() {
    let mut decoder = Decoder::default();
    decoder.push(b": hello\n\n", &mut Vec::new()).unwrap();
    assert!(decoder.recognised() && !decoder.take_heard_field());
    decoder.push(b"da", &mut Vec::new()).unwrap();
    assert!(decoder.take_heard_field() && !decoder.take_heard_field());
    let mut decoder = Decoder::default();
    decoder.push(b"It works!\nReally: yes\n", &mut Vec::new()).unwrap();
    assert!(!decoder.recognised());
}

#[test]
fn a_large_event_in_small_packets_takes_linear_time() {
    let event = format!("data: {}\n\n", "x".repeat(8 << 20));
    let before = std::time::Instant::now();
    let mut decoder = Decoder::default();
    let mut found = Vec::new();
    for chunk in event.as_bytes().chunks(1400) {
        decoder.push(chunk, &mut found).unwrap();
    }
    assert_eq!(found.len(), 1);
    assert!(before.elapsed().as_secs() < 2, "{:?}", before.elapsed());
}
