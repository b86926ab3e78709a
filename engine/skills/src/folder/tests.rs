//! Digests and bounds of skill folders.

use super::*;
use crate::testing::{good, write};

fn digest(folder: &Path) -> Digest {
    read(folder, &mut Budget::of_one()).expect("readable").digest
}

#[test]
fn a_digest_changes_with_any_byte_name_and_mode_and_with_nothing_else() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = good(scratch.path(), "demo");
    write(&folder.join("a/b.txt"), "one");
    let first = digest(&folder);
    assert_eq!(first, digest(&folder));
    assert_eq!(first.to_string().parse().ok(), Some(first));

    write(&folder.join("a/b.txt"), "two");
    let bytes = digest(&folder);
    write(&folder.join("a/b.txt"), "one");
    assert_eq!(digest(&folder), first, "the time of a file is nothing of it");
    fs::create_dir(folder.join("empty")).expect("a folder");
    assert_eq!(digest(&folder), first, "an empty folder is nothing that could be run");
    fs::rename(folder.join("a/b.txt"), folder.join("a/c.txt")).expect("a rename");
    let name = digest(&folder);
    fs::rename(folder.join("a"), folder.join("z")).expect("a rename");
    let parent = digest(&folder);
    write(&folder.join("y"), "");
    let more = digest(&folder);
    let all = [first, bytes, name, parent, more];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());

    let copy = scratch.path().join("copy");
    for path in ["SKILL.md", "z/c.txt", "y"] {
        write(&copy.join(path), fs::read(folder.join(path)).expect("a file"));
    }
    assert_eq!(digest(&copy), more, "where it lies is nothing of it");
}

#[cfg(unix)]
#[test]
fn a_digest_changes_with_the_executable_bit_and_the_target_of_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = good(scratch.path(), "demo");
    let file = folder.join("SKILL.md");
    let first = digest(&folder);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(digest(&folder), first, "who may read it is nothing of it");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    let executable = digest(&folder);
    symlink("SKILL.md", folder.join("link")).expect("a link");
    let link = digest(&folder);
    fs::remove_file(folder.join("link")).expect("removed");
    symlink("./SKILL.md", folder.join("link")).expect("a link");
    let other = digest(&folder);
    let different: std::collections::BTreeSet<_> = [first, executable, link, other].into();
    assert_eq!(different.len(), 4);
}

#[cfg(unix)]
#[test]
fn links_that_lead_round_and_pipes_do_not_hold_it_up() {
    use std::os::unix::fs::symlink;
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = good(scratch.path(), "demo");
    symlink(".", folder.join("round")).expect("a link");
    symlink("itself", folder.join("itself")).expect("a link");
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().expect("mkfifo");
    assert!(made.success());
    let contents = read(&folder, &mut Budget::of_one()).expect("readable");
    assert_eq!(contents.files.len(), 1);
    let problems: Vec<&str> = contents.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn a_folder_with_too_much_is_refused() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let many = good(scratch.path(), "many");
    for number in 0..MAX_ENTRIES {
        fs::create_dir(many.join(number.to_string())).expect("a folder");
    }
    let problem = read(&many, &mut Budget::of_one()).expect_err("too many");
    assert!(problem.message.contains("more than 4096 files"), "{problem}");

    let deep = good(scratch.path(), "deep");
    let below: PathBuf = (0..=MAX_DEPTH).map(|_| "d").collect();
    fs::create_dir_all(deep.join(below)).expect("folders");
    let problem = read(&deep, &mut Budget::of_one()).expect_err("too deep");
    assert!(problem.message.contains("deeper than 16"), "{problem}");

    // A file with a hole: nothing is written, and nothing may be read either.
    let large = good(scratch.path(), "large");
    let file = File::create(large.join("hole")).expect("a file");
    file.set_len(1 << 40).expect("a length");
    let problem = read(&large, &mut Budget::of_one()).expect_err("too large");
    assert!(problem.message.contains("larger than the 64 MiB"), "{problem}");
}

#[test]
fn a_budget_is_used_up() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = good(scratch.path(), "demo");
    write(&folder.join("data"), [0; 1000]);
    let mut budget = Budget { bytes: 1_100 };
    read(&folder, &mut budget).expect("enough");
    assert!(budget.bytes < 100);
    assert!(read(&folder, &mut budget).is_err());
}
