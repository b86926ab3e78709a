use std::time::{Duration, Instant};

use super::*;

/// So low that tests do not wait for it.
const QUICK: u8 = 2;

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

fn unopened<T: std::fmt::Debug>(result: Result<T, Unopened>) -> Unopened {
    result.expect_err("it is not to be opened")
}

fn damaged(why: &str) -> Unopened {
    Unopened::Damaged(why.to_owned())
}

/// The file with a text in its header replaced by another.
fn with(file: &[u8], old: &str, new: &str) -> Vec<u8> {
    let at = file.windows(old.len()).position(|window| window == old.as_bytes()).expect("it stands there");
    [&file[..at], new.as_bytes(), &file[at + old.len()..]].concat()
}

#[test]
fn an_identity_is_what_age_writes() {
    let identity = Identity::generate();
    let file = identity.seal(None);
    let text = std::str::from_utf8(&file).expect("it is text");
    let lines: Vec<_> = text.lines().collect();
    assert!(matches!(lines[..], [public, secret]
        if public.starts_with("# public key: age1") && secret.starts_with("AGE-SECRET-KEY-1")));
    assert!(text.ends_with('\n'));

    let again = Identity::open(&file, None).expect("it is one");
    assert_eq!(again.decrypt(&identity.encrypt(b"text")).expect("it is the same").as_slice(), b"text");
    // As age's own tool writes it, and edited on another system.
    let created = format!("# created: 2026-01-01T00:00:00Z\r\n{}\r\n\r\n", text.trim().replace('\n', "\r\n"));
    let again = Identity::open(created.as_bytes(), None).expect("it is one");
    assert_eq!(again.decrypt(&identity.encrypt(b"")).expect("it is the same").as_slice(), b"");
}

#[test]
fn every_identity_of_a_file_opens_the_vault() {
    let (one, other) = (Identity::generate(), Identity::generate());
    let both = Identity::open(&[&one.text[..], &other.text[..]].concat(), None).expect("it is one");
    let file = both.encrypt(b"text");
    for identity in [&one, &other, &both] {
        assert_eq!(identity.decrypt(&file).expect("it is for all").as_slice(), b"text");
    }
    assert_eq!(both.decrypt(&other.encrypt(b"text")).expect("it is for one").as_slice(), b"text");
}

#[test]
fn what_is_no_identity_is_told_without_showing_it() {
    for (file, why) in [
        (&b""[..], "there is no identity in it"),
        (b"# public key: age1\n\n", "there is no identity in it"),
        (b"# one\nAGE-SECRET-KEY-1SECRET\n", "line 2 is no X25519 identity of age"),
        (b"\xff\xfe", "it is not text"),
        (b"age1ysxuaeqlk7xd8uqsh8lsnfwt9jzzjlqf49ruhpjrrj5yatlcuf7qke4pqe", "line 1 is no X25519 identity of age"),
        (b"AGE-SECRET-KEY-PQ-1QQQQ", "line 1 is no X25519 identity of age"),
        (
            b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
            "it is in age's armour, which zo does not read: only binary files",
        ),
    ] {
        assert_eq!(unopened(Identity::open(file, None)), damaged(why));
        assert_eq!(needs_passphrase(file), Err(damaged(why)));
    }
    let for_somebody = Identity::generate().encrypt(b"text");
    assert_eq!(
        unopened(Identity::open(&for_somebody, Some(&secret("p")))),
        damaged("it is encrypted, but not with a passphrase")
    );
}

#[test]
fn a_passphrase_opens_what_it_has_sealed() {
    let identity = Identity::generate();
    let file = identity.seal_at(&secret("open sesame"), QUICK);
    assert_eq!(needs_passphrase(&file), Ok(true));
    assert_eq!(needs_passphrase(&identity.seal(None)), Ok(false));
    assert_eq!(unopened(Identity::open(&file, None)), Unopened::PassphraseNeeded);
    assert_eq!(unopened(Identity::open(&file, Some(&secret("open")))), Unopened::WrongPassphrase);
    assert_eq!(unopened(Identity::open(&file, Some(&secret("")))), Unopened::WrongPassphrase);
    let again = Identity::open(&file, Some(&secret("open sesame"))).expect("it is the right one");
    assert_eq!(again.text, identity.text);
}

#[test]
fn the_work_factor_is_fixed() {
    let before = Instant::now();
    let file = Identity::generate().seal(Some(&secret("p")));
    let took = before.elapsed();
    eprintln!("a passphrase costs {took:?}");
    assert!(took < Duration::from_secs(10), "nobody waits for {took:?}");
    let head = String::from_utf8_lossy(&file[..100]).into_owned();
    let factor = head.lines().nth(1).and_then(|stanza| stanza.rsplit(' ').next()).map(str::to_owned);
    assert_eq!(factor.as_deref(), Some("17"), "{head}");
}

#[test]
fn too_much_work_is_refused_and_not_done() {
    let file = Identity::generate().seal_at(&secret("p"), QUICK);
    let opened = |factor: &str| {
        let stanza = String::from_utf8_lossy(&file).lines().nth(1).expect("there is one").to_owned();
        let changed = stanza.replace(" 2", &format!(" {factor}"));
        unopened(Identity::open(&with(&file, &stanza, &changed), Some(&secret("p"))))
    };
    // For some of these the text of age's own error would shift by more than there are bits.
    for factor in ["21", "40", "63", "64", "255"] {
        let why = format!("its passphrase costs 2^{factor} rounds of scrypt, and 2^20 are the most");
        assert_eq!(opened(factor), damaged(&why));
    }
    for factor in ["256", "-1", "02", "x"] {
        assert_eq!(opened(factor), damaged("its header is damaged"), "{factor}");
    }
    // Less work than was done gives another key.
    assert_eq!(opened("1"), Unopened::WrongPassphrase);
}

#[test]
fn another_identity_does_not_open_it() {
    let file = Identity::generate().encrypt(b"text");
    assert_eq!(unopened(Identity::generate().decrypt(&file)), Unopened::WrongIdentity);
    let with_passphrase = Identity::generate().seal_at(&secret("p"), QUICK);
    assert_eq!(unopened(Identity::generate().decrypt(&with_passphrase)), Unopened::WrongIdentity);
}

#[test]
fn a_changed_header_is_told_from_changed_content() {
    let identity = Identity::generate();
    let file = identity.encrypt(b"text");
    let decrypt = |file: &[u8]| unopened(identity.decrypt(file));
    let mac = file.windows(4).position(|window| window == b"--- ").expect("there is one") + 4;
    let mut changed = file.clone();
    changed[mac] = if changed[mac] == b'A' { b'B' } else { b'A' };
    assert_eq!(decrypt(&changed), damaged("its header has been changed"));

    let mut changed = file.clone();
    *changed.last_mut().expect("it has bytes") ^= 1;
    assert_eq!(decrypt(&changed), damaged("its content has been changed"));
    assert_eq!(decrypt(&[&file[..], b"x"].concat()), damaged("its content has been changed"));

    assert_eq!(decrypt(&with(&file, "-> X25519", "-> X25519 x")), damaged("its header is damaged"));
    assert_eq!(decrypt(&with(&file, "-> X25519", ">- X25519")), damaged("its header is damaged"));
    assert_eq!(decrypt(&with(&file, "--- ", "--- ?")), damaged("its header is damaged"));
    assert_eq!(decrypt(&with(&file, "age-", "abc-")), damaged("it does not begin as a file of age does"));
    assert_eq!(decrypt(b""), damaged("it does not begin as a file of age does"));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let identity = Identity::generate();
    let file = identity.encrypt(b"text");
    assert_eq!(unopened(identity.decrypt(&with(&file, "/v1", "/v2"))), Unopened::Newer("age v2".to_owned()));
    assert_eq!(unopened(identity.decrypt(b"age-encryption.org/v12\nanything")), Unopened::Newer("age v12".to_owned()));
    for version in ["/w1", "/v", "/vx", "/v12345"] {
        assert_eq!(unopened(identity.decrypt(&with(&file, "/v1", version))), damaged("its header is damaged"));
    }
    let sealed = identity.seal_at(&secret("p"), QUICK);
    assert_eq!(needs_passphrase(&with(&sealed, "/v1", "/v2")), Err(Unopened::Newer("age v2".to_owned())));
}

/// Flipped bits and every length: whatever is said, nothing panics, and nothing but the text comes out.
#[test]
fn no_damage_goes_unnoticed() {
    let identity = Identity::generate();
    let text = b"{\"version\":1}";
    let vault = identity.encrypt(text);
    let sealed = identity.seal_at(&secret("p"), QUICK);
    for length in 0..vault.len() {
        assert_ne!(unopened(identity.decrypt(&vault[..length])), Unopened::WrongPassphrase);
    }
    for length in 0..sealed.len() {
        unopened(Identity::open(&sealed[..length], Some(&secret("p"))));
    }
    for bit in 0..vault.len() * 8 {
        let mut changed = vault.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(identity.decrypt(&changed).is_err(), "bit {bit}");
    }
    // A passphrase takes its time also for nothing: here every third bit has to do.
    for bit in (0..sealed.len() * 8).step_by(3) {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Identity::open(&changed, Some(&secret("p"))).is_err(), "bit {bit}");
    }
}
