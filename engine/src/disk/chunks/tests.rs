//! Chunks: stored once, bound to their names, noticed when they are damaged.

use super::*;

fn chunks() -> (tempfile::TempDir, Chunks) {
    let folder = tempfile::tempdir().expect("a folder");
    let chunks = Chunks::new(folder.path().join("files"), &[7; 32]);
    (folder, chunks)
}

fn read_all(chunks: &Chunks, stored: &Stored) -> Vec<u8> {
    stored.chunks.iter().flat_map(|name| chunks.read(*name).expect("it was just stored")).collect()
}

#[test]
fn a_content_is_read_as_it_was_stored() {
    let (_folder, chunks) = chunks();
    let mebibyte = CHUNK_BYTES as usize;
    for size in [0, 1, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte + 5] {
        let content: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let stored = chunks.store(&mut &content[..]).expect("the disk takes it");
        assert_eq!((stored.size, stored.blake3), (size as u64, blake3::hash(&content)));
        assert_eq!(stored.chunks.len(), size.div_ceil(mebibyte));
        assert!(read_all(&chunks, &stored) == content, "{size} bytes");
    }
}

#[test]
fn a_copy_has_what_was_not_there_yet_and_is_read_under_the_same_key() {
    let (folder, chunks) = chunks();
    let content = vec![5; CHUNK_BYTES as usize + 9];
    let stored = chunks.store(&mut &content[..]).expect("the disk takes it");
    let (from, to) = (folder.path().join("files"), folder.path().join("copy"));
    assert_eq!(Chunks::copy(&folder.path().join("nowhere"), &to).expect("there is nothing"), (0, 0));
    let (copied, bytes) = Chunks::copy(&from, &to).expect("the disk takes it");
    assert_eq!((copied, bytes), (2, files::folder_bytes(&from)));
    assert_eq!(Chunks::copy(&from, &to).expect("nothing is new"), (0, 0));
    assert!(read_all(&Chunks::new(to.clone(), &[7; 32]), &stored) == content);
    // What was cut off there is copied once more.
    let cut = Chunks::new(to.clone(), &[7; 32]).path(stored.chunks[0]);
    fs::write(&cut, [1, 2, 3]).expect("written");
    assert_eq!(Chunks::copy(&from, &to).expect("the disk takes it").0, 1);
    assert!(read_all(&Chunks::new(to, &[7; 32]), &stored) == content);
}

#[test]
fn equal_contents_take_the_room_of_one() {
    let (folder, chunks) = chunks();
    let content = vec![3; CHUNK_BYTES as usize * 2];
    let one = chunks.store(&mut &content[..]).expect("the disk takes it");
    let other = chunks.store(&mut &content[..]).expect("the disk takes it");
    assert_eq!(one, other);
    assert!(files::folder_bytes(folder.path()) < u64::from(CHUNK_BYTES) + 4096, "both chunks are the same");
}

#[test]
fn nothing_of_a_content_is_on_the_disk_in_clear() {
    let (_folder, chunks) = chunks();
    let stored = chunks.store(&mut &b"a secret recipe for tea"[..]).expect("the disk takes it");
    let path = chunks.path(stored.chunks[0]);
    let bytes = fs::read(&path).expect("it is there");
    assert!(!bytes.windows(6).any(|window| window == b"recipe"));
}

#[test]
fn a_chunk_that_is_damaged_or_stands_for_another_is_refused_and_made_anew() {
    let (_folder, chunks) = chunks();
    let one = chunks.store(&mut &b"one"[..]).expect("the disk takes it").chunks[0];
    let two = chunks.store(&mut &b"two"[..]).expect("the disk takes it").chunks[0];
    fs::copy(chunks.path(two), chunks.path(one)).expect("the disk takes it");
    assert!(matches!(chunks.read(one), Err(ChunkError::Damaged(_))));
    chunks.store(&mut &b"one"[..]).expect("the disk takes it");
    assert_eq!(chunks.read(one).expect("it was made anew"), b"one");
    fs::remove_file(chunks.path(one)).expect("it is there");
    assert!(matches!(chunks.read(one), Err(ChunkError::Missing(_))));
}
