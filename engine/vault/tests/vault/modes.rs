//! Files that others may read, and folders that others may change.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn an_identity_that_others_may_read_is_refused() {
    let place = Place::with_a_key();
    for wide in [0o640, 0o604, 0o644, 0o660, 0o610, 0o777] {
        set_mode(&place.identity(), wide);
        for error in refusals(&place.vault(), Unlock::Plain) {
            assert!(matches!(&error, VaultError::IdentityTooWide { mode, .. } if *mode == wide), "{error:?}");
            assert!(error.to_string().contains(&format!("its mode is {wide:03o}")), "{error}");
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains("chmod 600 ") && hint.contains("/config/zo/identity"), "{hint}");
        }
        assert!(matches!(place.vault().needs_passphrase(), Err(VaultError::IdentityTooWide { .. })));
        let set = place.vault().set_passphrase(None, Some(&Secret::new("p")));
        assert!(matches!(set, Err(VaultError::IdentityTooWide { .. })));
    }
    for narrow in [0o600, 0o700, 0o400] {
        set_mode(&place.identity(), narrow);
        assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);
    }
}

#[test]
fn a_vault_that_others_may_read_is_refused() {
    let place = Place::with_a_key();
    for wide in [0o640, 0o604, 0o620] {
        set_mode(&place.file(), wide);
        for error in refusals(&place.vault(), Unlock::Plain) {
            assert!(matches!(&error, VaultError::VaultTooWide { mode, .. } if *mode == wide), "{error:?}");
            assert!(error.hint().is_some_and(|hint| hint.contains("chmod 600 ") && hint.contains("keys.age")));
        }
    }
    set_mode(&place.file(), 0o600);
    assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);
}

#[test]
fn a_folder_that_others_may_change_is_refused() {
    let place = Place::with_a_key();
    let config = place.folder.path().join("config/zo");
    for folder in [&config, &place.folder()] {
        for wide in [0o770, 0o702, 0o1777] {
            set_mode(folder, wide);
            for error in refusals(&place.vault(), Unlock::Plain) {
                let told =
                    matches!(&error, VaultError::FolderTooWide { path, mode } if path == folder && *mode == wide);
                assert!(told, "{error:?}");
                assert!(error.hint().is_some_and(|hint| hint.starts_with("chmod go-w ")));
            }
        }
        // Looking is allowed: the files say no for themselves.
        set_mode(folder, 0o755);
        assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);
    }
}

#[test]
fn nothing_is_made_in_a_folder_that_others_may_change() {
    let place = Place::new();
    let config = place.folder.path().join("config/zo");
    fs::create_dir_all(&config).expect("there is room");
    set_mode(&config, 0o777);
    let set = place.vault().set("openai", &Secret::new(KEY), Unlock::Plain);
    assert!(matches!(set, Err(VaultError::FolderTooWide { .. })));
    set_mode(&config, 0o700);
    fs::create_dir_all(place.folder()).expect("there is room");
    set_mode(&place.folder(), 0o777);
    let set = place.vault().set("openai", &Secret::new(KEY), Unlock::Plain);
    assert!(matches!(set, Err(VaultError::FolderTooWide { .. })));
    assert!(!place.vault().is_used());
}

#[test]
fn a_link_is_followed_to_where_the_same_holds() {
    let place = Place::with_a_key();
    let safe = place.folder.path().join("stick");
    fs::create_dir(&safe).expect("there is room");
    set_mode(&safe, 0o700);
    for path in [place.identity(), place.file()] {
        let target = safe.join(path.file_name().expect("it has one"));
        fs::rename(&path, &target).expect("it can be moved");
        symlink(&target, &path).expect("there is room");
        assert_eq!(keys(&place.vault(), Unlock::Plain).len(), 1);

        set_mode(&target, 0o644);
        for error in refusals(&place.vault(), Unlock::Plain) {
            assert!(matches!(error, VaultError::IdentityTooWide { .. } | VaultError::VaultTooWide { .. }), "{error:?}");
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains("/stick/"), "it names the file and not the link: {hint}");
        }
        set_mode(&target, 0o600);
        set_mode(&safe, 0o777);
        for error in refusals(&place.vault(), Unlock::Plain) {
            assert!(matches!(&error, VaultError::FolderTooWide { path, .. } if *path == safe), "{error:?}");
        }
        set_mode(&safe, 0o700);
    }
    // Writing goes where the links lead, and they stay links.
    let passphrase = Secret::new("p");
    place.vault().set("groq", &Secret::new("gsk"), Unlock::Plain).expect("it opens");
    place.vault().set_passphrase(None, Some(&passphrase)).expect("it opens");
    assert!(place.identity().is_symlink() && place.file().is_symlink());
    assert_eq!(keys(&place.vault(), Unlock::Passphrase(&passphrase)).len(), 2);
}

#[test]
fn a_link_to_nowhere_is_a_missing_identity() {
    let place = Place::new();
    fs::create_dir_all(place.folder.path().join("config/zo")).expect("there is room");
    set_mode(&place.folder.path().join("config/zo"), 0o700);
    symlink(place.folder.path().join("stick/identity"), place.identity()).expect("there is room");
    let set = place.vault().set("openai", &Secret::new(KEY), Unlock::Plain);
    assert!(matches!(set, Err(VaultError::IdentityMissing { .. })), "{set:?}");
    assert!(matches!(place.vault().needs_passphrase(), Err(VaultError::IdentityMissing { .. })));
    assert!(place.identity().is_symlink() && !place.vault().is_used());
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let place = Place::with_a_key();
    let kept = fs::read(place.identity()).expect("it is there");
    fs::remove_file(place.identity()).expect("it is ours");
    let node = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, place.identity(), rustix::fs::FileType::Fifo, node, 0).expect("pipes exist");
    for error in refusals(&place.vault(), Unlock::Plain) {
        assert!(matches!(&error, VaultError::IdentityDamaged { why, .. } if why == "it is not a file"), "{error:?}");
    }
    fs::remove_file(place.identity()).expect("it is ours");
    fs::write(place.identity(), kept).expect("there is room");
    set_mode(&place.identity(), 0o600);

    fs::remove_file(place.file()).expect("it is ours");
    fs::create_dir(place.file()).expect("there is room");
    for error in refusals(&place.vault(), Unlock::Plain) {
        assert!(matches!(&error, VaultError::VaultDamaged { why, .. } if why == "it is not a file"), "{error:?}");
    }
    fs::remove_dir_all(place.folder()).expect("it is ours");
    fs::write(place.folder(), "a file").expect("there is room");
    for error in refusals(&place.vault(), Unlock::Plain) {
        assert!(matches!(error, VaultError::Io { .. }), "a vault that cannot be looked at is not empty: {error:?}");
    }
    assert!(place.vault().is_used());
}
