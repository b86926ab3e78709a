use serde_json::json;

use super::*;

#[test]
fn messages_are_found_wherever_they_are() {
    for (body, expected) in [
        (json!({"error": {"message": "a"}}), "a"),
        (json!({"error": "a"}), "a"),
        (json!({"message": "a", "type": "BadRequestError", "code": 400}), "a"),
        (json!({"detail": "a"}), "a"),
        (json!({"detail": [{"msg": "a"}, {"msg": "b", "loc": ["x"]}]}), "a; x: b"),
        (json!([{"error": {"message": "a", "status": "INVALID_ARGUMENT"}}]), "a"),
        (
            json!({"error": {"message": "Provider returned error", "metadata": {"raw": "{\"error\":{\"message\":\"deep\"}}"}}}),
            "Provider returned error: deep",
        ),
        (json!({"error": {"message": "  a\n  b "}}), "a b"),
        (json!({}), ""),
        (json!(null), ""),
    ] {
        assert_eq!(Said::of(&body).message, expected, "{body}");
    }
}

#[test]
fn long_messages_are_cut() {
    let fault =
        Fault::from_answer(400, "Bad Request", json!({"error": {"message": "ü".repeat(5000)}}).to_string().as_bytes());
    assert_eq!(fault.text.chars().count(), "400 Bad Request: ".len() + LONGEST_QUOTE + 1);
}

#[test]
fn html_is_known_by_its_beginning() {
    for page in
        ["<!DOCTYPE html>", "\n\n <HTML><head>", "\u{feff}<html lang=en>", "<center>nginx</center>", "<!-- x --><html>"]
    {
        assert!(looks_like_html(page), "{page}");
    }
    for other in ["{\"a\": \"<html>\"}", "<think>", "a <html>", ""] {
        assert!(!looks_like_html(other), "{other}");
    }
    assert_eq!(html_title("<TITLE lang=\"en\">\n Log  in </TITLE>").as_deref(), Some("Log in"));
    assert_eq!(html_title("<title></title>"), None);
    assert_eq!(html_title("<title>x"), None);
}

#[test]
fn an_excerpt_is_one_line() {
    assert_eq!(excerpt(" \n a\tb\n"), "a b");
    assert_eq!(excerpt(&"🐈".repeat(100)).chars().count(), EXCERPT);
}

#[test]
fn a_status_without_words_decides() {
    for (status, kind, temporary) in [
        (400, ErrorKind::Request, false),
        (401, ErrorKind::Key, false),
        (403, ErrorKind::Key, false),
        (404, ErrorKind::Protocol, false),
        (405, ErrorKind::Protocol, false),
        (408, ErrorKind::Server, true),
        (413, ErrorKind::ContextTooLong, false),
        (429, ErrorKind::RateLimited, true),
        (500, ErrorKind::Server, true),
        (501, ErrorKind::Server, false),
        (502, ErrorKind::Server, true),
        (503, ErrorKind::Overloaded, true),
        (504, ErrorKind::Server, true),
        (529, ErrorKind::Overloaded, true),
    ] {
        let fault = Fault::from_answer(status, "", b"");
        assert_eq!((fault.kind, fault.temporary), (kind, temporary), "{status}");
    }
}

#[test]
fn a_wait_within_the_body_is_found() {
    let fault =
        Fault::from_answer(429, "", json!({"error": {"message": "slow", "retry_after": 2.5}}).to_string().as_bytes());
    assert_eq!(fault.retry_after, Some(Duration::from_millis(2500)));
    let fault =
        Fault::from_answer(429, "", json!({"error": {"message": "slow", "retry_after": -1}}).to_string().as_bytes());
    assert_eq!(fault.retry_after, None);
}
