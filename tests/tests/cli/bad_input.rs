//! Whatever comes in, what goes out is a message that names it; never a panic, never silently less.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zo_tests::cli::{Ran, Zo};

/// User id of `nobody`.
const NOBODY: u32 = 65_534;

/// That it was refused with this message, nothing was printed and no home was made of it.
#[track_caller]
fn refused(ran: &Ran, message: &str) {
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.stderr.starts_with(&format!("error: {message}")), "{ran}");
    assert_eq!(ran.stdout, "");
    assert!(!ran.stderr.contains("panicked"), "{ran}");
}

#[test]
fn what_is_not_utf8_is_named_by_its_byte() {
    let zo = Zo::new();
    refused(
        &zo.run_with(["memorize"], b"caf\xe9 au lait"),
        "stdin is not UTF-8: 0xe9 at byte 3\nhint: convert it first",
    );
    let file = zo.file("latin1.txt", b"na\xefve");
    let ran = zo.run(["memorize".as_ref(), "--file".as_ref(), file.as_os_str()]);
    refused(&ran, &format!("{} is not UTF-8: 0xef at byte 2", file.display()));
    let argument = std::os::unix::ffi::OsStrExt::from_bytes(b"ab\xff");
    refused(&zo.run([std::ffi::OsStr::new("memorize"), argument]), "the argument is not UTF-8: 0xff at byte 2");
    assert!(!zo.home().exists(), "a text is checked before a home is made");
}

#[test]
fn a_nul_is_named_by_its_byte() {
    let zo = Zo::new();
    refused(&zo.run_with(["memorize"], b"a\0b"), "stdin has a NUL at byte 1");
    refused(&zo.run_with(["kv", "set", "k"], b"ab\0"), "stdin has a NUL at byte 2");
}

#[test]
fn nothing_is_no_text() {
    let zo = Zo::new();
    for input in ["", "\n", "  \n\t\n"] {
        refused(&zo.run_with(["memorize"], input), "the text is empty");
        refused(&zo.run_with(["ask"], input), "the question is empty");
    }
    refused(&zo.run(["memorize", ""]), "the text is empty");
    refused(&zo.run(["memorize", "--id", "", "text"]), "the id is empty");
    zo.run_with(["kv", "set", "k"], "").ok();
    assert_eq!(zo.run(["kv", "get", "k"]).stdout, "\n", "a value may be empty");
}

#[test]
fn a_hundred_megabytes_are_too_much() {
    let zo = Zo::new();
    let file = zo.file("large.txt", "x");
    fs::File::options().write(true).open(&file).and_then(|file| file.set_len(100_000_000)).expect("a large file");
    let ran = zo.run(["memorize".as_ref(), "--file".as_ref(), file.as_os_str()]);
    refused(&ran, &format!("{} has 100,000,000 bytes; one text may have 16.0 MiB\nhint: split it", file.display()));
    let ran = zo.run_with(["memorize"], vec![b'x'; 100_000_000]);
    refused(&ran, "stdin has more than 16,777,216 bytes; one text may have 16.0 MiB");
    let line = format!("{{\"content\":\"{}\"}}\n", "x".repeat(17_000_000));
    let ran = zo.run_with(["memorize", "--jsonl", "-"], line);
    assert!(
        ran.failed(3).starts_with("error: stdin:1: the content has 17,000,000 bytes; it may have 16.0 MiB"),
        "{ran}"
    );
}

#[test]
fn sixteen_megabytes_are_kept_and_come_back() {
    let zo = Zo::new();
    let text = "0123456789abcdef".repeat(1 << 20);
    zo.run_with(["kv", "set", "large"], &text).ok();
    assert_eq!(zo.run(["kv", "get", "large"]).ok(), text);
}

const LINES: &str = "{\"content\":\"one\"}\n{\"content\": oops}\n{\"content\":\"three\"}\n";

#[test]
fn a_malformed_line_is_named_and_what_came_before_it_is_kept() {
    let zo = Zo::new();
    let file = zo.file("facts.jsonl", LINES);
    let ran = zo.run(["memorize".as_ref(), "--jsonl".as_ref(), file.as_os_str()]);
    let said = ran.failed(3);
    assert!(said.starts_with(&format!("error: {}:2:13: expected JSON: ", file.display())), "{said}");
    assert!(said.contains("; the one before it is kept\nhint: mend it"), "{said}");
    assert_eq!(zo.run(["memory", "list"]).ok().lines().count(), 1);
}

#[test]
fn a_malformed_line_is_skipped_if_wanted() {
    let zo = Zo::new();
    let ran = zo.run_with(["memorize", "--jsonl", "-", "--on-error", "skip"], LINES);
    assert!(ran.ok().starts_with("2 new, 1 not taken ("), "{ran}");
    assert!(ran.stderr.starts_with("warning: stdin:2:13: expected JSON: "), "{ran}");
    let json = zo.run_with(["memorize", "--jsonl", "-", "--on-error", "skip", "--json"], LINES);
    assert_eq!(json.json().len(), 2);
    assert!(json.stderr.starts_with("{\"warning\":{\"kind\":\"invalid\","), "{json}");
}

#[test]
fn all_or_nothing_keeps_nothing_if_a_line_is_malformed() {
    let zo = Zo::new();
    let ran = zo.run_with(["memorize", "--jsonl", "-", "--all-or-nothing"], LINES);
    assert!(ran.failed(1).contains("stdin:2:13: ") && ran.stderr.contains("; nothing was kept\n"), "{ran}");
    assert!(!zo.home().exists());
    let two_bad = LINES.to_owned() + "[]\n";
    let ran = zo.run_with(["memorize", "--jsonl", "-", "--all-or-nothing"], two_bad);
    assert!(ran.failed(1).contains("error: 2 of 4 lines cannot be taken; nothing was kept\n"), "{ran}");
    let good = LINES.replace("oops", "\"two\"");
    assert!(zo.run_with(["memorize", "--jsonl", "-", "--all-or-nothing"], good).ok().starts_with("3 new ("));
}

#[test]
fn names_that_do_not_exist_are_told_with_the_nearest() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "deploy-steps", "one"]).ok();
    zo.run(["kv", "set", "editor.theme", "dark"]).ok();
    zo.run(["conversation", "add-message", "work", "--role", "user", "hi"]).ok();
    let ran = zo.run(["conversation", "show", "wrok"]);
    refused(&ran, "there is no conversation wrok\nhint: did you mean `work`?\n");
    refused(
        &zo.run(["memory", "show", "deploy-stesp"]),
        "there is no memory deploy-stesp\nhint: did you mean `deploy-steps`?",
    );
    refused(&zo.run(["kv", "get", "editor.them"]), "there is no key editor.them\nhint: did you mean `editor.theme`?");
    refused(&zo.run(["conversation", "delete", "nothing", "--yes"]), "there is no conversation nothing");
    let ran = zo.run(["memorise", "x"]);
    assert!(ran.failed(2).contains("'memorize'"), "{ran}");
}

#[test]
fn a_position_that_does_not_exist_is_refused() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let ran = zo.run(["memory", "list", "--at", "99"]);
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.stderr.contains("99"), "{ran}");
}

#[test]
fn a_home_that_is_not_there_is_not_made_by_looking() {
    let zo = Zo::new();
    for arguments in
        [&["status"][..], &["memory", "list"], &["log", "tail"], &["kv", "get", "a"], &["usage"], &["rebuild"]]
    {
        let ran = zo.run(arguments);
        refused(&ran, "there is no home at ");
        assert!(ran.stderr.contains("hint: "), "{ran}");
    }
    assert!(!zo.home().exists());
}

#[test]
fn a_home_that_is_a_file_is_refused() {
    let zo = Zo::new();
    fs::write(zo.home(), "a file").expect("a file");
    refused(&zo.run(["memorize", "one"]), &format!("{} is not a folder\nhint: ", zo.home().display()));
    assert_eq!(fs::read_to_string(zo.home()).expect("still there"), "a file");
}

#[test]
fn a_folder_of_other_things_is_no_home() {
    let zo = Zo::new();
    zo.file("home/thesis.tex", "important");
    let ran = zo.run(["memorize", "one"]);
    assert_eq!(ran.code(), 1, "{ran}");
    assert_eq!(fs::read_dir(zo.home()).expect("readable").count(), 1, "nothing was written into it");
}

#[test]
fn a_home_of_a_newer_format_is_not_touched() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let lines = "zo home\nformat 99\nid 0123456789abcdef0123456789abcdef\n";
    let newer = format!("{lines}check {:08x}\n", crc32(lines.as_bytes()));
    fs::write(zo.home().join("format"), &newer).expect("a file");
    let ran = zo.run(["memory", "list", "--json"]);
    assert_eq!(ran.code(), 3, "{ran}");
    assert_eq!(ran.json_error()["kind"], "newer");
    assert_eq!(fs::read_to_string(zo.home().join("format")).expect("still there"), newer);
}

/// The checksum of the file `format`.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn a_home_without_permission_is_refused() {
    let zo = Zo::new();
    fs::create_dir(zo.home()).expect("a folder");
    let locked = zo.home().join("locked");
    fs::create_dir(&locked).expect("a folder");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).expect("a mode");
    let ran = as_ordinary_user(&zo, &locked.join("zo"), &["memorize", "one"]);
    assert_eq!(ran.code(), 3, "{ran}");
    assert!(ran.stderr.contains("ermission denied") && ran.stderr.contains("hint: "), "{ran}");
    let ran = as_ordinary_user(&zo, &locked.join("zo"), &["doctor"]);
    assert_eq!(ran.code(), 3, "{ran}");
    assert!(ran.stdout.contains("fail  home "), "{ran}");
}

/// Runs the program with the home `home` as somebody to whom permissions apply.
fn as_ordinary_user(zo: &Zo, home: &Path, arguments: &[&str]) -> Ran {
    let mut command = zo.command(arguments);
    command.env("ZO_HOME", home);
    if rustix::process::geteuid().is_root() {
        // Root may do everything; nobody may not, and must be able to run the program.
        let copy = zo.scratch().join("zo");
        fs::copy(zo.binary(), &copy).expect("a copy of the program");
        fs::set_permissions(zo.scratch(), fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::set_permissions(zo.home(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let mut other = Command::new(copy);
        other.args(arguments).env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        other.env("HOME", "/nonexistent").current_dir("/").uid(NOBODY).gid(NOBODY);
        command = other;
    }
    // A child that another test starts has the copy open for writing until it is itself: soon that is over.
    let output = loop {
        match command.stdin(Stdio::null()).output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => break output.expect("the program can be run"),
        }
    };
    Ran {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_full_disk_is_named_and_what_was_acknowledged_is_kept() {
    let zo = Zo::new();
    let Some(disk) = SmallDisk::mount(&zo.scratch().join("disk"), "24m") else {
        eprintln!("skipped: nothing can be mounted here");
        return;
    };
    let home = disk.folder.join("zo");
    let at = |arguments: &[&str]| {
        let home = home.to_str().expect("ASCII");
        [&["--home", home], arguments].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // Letters that no compression makes much shorter.
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 40) as u8 % 26)
    };
    let line = |n: u32, text: String| format!("{{\"id\":\"{n}\",\"content\":\"{text}\"}}\n");
    let lines: String = (0..20_000).map(|n| line(n, (0..1000).map(|_| letter()).collect())).collect();
    let ran = zo.run_with(at(&["memorize", "--jsonl", "-", "--json"]), lines);
    assert_eq!(ran.code(), 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("the disk is full"), "{}", ran.stderr);
    let acknowledged = zo_tests::cli::lines_of_json(&ran.stdout);
    assert!(acknowledged.len() > 100, "{} were acknowledged", acknowledged.len());
    disk.resize("64m");
    zo.run(at(&["memorize", "there is room again"])).ok();
    assert!(zo.run(at(&["log", "verify"])).ok().starts_with("ok  "));
    let events = zo.run(at(&["log", "show", "memory", "--json"])).json();
    for acknowledgement in &acknowledged {
        let position = &acknowledgement["position"];
        let event = events.iter().find(|event| event["position"] == *position).expect("it is in the log");
        assert_eq!(event["data"]["name"], acknowledgement["id"]);
    }
}

/// A file system in memory of a given size; gone when dropped.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// `None` if this user, or this container, may not mount.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        fs::create_dir(folder).expect("a folder");
        let size = format!("size={size}");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).stderr(Stdio::null());
        let mounted = command.status().is_ok_and(|status| status.success());
        mounted.then(|| Self { folder: folder.to_owned() })
    }

    fn resize(&self, size: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(&self.folder).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}

#[test]
fn destroying_without_a_terminal_wants_yes() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "a", "one"]).ok();
    zo.run(["conversation", "add-message", "c", "--role", "user", "hi"]).ok();
    for arguments in [["memory", "forget", "a"], ["conversation", "delete", "c"]] {
        let ran = zo.run(arguments);
        let said = ran.failed(2);
        assert!(said.contains("Nobody can be asked") && said.contains("hint: say --yes"), "{said}");
    }
    assert_eq!(zo.run(["memory", "list"]).ok().lines().count(), 1);
}

#[test]
fn what_is_no_time_is_a_usage_error() {
    let zo = Zo::new();
    let ran = zo.run(["memory", "list", "--at", "soon"]);
    assert!(ran.failed(2).contains("a time is expected"), "{ran}");
}
