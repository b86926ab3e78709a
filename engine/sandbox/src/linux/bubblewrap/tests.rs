use std::time::Duration;

use super::*;
use crate::policy::{Level, Limits};

#[test]
fn what_lies_within_is_mounted_after_what_it_lies_in() {
    let raw = |path: &str| RawPath::from(Path::new(path));
    let job = Job {
        level: Level::Bubblewrap,
        program: raw("/bin/true"),
        argv: Vec::new(),
        folder: raw("/project"),
        environment: Vec::new(),
        read: vec![raw("/project/git")],
        write: vec![raw("/project")],
        proxy: None,
        port: None,
        temporary: None,
        limits: Limits { wall: Duration::from_secs(1), temporary_bytes: 4096, ..Limits::default() },
        probe: false,
    };
    let words = arguments(&job, Path::new("/opt/zo"));
    let text: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let line = text.join(" ");
    let work = line.find("--bind /project /project").expect("it is writable");
    let git = line.find("--ro-bind /project/git /project/git").expect("it is readable");
    assert!(work < git, "{line}");
    assert!(
        line.contains("--unshare-all")
            && line.contains("--die-with-parent")
            && line.contains("--size 4096 --tmpfs /tmp")
    );
    assert!(line.ends_with("--ro-bind /opt/zo /.zo-sandbox"), "{line}");
    assert!(!line.contains("/etc/shadow") && !line.contains("/home"));
}
