//! The vault as the program uses it: on a disk, with identities, passphrases, damage, and others at work.

mod damage;
mod kill;
mod modes;
mod passphrase;
mod together;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zo_vault::{Secret, Unlock, Vault, VaultError};

const KEY: &str = "sk-live-abcdefghijklmnopqrstuvwxyz0123456789";

/// A home with a vault, and an identity's place elsewhere; neither is there yet.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("there is room") }
    }

    fn vault(&self) -> Vault {
        Vault::new(self.folder(), self.identity())
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("home/vault")
    }

    fn file(&self) -> PathBuf {
        self.folder().join("keys.age")
    }

    fn identity(&self) -> PathBuf {
        self.folder.path().join("config/zo/identity")
    }

    /// With one key in it.
    fn with_a_key() -> Self {
        let place = Self::new();
        place.vault().set("openai", &Secret::new(KEY), Unlock::Plain).expect("a key can be set");
        place
    }
}

/// The keys in clear.
fn keys(vault: &Vault, unlock: Unlock<'_>) -> BTreeMap<String, String> {
    let keys = vault.keys(unlock).expect("the vault opens");
    keys.into_iter().map(|(name, key)| (name, key.expose().to_owned())).collect()
}

/// Every file below a folder, with its content. Links to folders are not followed.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(if path.is_symlink() { Vec::new() } else { files(&path) });
        } else {
            let content = fs::read(&path).expect("it can be read");
            found.push((path, content));
        }
    }
    found.sort();
    found
}

fn names(folder: &Path) -> Vec<String> {
    let relative = |path: &Path| path.strip_prefix(folder).expect("it lies there").display().to_string();
    files(folder).iter().map(|(path, _)| relative(path)).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// What every operation says that opens the vault.
fn refusals(vault: &Vault, unlock: Unlock<'_>) -> [VaultError; 4] {
    [
        vault.keys(unlock).expect_err("keys"),
        vault.get("openai", unlock).expect_err("get"),
        vault.set("groq", &Secret::new("gsk"), unlock).expect_err("set"),
        vault.remove("openai", unlock).expect_err("remove"),
    ]
}

#[test]
fn keys_go_in_and_come_out() {
    let place = Place::new();
    let vault = place.vault();
    assert!(!vault.is_used());
    assert_eq!(keys(&vault, Unlock::Plain), BTreeMap::new());
    assert!(!vault.remove("openai", Unlock::Plain).expect("there is nothing to open"));
    assert!(!vault.needs_passphrase().expect("there is nothing"));
    assert_eq!(names(place.folder.path()), Vec::<String>::new(), "looking makes nothing");

    vault.set("openai", &Secret::new(KEY), Unlock::Plain).expect("it is one");
    vault.set("groq", &Secret::new("gsk_\"1\\"), Unlock::Plain).expect("it is one");
    assert!(vault.is_used());
    // Another process.
    let vault = place.vault();
    assert_eq!(vault.identity_path(), place.identity());
    assert_eq!(vault.get("openai", Unlock::Plain).expect("it opens"), Some(Secret::new(KEY)));
    assert_eq!(vault.get("anthropic", Unlock::Plain).expect("it opens"), None);
    let expected = [("groq", "gsk_\"1\\"), ("openai", KEY)].map(|(name, key)| (name.to_owned(), key.to_owned()));
    assert_eq!(keys(&vault, Unlock::Plain), BTreeMap::from(expected));

    vault.set("openai", &Secret::new("sk-2"), Unlock::Plain).expect("it is one");
    assert_eq!(vault.get("openai", Unlock::Plain).expect("it opens"), Some(Secret::new("sk-2")));
    assert!(vault.remove("openai", Unlock::Plain).expect("it opens"));
    assert!(!vault.remove("openai", Unlock::Plain).expect("it opens"));
    assert!(vault.remove("groq", Unlock::Plain).expect("it opens"));
    assert_eq!(keys(&vault, Unlock::Plain), BTreeMap::new());
    assert!(vault.is_used(), "an empty vault is one");
}

#[test]
fn what_is_made_is_the_owners_alone_and_no_more_than_that() {
    let place = Place::with_a_key();
    assert_eq!(
        names(place.folder.path()),
        ["config/zo/identity", "config/zo/identity.lock", "home/vault/keys.age", "home/vault/lock"]
    );
    for (path, _) in files(place.folder.path()) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    for folder in ["config", "config/zo", "home", "home/vault"] {
        assert_eq!(mode(&place.folder.path().join(folder)), 0o700, "{folder}");
    }
}

#[test]
fn nothing_on_the_disk_shows_a_key() {
    let place = Place::new();
    let vault = place.vault();
    let passphrase = Secret::new("correct horse battery");
    let long = "k3y".repeat(1000);
    let secrets = [KEY, "sk-ant-1234567890", &long[..300], passphrase.expose(), "openai"];
    let shown = |secret: &str| {
        let shows = |content: &[u8]| content.windows(secret.len()).any(|window| window == secret.as_bytes());
        files(place.folder.path()).into_iter().find(|(_, content)| shows(content)).map(|(path, _)| path)
    };
    let use_it = |unlock: Unlock<'_>| {
        for (name, key) in [("openai", KEY), ("anthropic", "sk-ant-1234567890"), ("groq", &long)] {
            vault.set(name, &Secret::new(key), unlock).expect("it is one");
        }
        vault.remove("anthropic", unlock).expect("it opens");
        for secret in secrets {
            assert_eq!(shown(secret), None, "{secret}");
        }
    };
    use_it(Unlock::Plain);
    assert_eq!(shown("AGE-SECRET-KEY-1"), Some(place.identity()), "the search finds what is there");
    vault.set_passphrase(None, Some(&passphrase)).expect("it is in clear");
    use_it(Unlock::Passphrase(&passphrase));
    assert_eq!(shown("AGE-SECRET-KEY-1"), None);
}

#[test]
fn names_and_keys_that_are_none_are_refused_before_anything_is_made() {
    let place = Place::new();
    let vault = place.vault();
    for name in ["", "Open AI", "../openai", "a\n"] {
        let error = vault.set(name, &Secret::new(KEY), Unlock::Plain).expect_err("it is no name");
        assert!(matches!(&error, VaultError::InvalidName { name: told } if told == name), "{error:?}");
        assert!(matches!(vault.get(name, Unlock::Plain), Err(VaultError::InvalidName { .. })));
        assert!(matches!(vault.remove(name, Unlock::Plain), Err(VaultError::InvalidName { .. })));
    }
    for key in ["", "two words", "line\n", "bell\x07", "schlüssel", &"k".repeat(4097)] {
        let error = vault.set("openai", &Secret::new(key), Unlock::Plain).expect_err("it is no key");
        assert!(matches!(error, VaultError::InvalidKey { .. }), "{error:?}");
        let said = format!("{error} {error:?} {:?}", error.hint());
        assert!(key.is_empty() || !said.contains(key), "{said}");
    }
    let empty = Secret::new("");
    let error = vault.set("openai", &Secret::new(KEY), Unlock::Passphrase(&empty)).expect_err("it is no passphrase");
    assert!(matches!(error, VaultError::InvalidPassphrase));
    assert_eq!(names(place.folder.path()), Vec::<String>::new());
}

#[test]
fn the_identity_may_not_lie_where_the_vault_goes() {
    let place = Place::new();
    let outside = place.folder.path().join("elsewhere");
    fs::create_dir_all(&outside).expect("there is room");
    fs::create_dir_all(place.folder.path().join("home")).expect("there is room");
    std::os::unix::fs::symlink(place.folder.path().join("home"), outside.join("link")).expect("there is room");
    std::os::unix::fs::symlink(&outside, place.folder()).expect("there is room");
    for inside in ["home/identity", "home/vault/identity", "home/keys/identity", "elsewhere/link/id", "elsewhere/id"] {
        let vault = Vault::new(place.folder(), place.folder.path().join(inside));
        for error in refusals(&vault, Unlock::Plain) {
            assert!(matches!(error, VaultError::InsideHome { .. }), "{inside}: {error:?}");
            assert!(error.hint().is_some_and(|hint| hint.contains("outside the home")));
        }
        assert!(matches!(vault.needs_passphrase(), Err(VaultError::InsideHome { .. })));
        assert!(matches!(vault.set_passphrase(None, None), Err(VaultError::InsideHome { .. })));
    }
    assert_eq!(names(place.folder.path()), Vec::<String>::new());
}

#[test]
fn homes_may_share_an_identity() {
    let place = Place::with_a_key();
    let other = Vault::new(place.folder.path().join("other/vault"), place.identity());
    let before = fs::read(place.identity()).expect("it is there");
    other.set("groq", &Secret::new("gsk"), Unlock::Plain).expect("it opens");
    assert_eq!(fs::read(place.identity()).expect("it is there"), before);
    assert_eq!(keys(&other, Unlock::Plain).len(), 1);
    assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);
}

#[test]
fn the_vault_is_what_age_reads() {
    let place = Place::with_a_key();
    let identity = fs::read_to_string(place.identity()).expect("it is text");
    let key: age::x25519::Identity = identity.lines().last().expect("it has two lines").parse().expect("it is one");
    assert_eq!(identity.lines().next(), Some(&*format!("# public key: {}", key.to_public())));
    let plaintext = age::decrypt(&key, &fs::read(place.file()).expect("it is there")).expect("it opens");
    assert_eq!(String::from_utf8_lossy(&plaintext), format!(r#"{{"version":1,"keys":{{"openai":"{KEY}"}}}}"#));
}
