use super::*;

fn keys(pairs: &[(&str, &str)]) -> Keys {
    pairs.iter().map(|(name, key)| ((*name).to_owned(), Secret::new(*key))).collect()
}

#[test]
fn what_is_written_is_read() {
    let odd = "\"\\{}[]:,/<>&'`$!~".repeat(200);
    for keys in [keys(&[]), keys(&[("openai", "sk-1"), ("groq", "gsk_2")]), keys(&[("odd", &odd)])] {
        let written = write(&keys);
        assert_eq!(read(&written), Ok(keys));
    }
    assert_eq!(&write(&keys(&[("a", "b\"")]))[..], br#"{"version":1,"keys":{"a":"b\""}}"#);
}

#[test]
fn a_newer_version_is_told_from_damage() {
    assert_eq!(read(br#"{"version":2,"keys":[],"more":true}"#), Err(Unreadable::Newer(2)));
    let damaged = [
        &b""[..],
        b"sk-secret",
        br#"{"version":1}"#,
        br#"{"version":1,"keys":{"a":1}}"#,
        br#"{"version":1,"keys":{},"more":true}"#,
        br#"{"version":1,"keys":{"a":"sk-secret}}"#,
        b"{\"version\":1,\"keys\":{\"a\":\"\xff\"}}",
    ];
    for plaintext in damaged {
        match read(plaintext) {
            Err(Unreadable::Damaged(why)) => assert!(!why.contains("sk-"), "{why}"),
            other => panic!("{other:?} of {:?}", String::from_utf8_lossy(plaintext)),
        }
    }
}

#[test]
fn names_are_those_of_providers() {
    for name in ["openai", "a", "0", "open-router.ai_2", &"a".repeat(MAX_NAME_BYTES)] {
        assert!(check_name(name).is_ok(), "{name}");
    }
    for name in ["", "OpenAI", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n", "a\0", &"a".repeat(MAX_NAME_BYTES + 1)] {
        assert!(matches!(check_name(name), Err(VaultError::InvalidName { name: told }) if told == name), "{name:?}");
    }
}

#[test]
fn keys_are_what_fits_in_a_header() {
    for key in ["a", "sk-ant-api03-_-AA", "\"'\\{}", &"k".repeat(MAX_KEY_BYTES)] {
        assert!(check_key(&Secret::new(key)).is_ok(), "{key}");
    }
    let long = "k".repeat(MAX_KEY_BYTES + 1);
    let refused = [
        ("", "it is empty"),
        (&long, "it is too long"),
        (" sk", "there are blanks or line breaks in it"),
        ("sk\n", "there are blanks or line breaks in it"),
        ("s k", "there are blanks or line breaks in it"),
        ("s\u{a0}k", "there are blanks or line breaks in it"),
        ("s\0k", "there are control characters in it"),
        ("s\u{7f}k", "there are control characters in it"),
        ("s\u{1b}[31mk", "there are control characters in it"),
        ("s\u{200b}k", "there are characters in it that are not ASCII"),
        ("“sk”", "there are characters in it that are not ASCII"),
    ];
    for (key, expected) in refused {
        assert!(
            matches!(check_key(&Secret::new(key)), Err(VaultError::InvalidKey { why }) if why == expected),
            "{key:?}"
        );
    }
}
