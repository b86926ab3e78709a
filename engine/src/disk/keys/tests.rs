use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::pool::RECORD_BYTES;
use super::*;
use crate::disk::folder_in_memory;

const HOME: HomeId = [3; 16];

fn names(folder: &Path) -> [PathBuf; 4] {
    ["home.key", "home.key.copy", "streams.key", "streams.key.copy"].map(|name| folder.join(name))
}

#[test]
fn keys_are_the_same_after_reopening_and_differ_from_each_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ring = KeyRing::open(folder.path(), HOME).expect("new keys");
    assert_eq!((ring.last(), ring.findings().len()), (KeyId(POOL_KEYS), 0));
    let keys: Vec<_> = (1..=9).map(|id| ring.get(KeyId(id)).expect("there")).collect();
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    let derived = (ring.digest_key(), ring.name_key());
    assert_ne!(derived.0, derived.1);
    drop(ring);
    let ring = KeyRing::open(folder.path(), HOME).expect("the same keys");
    assert_eq!((ring.digest_key(), ring.name_key()), derived);
    assert_eq!((1..=9).map(|id| ring.get(KeyId(id)).expect("there")).collect::<Vec<_>>(), keys);
    assert_eq!(ring.findings(), [] as [String; 0]);
    assert_eq!(ring.verify().expect("read"), [] as [String; 0]);
    for path in names(folder.path()) {
        assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(format!("{:?}", ring.get(KeyId(1)).expect("there")), "StreamKey(…)");
    assert!(matches!(ring.get(KeyId::NONE), Err(KeyError::Unknown { .. })));
    assert!(matches!(ring.get(KeyId(POOL_KEYS + 1)), Err(KeyError::Unknown { .. })));
    assert!(ring.check_used(KeyId(POOL_KEYS)).is_ok() && ring.check_used(KeyId(POOL_KEYS + 1)).is_err());
}

#[test]
fn the_next_pool_is_made_before_the_last_key_is_used() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ring = KeyRing::open(folder.path(), HOME).expect("new keys");
    ring.ensure(KeyId(10)).expect("there");
    assert_eq!(ring.last(), KeyId(POOL_KEYS));
    ring.ensure(KeyId(POOL_KEYS - 1)).expect("there");
    while ring.last() == KeyId(POOL_KEYS) {
        std::thread::yield_now();
    }
    assert_eq!(ring.last(), KeyId(2 * POOL_KEYS));
    ring.ensure(KeyId(5 * POOL_KEYS)).expect("made at once");
    assert_eq!(ring.last(), KeyId(6 * POOL_KEYS));
    ring.get(KeyId(5 * POOL_KEYS)).expect("there");
}

#[test]
fn every_damaged_byte_of_either_copy_is_repaired() {
    let folder = folder_in_memory();
    let ring = KeyRing::open(folder.path(), HOME).expect("new keys");
    let ids = [KeyId(1), KeyId(2), KeyId(POOL_KEYS)];
    let keys = ids.map(|id| ring.get(id).expect("there"));
    drop(ring);
    for path in names(folder.path()) {
        let whole = fs::read(&path).expect("a file");
        let interesting = |at: &usize| *at < 128 + 2 * RECORD_BYTES || *at >= whole.len() - RECORD_BYTES;
        for at in (0..whole.len()).filter(interesting) {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            fs::write(&path, &damaged).expect("damaged");
            let ring = KeyRing::open(folder.path(), HOME).expect("the other copy is whole");
            assert_eq!(ids.map(|id| ring.get(id).expect("there")), keys, "{} byte {at}", path.display());
            let said = ring.findings().len() + ring.verify().expect("read").len();
            assert!(said > 0, "{} byte {at} is noticed", path.display());
            drop(ring);
            fs::write(&path, &whole).expect("as it was");
        }
        for length in [0, 1, 100, 128, 129, 1000, whole.len() - 1] {
            fs::write(&path, &whole[..length.min(whole.len() - 1)]).expect("cut");
            let ring = KeyRing::open(folder.path(), HOME).expect("the other copy is whole");
            assert_eq!(ids.map(|id| ring.get(id).expect("there")), keys);
            assert!(!ring.findings().is_empty());
            drop(ring);
            assert_eq!(fs::read(&path).expect("a file"), whole, "it is as it was");
        }
        fs::remove_file(&path).expect("removed");
        let ring = KeyRing::open(folder.path(), HOME).expect("the other copy is whole");
        assert_eq!((ids.map(|id| ring.get(id).expect("there")), ring.findings().is_empty()), (keys.clone(), false));
    }
}

#[test]
fn what_is_lost_in_both_copies_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(KeyRing::open(folder.path(), HOME).expect("new keys"));
    let [home, home_copy, streams, streams_copy] = names(folder.path());
    for path in [&streams, &streams_copy] {
        let mut bytes = fs::read(path).expect("a file");
        bytes[128 + RECORD_BYTES + 30] ^= 1;
        fs::write(path, bytes).expect("damaged");
    }
    let ring = KeyRing::open(folder.path(), HOME).expect("the others are there");
    assert!(matches!(ring.get(KeyId(2)), Err(KeyError::Lost { id: KeyId(2) })));
    assert!(ring.get(KeyId(3)).is_ok());
    assert_eq!(ring.verify().expect("read").len(), 2);
    drop(ring);
    fs::remove_file(&home).expect("removed");
    fs::write(&home_copy, b"nonsense").expect("damaged");
    assert!(matches!(KeyRing::open(folder.path(), HOME), Err(KeyError::HomeKeyLost { .. })));
}

#[test]
fn files_that_others_can_read_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(KeyRing::open(folder.path(), HOME).expect("new keys"));
    for path in names(folder.path()) {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("opened up");
        let error = KeyRing::open(folder.path(), HOME).expect_err("others can read it");
        assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("closed");
    }
    assert!(matches!(KeyRing::open(folder.path(), [4; 16]), Err(KeyError::OtherHome { .. })));
}

#[test]
fn a_pool_that_was_not_finished_is_dropped() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ring = KeyRing::open(folder.path(), HOME).expect("new keys");
    let key = ring.get(KeyId(POOL_KEYS)).expect("there");
    drop(ring);
    let [_, _, streams, _] = names(folder.path());
    let mut bytes = fs::read(&streams).expect("a file");
    bytes.extend_from_slice(&[7; 10 * RECORD_BYTES + 9]);
    fs::write(&streams, bytes).expect("torn");
    let ring = KeyRing::open(folder.path(), HOME).expect("the keys before are whole");
    assert_eq!((ring.last(), ring.get(KeyId(POOL_KEYS)).expect("there")), (KeyId(POOL_KEYS), key));
    ring.ensure(KeyId(POOL_KEYS + 5)).expect("made");
    assert_eq!(ring.verify().expect("read"), [] as [String; 0]);
}
