use super::*;
use crate::skill::Origin;
use crate::testing::{good, with_script, write};

/// Whether a Python file has a function that is called.
fn check(code: &str, expected: bool) {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let skill = with_script(scratch.path(), "demo", "it.py", code);
    assert_eq!(skill.scripts[0].kind, ScriptKind::Python { shim: expected }, "{code}");
}

#[test]
fn python_files_with_a_function_to_call() {
    check("def run():\n    pass\n", true);
    check("import x\n\nasync def execute(a):\n    pass\n", true);
    check("def run(a):\n    pass\n\nif __name__ == '__main__':\n    print(run(1))\n", true);
    check("def run(command):\n    pass\n\nif __name__ == '__main__':\n    main()\n", false);
    check("def runner():\n    pass\n", false);
    check("class A:\n    def run(self):\n        pass\n", false);
    check("print('def run()')\n", false);
}

#[cfg(unix)]
#[test]
fn scripts_are_what_lies_in_their_folder_and_can_be_run() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = good(scratch.path(), "demo");
    for file in ["a.py", "a.sh", "b.mjs", "notes.txt", "tool", "__init__.py", ".x.py", "lib/c.py"] {
        write(&folder.join("scripts").join(file), "x");
    }
    write(&folder.join("top.sh"), "x");
    crate::scaffold::make_executable(&folder.join("scripts/tool")).expect("a mode");
    let skill = crate::load(&folder, Origin::User).expect("a skill");
    let names: Vec<String> = skill.scripts.iter().map(|script| script.path.display().to_string()).collect();
    assert_eq!(names, ["scripts/a.py", "scripts/a.sh", "scripts/b.mjs", "scripts/tool"]);
    assert_eq!(skill.script("a").map(|script| script.path.as_path()), Some(Path::new("scripts/a.py")));
    assert_eq!(skill.script("a.sh").map(|script| script.path.as_path()), Some(Path::new("scripts/a.sh")));
    assert_eq!(skill.problems.len(), 1, "{:?}", skill.problems);
    assert_eq!(skill.resources.len(), 5);
}
