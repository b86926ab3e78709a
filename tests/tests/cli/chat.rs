//! `zo chat`: driven through a pipe by a program, and on a terminal by a person.

use std::time::Duration;

use serde_json::Value;
use zo_model_server::{Gate, Response, openai, talking};
use zo_tests::cli::terminal::Terminal;
use zo_tests::cli::{Zo, lines_of_json};

use super::asking::{MODEL, in_two, interrupt, near};

/// Long enough for a slow machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a terminal is told when a line is to be typed: from then on keys are read one by one.
const READY: &str = "\u{1b}[?2004h";

/// What is on a branch of a conversation, or on all.
fn contents(zo: &Zo, conversation: &str, all: bool) -> Vec<String> {
    let mut arguments = vec!["conversation", "show", conversation, "--json"];
    arguments.extend(all.then_some("--all-branches"));
    let text = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    zo.run(arguments).json().iter().map(text).collect()
}

#[test]
fn a_program_asks_line_by_line() {
    let (zo, server) = near(talking(|question| format!("<{question}>")));
    let typed = "one\n\"\"\"\ntwo\nlines\n\"\"\"\nthree \\\ngoes on\n\n/usage\n";
    let ran = zo.run_with(["chat", "--model", MODEL, "--system", "Be brief."], typed);
    assert_eq!(ran.ok(), "<one>\n<two\nlines>\n<three \ngoes on>\n3 answers: 21 in, 6 out, $0.0000");
    assert_eq!(
        contents(&zo, "main", false),
        ["one", "<one>", "two\nlines", "<two\nlines>", "three \ngoes on", "<three \ngoes on>"]
    );
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.json()["messages"][0].to_string().contains("Be brief.")));
    assert!(requests[2].json().to_string().contains("<one>"), "what was said before goes along");
}

#[test]
fn questions_are_asked_again_edited_and_forked() {
    let (zo, _server) = near(talking(|question| format!("<{question}>")));
    let typed = "first\n/edit second\n/retry with offline\n/fork copy\nin the copy\n/edit in it\n/new other\nelsewhere\n/quit\nnever\n";
    let ran = zo.run_with(["chat", "--model", MODEL, "--conversation", "work"], typed);
    ran.ok();
    let all = contents(&zo, "work", true);
    assert_eq!(all[..4], ["first", "<first>", "second", "<second>"]);
    assert!(all[4].contains("not a language model") && all.len() == 5, "{all:?}");
    let branch = contents(&zo, "work", false);
    assert_eq!(branch, ["second", all[4].as_str()], "what came last is selected");
    assert_eq!(contents(&zo, "copy", false), ["second", all[4].as_str(), "in it", "<in it>"]);
    assert_eq!(contents(&zo, "other", false), ["elsewhere", "<elsewhere>"]);
}

#[test]
fn a_question_that_failed_is_not_lost() {
    let (zo, server) = near(|request| match request.number {
        0 => openai::error(400, "invalid_request_error", "no such luck"),
        _ => openai::stream("scripted", &["at last"]),
    });
    let ran = zo.run_with(["chat", "--model", MODEL], "why?\n/retry\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (3, "at last\n"), "{ran}");
    assert!(ran.stderr.contains("no such luck") && ran.stderr.contains("hint: /retry asks once more"), "{ran}");
    assert_eq!(contents(&zo, "main", true), ["why?", "at last"], "it was recorded once");
    assert_eq!(server.requests().len(), 2);
    // A model that cannot be called is refused before the question is recorded.
    let ran = zo.run_with(["chat", "-c", "other", "--model", "nowhere/x"], "and why?\n/model offline\n/retry\n");
    assert!(ran.code() == 3 && ran.stdout.contains("not a language model"), "{ran}");
    assert_eq!(contents(&zo, "other", true).len(), 2);
}

#[test]
fn what_is_mistyped_is_said_and_nothing_is_asked() {
    let zo = Zo::new();
    let ran = zo.run_with(["chat"], "/modle x\n/model nera\n/file nothing\n/edit\n/retry\n/file\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (3, ""), "{ran}");
    for said in [
        "error: there is no /modle\nhint: did you mean `/model`?",
        "error: there is no provider nera",
        "error: cannot read nothing: no such file or directory",
        "error: there is no question to edit yet",
        "nothing is attached",
        "error: 5 lines failed, as said above",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
}

#[test]
fn programs_get_lines_of_json() {
    let (zo, _server) = near(talking(|_| "yes indeed".to_owned()));
    let ran = zo.run_with(["chat", "--json", "--model", MODEL], "is it?\n/modle\n/fork\n/recalled\n");
    assert_eq!(ran.code(), 3, "{ran}");
    let lines = lines_of_json(&ran.stdout);
    let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(types, ["begun", "text", "text", "answered"]);
    assert!(lines[4]["id"].is_string() && lines[4]["position"].is_u64(), "{ran}");
    assert_eq!(lines[5], serde_json::json!([]));
    let errors = lines_of_json(&ran.stderr);
    assert_eq!(errors[0]["error"]["kind"], "usage");
    assert_eq!(errors[1]["error"]["kind"], "incomplete");
}

#[test]
fn files_are_attached_to_the_next_question() {
    let (zo, server) = near(talking(|_| "seen".to_owned()));
    zo.file("a note.md", "the port is 5433");
    zo.run_with(["chat", "--model", MODEL], "/file a\\ note.md\nwhich port?\nand now?\n").ok();
    let bodies: Vec<String> = server.requests().iter().map(|request| request.json().to_string()).collect();
    assert_eq!(bodies[0].matches("the port is 5433").count(), 1);
    assert_eq!(bodies[1].matches("the port is 5433").count(), 1, "it belongs to the first question only");
}

#[test]
fn a_person_talks_and_goes_on_later() {
    let (zo, _server) = near(talking(|question| format!("You said: {question}")));
    let mut terminal = Terminal::start(zo.command(["chat", "--model", MODEL, "--color", "never"]));
    terminal.wait_for(READY, 1);
    terminal.type_in("hello there\r");
    terminal.wait_for("You said: hello there", 1);
    terminal.wait_for("7 in, ", 1);
    terminal.wait_for(READY, 2);
    // A pasted text of many lines is one question, and a half-typed command is completed.
    terminal.type_in("\u{1b}[200~pasted\rlines\u{1b}[201~\r");
    terminal.wait_for("You said: pasted", 1);
    terminal.wait_for(READY, 3);
    terminal.type_in("/usa\t\r");
    terminal.wait_for("2 answers: ", 1);
    terminal.wait_for(READY, 4);
    terminal.type_in("\u{4}");
    let seen = terminal.end();
    assert!(seen.status.success(), "{:?}", seen.screen);
    assert_eq!(contents(&zo, "main", false)[2], "pasted\nlines");

    let mut terminal = Terminal::start(zo.command(["chat", "--model", MODEL, "--color", "never"]));
    terminal.wait_for("main: 2 messages before these", 1);
    terminal.wait_for("You said: pasted", 1);
    terminal.wait_for(READY, 1);
    // The question before the last is two steps up.
    terminal.type_in("\u{1b}[A\u{1b}[A\u{1b}[A\r");
    terminal.wait_for("You said: hello there", 1);
    terminal.wait_for(READY, 2);
    terminal.type_in("/edit\r");
    terminal.wait_for("/edit hello there", 1);
    terminal.type_in(" again\r");
    terminal.wait_for("You said: hello there again", 1);
    terminal.wait_for(READY, 4);
    terminal.type_in("/quit\r");
    assert!(terminal.end().status.success());
    assert_eq!(contents(&zo, "main", false)[4..], ["hello there again", "You said: hello there again"]);
}

#[test]
fn ctrl_c_clears_a_line_stops_an_answer_and_leaves() {
    let gate = Gate::new();
    let (zo, _server) = near({
        let gate = gate.clone();
        move |_| in_two("Once ", &gate, "upon a time")
    });
    let mut terminal = Terminal::start(zo.command(["chat", "--model", MODEL, "--color", "never"]));
    terminal.wait_for(READY, 1);
    terminal.type_in("not this");
    terminal.wait_for("not this", 1);
    terminal.type_in("\u{3}");
    terminal.wait_for(READY, 2);
    terminal.type_in("tell me\r");
    terminal.wait_for("Once ", 1);
    assert!(gate.wait_until_reached(PATIENCE));
    interrupt(terminal.child());
    terminal.wait_for("interrupted; what came is kept as message ", 1);
    terminal.wait_for(READY, 3);
    terminal.type_in("\u{3}");
    terminal.wait_for("Ctrl-C once more leaves", 1);
    terminal.wait_for(READY, 4);
    terminal.type_in("\u{3}");
    let seen = terminal.end();
    assert!(seen.status.success(), "{:?}", seen.screen);
    assert_eq!(contents(&zo, "main", false), ["tell me", "Once "]);
}

#[test]
fn a_terminal_obeys_nothing_that_a_model_says() {
    let pieces = ["red \u{1b}", "[31m and a \u{7}bell"];
    let (zo, _server) = near(move |_| openai::stream("scripted", &pieces));
    let mut command = zo.command(["ask", "--model", MODEL, "colours?"]);
    command.env("TERM", "dumb");
    let seen = Terminal::start(command).end();
    assert!(seen.screen.contains("red ␛[31m and a ␇bell") && !seen.screen.contains('\u{1b}'), "{:?}", seen.screen);
    assert_eq!(
        zo.run(["ask", "--model", MODEL, "colours?"]).stdout,
        "red \u{1b}[31m and a \u{7}bell\n",
        "a pipe has it as it is"
    );
}

#[test]
fn a_word_that_something_is_awaited_goes_when_it_comes() {
    let gate = Gate::new();
    let (zo, _server) = near({
        let gate = gate.clone();
        move |_| {
            Response::sse(200)
                .gate(&gate)
                .send(openai::chunk("At last"))
                .send(openai::finish("stop"))
                .send(openai::DONE)
        }
    });
    let terminal = Terminal::start(zo.command(["ask", "--model", MODEL, "--color", "never", "well?"]));
    terminal.wait_for("\rthinking …\u{1b}[K", 1);
    gate.open();
    let seen = terminal.end();
    let answer = seen.screen.find("At last").expect("the answer");
    assert!(seen.screen[..answer].ends_with("\r\u{1b}[K"), "{:?}", seen.screen);
}

#[test]
fn a_passphrase_is_asked_for_once_and_never_shown() {
    let (zo, _server) = near(talking(|_| "granted".to_owned()));
    zo.run_with(["key", "set", "near"], "sk-near-0123456789abcdef\n").ok();
    zo.run_with(["key", "passphrase"], "open sesame\n").ok();
    let ran = zo.run(["ask", "--model", MODEL, "may I?"]);
    assert!(ran.failed(1).contains("ZO_PASSPHRASE_FILE"), "{ran}");
    let mut terminal = Terminal::start(zo.command(["chat", "--model", MODEL, "--color", "never"]));
    terminal.wait_for(READY, 1);
    terminal.type_in("may I?\r");
    terminal.wait_for("passphrase of the identity (not shown): ", 1);
    terminal.type_in("open barley\r");
    terminal.wait_for("passphrase of the identity (not shown): ", 2);
    terminal.type_in("open sesamX\u{7f}e\r");
    terminal.wait_for("granted", 1);
    terminal.wait_for(READY, 2);
    terminal.type_in("and now?\r");
    terminal.wait_for("granted", 2);
    terminal.wait_for(READY, 3);
    terminal.type_in("\u{4}");
    let seen = terminal.end();
    assert!(seen.status.success() && !seen.screen.contains("sesam"), "{:?}", seen.screen);
    assert_eq!(seen.screen.matches("(not shown)").count(), 2, "{:?}", seen.screen);
    assert_eq!(contents(&zo, "main", true).len(), 4, "no question was put twice");
}

#[test]
fn ctrl_c_at_a_passphrase_leaves_the_terminal_as_it_was() {
    let (zo, _server) = near(talking(|_| "granted".to_owned()));
    zo.run_with(["key", "set", "near"], "sk-near-0123456789abcdef\n").ok();
    zo.run_with(["key", "passphrase"], "open sesame\n").ok();
    let mut terminal = Terminal::start(zo.command(["ask", "--model", MODEL, "--color", "never", "may I?"]));
    terminal.wait_for("(not shown): ", 1);
    assert!(!terminal.echoes());
    terminal.type_in("open\u{3}");
    terminal.wait_for("error: ", 1);
    assert!(terminal.echoes());
    assert_eq!(terminal.end().status.code(), Some(130));
}
