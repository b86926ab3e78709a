use std::os::unix::fs::PermissionsExt;

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("it can be read").file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().expect("ours are texts")).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[test]
fn whatever_fails_the_old_or_the_new_is_there() {
    let place = tempfile::tempdir().expect("there is room");
    let path = place.path().join("file");
    write(&path, b"old", Existing::Replace).expect("there is room");
    for (step, expected) in
        [(Step::Created, b"old"), (Step::Written, b"old"), (Step::Synced, b"old"), (Step::Renamed, b"new")]
    {
        let failing = |reached| if reached == step { Err(io::Error::other("injected")) } else { Ok(()) };
        let error = write_in_steps(&path, b"new", Existing::Replace, failing).expect_err("the step fails");
        assert_eq!(error.to_string(), "injected");
        assert_eq!(fs::read(&path).expect("it is there"), expected, "{step:?}");
        assert_eq!(names(place.path()), ["file"], "nothing is left behind after {step:?}");
    }
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_file_to_keep_is_kept() {
    let place = tempfile::tempdir().expect("there is room");
    let path = place.path().join("file");
    write(&path, b"old", Existing::Keep).expect("there is none");
    let error = write(&path, b"new", Existing::Keep).expect_err("now there is one");
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).expect("it is there"), b"old");
    assert_eq!(names(place.path()), ["file"]);
}

#[test]
fn what_killed_writers_have_left_is_swept_and_nothing_else() {
    let place = tempfile::tempdir().expect("there is room");
    for name in [".file.aB3dE6gH.unfinished", ".file..unfinished", ".file", "file.unfinished", ".other.x.unfinished"] {
        fs::write(place.path().join(name), "half").expect("there is room");
    }
    write(&place.path().join("file"), b"new", Existing::Replace).expect("there is room");
    assert_eq!(names(place.path()), [".file", ".other.x.unfinished", "file", "file.unfinished"]);
}

#[test]
fn folders_are_made_for_the_owner_alone() {
    let place = tempfile::tempdir().expect("there is room");
    let folder = place.path().join("a/b/c");
    make_folder(&folder).expect("there is room");
    for made in [&folder, &place.path().join("a/b"), &place.path().join("a")] {
        assert_eq!(mode(made), 0o700);
    }
    make_folder(&folder).expect("it is there");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).expect("it is ours");
    assert!(matches!(make_folder(&folder), Err(VaultError::FolderTooWide { mode: 0o770, .. })));
    // What is above it may be anybody's.
    fs::set_permissions(place.path().join("a"), fs::Permissions::from_mode(0o777)).expect("it is ours");
    make_folder(&place.path().join("a/d")).expect("there is room");
    fs::write(place.path().join("file"), "").expect("there is room");
    assert!(matches!(make_folder(&place.path().join("file/d")), Err(VaultError::Io { .. })));
    std::os::unix::fs::symlink("nowhere", place.path().join("dangling")).expect("there is room");
    assert!(matches!(make_folder(&place.path().join("dangling/d")), Err(VaultError::Io { .. })));
}

#[test]
fn a_lock_is_waited_for_but_not_for_ever() {
    let place = tempfile::tempdir().expect("there is room");
    let path = place.path().join("lock");
    let held = Lock::take(&path).expect("nobody has it");
    let error = Lock::take_within(&path, Duration::ZERO).expect_err("it is held");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let waiting = thread::spawn({
        let path = path.clone();
        move || Lock::take(&path).map(drop)
    });
    drop(held);
    waiting.join().expect("it does not panic").expect("it is free now");
    assert_eq!(mode(&path), 0o600);
}
