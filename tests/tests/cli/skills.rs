//! Skills from the command line: checked, made, found, run in the sandbox, trusted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use zo_tests::cli::{Ran, Zo};

/// Runs it in a folder of the scratch folder.
fn run_in(zo: &Zo, folder: &str, arguments: &[&str]) -> Ran {
    let folder = zo.scratch().join(folder);
    fs::create_dir_all(&folder).expect("a folder");
    let mut command = zo.command(arguments);
    // Python may lie anywhere.
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(folder).stdin(Stdio::null());
    let output = command.output().expect("the program can be run");
    Ran {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A skill in the project.
fn project_skill(zo: &Zo, name: &str, description: &str) -> PathBuf {
    let folder = format!("project/.zo/skills/{name}");
    zo.file(&format!("{folder}/SKILL.md"), format!("---\nname: {name}\ndescription: {description}\n---\nDo it.\n"));
    zo.file(&format!("{folder}/scripts/it.py"), "def run(a=1):\n    print('working')\n    return {'a': a}\n");
    zo.scratch().join(folder)
}

/// Whether this machine confines commands; where it does not, they are refused, which is a test of its own.
fn confines(zo: &Zo) -> bool {
    run_in(zo, "work", &["sandbox", "run", "--", "true"]).code() == 0
}

#[test]
fn validate_names_file_and_line_and_needs_no_home() {
    let zo = Zo::new();
    let bad = zo.scratch().join("bad");
    zo.file("bad/SKILL.md", "---\nname: Bad\ndescription: x\nversion: 1\n---\nb\n");
    let bad = bad.to_str().expect("a path");
    let ran = zo.run(["skill", "validate", bad]);
    let error = ran.failed(1).to_owned();
    assert!(error.contains("1 of 1 skill is not valid"), "{error}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with(&format!("{bad}/SKILL.md:2: the name `Bad` has uppercase letters")), "{lines:?}");
    assert!(lines[2].contains("SKILL.md:4: the specification has no field `version`"), "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with("[error]")), "{lines:?}");

    let ran = zo.run(["skill", "validate", bad, "--json"]);
    assert_eq!(ran.code(), 1);
    let checked = &zo_tests::cli::lines_of_json(&ran.stdout)[0];
    assert_eq!((&checked["valid"], &checked["problems"][2]["line"]), (&json!(false), &json!(4)));
    assert_eq!(checked["problems"][0]["severity"], json!("error"));
    zo.run(["skill", "validate", "/nowhere/at/all"]).failed(1);
    zo.run(["skill", "validate"]).failed(2);
    assert!(!zo.home().exists());
}

#[test]
fn new_makes_what_validate_accepts() {
    let zo = Zo::new();
    for (name, language) in [("one", "python"), ("two", "shell"), ("three", "javascript")] {
        let ran = run_in(&zo, "project", &["skill", "new", name, "--script", language, "--description", "Does: it"]);
        assert_eq!(ran.ok(), format!(".zo/skills/{name}"));
    }
    let made = run_in(&zo, "project", &["skill", "new", "four", "--in", "elsewhere", "--json"]).json_object();
    assert_eq!(made, json!({"folder": "elsewhere/four"}));
    let folders = ["skill", "validate", ".zo/skills/one", ".zo/skills/two", ".zo/skills/three", "elsewhere/four"];
    assert_eq!(run_in(&zo, "project", &folders).ok(), "");
    let error = run_in(&zo, "project", &["skill", "new", "one"]).failed(1).to_owned();
    assert!(error.contains("is there already"), "{error}");
    let error = run_in(&zo, "project", &["skill", "new", "Not-Good"]).failed(1).to_owned();
    assert!(error.contains("uppercase"), "{error}");
    assert!(!zo.home().exists());
}

#[test]
fn list_and_show_say_what_there_is() {
    let zo = Zo::new();
    project_skill(&zo, "text-stats", "The project's own.");
    let listed = || {
        let ran = run_in(&zo, "project", &["skill", "list", "--json"]);
        let lines = ran.json();
        assert!(lines.len() >= 7, "{lines:?}");
        let named = lines.iter().filter(|line| line["name"] == "text-stats");
        let of = |line: &Value| (line["origin"].clone(), line["usable"].clone(), line["shadowed_by"].is_null());
        (named.map(of).collect::<Vec<_>>(), ran.stderr.contains("goes before it"))
    };
    // One that is not trusted hides none that can be used.
    let (own, shipped) = (json!("project"), json!("shipped"));
    let not_trusted = vec![(own.clone(), json!(false), true), (shipped.clone(), json!(true), true)];
    assert_eq!(listed(), (not_trusted, false));
    assert!(run_in(&zo, "project", &["skill", "show", "text-stats"]).ok().contains("# Text statistics"));
    run_in(&zo, "project", &["skill", "trust", ".", "--yes"]).ok();
    let trusted = vec![(own, json!(true), true), (shipped, json!(true), false)];
    assert_eq!(listed(), (trusted, true));

    let shown = run_in(&zo, "project", &["skill", "show", "csv-report", "--json"]).json_object();
    assert_eq!((&shown["usable"], &shown["missing"]), (&json!(true), &json!([])));
    assert_eq!(shown["scripts"][0]["name"], json!("csv_report"));
    assert!(run_in(&zo, "project", &["skill", "show", "csv-report"]).ok().contains("# Report on a CSV file"));
    let error = run_in(&zo, "project", &["skill", "show", "csv-reprot"]).failed(1).to_owned();
    assert!(error.contains("there is no skill csv-reprot") && error.contains("did you mean csv-report?"), "{error}");
}

#[test]
fn a_projects_skill_is_run_only_as_it_was_trusted() {
    let zo = Zo::new();
    let folder = project_skill(&zo, "own", "The project's own.");
    let run = |arguments: &[&str]| run_in(&zo, "project", &[&["skill"], arguments].concat());
    let error = run(&["run", "own", "it"]).failed(1).to_owned();
    assert!(error.contains("nobody trusts it") && error.contains("zo skill trust"), "{error}");

    let ran = run(&["trust", "."]);
    assert!(ran.failed(2).contains("--yes"), "{}", ran.stderr);
    assert!(ran.stderr.contains("runs: scripts/it.py"), "{}", ran.stderr);
    let trusted = run(&["trust", ".", "--yes", "--json"]).json_object();
    assert_eq!(trusted["id"], json!("own"));
    let usable = || {
        let lines = run(&["list", "--json"]).json();
        lines.iter().find(|line| line["name"] == "own").expect("it is there")["usable"].clone()
    };
    assert_eq!(usable(), json!(true));
    if confines(&zo) {
        let ran = run(&["run", "own", "it", "--args", "{\"a\": 5}"]);
        assert_eq!(ran.ok(), "{\"a\": 5}");
        assert!(ran.stderr.contains("working"), "{}", ran.stderr);
    }

    let script = folder.join("scripts/it.py");
    fs::write(&script, "def run():\n    return 'other'\n").expect("a file");
    assert_eq!(usable(), json!(false));
    let error = run(&["run", "own", "it"]).failed(1).to_owned();
    assert!(error.contains("it was changed since it was trusted"), "{error}");
    run(&["trust", ".zo/skills/own", "--yes"]).ok();
    assert_eq!(usable(), json!(true));
    run(&["trust", ".zo/skills", "--withdraw"]).ok();
    assert_eq!(usable(), json!(false));
    run(&["trust", "/nowhere/at/all", "--yes"]).failed(1);
    let empty = run_in(&zo, "empty", &["skill", "trust", ".", "--yes"]).failed(1).to_owned();
    assert!(empty.contains("there is no skill in"), "{empty}");
}

#[test]
fn shipped_skills_run_in_the_sandbox() {
    let zo = Zo::new();
    let run = |arguments: &[&str]| run_in(&zo, "work", &[&["skill", "run"], arguments].concat());
    let error = run(&["text-stats", "text_stats", "--args", "{"]).failed(2).to_owned();
    assert!(error.contains("--args is not JSON"), "{error}");
    let error = run(&["text-stats", "other"]).failed(1).to_owned();
    assert!(error.contains("has no script `other`; it has text_stats"), "{error}");
    if !confines(&zo) {
        run(&["text-stats", "text_stats", "--args", "{\"text\": \"a\"}"]).failed(1);
        return;
    }
    fs::write(zo.scratch().join("work/a.txt"), "one two three").expect("a file");
    let ran = run(&["text-stats", "text_stats", "--args", "{\"path\": \"a.txt\"}", "--json"]).json_object();
    assert_eq!((&ran["result"]["kind"], &ran["result"]["value"]["words"]), (&json!("json"), &json!(3)));
    assert_eq!((&ran["exit_code"], &ran["ending"]), (&json!(0), &json!({"exited": 0})));
    assert!(ran["version"].as_str().is_some_and(|version| version.len() == 32));

    // What says that it writes may do so where it works, and nowhere else; others may not even there.
    let noted = run(&["daily-note", "note", "--args", "[\"add\", \"x\"]"]);
    assert!(noted.ok().starts_with("journal/"), "{}", noted.stdout);
    assert!(Path::new(&zo.scratch().join("work").join(noted.stdout.trim())).exists());
    let outside = zo.scratch().join("outside.txt");
    fs::write(&outside, "secret").expect("a file");
    let arguments = json!({"path": outside}).to_string();
    let ran = run(&["text-stats", "text_stats", "--args", &arguments]);
    assert_ne!(ran.code(), 0);
    assert_eq!(ran.stdout, "");

    let failed = run(&["daily-note", "note", "--args", "[\"show\", \"x\"]", "--json"]);
    assert_eq!(failed.code(), 2);
    let failed = &zo_tests::cli::lines_of_json(&failed.stdout)[0];
    assert_eq!((&failed["result"], &failed["exit_code"]), (&json!({"kind": "nothing"}), &json!(2)));
}
