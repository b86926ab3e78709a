//! Files: put, listed, got back, every version of them.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use zo_tests::cli::Zo;
use zo_tests::cli::snapshot::snapshot;

#[test]
fn a_file_is_put_and_comes_back() {
    let zo = Zo::new();
    zo.file("a.txt", "one\n");
    let ran = zo.run(["file", "put", "a.txt"]);
    assert_eq!(ran.ok(), "a.txt", "{ran}");
    assert_eq!(zo.run(["file", "get", "a.txt"]).ok(), "one");
    zo.file("a.txt", "two\n");
    zo.run(["file", "put", "a.txt"]).ok();
    let again = zo.run(["file", "put", "a.txt"]);
    assert!(again.ok() == "a.txt" && again.stderr.contains("nothing to do"), "{again}");
    assert_eq!(zo.run(["file", "get", "a.txt"]).ok(), "two");
    assert_eq!(zo.run(["file", "get", "a.txt", "--version", "1"]).ok(), "one");
    let versions = zo.run(["file", "versions", "a.txt", "--json"]).json();
    let numbers: Vec<&Value> = versions.iter().map(|version| &version["version"]).collect();
    assert_eq!(numbers, [&json!(2), &json!(1)], "newest first");
    zo.run(["file", "get", "a.txt", "-o", "b.txt"]).ok();
    assert_eq!(fs::read_to_string(zo.scratch().join("b.txt")).expect("it is there"), "two\n");
    zo.run(["file", "remove", "a.txt"]).ok();
    assert_eq!(zo.run(["file", "list"]).ok(), "");
    assert!(zo.run(["file", "get", "a.txt"]).failed(1).contains("a.txt"));
    assert_eq!(zo.run(["file", "get", "a.txt", "--version", "1"]).ok(), "one", "its versions stay");
}

#[test]
fn every_byte_comes_back() {
    let zo = Zo::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let put = zo.run_with(["file", "put", "-", "--name", "noise.bin", "--json"], &bytes).json_object();
    assert_eq!(put["id"], "noise.bin");
    let mut command = zo.command(["file", "get", "noise.bin"]);
    let output = command.stdin(Stdio::null()).output().expect("it can be run");
    assert!(output.status.success() && output.stdout == bytes);
    let line = &zo.run(["file", "list", "--json"]).json()[0];
    assert_eq!(line["size"], 3_000_000);
    assert_eq!(
        snapshot(line),
        r#"{"name":"noise.bin","size":3000000,"media_type":"application/octet-stream","blake3":"<hash>","at":"<time>","version":1,"removed":false}"#
    );
    assert!(
        !fs::read_dir(zo.scratch())
            .expect("it is there")
            .flatten()
            .any(|entry| { entry.file_name().to_string_lossy().starts_with("zo-put-") }),
        "what stdin had is gone"
    );
}

#[test]
fn a_folder_is_put_with_all_that_is_in_it() {
    let zo = Zo::new();
    zo.file("site/index.html", "<h1>hi</h1>");
    zo.file("site/css/main.css", "h1 {}");
    zo.file("site/.secret", "no");
    std::os::unix::fs::symlink("/etc/passwd", zo.scratch().join("site/link")).expect("a link");
    let ran = zo.run(["file", "put", "site"]);
    assert_eq!(ran.ok(), "site/css/main.css\nsite/index.html", "{ran}");
    assert!(ran.stderr.contains("link is a link, and is left out") && ran.stderr.contains("2 files put"), "{ran}");
    assert_eq!(zo.run(["file", "put", "site", "--name", "www/", "--hidden", "-q"]).ok().lines().count(), 3);
    let listed = zo.run(["file", "list", "www/", "--json"]).json();
    let names: Vec<&str> = listed.iter().filter_map(|file| file["name"].as_str()).collect();
    assert_eq!(names, ["www/.secret", "www/css/main.css", "www/index.html"]);
    assert_eq!(listed[2]["media_type"], "text/html");
    assert!(zo.run(["file", "remove", "www/"]).failed(2).contains("Remove 3 files below www/?"));
    zo.run(["file", "remove", "www/", "--yes"]).ok();
    assert_eq!(zo.run(["file", "list", "www/"]).ok(), "");
}

#[test]
fn what_cannot_be_put_is_said() {
    let zo = Zo::new();
    zo.file("a.txt", "x");
    fs::create_dir(zo.scratch().join("empty")).expect("a folder");
    let cases: [(&[&str], i32, &str); 5] = [
        (&["nowhere.txt"], 1, "cannot read nowhere.txt: no such file or directory"),
        (&["a.txt", "nowhere.txt"], 1, "cannot read nowhere.txt"),
        (&["empty"], 1, "there is no file to put"),
        (&["-"], 2, "what comes from stdin has no name"),
        (&["a.txt", "a.txt", "--name", "b"], 2, "one name is for one file or folder"),
    ];
    for (words, code, expected) in cases {
        let ran = zo.run([&["file", "put"], words].concat());
        assert!(ran.failed(code).contains(expected), "{words:?}: {ran}");
    }
    assert!(!zo.home().exists(), "nothing was put");
    for name in ["../b", "/etc/b", "a/../../b", "a//b", "a/./b"] {
        let ran = zo.run(["file", "put", "a.txt", "--name", name]);
        assert!(ran.failed(1).contains(name), "{ran}");
    }
    // A folder that holds the home would put its keys and log.
    zo.run(["memorize", "x"]).ok();
    let ran = zo.run(["file", "put", "."]);
    assert!(ran.failed(1).contains("overlap"), "{ran}");
}

#[test]
fn a_file_that_is_mistyped_is_told_the_nearest() {
    let zo = Zo::new();
    zo.file("report.txt", "x");
    zo.run(["file", "put", "report.txt"]).ok();
    for words in [&["get"][..], &["versions"], &["remove"], &["share"]] {
        let ran = zo.run([&["file"], words, &["reprot.txt"]].concat());
        assert!(ran.failed(1).contains("report.txt"), "{ran}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let zo = Zo::new();
    let mut command = zo.command(["file", "put", "-", "--name", "large.txt"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be run");
    let mut input = child.stdin.take().expect("asked for");
    input.write_all(&b"line\n".repeat(2_000_000)).expect("it reads");
    drop(input);
    assert!(child.wait().expect("it ends").success());
    let mut command = zo.command(["file", "get", "large.txt"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be run");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
