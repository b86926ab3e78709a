//! An identity under a passphrase.

use super::*;

#[test]
fn a_passphrase_is_put_on_changed_and_taken_off() {
    let place = Place::with_a_key();
    let vault = place.vault();
    let (first, second) = (Secret::new("first one"), Secret::new("zweites, ünicode\n"));
    let clear = fs::read(place.identity()).expect("it is there");
    let sealed = fs::read(place.file()).expect("it is there");
    assert!(!vault.needs_passphrase().expect("it can be read"));
    // A passphrase that nobody needs does no harm.
    assert_eq!(keys(&vault, Unlock::Passphrase(&first)).len(), 1);

    vault.set_passphrase(None, Some(&first)).expect("it is in clear");
    assert!(vault.needs_passphrase().expect("it can be read"));
    assert_eq!(mode(&place.identity()), 0o600);
    for error in refusals(&vault, Unlock::Plain) {
        assert!(matches!(error, VaultError::PassphraseNeeded { .. }), "{error:?}");
    }
    let wrong = vault.keys(Unlock::Passphrase(&second)).expect_err("it is another one");
    assert!(matches!(wrong, VaultError::WrongPassphrase { .. }), "{wrong:?}");
    assert_eq!(keys(&vault, Unlock::Passphrase(&first)).len(), 1);
    vault.set("groq", &Secret::new("gsk"), Unlock::Passphrase(&first)).expect("it opens");

    assert!(matches!(vault.set_passphrase(None, Some(&second)), Err(VaultError::PassphraseNeeded { .. })));
    assert!(matches!(vault.set_passphrase(Some(&second), None), Err(VaultError::WrongPassphrase { .. })));
    vault.set_passphrase(Some(&first), Some(&second)).expect("it is the right one");
    assert!(matches!(vault.keys(Unlock::Passphrase(&first)), Err(VaultError::WrongPassphrase { .. })));
    assert_eq!(keys(&vault, Unlock::Passphrase(&second)).len(), 2);

    let empty = Secret::new("");
    assert!(matches!(vault.set_passphrase(Some(&second), Some(&empty)), Err(VaultError::InvalidPassphrase)));
    vault.set_passphrase(Some(&second), None).expect("it is the right one");
    assert!(!vault.needs_passphrase().expect("it can be read"));
    assert_eq!(fs::read(place.identity()).expect("it is there"), clear, "the identity itself is the same");
    assert_ne!(fs::read(place.file()).expect("it is there"), sealed, "a key was set in between");
    assert_eq!(keys(&vault, Unlock::Plain).len(), 2);
}

#[test]
fn a_new_identity_is_put_under_the_passphrase_at_once() {
    let place = Place::new();
    let passphrase = Secret::new("p");
    place.vault().set("openai", &Secret::new(KEY), Unlock::Passphrase(&passphrase)).expect("a key can be set");
    assert!(place.vault().needs_passphrase().expect("it can be read"));
    assert!(matches!(place.vault().keys(Unlock::Plain), Err(VaultError::PassphraseNeeded { .. })));
    assert_eq!(keys(&place.vault(), Unlock::Passphrase(&passphrase)).len(), 1);
}

#[test]
fn a_damaged_identity_under_a_passphrase_is_told() {
    let place = Place::with_a_key();
    let passphrase = Secret::new("p");
    place.vault().set_passphrase(None, Some(&passphrase)).expect("it is in clear");
    let whole = fs::read(place.identity()).expect("it is there");
    let text = String::from_utf8_lossy(&whole);
    let stanza = text.lines().nth(1).expect("there is one").to_owned();
    assert!(stanza.starts_with("-> scrypt ") && stanza.ends_with(" 17"), "{stanza}");

    // More work than anybody would wait for is refused, and not done.
    let more =
        [b"age-encryption.org/v1\n", stanza.replace(" 17", " 63").as_bytes(), &whole[22 + stanza.len()..]].concat();
    fs::write(place.identity(), &more).expect("there is room");
    let error = place.vault().keys(Unlock::Passphrase(&passphrase)).expect_err("that is too much");
    assert!(matches!(&error, VaultError::IdentityDamaged { why, .. } if why.contains("2^63 rounds")), "{error:?}");
    // Without a passphrase it is only seen that it has one.
    assert!(place.vault().needs_passphrase().expect("it can be read"));

    fs::write(place.identity(), &whole[..whole.len() - 1]).expect("there is room");
    let error = place.vault().keys(Unlock::Passphrase(&passphrase)).expect_err("it is cut");
    assert!(matches!(error, VaultError::IdentityDamaged { .. }), "{error:?}");
    fs::write(place.identity(), &whole).expect("there is room");
    assert_eq!(keys(&place.vault(), Unlock::Passphrase(&passphrase)).len(), 1);
}
