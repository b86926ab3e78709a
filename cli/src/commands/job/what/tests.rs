use clap::Parser;
use zo_engine::world::SystemWorld;

use super::*;
use crate::output::{Color, Output};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    what: WhatArgs,
}

fn spec(words: &[&str]) -> Result<Option<JobSpec>, CliError> {
    let line = Line::try_parse_from([&["zo"], words].concat()).expect("it parses");
    let home = PathBuf::from("/nowhere/home");
    let mut context = Context { home, output: Output::new(false, true, Color::Never), world: SystemWorld::default() };
    line.what.spec(&mut context, None)
}

fn refused(words: &[&str]) -> CliError {
    spec(words).expect_err("it is refused")
}

#[test]
fn a_command_is_its_words_and_its_folder() {
    let Ok(Some(JobSpec::Command(command))) = spec(&["--env", "A=1", "--", "make", "--jobs", "2"]) else {
        panic!("it is a command")
    };
    assert_eq!(command.argv, ["make", "--jobs", "2"]);
    assert_eq!(command.env.get("A").map(String::as_str), Some("1"));
    let here = here().and_then(|here| text_of(&here.canonicalize().expect("it is there")));
    assert_eq!(command.folder, Some(here.expect("it is UTF-8")));
    let Ok(Some(JobSpec::Command(command))) = spec(&["--scratch", "--", "true"]) else { panic!("it is a command") };
    assert_eq!(command.folder, None);
}

#[test]
fn a_skill_may_name_its_script() {
    let Ok(Some(JobSpec::Skill(skill))) = spec(&["--skill", "text-stats/count", "--args", r#"{"a": 1}"#]) else {
        panic!("it is a skill")
    };
    assert_eq!((skill.name.as_str(), skill.script.as_deref()), ("text-stats", Some("count")));
    assert_eq!(skill.arguments["a"], 1);
    assert!(refused(&["--skill", "s", "--args", "[]"]).message.contains("no JSON object"));
}

#[test]
fn a_call_with_a_body_is_a_post() {
    let method = |words: &[&str]| match spec(words) {
        Ok(Some(JobSpec::Http(http))) => http.method,
        other => panic!("{other:?}"),
    };
    assert_eq!(method(&["--url", "https://example.org/"]), "GET");
    assert_eq!(method(&["--url", "https://example.org/", "--body", "x"]), "POST");
    assert_eq!(method(&["--url", "https://example.org/", "--method", "delete"]), "DELETE");
}

#[test]
fn a_job_does_one_thing() {
    assert_eq!(spec(&[]), Ok(None));
    assert_eq!(refused(&["--ask", "x", "--", "true"]).message, "a command and --ask are two things to be done");
    assert!(refused(&["--env", "A=1"]).message.contains("not what is to be done"));
    assert!(refused(&["--model", "m", "--", "true"]).message.contains("no agent does it"));
    assert!(refused(&["--spec", "x.json", "--scratch"]).message.contains("--spec says how"));
    assert!(refused(&["--env", "A=1", "--env", "A=2", "--", "true"]).message.contains("`A` is given twice"));
}

#[test]
fn what_is_no_job_is_said_with_its_place() {
    let error = of_json("a.json:3", r#"{"kind": "comand"}"#).expect_err("it is refused");
    assert!(error.message.starts_with("a.json:3: this is no job: unknown variant `comand`"), "{error:?}");
    let error = of_json("a.json", r#"{"kind": "command", "argv": []}"#).expect_err("it is refused");
    assert!(error.message.starts_with("a.json: a command job's `argv`"), "{error:?}");
}
