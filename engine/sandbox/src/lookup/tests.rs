use std::os::unix::fs::symlink;

use super::*;

fn paths(names: &[&str], root: &Path) -> Vec<PathBuf> {
    names.iter().map(|name| root.join(name)).collect()
}

fn folders(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("there is scratch space");
    let root = fs::canonicalize(scratch.path()).expect("it is there");
    for path in paths(names, &root) {
        fs::create_dir_all(path).expect("a folder");
    }
    (scratch, root)
}

fn executable(path: &Path) {
    fs::write(path, "").expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn links_are_resolved_and_what_is_nested_left_out() {
    let (_scratch, root) = folders(&["a/b", "c"]);
    symlink(root.join("c"), root.join("link")).expect("a link");
    let places = Places::new(&paths(&["a/b", "a", "link"], &root), &paths(&["c"], &root)).expect("they are there");
    assert_eq!(places, Places { read: paths(&["a"], &root), write: paths(&["c"], &root) });
    assert!(places.contains(&root.join("a/b/anything")) && places.contains(Path::new("/usr/bin/env")));
    assert!(!places.contains(&root.join("ab")) && !places.contains(Path::new("/etc/shadow")));
}

#[test]
fn a_link_to_everything_is_everything() {
    let (_scratch, root) = folders(&["a"]);
    for target in ["/", "/proc", "/sys/kernel", "/dev"] {
        let link = root.join("link");
        symlink(target, &link).expect("a link");
        let refused = Places::new(std::slice::from_ref(&link), &[]).expect_err("that is too much");
        assert!(matches!(refused, SandboxError::BadPath { .. }), "{target}: {refused}");
        fs::remove_file(link).expect("it is there");
    }
}

#[test]
fn what_is_read_only_within_what_is_writable_is_noticed() {
    let (_scratch, root) = folders(&["work/git", "other"]);
    let places = |read: &[&str]| Places::new(&paths(read, &root), &paths(&["work"], &root)).expect("they are there");
    assert_eq!(places(&["work/git", "other"]).read_only_within_writable(), Some(root.join("work/git").as_path()));
    assert_eq!(places(&["other", "work"]).read_only_within_writable(), None);
}

#[test]
fn programs_are_found_where_they_can_be_seen_only() {
    let (_scratch, root) = folders(&["seen", "hidden", "links"]);
    executable(&root.join("seen/one"));
    executable(&root.join("hidden/one"));
    executable(&root.join("hidden/two"));
    fs::write(root.join("seen/data"), "").expect("a file");
    symlink(root.join("hidden/two"), root.join("seen/three")).expect("a link");
    symlink(root.join("seen/one"), root.join("links/four")).expect("a link");
    let places = Places::new(&paths(&["seen"], &root), &[]).expect("they are there");
    let path = std::env::join_paths(paths(&["hidden", "seen", "links"], &root)).expect("no colons");
    let find = |name: &str| program(OsStr::new(name), &path, &root, &places).ok();
    assert_eq!(find("one"), Some(root.join("seen/one")), "the first in the path is hidden");
    assert_eq!(
        find("./seen/one"),
        Some(root.join("./seen/one")).map(|path| fs::canonicalize(path).expect("it is there"))
    );
    assert_eq!(find("two"), None);
    assert_eq!(find("three"), None, "a link leads nowhere that cannot be seen");
    assert_eq!(find("four"), Some(root.join("seen/one")), "a hidden link is as good as what it points to");
    assert_eq!(find("data"), None, "it cannot be executed");
}
