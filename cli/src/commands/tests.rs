//! What holds for the whole command line.

use clap::CommandFactory;

use super::*;

/// Every command with its path, the root included.
fn every_command() -> Vec<(String, clap::Command)> {
    fn walk(path: String, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
        for below in command.get_subcommands() {
            walk(format!("{path} {}", below.get_name()), below, found);
        }
        found.push((path, command.clone()));
    }
    let mut found = Vec::new();
    let root = Cli::command();
    walk("zo".to_owned(), &root, &mut found);
    found
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn no_command_is_left_out_of_the_help() {
    for command in Cli::command().get_subcommands() {
        let line = format!("\n  {:13} ", command.get_name());
        assert!(HELP.contains(&line), "`{}` is missing in the help", command.get_name());
    }
}

#[test]
fn the_help_of_every_command_begins_with_examples() {
    for (path, command) in every_command().iter().filter(|(path, _)| path != "zo") {
        let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
        let second = about.lines().nth(2).unwrap_or_default();
        assert_eq!(second, "Examples:", "the help of `{path}`:\n{about}");
        let short = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!short.contains('\n') && !short.ends_with('.'), "the summary of `{path}`: {short}");
    }
}

#[test]
fn every_example_parses() {
    for (path, command) in every_command() {
        let about = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        let help = if path == "zo" { HELP.to_owned() } else { about };
        let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty());
        for example in examples {
            // Ids are shortened in the help.
            let words = words_of_zo(&example.replace("01K…", "01K0M4FX8Q3V8K2T6W5X7Y0ABC"));
            assert!(!words.is_empty(), "`{example}` in the help of `{path}` runs no zo");
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("`{example}` in the help of `{path}`: {error}");
            }
        }
    }
}

/// The words of the part of an example that runs zo, as a shell would cut them.
fn words_of_zo(example: &str) -> Vec<String> {
    let begin = match example.find("| zo ") {
        Some(at) => at + 2,
        None => 0,
    };
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in example[begin..].trim().chars() {
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('|' | '>', None) => break,
            (' ', None) if word.is_empty() => {}
            (' ', None) => words.push(std::mem::take(&mut word)),
            (letter, _) => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    if words.first().is_some_and(|first| first == "zo") { words } else { Vec::new() }
}

fn usage_error_of(arguments: &[&str]) -> CliError {
    let error = Cli::try_parse_from(arguments).expect_err("this is not to be understood");
    usage_error(&error, &arguments.iter().map(OsString::from).collect::<Vec<_>>())
}

#[test]
fn a_mistyped_command_is_told_the_nearest() {
    let error = usage_error_of(&["zo", "memorise"]);
    assert_eq!(error.message, "unrecognized subcommand 'memorise'");
    assert!(error.hints[0].contains("'memorize'"), "{error:?}");
    assert_eq!(error.kind.exit_code(), 2);
    assert_eq!(error.hints.last().map(String::as_str), Some("`zo --help` has examples"));
}

#[test]
fn prose_flows_and_examples_stay() {
    let text = "Do it\n\nExamples:\n  zo a\n  zo b\n\nOne two\nthree.\n\nFour.";
    assert_eq!(reflow(text), "Do it\n\nExamples:\n  zo a\n  zo b\n\nOne two three.\n\nFour.");
}

#[test]
fn a_bad_value_says_what_is_expected() {
    let error = usage_error_of(&["zo", "memory", "list", "--at", "soon"]);
    assert!(error.message.contains("'soon'") && error.message.contains("a time is expected"), "{error:?}");
    assert_eq!(error.hints, ["`zo memory list --help` has examples"]);
    let error = usage_error_of(&["zo", "conversation", "add-message", "work", "--role", "usr", "hi"]);
    assert!(error.message.contains("usr") && error.message.contains("assistant"), "{error:?}");
}

#[test]
fn global_options_may_stand_behind_the_command() {
    for arguments in [["zo", "--json", "status"], ["zo", "status", "--json"]] {
        assert!(Cli::try_parse_from(arguments).expect("both are fine").global.json);
    }
}
