use super::*;

#[test]
fn names_of_sites_are_made_harmless() {
    for (suggested, name) in [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        (".bashrc", "bashrc"),
        ("...", "download"),
        ("", "download"),
        ("a\u{0}b\nc\u{7f}.txt", "abc.txt"),
        ("photo\u{202e}gpj.exe", "photogpj.exe"),
        ("-rf", "rf"),
        ("a:b|c?.txt", "a_b_c_.txt"),
        ("Übung ☂.txt", "Übung ☂.txt"),
        ("$(x)`y`", "_(x)_y_"),
    ] {
        assert_eq!(safe_name(suggested), name, "{suggested:?}");
    }
    let long = safe_name(&format!("{}.tar.gz", "ü".repeat(300)));
    assert!(long.len() <= LONGEST && long.ends_with("ü.gz"), "{long}");
}

#[test]
fn two_files_of_one_name_are_both_kept() {
    let folder = tempfile::tempdir().unwrap();
    let keep_one = |content: &str| {
        let from = folder.path().join("guid");
        fs::write(&from, content).unwrap();
        keep(&Finished {
            guid: "guid".to_owned(),
            from,
            folder: folder.path().join("new/downloads"),
            suggested_name: "a.txt".to_owned(),
            url: "http://x/".to_owned(),
            limit: 5,
        })
    };
    assert_eq!(keep_one("one").unwrap().name, "a.txt");
    let second = keep_one("two").unwrap();
    assert_eq!((second.name.as_str(), second.size), ("a (1).txt", 3));
    assert_eq!(fs::read_to_string(&second.path).unwrap(), "two");
    assert_eq!(keep_one("too long").unwrap_err().to_string(), "it has 8 bytes, and may have 5");
    assert!(!folder.path().join("guid").exists());
}
