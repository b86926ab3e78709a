//! What a person sees: columns and colours, questions, nothing that a dumb terminal would choke on.

use std::process::Command;

use zo_tests::cli::Zo;
use zo_tests::cli::terminal::run_on_terminal;

fn with(zo: &Zo, arguments: &[&str], name: &str, value: &str) -> Command {
    let mut command = zo.command(arguments);
    command.env(name, value);
    command
}

#[test]
fn a_terminal_has_headings_and_colours_unless_they_are_unwanted() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "a", "one"]).ok();
    let list = &["memory", "list"];
    let seen = run_on_terminal(zo.command(list), "");
    assert!(seen.status.success());
    assert!(seen.screen.contains("POSITION") && seen.screen.contains("\u{1b}["), "{:?}", seen.screen);
    for command in [
        with(&zo, list, "NO_COLOR", "1"),
        with(&zo, list, "TERM", "dumb"),
        zo.command(["memory", "list", "--color", "never"]),
    ] {
        let seen = run_on_terminal(command, "");
        assert!(seen.screen.contains("POSITION") && !seen.screen.contains('\u{1b}'), "{:?}", seen.screen);
    }
}

#[test]
fn a_dumb_terminal_sees_no_progress() {
    let zo = Zo::new();
    let lines: String = (0..5000).map(|n| format!("{{\"content\":\"{n}\"}}\n")).collect();
    let file = zo.file("facts.jsonl", lines);
    let file = file.to_str().expect("ASCII");
    let seen = run_on_terminal(with(&zo, &["memorize", "--jsonl", file, "--no-wait"], "TERM", "dumb"), "");
    assert!(seen.status.success() && !seen.screen.contains('\u{1b}'), "{:?}", seen.screen);
    assert!(seen.screen.starts_with("5,000 new ("), "{:?}", seen.screen);
    let seen = run_on_terminal(with(&zo, &["index", "embed", "--for", "200ms"], "TERM", "dumb"), "");
    assert!(seen.status.success() && !seen.screen.contains('\u{1b}'), "{:?}", seen.screen);
}

#[test]
fn a_terminal_obeys_nothing_that_was_remembered() {
    let zo = Zo::new();
    zo.run_with(["memorize", "--id", "trap"], "red \u{1b}[31m and a bell \u{7}").ok();
    for arguments in [
        &["memory", "list"][..],
        &["memory", "show", "trap"],
        &["log", "tail"],
        &["log", "show", "2"],
        &["recall", "bell", "--explain"],
    ] {
        let seen = run_on_terminal(with(&zo, arguments, "NO_COLOR", "1"), "");
        assert!(seen.screen.contains("␛[31m") && !seen.screen.contains('\u{1b}'), "{arguments:?}: {:?}", seen.screen);
    }
    assert!(zo.run(["memory", "show", "trap"]).ok().contains("\u{1b}[31m"), "a pipe has it as it is");
}

#[test]
fn whoever_destroys_is_asked() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "a", "the key is under the mat"]).ok();
    let seen = run_on_terminal(zo.command(["memory", "forget", "a"]), "n\n");
    assert!(seen.screen.contains("Forget a (the key is under the mat)? [y/N]"), "{:?}", seen.screen);
    assert_eq!(seen.status.code(), Some(1));
    assert_eq!(zo.run(["memory", "list"]).ok().lines().count(), 1);
    let seen = run_on_terminal(zo.command(["memory", "forget", "a"]), "y\n");
    assert!(seen.status.success(), "{:?}", seen.screen);
    assert_eq!(zo.run(["memory", "list"]).ok(), "");
}

#[test]
fn a_step_waits_for_enter() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    zo.run(["memorize", "two"]).ok();
    let seen = run_on_terminal(zo.command(["replay", "--step", "--color", "never"]), "\nq\n");
    assert!(seen.status.success(), "{:?}", seen.screen);
    assert!(seen.screen.contains("home.created") && seen.screen.contains("one"), "{:?}", seen.screen);
    assert!(!seen.screen.contains("two"), "{:?}", seen.screen);
}

#[test]
fn a_text_is_wanted_before_anybody_types() {
    let zo = Zo::new();
    let seen = run_on_terminal(zo.command(["memorize"]), "");
    assert_eq!(seen.status.code(), Some(2));
    assert!(seen.screen.contains("no text was given"), "{:?}", seen.screen);
}
