//! Strict and lenient reading of whole skill folders.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::testing::{check_lines, good, skill_folder, write};

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

/// The strict reader's problems of a skill `demo` with this SKILL.md.
fn check(text: impl AsRef<[u8]>, expected: &[(Option<u32>, &str)]) {
    let scratch = scratch();
    check_lines(&validate(&skill_folder(scratch.path(), "demo", text)), expected);
}

/// The skill that the lenient reader makes of it, and what it warns of.
fn lenient(text: impl AsRef<[u8]>) -> (Skill, Vec<String>) {
    let scratch = scratch();
    let skill = load(&skill_folder(scratch.path(), "demo", text), Origin::User).expect("usable");
    assert!(skill.problems.iter().all(|problem| problem.severity == Severity::Warning));
    let warnings = skill.problems.iter().map(|problem| format!("{}: {}", problem.line.unwrap_or(0), problem.message));
    let warnings = warnings.collect();
    (skill, warnings)
}

fn described(description: &str) -> String {
    format!("---\nname: demo\ndescription: {description}\n---\nDo it.\n")
}

#[test]
fn a_good_skill_has_no_problem() {
    check(described("Does it."), &[]);
    check(
        "---\nname: demo # what it is called\ndescription: >\n  Does it,\n  slowly.\nlicense: MIT\ncompatibility: Requires git\nmetadata:\n  \
         author: ada\n  version: \"1.0\"\nallowed-tools: Bash(git:*) Read\n---\n# Demo\n",
        &[],
    );
}

#[test]
fn what_is_no_frontmatter_is_told_with_its_line() {
    check("", &[(Some(1), "`---` is expected in the first line, found nothing")]);
    check("# Demo\n", &[(Some(1), "found `# Demo`")]);
    check("---\nname: demo\n", &[(Some(1), "not closed")]);
    check("---\n---\nbody\n", &[(Some(2), "the frontmatter is empty")]);
    check("---\n- a\n- b\n---\nbody\n", &[(Some(2), "found a list")]);
    check("---\njust words\n---\nbody\n", &[(Some(2), "found a text")]);
    check(format!("\u{feff}{}", described("x")), &[(Some(1), "byte order mark")]);
    check(format!("\n\n{}", described("x")), &[(Some(1), "found an empty one")]);
    check(b"---\nname: demo\ndescription: \xff\n---\nx\n", &[(Some(3), "not UTF-8")]);
    check("---\nname: demo\ndescription: a\u{1}b\n---\nx\n", &[(Some(3), "control character U+0001")]);
    check("---\nname: demo\ndescription: a --- b\n---\nx\n", &[(Some(3), "other readers take it for the end")]);
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    check("---\nname: demo\n\tdescription: x\n---\nb\n", &[(Some(3), "a tab at the beginning of the line")]);
    check("---\nname: demo\ndescription:\tx\n---\nb\n", &[(Some(3), "not tabs")]);
    check("---\nname: demo\ndescription: x\ty\n---\nb\n", &[(Some(3), "a tab outside of quotes")]);
    check("---\nname: demo # \t\ndescription: \"x\ty\"\n---\nb\n", &[]);
    check("---\nname: demo\ndescription: Use when: asked\n---\nb\n", &[(Some(3), "belongs in quotes")]);
    check("---\nname: demo\ndescription: \"open\n---\nb\n", &[(Some(3), "not YAML")]);
    check("---\nname: demo\ndescription: x\nname: other\n---\nb\n", &[(Some(4), "there already, in line 2")]);
    check("---\nname: demo\ndescription: &a x\n---\nb\n", &[(Some(3), "an anchor")]);
    check(
        "---\nname: demo\ndescription: &a x\nlicense: *a\n---\nb\n",
        &[(Some(3), "an anchor"), (Some(4), "an alias")],
    );
    check("---\nname: demo\ndescription: !!str x\n---\nb\n", &[(Some(3), "a tag")]);
    check("---\nname: demo\ndescription: x\nmetadata: {a: b}\n---\nb\n", &[(Some(4), "`{…` is not allowed")]);
    check("---\nname: demo\ndescription: x\n...\nlicense: y\n---\nb\n", &[(Some(5), "a second YAML document")]);
    check("---\nname: demo\ndescription: x\n? [a, b]\n: c\n---\nb\n", &[(Some(4), "a key has to be a text")]);
    let deep = format!("---\nname: demo\ndescription: x\nmetadata:\n  a: {}\n---\nb\n", "[".repeat(200));
    check(deep, &[(Some(5), "`[…` is not allowed"), (Some(5), "deeper than 16")]);
}

#[test]
fn fields_are_checked_where_they_are() {
    check("---\ndescription: x\n---\nb\n", &[(None, "`name` is missing")]);
    check("---\nname: demo\n---\nb\n", &[(None, "`description` is missing")]);
    check("---\nname: demo\ndescription:\n---\nb\n", &[(Some(3), "the description is empty")]);
    check("---\nname: demo\ndescription: \"  \"\n---\nb\n", &[(Some(3), "the description is empty")]);
    check("---\nname: demo\ndescription:\n  - x\n---\nb\n", &[(Some(3), "has to be a text, found a list")]);
    check("---\nname: other\ndescription: x\n---\nb\n", &[(Some(2), "not that of the folder, `demo`")]);
    check("---\nname: demo\ndescription: x\nversion: 1\n---\nb\n", &[(Some(4), "no field `version`")]);
    check(
        "---\nname: demo\ndescription: x\nallowed_tools: Read\n---\nb\n",
        &[(Some(4), "`allowed-tools` is expected")],
    );
    check("---\nname: demo\ndescription: x\ntriggers: a, b\n---\nb\n", &[(Some(4), "`zo.triggers` below `metadata`")]);
    check("---\nname: demo\ndescription: x\ncompatibility:\n---\nb\n", &[(Some(4), "the compatibility is empty")]);
    check(
        "---\nname: demo\ndescription: x\nmetadata: words\n---\nb\n",
        &[(Some(4), "a mapping of texts, found a text")],
    );
    check("---\nname: demo\ndescription: x\nmetadata:\n  a:\n    b: c\n---\nb\n", &[(Some(5), "found a mapping")]);
    check(
        "---\nname: demo\ndescription: x\nmetadata:\n  v: 1.0\n---\nb\n",
        &[(Some(5), "what YAML takes for a number")],
    );
    check(
        "---\nname: demo\ndescription: x\nallowed-tools:\n  - 12\n---\nb\n",
        &[(Some(4), "is a list"), (Some(5), "a number")],
    );
    check("---\nname: demo\ndescription: x\nmetadata:\n  zo.write: \"maybe\"\n---\nb\n", &[(Some(5), "found `maybe`")]);
    check(
        "---\nname: demo\ndescription: x\nmetadata:\n  zo.programs: \"a/b\"\n---\nb\n",
        &[(Some(5), "not the name of a program")],
    );
    check("---\nname: demo\ndescription: x\n---\n", &[(Some(4), "no instructions")]);
    check(format!("{}{}", described("x"), "line\n".repeat(500)), &[(None, "at most 500 are recommended")]);
}

#[test]
fn lengths_are_counted_in_characters() {
    check(described(&"ä".repeat(1024)), &[]);
    check(described(&"ä".repeat(1025)), &[(Some(3), "1025 characters, at most 1024")]);
    let compatible =
        |length| format!("---\nname: demo\ndescription: x\ncompatibility: {}\n---\nb\n", "ü".repeat(length));
    check(compatible(500), &[]);
    check(compatible(501), &[(Some(4), "501 characters, at most 500")]);
}

#[test]
fn names_are_as_the_reference_validator_has_them() {
    let named = |name: &str| {
        let scratch = scratch();
        let folder = skill_folder(scratch.path(), name, format!("---\nname: \"{name}\"\ndescription: x\n---\nb\n"));
        validate(&folder).into_iter().map(|problem| problem.message).collect::<Vec<_>>()
    };
    for name in ["a", "a1-b2", "技能", "мой-навык", "café", "cafe\u{301}", "x²", &"a".repeat(64)] {
        assert_eq!(named(name), Vec::<String>::new(), "{name}");
    }
    for (name, expected) in [
        ("Demo", "uppercase"),
        ("НАВЫК", "uppercase"),
        ("-a", "hyphen"),
        ("a-", "hyphen"),
        ("a--b", "two hyphens"),
        ("a_b", "`_`"),
        ("a b", "` `"),
        ("हिन्दी", "has the character"),
        (&"a".repeat(65), "65 characters"),
    ] {
        assert!(named(name).iter().any(|message| message.contains(expected)), "{name}: {:?}", named(name));
    }
}

/// What version 0.1.1 of `skills-ref`, the specification's reference validator, made of these files in November 2026.
#[test]
fn what_the_reference_validator_rejects_is_rejected() {
    #[derive(serde::Deserialize)]
    struct Case {
        folder: String,
        text: String,
        rejected: bool,
    }
    let scratch = scratch();
    let (mut rejected, mut stricter) = (0, Vec::new());
    for (number, line) in include_str!("reference.jsonl").lines().enumerate() {
        let case: Case = serde_json::from_str(line).expect("a case");
        let folder = skill_folder(&scratch.path().join(number.to_string()), &case.folder, &case.text);
        let is_error = |problem: &Problem| problem.severity == Severity::Error;
        let errors: Vec<Problem> = validate(&folder).into_iter().filter(is_error).collect();
        if case.rejected {
            rejected += 1;
            assert!(!errors.is_empty(), "accepted: {:?} in {}", case.text, case.folder);
        } else if let Some(error) = errors.first() {
            stricter.push(format!("{:?}: {}", case.text, error.message));
        }
    }
    assert!(rejected > 80, "{rejected}");
    // Where this reader is stricter, so are the specification or other readers of YAML.
    assert!(stricter.len() <= 20, "{stricter:#?}");
}

#[test]
fn line_ends_of_windows_are_a_warning() {
    let text = described("x").replace('\n', "\r\n");
    check(&text, &[(Some(1), "CR LF")]);
    let (skill, warnings) = lenient(&text);
    assert_eq!((skill.description.as_str(), skill.body.as_str(), warnings.len()), ("x", "Do it.", 1));
}

#[test]
fn folders_that_are_none() {
    let scratch = scratch();
    check_lines(&validate(&scratch.path().join("nowhere")), &[(None, "there is no such folder")]);
    write(&scratch.path().join("file"), "x");
    check_lines(&validate(&scratch.path().join("file")), &[(None, "not a folder")]);
    fs::create_dir(scratch.path().join("empty")).expect("a folder");
    check_lines(&validate(&scratch.path().join("empty")), &[(None, "there is no SKILL.md")]);
    fs::create_dir_all(scratch.path().join("odd/SKILL.md")).expect("a folder");
    check_lines(&validate(&scratch.path().join("odd")), &[(None, "not a file")]);
    let lower = scratch.path().join("lower");
    write(&lower.join("skill.md"), "---\nname: lower\ndescription: x\n---\nb\n");
    check_lines(&validate(&lower), &[(None, "should be called SKILL.md")]);
}

#[test]
fn a_skill_file_of_ten_megabytes_is_a_problem_and_no_hang() {
    let scratch = scratch();
    let folder = skill_folder(scratch.path(), "demo", "x".repeat(10 * 1024 * 1024));
    check_lines(&validate(&folder), &[(None, "10485760 bytes, at most 1048576")]);
    assert!(load(&folder, Origin::User).is_err());
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_problems() {
    use std::os::unix::fs::symlink;
    let scratch = scratch();
    write(&scratch.path().join("secret"), "s3cret");
    let folder = good(scratch.path(), "demo");
    symlink("../secret", folder.join("leak.md")).expect("a link");
    symlink("..", folder.join("up")).expect("a link");
    symlink("nowhere", folder.join("gone")).expect("a link");
    symlink("SKILL.md", folder.join("again.md")).expect("a link");
    check_lines(
        &validate(&folder),
        &[(None, "leads nowhere"), (None, "out of the skill's folder"), (None, "out of the skill's folder")],
    );
    let skill = load(&folder, Origin::User).expect("usable");
    assert_eq!((skill.resources, skill.problems.len()), (vec![PathBuf::from("again.md")], 3));

    let stolen = scratch.path().join("stolen");
    fs::create_dir(&stolen).expect("a folder");
    symlink("../secret", stolen.join("SKILL.md")).expect("a link");
    let problem = load(&stolen, Origin::User).expect_err("not its own");
    assert!(problem.message.contains("a link out of the skill's folder"), "{problem}");
}

#[test]
fn what_is_no_yaml_is_read_by_its_lines() {
    let text = "---\nname: demo\ndescription: Use when: asked for \"it\"\ntriggers: do it, go\nmetadata:\n  zo.python: json\n---\nb\n";
    let (skill, warnings) = lenient(text);
    assert_eq!(skill.description, "Use when: asked for \"it\"");
    assert_eq!(skill.triggers, ["do it", "go"]);
    assert_eq!(skill.requires.python, ["json"]);
    assert!(warnings[0].starts_with("3: not YAML"), "{warnings:?}");
}

#[test]
fn lenient_reading_takes_what_can_be_used() {
    let (skill, warnings) = lenient("---\nname: Other Name\n---\n# Title\n\nDoes two\nthings.\n");
    assert_eq!((skill.name.as_str(), skill.description.as_str()), ("Other Name", "Does two things."));
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    let (skill, _) = lenient("---\nname: ../../etc\ndescription: x\n---\nb\n");
    assert_eq!(skill.name, "demo");
    let (skill, _) = lenient(described(&"d".repeat(3000)));
    assert_eq!(skill.description.len(), 1024);
    let (skill, _) = lenient("---\nname: demo\ndescription: x\nallowed-tools: [Read, Bash(git status)]\n---\nb\n");
    assert_eq!(skill.allowed_tools, ["Read", "Bash(git status)"]);
    let (skill, _) = lenient("---\nname: demo\ndescription: x\nallowed-tools: Bash(git status) Read\n---\nb\n");
    assert_eq!(skill.allowed_tools, ["Bash(git status)", "Read"]);
    let (skill, _) = lenient(b"---\nname: demo\ndescription: caf\xe9\n---\nb\n");
    assert_eq!(skill.description, "caf\u{fffd}");
}

#[test]
fn lenient_reading_refuses_what_says_nothing() {
    let scratch = scratch();
    for text in ["", "just words", "---\nname: demo\n", "---\nname: demo\n---\n# Title\n"] {
        let folder = skill_folder(scratch.path(), "demo", text);
        assert_eq!(load(&folder, Origin::User).expect_err(text).severity, Severity::Error);
    }
}

#[test]
fn declarations_are_read_below_metadata() {
    let (skill, warnings) = lenient(
        "---\nname: demo\ndescription: x\nmetadata:\n  zo.programs: \"jq, git\"\n  zo.environment: \"TOKEN\"\n  \
         zo.network: \"API.example.org *.b.org:8443\"\n  zo.write: \"true\"\n  zo.triggers: \"do it, go\"\n  zo.other: \"x\"\n---\nb\n",
    );
    assert_eq!(skill.requires.programs, ["jq", "git"]);
    assert_eq!(skill.requires.environment, ["TOKEN"]);
    assert_eq!(skill.requires.network, ["api.example.org", "*.b.org:8443"]);
    assert!(skill.requires.write);
    assert_eq!(skill.triggers, ["do it", "go"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

/// Texts that look like a SKILL.md with something wrong.
fn almost() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("---\n".to_owned()),
        Just("name: demo\n".to_owned()),
        Just("description: >-\n  x\n".to_owned()),
        Just("metadata:\n  a: [b, {c: d}]\n".to_owned()),
        Just("\t- &a *a !t\r\n".to_owned()),
        Just("? |2\n".to_owned()),
        "[ -~\\n\u{0}äé\u{301}\u{feff}\u{2028}]{0,12}",
    ];
    let pieces = proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![pieces, proptest::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_make_it_panic(bytes in almost(), fenced in any::<bool>()) {
        let mut bytes = bytes;
        if fenced {
            bytes.splice(..0, *b"---\n");
            bytes.extend(*b"\n---\nbody");
        }
        for reader in [Reader::Strict, Reader::Lenient] {
            let mut remarks = Vec::new();
            let lines = u32::try_from(bytes.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count()).expect("few") + 1;
            let read = read_text(&bytes, "demo", reader, &mut remarks);
            for line in remarks.iter().chain(read.as_ref().err()).filter_map(|remark| remark.line) {
                prop_assert!((1..=lines).contains(&line), "line {} of {}", line, lines);
            }
        }
    }
}
