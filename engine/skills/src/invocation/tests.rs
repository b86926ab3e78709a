//! Scripts called, and what the shim makes of them. Limits of time and memory are the sandbox's.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::outcome::{ScriptResult, result_of};
use crate::skill::Origin;
use crate::testing::{Ran, good, run, run_within, with_script, write};

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

/// What a Python script comes to that is called with these arguments.
fn python(code: &str, arguments: &Value) -> Ran {
    let scratch = scratch();
    let skill = with_script(scratch.path(), "demo", "it.py", code);
    assert_eq!(skill.scripts[0].kind, ScriptKind::Python { shim: true });
    run(&skill, "it", arguments, scratch.path())
}

fn check(code: &str, arguments: Value, expected: Value) {
    assert_eq!(python(code, &arguments).json(), expected, "{code}");
}

#[test]
fn functions_are_called_as_their_signature_wants() {
    check("def run(a, b=2):\n    return [a, b]\n", json!({"a": 1}), json!([1, 2]));
    check("def execute(a, *, b):\n    return [a, b]\n", json!({"a": 1, "b": "ü"}), json!([1, "ü"]));
    check("def run(**all):\n    return all\n", json!({"x": {"y": null}}), json!({"x": {"y": null}}));
    check("def run(arguments):\n    return arguments\n", json!({"x": 1, "y": 2}), json!({"x": 1, "y": 2}));
    check("def run(arguments: dict = None):\n    return arguments\n", json!({"x": 1}), json!({"x": 1}));
    check("def run(arguments, retries=3):\n    return [arguments, retries]\n", json!({"x": 1}), json!([{"x": 1}, 3]));
    check("def run(arguments):\n    return arguments\n", json!({"arguments": 1}), json!(1));
    check("def run(a, b):\n    return a + b\n", json!([1, 2]), json!(3));
    check("def run(a):\n    return a\n", json!("text"), json!("text"));
    check("def run():\n    pass\n", json!(null), json!(null));
    check("def run():\n    return 1\n", json!({}), json!(1));
    check("async def run(a):\n    return a\n", json!({"a": 1}), json!(1));
    check("def run(a):\n    return 1\ndef execute(a):\n    return 2\n", json!({"a": 1}), json!(1));
}

#[test]
fn what_does_not_fit_the_signature_is_told() {
    let ran = python("def run(path, deep=False):\n    return 1\n", &json!({"path": "x", "deeep": true}));
    assert_eq!((ran.code, ran.stdout.len()), (Some(1), 0));
    assert!(ran.stderr.contains("its parameters: path, deep; given: path, deeep"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("Traceback"), "{}", ran.stderr);
}

#[test]
fn what_a_script_prints_is_apart_from_its_result() {
    let code = "import os, sys\nprint('loading')\ndef run():\n    print('working')\n    \
                os.system('echo child')\n    return {'stdin': sys.stdin.read()}\n";
    let ran = python(code, &json!(null));
    assert_eq!(ran.json(), json!({"stdin": ""}));
    for word in ["loading", "working", "child"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

#[test]
fn a_result_that_is_no_json_is_text_and_says_so() {
    let ran = python("def run():\n    return {1, 1}\n", &json!({}));
    assert_eq!((ran.code, ran.text()), (Some(0), "{1}\n"));
    assert!(ran.stderr.contains("is not JSON") && ran.stderr.contains("given as text"), "{}", ran.stderr);
    assert!(matches!(result_of(&ran.stdout), ScriptResult::Text { .. }));
    let ran = python("def run():\n    return float('nan')\n", &json!({}));
    assert_eq!(ran.text(), "nan\n");
    let ran = python("def run():\n    return '\\ud800'\n", &json!({}));
    assert_eq!((ran.code, ran.text()), (Some(0), "\"\\ud800\"\n"));
}

#[test]
fn failures_leave_nothing_on_stdout() {
    let ran = python("def run():\n    raise ValueError('no such thing')\n", &json!({}));
    assert_eq!((ran.code, ran.stdout.len()), (Some(1), 0));
    assert!(ran.stderr.contains("Traceback") && ran.stderr.contains("no such thing"), "{}", ran.stderr);
    assert_eq!(python("import sys\ndef run():\n    sys.exit(137)\n", &json!({})).code, Some(137));
    assert_eq!(python("def run(:\n    pass\n", &json!({})).code, Some(1));
    let ran = python("def run():\n    return 'x' * (9 * 1024 * 1024)\n", &json!({}));
    assert_eq!((ran.code, ran.stdout.len()), (Some(1), 0));
    assert!(ran.stderr.contains("at most 8388608"), "{}", ran.stderr);
}

#[test]
fn printing_a_lot_and_hanging_are_the_callers_to_stop() {
    let ran = python("def run():\n    for _ in range(64):\n        print('x' * 1048576)\n    return 1\n", &json!({}));
    assert_eq!(ran.json(), json!(1));
    assert!(ran.stderr.len() > 64 << 20);
    let scratch = scratch();
    let skill = with_script(scratch.path(), "demo", "it.py", "import time\ndef run():\n    time.sleep(600)\n");
    let call = invocation(&skill, "it", &json!({}), scratch.path()).expect("a call");
    assert!(run_within(&call, Duration::from_millis(500)).is_none());
}

#[test]
fn modules_beside_a_script_are_found_and_those_where_it_runs_are_not() {
    let scratch = scratch();
    write(&scratch.path().join("json.py"), "raise SystemExit('hijacked')");
    let folder = good(scratch.path(), "demo");
    write(
        &folder.join("scripts/it.py"),
        "import helper, shared.part\ndef run():\n    return [helper.X, shared.part.Y]\n",
    );
    write(&folder.join("scripts/helper.py"), "X = 1\n");
    write(&folder.join("shared/part.py"), "Y = 2\n");
    let skill = crate::load(&folder, Origin::User).expect("a skill");
    assert_eq!(run(&skill, "it", &json!({}), scratch.path()).json(), json!([1, 2]));
    let again = crate::load(&folder, Origin::User).expect("a skill");
    assert_eq!(again.digest, skill.digest, "running writes nothing into the skill");
}

#[test]
fn other_scripts_get_json_on_stdin_or_words() {
    let scratch = scratch();
    let echo = "import sys\nprint([sys.argv[1:], sys.stdin.read()])\n";
    let skill = with_script(scratch.path(), "plain", "it.py", echo);
    assert_eq!(skill.scripts[0].kind, ScriptKind::Python { shim: false });
    assert_eq!(run(&skill, "it", &json!({"a": "ü"}), scratch.path()).text(), "[[], '{\"a\":\"ü\"}']\n");
    assert_eq!(run(&skill, "it", &json!(["--x", 1, true]), scratch.path()).text(), "[['--x', '1', 'true'], '']\n");
    assert_eq!(run(&skill, "it.py", &json!(null), scratch.path()).text(), "[[], '']\n");

    let given = json!({"args": ["a"], "stdin": "in"});
    assert_eq!(run(&skill, "it", &given, scratch.path()).text(), "[['a'], 'in']\n");
    assert_eq!(run(&skill, "it", &json!({"args": "a"}), scratch.path()).text(), "[[], '{\"args\":\"a\"}']\n");

    let shell = with_script(scratch.path(), "shell", "it.sh", "printf '%s|' \"$@\"; cat; pwd >&2\n");
    let ran = run(&shell, "it", &json!(["a b", "$(id)"]), scratch.path());
    assert_eq!(ran.text(), "a b|$(id)|");
    let here = fs::canonicalize(scratch.path()).expect("a folder");
    assert_eq!(Path::new(ran.stderr.trim_end()).canonicalize().expect("a folder"), here);
    let bash = with_script(
        scratch.path(),
        "bash",
        "it.sh",
        "#!/usr/bin/env bash\n[[ a == a ]] && echo \"$BASH_VERSION\" | cut -c1\n",
    );
    assert_eq!(run(&bash, "it", &json!({}), scratch.path()).code, Some(0));
}

#[cfg(unix)]
#[test]
fn executables_are_run_as_they_are() {
    let scratch = scratch();
    let folder = good(scratch.path(), "demo");
    let file = folder.join("scripts/tool");
    write(&file, "#!/bin/sh\ncat\n");
    crate::scaffold::make_executable(&file).expect("a mode");
    let skill = crate::load(&folder, Origin::User).expect("a skill");
    assert_eq!(skill.scripts[0].kind, ScriptKind::Executable);
    assert_eq!(run(&skill, "tool", &json!({"a": 1}), scratch.path()).json(), json!({"a": 1}));
}

#[test]
fn javascript_is_run_by_node_where_there_is_one() {
    let scratch = scratch();
    let skill = with_script(scratch.path(), "demo", "it.js", "console.log(require('fs').readFileSync(0, 'utf8'))\n");
    let call = invocation(&skill, "it", &json!({"a": 1}), scratch.path());
    if Surroundings::of_process().program("node").is_some() {
        assert_eq!(
            run_within(&call.expect("a call"), Duration::from_secs(60)).expect("in time").json(),
            json!({"a": 1})
        );
    } else {
        assert!(matches!(call, Err(InvocationError::NoInterpreter { .. })));
    }
}

#[test]
fn what_cannot_be_called_says_why() {
    let scratch = scratch();
    let skill = with_script(scratch.path(), "demo", "it.sh", "true\n");
    let says = |script: &str, arguments: Value, path: &str| {
        let surroundings = Surroundings { path: path.into(), ..Surroundings::default() };
        invocation_in(&skill, script, &arguments, scratch.path(), &surroundings).expect_err("no call").to_string()
    };
    assert_eq!(says("other", json!({}), "/bin"), "the skill demo has no script `other`; it has it");
    assert_eq!(says("../../it", json!({}), "/bin"), "the skill demo has no script `../../it`; it has it");
    assert_eq!(says("it", json!({}), "/nowhere:relative:"), "scripts/it.sh needs sh, which is not on the path");
    assert!(says("it", json!([["a"]]), "/bin").contains("number 1 is neither"));
    assert!(says("it", json!(["a", "b\0"]), "/bin").contains("a NUL in number 2"));
    assert!(says("it", json!(["x".repeat(200_000)]), "/bin").contains("too long"));
    assert!(says("it", json!({"x": "x".repeat(2_000_000)}), "/bin").contains("at most 1048576"));
    fs::remove_file(skill.folder.join("scripts/it.sh")).expect("removed");
    assert!(says("it", json!({}), "/bin").contains("scripts/it.sh"));
}

#[cfg(unix)]
#[test]
fn a_script_that_became_a_link_out_of_the_skill_is_not_called() {
    let scratch = scratch();
    let skill = with_script(scratch.path(), "demo", "it.sh", "true\n");
    let file = skill.folder.join("scripts/it.sh");
    fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink("/bin/sh", &file).expect("a link");
    let error = invocation(&skill, "it", &json!({}), scratch.path()).expect_err("no call");
    assert!(error.to_string().contains("not a file within the skill's folder"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_interpreters_own_folders_can_be_read_and_never_everything() {
    let scratch = scratch();
    let skill = with_script(scratch.path(), "demo", "it.py", "def run():\n    return 1\n");
    let program = |place: &str| {
        let program = scratch.path().join(place);
        write(&program, "#!/bin/sh\n");
        crate::scaffold::make_executable(&program).expect("a mode");
        program
    };
    program("venv/bin/python3");
    let surroundings = Surroundings { path: scratch.path().join("venv/bin").into(), ..Surroundings::default() };
    let call = invocation_in(&skill, "it", &json!({}), scratch.path(), &surroundings).expect("a call");
    let root = fs::canonicalize(scratch.path()).expect("a folder");
    assert_eq!(call.read[0], root.join("demo"));
    assert!(call.read[1..].contains(&root.join("venv")), "{:?}", call.read);
    program("shims/python3");
    let path = std::env::join_paths(["shims", "venv/bin"].map(|below| scratch.path().join(below))).expect("a path");
    let surroundings = Surroundings { path, ..Surroundings::default() };
    let found = surroundings.program("python3");
    assert_eq!(found, Some(scratch.path().join("venv/bin/python3")), "launchers come last");
    assert_eq!(read_by(Path::new("/bin/nothing")), [PathBuf::from("/bin/nothing")]);
    let lone = program("python3");
    assert!(read_by(&lone).iter().all(|path| path.is_file()), "what is in no `bin` is read alone");
}
