use std::time::Duration;

use super::*;

fn blobs() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let blobs = Blobs::open(&folder.path().join("blobs")).expect("an empty store");
    (folder, blobs)
}

#[test]
fn a_blob_is_found_by_the_hash_of_its_bytes() {
    let (_folder, blobs) = blobs();
    let large = vec![7; 300_000];
    for bytes in [&b""[..], b"one", &large] {
        let hash = blobs.put(bytes).expect("put");
        assert_eq!(hash, *blake3::hash(bytes).as_bytes());
        assert_eq!(blobs.put(bytes).expect("put again"), hash);
        assert_eq!(blobs.get(&hash).expect("there"), bytes);
    }
    let mut all: Vec<_> = blobs.iter().collect::<Result<_, _>>().expect("listed");
    all.dedup();
    assert_eq!(all.len(), 3);
    assert!(matches!(blobs.get(&[0; 32]), Err(BlobError::Missing { .. })));
}

#[test]
fn a_damaged_blob_is_named_and_a_cut_one_is_put_anew() {
    let (_folder, blobs) = blobs();
    let hash = blobs.put(b"some bytes").expect("put");
    fs::write(blobs.path(&hash), b"same bytes").expect("damaged");
    let error = blobs.get(&hash).expect_err("damaged");
    assert!(error.to_string().contains(&hex(&hash)), "{error}");
    let mut damaged = 0;
    blobs.verify(&mut |_, result| damaged += usize::from(result.is_err())).expect("listed");
    assert_eq!(damaged, 1);
    fs::write(blobs.path(&hash), b"some").expect("cut");
    blobs.put(b"some bytes").expect("put again");
    assert_eq!(blobs.get(&hash).expect("whole"), b"some bytes");
}

#[test]
fn a_sweep_spares_what_is_referenced_and_what_is_new() {
    let (_folder, blobs) = blobs();
    let kept = blobs.put(b"kept").expect("put");
    let lost = blobs.put(b"lost").expect("put");
    let unfinished = temporary_of(&blobs.path(&lost));
    fs::write(&unfinished, b"half").expect("written");
    let referenced = |hash: &BlobHash| *hash == kept;
    let hour = Duration::from_secs(3600);
    assert_eq!(blobs.sweep(&referenced, SystemTime::now() - hour).expect("swept"), Swept::default());
    let later = SystemTime::now() + hour;
    assert_eq!(blobs.sweep(&referenced, later).expect("swept"), Swept { blobs: 1, bytes: 8 });
    assert!(blobs.get(&kept).is_ok() && blobs.get(&lost).is_err() && !unfinished.exists());
}

#[test]
fn putting_again_renews_the_grace() {
    let (_folder, blobs) = blobs();
    let hash = blobs.put(b"twice").expect("put");
    let old = SystemTime::now() - Duration::from_secs(7200);
    let file = File::open(blobs.path(&hash)).expect("there");
    file.set_times(FileTimes::new().set_modified(old)).expect("dated back");
    blobs.put(b"twice").expect("put again");
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    assert_eq!(blobs.sweep(&|_| false, hour_ago).expect("swept"), Swept::default());
}

#[test]
fn a_backup_copies_what_is_not_there() {
    let (folder, blobs) = blobs();
    let to = Blobs::open(&folder.path().join("backup")).expect("an empty store");
    let hash = blobs.put(b"one").expect("put");
    blobs.put(b"two").expect("put");
    assert_eq!(blobs.backup(&to).expect("copied"), 2);
    assert_eq!(blobs.backup(&to).expect("nothing new"), 0);
    assert_eq!(to.get(&hash).expect("there"), b"one");
}
