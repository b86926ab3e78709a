//! What passes on the stdout of a server, and what does not.

use super::*;

/// Looks at these pieces; what is wrong, and whether there may be more.
fn check(pieces: &[&[u8]], expected: Option<&str>) {
    let seen = Seen::default();
    let mut watched = Watched::new((), seen.clone());
    let ended = pieces.iter().find_map(|piece| watched.look(piece).err());
    assert_eq!(ended.or(seen.wrong()).as_deref(), expected);
}

#[test]
fn messages_and_empty_lines_pass_however_they_are_cut() {
    check(&[b"{\"a\":1}\n[1]\n"], None);
    check(&[b"{\"a\"", b":1}", b"\n\n \r\n"], None);
}

#[test]
fn what_is_no_message_is_told_by_its_first_line() {
    let told = "it printed on stdout what is no message: \"Listening on 8000\"";
    check(&[b"{}\nListening", b" on 8000\nand so on\n"], Some(told));
    // A line that has not ended may yet be anything.
    check(&[b"Listening"], None);
}

#[test]
fn of_a_long_line_only_the_beginning_is_told() {
    let line = ["x".repeat(500).as_bytes(), b"\n"].concat();
    check(&[&line], Some(&format!("it printed on stdout what is no message: {:?}", "x".repeat(TOLD_BYTES))));
}

#[test]
fn a_message_that_is_too_long_ends_it() {
    let half = vec![b'{'; MAX_MESSAGE_BYTES / 2];
    check(&[&half, &half], None);
    check(&[&half, &half, b"}"], Some("it sent a message of more than 8 MiB"));
    // The next line begins anew.
    check(&[&half, b"\n", &half, b"\n"], None);
}

#[test]
fn so_much_rubbish_and_no_more() {
    let many = b"no\n".repeat(MAX_RUBBISH as usize);
    check(&[&many], Some("it printed on stdout what is no message: \"no\""));
    check(&[&many, b"more\n"], Some("it printed 1000 lines on stdout that are no messages, the first: \"no\""));
}
