//! Vaults and identities that are not what was written.

use super::*;

/// Writes as the vault does: for the owner alone.
fn put(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("there is room");
    set_mode(path, 0o600);
}

#[test]
fn a_damaged_vault_is_told_and_left_alone() {
    let place = Place::with_a_key();
    let whole = fs::read(place.file()).expect("it is there");
    let damages: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("cut in the header", whole[..40].to_vec()),
        ("cut in the content", whole[..whole.len() - 1].to_vec()),
        ("flipped at its end", [&whole[..whole.len() - 1], &[whole[whole.len() - 1] ^ 1]].concat()),
        ("longer", [&whole[..], b"\n"].concat()),
        ("something else", b"{\"openai\": \"sk-live\"}".to_vec()),
        ("zeros", vec![0; whole.len()]),
        ("too large", vec![0; 5 << 20]),
    ];
    for (what, content) in damages {
        put(&place.file(), &content);
        for error in refusals(&place.vault(), Unlock::Plain) {
            assert!(matches!(error, VaultError::VaultDamaged { .. }), "{what}: {error:?}");
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains("backup") && hint.contains("zo key set"), "{hint}");
        }
        assert!(place.vault().is_used());
        assert_eq!(fs::read(place.file()).expect("it is there"), content, "{what}: nothing is written over it");
    }
    put(&place.file(), &whole);
    assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);
}

#[test]
fn every_flip_of_the_vault_is_an_error() {
    let place = Place::with_a_key();
    let whole = fs::read(place.file()).expect("it is there");
    for byte in 0..whole.len() {
        let mut content = whole.clone();
        content[byte] ^= 1 << (byte % 8);
        put(&place.file(), &content);
        let error = place.vault().keys(Unlock::Plain).expect_err("a flip is noticed");
        let told = matches!(
            error,
            VaultError::VaultDamaged { .. } | VaultError::WrongIdentity { .. } | VaultError::Newer { .. }
        );
        assert!(told, "byte {byte}: {error:?}");
    }
}

#[test]
fn a_damaged_identity_is_told_and_no_other_is_made() {
    let place = Place::with_a_key();
    let whole = fs::read(place.identity()).expect("it is there");
    for content in [&b""[..], &whole[..whole.len() / 2], b"\xff\0", &vec![b'#'; 5 << 20]] {
        put(&place.identity(), content);
        for error in refusals(&place.vault(), Unlock::Plain) {
            assert!(matches!(error, VaultError::IdentityDamaged { .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("AGE-SECRET-KEY"), "{error:?}");
            assert!(error.hint().is_some_and(|hint| hint.contains("backup")));
        }
        assert!(matches!(place.vault().needs_passphrase(), Err(VaultError::IdentityDamaged { .. })));
        assert_eq!(fs::read(place.identity()).expect("it is there"), content);
    }
    put(&place.identity(), &whole);
    assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);
}

#[test]
fn a_lost_identity_is_told_and_no_other_is_made() {
    let place = Place::with_a_key();
    fs::remove_file(place.identity()).expect("it is ours");
    for error in refusals(&place.vault(), Unlock::Plain) {
        assert!(matches!(&error, VaultError::IdentityMissing { path, vault }
            if *path == place.identity() && *vault == place.file()));
        assert!(error.hint().is_some_and(|hint| hint.contains("bring ") && hint.contains("zo key set")));
    }
    assert!(matches!(place.vault().needs_passphrase(), Err(VaultError::IdentityMissing { .. })));
    assert!(!place.identity().exists());
    // Without a vault there is nothing that could be lost.
    fs::remove_file(place.file()).expect("it is ours");
    let error = place.vault().set_passphrase(None, None).expect_err("there is none");
    assert_eq!(error.hint().as_deref(), Some("the first `zo key set PROVIDER` makes it"));
    place.vault().set("openai", &Secret::new(KEY), Unlock::Plain).expect("everything is made anew");
}

#[test]
fn another_identity_is_told_from_damage() {
    let place = Place::with_a_key();
    let other = Place::with_a_key();
    fs::copy(other.identity(), place.identity()).expect("there is room");
    for error in refusals(&place.vault(), Unlock::Plain) {
        assert!(matches!(&error, VaultError::WrongIdentity { identity, vault }
            if *identity == place.identity() && *vault == place.file()));
        assert!(error.hint().is_some_and(|hint| hint.contains("identity back")));
    }
}

#[test]
fn newer_formats_are_told_and_left_alone() {
    let place = Place::with_a_key();
    let sealed = b"age-encryption.org/v7\nwhatever that is";
    put(&place.file(), sealed);
    for error in refusals(&place.vault(), Unlock::Plain) {
        assert!(matches!(&error, VaultError::Newer { found, .. } if found == "age v7"), "{error:?}");
        assert_eq!(error.hint().as_deref(), Some("update zo"));
    }
    assert_eq!(fs::read(place.file()).expect("it is there"), sealed);

    let identity = fs::read_to_string(place.identity()).expect("it is text");
    let secret = identity.lines().last().expect("it has two lines");
    let key: age::x25519::Identity = secret.parse().expect("it is age's own format");
    let newer = br#"{"version":2,"keys":{"openai":{"key":"sk","since":2031}}}"#;
    put(&place.file(), &age::encrypt(&key.to_public(), newer).expect("memory takes everything"));
    for error in refusals(&place.vault(), Unlock::Plain) {
        assert!(matches!(&error, VaultError::Newer { found, known, .. } if found == "2" && known == "1"), "{error:?}");
    }

    put(&place.identity(), sealed);
    assert!(matches!(place.vault().needs_passphrase(), Err(VaultError::Newer { .. })));
}

#[test]
fn what_a_killed_writer_has_left_is_ignored_and_swept() {
    let place = Place::with_a_key();
    let half = place.folder().join(".keys.age.Ab12Cd34.unfinished");
    let half_identity = place.folder.path().join("config/zo/.identity.Ab12Cd34.unfinished");
    put(&half, b"half");
    put(&half_identity, b"half");
    assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);
    place.vault().set("groq", &Secret::new("gsk"), Unlock::Plain).expect("it opens");
    assert!(!half.exists() && half_identity.exists());
    place.vault().set_passphrase(None, None).expect("it opens");
    assert!(!half_identity.exists());
    assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 2);
}
