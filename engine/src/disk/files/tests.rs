use super::*;

#[test]
fn an_atomic_write_replaces_the_file_and_leaves_no_temporary() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("file");
    write_atomic(&path, b"old", 0o600).expect("first write");
    write_atomic(&path, b"new", 0o640).expect("second write");
    assert_eq!(fs::read(&path).expect("the file"), b"new");
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o640);
    assert_eq!(list(folder.path()).expect("the folder"), [path]);
}

#[test]
fn folders_are_made_with_those_above_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let deep = folder.path().join("a/b/c");
    make_folder(&deep).expect("made");
    make_folder(&deep).expect("it is there");
    assert!(deep.is_dir());
    fs::write(folder.path().join("file"), b"x").expect("a file");
    assert!(make_folder(&folder.path().join("file")).is_err());
    assert!(make_folder(&folder.path().join("file/below")).is_err());
}

#[test]
fn a_failed_atomic_write_names_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = write_atomic(&folder.path().join("missing/file"), b"x", 0o600).expect_err("no such folder");
    assert!(error.is_missing());
    assert!(error.to_string().contains("missing/file"), "{error}");
}

#[test]
fn temporaries_are_removed_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["a", "a.tmp", "b.zos.tmp"] {
        fs::write(folder.path().join(name), b"x").expect("a file");
    }
    assert_eq!(remove_temporaries(folder.path()).expect("the folder"), 2);
    assert_eq!(list(folder.path()).expect("the folder"), [folder.path().join("a")]);
}

#[test]
fn what_is_set_aside_never_overwrites_what_was_set_aside_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let aside = folder.path().join("set-aside");
    for content in [b"1", b"2"] {
        let path = folder.path().join("file");
        fs::write(&path, content).expect("a file");
        let to = set_aside(&path, &aside).expect("moved");
        assert_eq!(fs::read(to).expect("the file"), content);
    }
    set_bytes_aside(b"3", &aside, "file").expect("written");
    assert_eq!(list(&aside).expect("the folder").len(), 3);
}

#[test]
fn reads_past_the_end_are_short_and_zeros_are_zeros() {
    let file = tempfile::tempfile().expect("a temporary file");
    file.write_all_at(&[1; 10], 0).expect("written");
    write_zeros(&file, 4, 300_000).expect("written");
    assert_eq!(read_range(&file, 0, 6).expect("read"), [1, 1, 1, 1, 0, 0]);
    assert_eq!(read_range(&file, 299_999, 10).expect("read"), [0]);
    assert_eq!(read_range(&file, 400_000, 10).expect("read"), Vec::<u8>::new());
}

#[test]
fn the_filesystem_tells_its_space() {
    assert!(free_bytes(Path::new("/")).expect("the root has a filesystem") > 0);
    assert!(is_tmpfs(Path::new("/")).is_ok());
    assert!(free_bytes(Path::new("/no/such/folder")).is_err());
}
