use super::*;
use crate::skill::Origin;
use crate::testing::{skill_folder, write};

fn skill(declarations: &str) -> (tempfile::TempDir, Skill) {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let text = format!("---\nname: demo\ndescription: x\nmetadata:\n{declarations}\n---\nb\n");
    let folder = skill_folder(scratch.path(), "demo", text);
    let skill = crate::load(&folder, Origin::User).expect("a skill");
    (scratch, skill)
}

fn names(missing: &[Missing]) -> Vec<(MissingKind, &str)> {
    missing.iter().map(|one| (one.kind, one.name.as_str())).collect()
}

#[test]
fn what_is_not_there_is_named_by_its_kind() {
    let (_scratch, skill) = skill(
        "  zo.programs: \"sh no-such-program\"\n  zo.python: \"json os.path no_such_module no_such.part\"\n  \
         zo.environment: \"PATH NO_SUCH_VARIABLE\"",
    );
    let found = missing(&skill);
    assert_eq!(
        names(&found),
        [
            (MissingKind::Program, "no-such-program"),
            (MissingKind::PythonModule, "no_such_module"),
            (MissingKind::PythonModule, "no_such.part"),
            (MissingKind::Variable, "NO_SUCH_VARIABLE")
        ]
    );
    assert!(found[3].hint.contains("export NO_SUCH_VARIABLE="), "{}", found[3].hint);
}

#[test]
fn interpreters_of_scripts_count_without_being_declared() {
    let (_scratch, mut skill) = skill("  zo.python: \"json\"");
    write(&skill.folder.join("scripts/a.js"), "x");
    write(&skill.folder.join("scripts/b.sh"), "x");
    skill = crate::load(&skill.folder, Origin::User).expect("a skill");
    let nothing = Surroundings { path: "/nowhere".into(), ..Surroundings::default() };
    let found = missing_in(&skill, &nothing);
    assert_eq!(
        names(&found),
        [(MissingKind::Program, "node"), (MissingKind::Program, "python3"), (MissingKind::Program, "sh")]
    );
}

#[cfg(unix)]
#[test]
fn a_python_that_hangs_is_not_waited_for() {
    let (scratch, _) = skill("  a: b");
    let python = scratch.path().join("python3");
    for (code, expected) in [
        ("exec sleep 600", "no answer within"),
        ("sleep 600 & exit 0", "no answer within"),
        ("echo hello", "not understood"),
    ] {
        write(&python, format!("#!/bin/sh\n{code}\n"));
        crate::scaffold::make_executable(&python).expect("a mode");
        let surroundings = Surroundings::of_process();
        let began = Instant::now();
        let found = missing_modules(&python, &["json".to_owned()], &surroundings, Duration::from_millis(300));
        assert!(began.elapsed() < Duration::from_secs(30));
        assert!(found.len() == 1 && found[0].hint.contains(expected), "{code}: {found:?}");
    }
}
