use super::*;

#[test]
fn a_secret_shows_only_that_it_is_one() {
    let secret = Secret::new("sk-canary-1");
    assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "[secret] [secret] Some([secret])");
}

#[test]
fn white_space_around_a_key_is_not_part_of_it() {
    assert_eq!(Secret::new(" sk-1\r\n").expose(), "sk-1");
}

#[test]
fn a_key_is_taken_out_in_every_spelling() {
    let key = Secret::new("sk+a/b\"c");
    let text = r#"got sk+a/b"c, in JSON {"key":"sk+a/b\"c"}, in a URL ?key=sk%2Ba%2Fb%22c"#;
    assert_eq!(redact(text, Some(&key)), r#"got [secret], in JSON {"key":"[secret]"}, in a URL ?key=[secret]"#);
}

#[test]
fn without_a_key_nothing_is_replaced() {
    assert_eq!(redact("abc", None), "abc");
    assert_eq!(redact("abc", Some(&Secret::new(""))), "abc");
}
