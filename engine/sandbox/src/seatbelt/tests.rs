use super::*;
use crate::policy::Limits;

#[test]
fn a_profile_forbids_everything_and_then_allows_what_was_named() {
    let raw = |path: &str| RawPath::from(Path::new(path));
    let job = Job {
        level: Level::Seatbelt,
        program: raw("/bin/ls"),
        argv: vec!["ls".into()],
        folder: raw("/work"),
        environment: Vec::new(),
        read: vec![raw("/data")],
        write: vec![raw("/a \"quoted\" folder")],
        proxy: None,
        port: None,
        temporary: None,
        limits: Limits::default(),
        probe: false,
    };
    let profile = profile(&job).expect("all is UTF-8");
    let lines: Vec<&str> = profile.lines().collect();
    assert_eq!(&lines[..2], ["(version 1)", "(deny default)"]);
    assert!(lines.contains(&"(allow file-read* (subpath \"/data\"))"));
    assert!(lines.contains(&"(allow file-read* file-write* (subpath \"/a \\\"quoted\\\" folder\"))"));
    assert!(!profile.contains("network"), "nothing of the network is allowed");
    assert_eq!(command(&job).expect("it can be written").get_program(), PROGRAM);
    assert_eq!(stage(&["confine".to_owned()]), ExitCode::from(2));
}
