use super::*;

fn secret(text: &str) -> SecretText {
    SecretText(text.to_owned())
}

#[test]
fn one_line_end_is_dropped_and_nothing_else() {
    let read = |bytes: &[u8]| from_reader("stdin", bytes).map(|SecretText(text)| text);
    assert_eq!(read(b"sk-1\n"), Ok("sk-1".to_owned()));
    assert_eq!(read(b"sk-1\r\n"), Ok("sk-1".to_owned()));
    assert_eq!(read(b"sk-1"), Ok("sk-1".to_owned()));
    assert_eq!(read(b"sk-1\n\n"), Ok("sk-1\n".to_owned()));
    assert_eq!(read(b"sk\xff").expect_err("no UTF-8").message, "stdin is not UTF-8 at byte 2, so it is no secret");
    let long = vec![b'x'; MAX_SECRET_BYTES + 1];
    assert_eq!(read(&long).expect_err("too long").message, "stdin has more than 16.0 KiB, so it is no secret");
}

#[test]
fn what_is_wrong_with_a_key_is_said_without_it() {
    let problem = |text: &str| check_key(&secret(text)).err().map(|error| error.message);
    assert_eq!(problem("sk-proj_A1.b2/c3=="), None);
    assert_eq!(problem(""), Some("the key is empty".to_owned()));
    assert_eq!(problem(" \t"), Some("the key is empty".to_owned()));
    assert_eq!(problem("sk-1 sk-2"), Some("the key has a blank at byte 4".to_owned()));
    assert_eq!(problem("sk-1\u{a0}"), Some("the key has a blank at byte 4".to_owned()));
    assert_eq!(problem("sk-1\nsk-2"), Some("the key has a line end at byte 4".to_owned()));
    assert_eq!(problem("sk\u{7}"), Some("the key has a control character at byte 2".to_owned()));
    assert_eq!(problem("\u{201c}sk"), Some("the key has a letter that is not ASCII at byte 0".to_owned()));
}

#[test]
fn a_passphrase_may_be_a_sentence() {
    let problem = |text: &str| check_passphrase("the passphrase", &secret(text)).err().map(|error| error.message);
    assert_eq!(problem("correct horse bättery"), None);
    assert_eq!(problem("   "), Some("the passphrase is empty".to_owned()));
    assert_eq!(problem("a\nb"), Some("the passphrase has a line end at byte 1".to_owned()));
    assert_eq!(problem("a\u{1b}b"), Some("the passphrase has a control character at byte 1".to_owned()));
}

#[test]
fn a_key_in_place_of_a_provider_is_noticed() {
    for key in ["sk-proj-abc123", "gsk_0123456789", "0123456789abcdef0123456789abcdef", "AIzaSyA1234"] {
        assert!(looks_like_key(key), "{key}");
    }
    for provider in ["openai", "my-own.server_2", "sk", "a-provider-of-a-rather-long-name", "key-1"] {
        assert!(!looks_like_key(provider), "{provider}");
    }
}
