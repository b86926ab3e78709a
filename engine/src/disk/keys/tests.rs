use super::*;

const HOME: [u8; 16] = [9; 16];

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("keys").join(name)
    }

    fn open(&self) -> KeyRing {
        KeyRing::open(&self.folder.path().join("keys"), HOME, false).expect("the keys open")
    }

    fn try_open(&self) -> Result<KeyRing, KeyError> {
        KeyRing::open(&self.folder.path().join("keys"), HOME, false)
    }
}

fn bytes_of(ring: &KeyRing, id: u32) -> [u8; 32] {
    *ring.get(KeyId(id)).expect("the key is there").bytes()
}

#[test]
fn keys_stay_the_same_and_differ_from_each_other() {
    let fixture = Fixture::new();
    let ring = fixture.open();
    ring.ensure(KeyId(70)).expect("keys are made");
    let (first, last) = (bytes_of(&ring, 1), bytes_of(&ring, 70));
    assert_ne!(first, last);
    let again = fixture.open();
    assert_eq!((bytes_of(&again, 1), bytes_of(&again, 70)), (first, last));
    assert_eq!(again.name_key(), ring.name_key());
    assert!(again.report().is_empty());
}

#[test]
fn a_key_that_was_never_made_is_lost_and_not_invented() {
    let ring = Fixture::new().open();
    assert!(matches!(ring.get(KeyId(1)), Err(KeyError::Lost { .. })));
    assert!(matches!(ring.get(KeyId::NONE), Err(KeyError::Lost { .. })));
}

#[test]
fn every_single_damage_is_mended_from_the_copy() {
    let fixture = Fixture::new();
    let ring = fixture.open();
    ring.ensure(KeyId(3)).expect("keys are made");
    let expected: Vec<[u8; 32]> = (1..=64).map(|id| bytes_of(&ring, id)).collect();
    let name_key = ring.name_key();
    drop(ring);
    for name in ["home.key", "home.key.copy", "streams.key", "streams.key.copy"] {
        let path = fixture.path(name);
        let whole = fs::read(&path).expect("it is there");
        let step = if whole.len() > 1000 { 37 } else { 1 };
        for at in (0..whole.len()).step_by(step) {
            for damage in 0..3 {
                let mut damaged = whole.clone();
                match damage {
                    0 => damaged[at] ^= 0x40,
                    1 => damaged.truncate(at),
                    _ => damaged[at..].fill(0),
                }
                fs::write(&path, &damaged).expect("damage it");
                let ring = fixture.open();
                assert_eq!(ring.name_key(), name_key, "{name} damaged at {at}");
                for (id, key) in (1..).zip(&expected) {
                    assert_eq!(&bytes_of(&ring, id), key, "key {id} with {name} damaged at {at}");
                }
                assert_eq!(fs::read(&path).expect("it is there"), whole, "{name} damaged at {at} is mended");
                assert_eq!(ring.report().len(), 1, "{name} damaged at {at}: {:?}", ring.report());
            }
        }
        fs::remove_file(&path).expect("delete it");
        assert_eq!(fixture.open().report().len(), 1);
    }
}

#[test]
fn both_copies_lost_is_said_and_nothing_is_made_in_their_place() {
    let fixture = Fixture::new();
    fixture.open().ensure(KeyId(1)).expect("keys are made");
    fs::remove_file(fixture.path("home.key")).expect("remove");
    fs::remove_file(fixture.path("home.key.copy")).expect("remove");
    assert!(matches!(fixture.try_open(), Err(KeyError::HomeKeyLost { .. })));
    assert!(!fixture.path("home.key").exists());
}

#[test]
fn files_that_others_may_read_are_refused() {
    let fixture = Fixture::new();
    fixture.open();
    for name in ["home.key", "streams.key.copy"] {
        fs::set_permissions(fixture.path(name), fs::Permissions::from_mode(0o644)).expect("chmod");
        let error = fixture.try_open().err().expect("it is refused").to_string();
        assert!(error.contains("644") && error.contains("chmod 600"), "{error}");
        fs::set_permissions(fixture.path(name), fs::Permissions::from_mode(0o600)).expect("chmod");
    }
}

#[test]
fn the_keys_of_another_home_are_refused() {
    let fixture = Fixture::new();
    fixture.open().ensure(KeyId(1)).expect("keys are made");
    let other = KeyRing::open(&fixture.folder.path().join("keys"), [8; 16], false);
    assert!(matches!(other, Err(KeyError::Foreign { .. })));
}

#[test]
fn a_pool_that_was_cut_short_is_made_again() {
    let fixture = Fixture::new();
    let ring = fixture.open();
    ring.ensure(KeyId(1)).expect("keys are made");
    let first = bytes_of(&ring, 1);
    drop(ring);
    for name in ["streams.key", "streams.key.copy"] {
        let path = fixture.path(name);
        let whole = fs::read(&path).expect("it is there");
        fs::write(&path, &whole[..RECORD * 10 + 17]).expect("cut it");
    }
    let ring = fixture.open();
    assert_eq!(bytes_of(&ring, 1), first);
    ring.ensure(KeyId(64)).expect("keys are made");
    assert_ne!(bytes_of(&ring, 64), first);
}

#[test]
fn keys_of_a_home_in_use_are_never_made_anew() {
    let fixture = Fixture::new();
    fixture.open().ensure(KeyId(1)).expect("keys are made");
    for name in ["streams.key", "streams.key.copy"] {
        fs::remove_file(fixture.path(name)).expect("remove");
    }
    let folder = fixture.folder.path().join("keys");
    assert!(matches!(KeyRing::open(&folder, HOME, true), Err(KeyError::StreamKeysLost { .. })));
    fs::remove_dir_all(&folder).expect("remove");
    assert!(matches!(KeyRing::open(&folder, HOME, true), Err(KeyError::StreamKeysLost { .. })));
    assert!(!fixture.path("home.key").exists() && !fixture.path("streams.key").exists());
}

#[test]
fn keys_that_were_given_up_count_as_destroyed_and_new_ones_follow() {
    let fixture = Fixture::new();
    fixture.open().ensure(KeyId(1)).expect("keys are made");
    KeyRing::give_up(&fixture.folder.path().join("keys"), HOME, KeyId(5)).expect("given up");
    let ring = fixture.open();
    ring.check(KeyId(5)).expect("they have their places");
    ring.ensure(KeyId(6)).expect("the next one is made");
    assert!(matches!(ring.get(KeyId(5)), Err(KeyError::Destroyed { .. })));
    assert!(ring.get(KeyId(6)).is_ok());
}
