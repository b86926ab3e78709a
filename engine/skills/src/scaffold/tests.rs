use serde_json::json;

use super::*;
use crate::skill::Origin;
use crate::testing::run;

#[test]
fn what_is_made_is_valid_and_runs() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let kinds = [
        None,
        Some(ScriptKind::Python { shim: true }),
        Some(ScriptKind::Shell),
        Some(ScriptKind::JavaScript),
        Some(ScriptKind::Executable),
    ];
    for (number, kind) in (0..).zip(kinds) {
        let description = if number == 0 { None } else { Some("Use when: \"quoted\" #words\nare asked - for") };
        let folder =
            scaffold(&scratch.path().join("new"), &format!("skill-{number}"), kind, description).expect("made");
        assert_eq!(crate::validate(&folder), [], "{kind:?}");
        let skill = crate::load(&folder, Origin::User).expect("a skill");
        if let Some(wanted) = description {
            assert_eq!(skill.description, wanted);
        }
        assert_eq!(skill.scripts.first().map(|script| script.kind), kind);
        let has_node = crate::missing(&skill).is_empty();
        if kind.is_some() && has_node {
            assert_eq!(
                run(&skill, "run", &json!({"text": "two words"}), scratch.path()).json(),
                json!({"words": 2}),
                "{kind:?}"
            );
        }
    }
}

#[test]
fn what_would_not_be_valid_is_not_made() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let says = |name: &str, description: Option<&str>| {
        scaffold(scratch.path(), name, None, description).expect_err("refused").to_string()
    };
    assert!(says("Bad Name", None).contains("uppercase"));
    assert!(says("../up", None).contains("`.`"));
    assert!(says("", None).contains("empty"));
    assert!(says("good", Some(" ")).contains("description is empty"));
    assert!(says("good", Some(&"x".repeat(1025))).contains("1025 characters"));
    assert!(says("good", Some("a --- b")).contains("other dashes"));
    assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 0);
    scaffold(scratch.path(), "good", None, None).expect("made");
    assert!(says("good", None).ends_with("good is there already"));
}
