//! Agents: what they do is told, asked for, stopped and found again. They follow scripts, so no model is asked.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zo_model_server::{Response, openai, talking};
use zo_tests::cli::snapshot::snapshot;
use zo_tests::cli::terminal::Terminal;
use zo_tests::cli::{Ran, Zo, lines_of_json};

use super::asking::{MODEL, interrupt, near};

/// Long enough for a slow machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// A home with a folder to work in, and a script for an agent.
fn with_script(script: &Value) -> Zo {
    let zo = Zo::new();
    zo.file("work/a.txt", "hello there\n");
    zo.file("script.json", script.to_string());
    zo
}

/// `zo` and the words, then those that make an agent follow the script in the folder.
fn words<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    let scripted = ["--model", "scripted", "--script", "script.json", "--workspace", "work"];
    [first, &scripted, rest].concat()
}

fn run(zo: &Zo, rest: &[&str]) -> Ran {
    zo.run(words(&["agent", "run"], rest))
}

/// Calls a tool, and then says what it gave.
fn calls(tool: &str, arguments: Value) -> Value {
    json!([
        {"text": "Let me see.", "tool_calls": [{"name": tool, "arguments": arguments}]},
        {"text": "It gave: {{results}}"},
    ])
}

fn writes() -> Value {
    calls("write_file", json!({"path": "b.txt", "content": "new"}))
}

fn written(zo: &Zo) -> Option<String> {
    fs::read_to_string(zo.scratch().join("work/b.txt")).ok()
}

fn started(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it can be run")
}

fn ended(child: Child) -> (i32, String, String) {
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Waits until a call waits to be permitted.
fn waiting(zo: &Zo) -> Value {
    let begun = Instant::now();
    loop {
        let lines = zo.run(["agent", "answer", "--json"]);
        if let Some(line) = lines_of_json(&lines.stdout).pop() {
            return line;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing waits: {lines}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn the_answer_is_on_stdout_and_what_was_done_on_stderr() {
    let zo = with_script(&calls("read_file", json!({"path": "a.txt"})));
    let ran = run(&zo, &["what is in a.txt?"]);
    assert!(ran.ok().starts_with("It gave: ") && ran.ok().contains("hello there"), "{ran}");
    assert!(ran.stderr.starts_with("· read_file a.txt\n  ok, "), "{ran}");
    assert!(!ran.stdout.contains("Let me see") && !ran.stderr.contains("Let me see"), "{ran}");
    let ran = run(&zo, &["--show-reasoning", "what is in a.txt?"]);
    assert!(ran.ok().starts_with("It gave: ") && ran.stderr.starts_with("Let me see.\n· read_file"), "{ran}");
    // A question with tools is the same, in the usual conversation.
    let ran = zo.run(words(&["ask", "--tools"], &["what is in a.txt?"]));
    assert!(ran.ok().contains("hello there") && ran.stderr.starts_with("· read_file a.txt\n"), "{ran}");
    assert_eq!(zo.run(["conversation", "show", "main", "--json"]).json().len(), 2);
}

#[test]
fn programs_are_told_everything_as_it_happens() {
    let zo = with_script(&calls("read_file", json!({"path": "nothing.txt"})));
    let lines = run(&zo, &["--json", "--stream", "go"]).json();
    let types: Vec<&str> = lines.iter().map(|line| text(&line["type"])).collect();
    assert_eq!(types, ["begun", "text", "agent", "agent", "text", "answered"]);
    let called =
        r#"{"type":"agent","event":"tool_called","run":"<id>","call":"0.0","tool":"read_file","what":"nothing.txt"}"#;
    assert_eq!(snapshot(&lines[2]), called);
    assert_eq!((&lines[3]["event"], &lines[3]["status"]), (&json!("tool_returned"), &json!("failed")));
    assert!(text(&lines[3]["summary"]).contains("nothing.txt"), "{}", lines[3]);
    let answer = run(&zo, &["--json", "go"]).json_object();
    assert!(text(&answer["answer"]).starts_with("It gave: ") && answer["model"] == "scripted", "{answer}");
}

#[test]
fn agents_are_listed_and_shown() {
    let zo = with_script(&calls("read_file", json!({"path": "a.txt"})));
    let first = run(&zo, &["--json", "--name", "reader", "first task"]).json_object();
    run(&zo, &["second task"]).ok();
    let list = zo.run(["agent", "list", "--json"]).json();
    assert_eq!(list.len(), 2);
    assert_eq!((text(&list[0]["task"]), text(&list[1]["name"])), ("second task", "reader"));
    assert!(list.iter().all(|line| line["status"] == "finished" && line["tool_calls"] == 1), "{list:?}");
    assert_eq!(zo.run(["agent", "list", "--running"]).ok(), "");
    assert_eq!(zo.run(["agent", "list", "-n", "1"]).ok().lines().count(), 1);
    let id = text(&first["run"]);
    let shown = zo.run(["agent", "show", &id[18..], "--json"]).json_object();
    assert_eq!((text(&shown["run"]), text(&shown["question"])), (id, "first task"));
    let call = &shown["replies"][0]["calls"][0];
    assert_eq!((text(&call["call"]), text(&call["tool"]), text(&call["status"])), ("0.0", "read_file", "done"));
    assert!(text(&call["output"]).contains("hello there"), "{call}");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    let line = "run task status active name conversation conversation_name model parent started_at ended_at steps \
                tool_calls agents usage";
    assert_eq!(keys(&list[0]), line);
    let rest = "question workspace budget_steps budget_tokens budget_cost_micros deadline replies answer reason children skills";
    assert_eq!(keys(&shown), format!("{line} {rest}"));
    assert_eq!(keys(&shown["replies"][0]), "position model text calls");
    assert_eq!(keys(call), "call tool arguments effect status trust output bytes position");
    let told = zo.run(["agent", "show", id]);
    assert!(told.ok().contains("0.0  read_file") && told.ok().contains("first task"), "{told}");
    let watched = zo.run(["agent", "watch", id]);
    assert!(watched.ok().starts_with("It gave: ") && watched.stderr.contains("· read_file a.txt\n  ok, "), "{watched}");
    assert!(watched.stderr.ends_with("finished\n"), "{watched}");
    let resumed = zo.run(["agent", "resume", id, "--json"]).json_object();
    assert_eq!(resumed["message"], first["message"], "what has ended is told, and not done again");
}

#[test]
fn a_run_that_is_mistyped_is_told_the_nearest() {
    let zo = with_script(&json!([{"text": "done"}]));
    let id = text(&run(&zo, &["--json", "go"]).json_object()["run"]).to_owned();
    let (last, typo) = (&id[18..], format!("{}{}", &id[18..25], if id.ends_with('0') { '1' } else { '0' }));
    for arguments in [&["agent", "show"][..], &["agent", "cancel"], &["agent", "resume"], &["agent", "watch"]] {
        let ran = zo.run([arguments, &[typo.as_str()]].concat());
        assert!(ran.failed(1).contains(&format!("hint: did you mean `{last}`?")), "{ran}");
    }
    assert!(zo.run(["agent", "answer", &typo, "--deny"]).failed(1).contains("there is no agent"));
    let nothing = zo.run(["agent", "show", "ZZZZZZZZ"]);
    assert!(nothing.failed(1).contains("`zo agent list` shows"), "{nothing}");
}

#[test]
fn a_budget_of_zero_is_no_budget() {
    let zo = with_script(&json!([{"text": "done"}]));
    for budget in [["--steps", "0"], ["--tokens", "0"], ["--cost", "0.00"], ["--wall", "0s"], ["--concurrency", "0"]] {
        let ran = run(&zo, &[&budget[..], &["go"]].concat());
        assert!(ran.failed(2).contains(&format!("invalid value '{}'", budget[1])), "{ran}");
        let ran = zo.run(words(&["ask", "--tools"], &[&budget[..], &["go"]].concat()));
        assert!(ran.failed(2).contains("zo ask --help"), "{ran}");
    }
    assert!(run(&zo, &["--steps", "0", "go"]).stderr.contains("a budget of zero steps lets an agent get no reply"));
    assert!(
        zo.run(["permission", "budget", "0"]).failed(2).contains("with a budget of zero no agent could do anything")
    );
    assert!(!zo.home().exists(), "nothing was begun");
}

#[test]
fn a_budget_that_is_used_up_ends_the_agent() {
    let look = json!({"text": "", "tool_calls": [{"name": "list_files", "arguments": {}}]});
    let zo = with_script(&json!([look, look, look, {"text": "done"}]));
    let ran = run(&zo, &["--steps", "2", "go"]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""), "{ran}");
    assert!(ran.stderr.contains("--steps"), "{ran}");
    let list = zo.run(["agent", "list", "--json"]).json();
    assert_eq!((&list[0]["status"], &list[0]["steps"]), (&json!("failed"), &json!(2)));
}

#[test]
fn options_that_do_not_fit_together_are_said() {
    let zo = with_script(&json!([{"text": "done"}]));
    let cases: [(&[&str], &str); 8] = [
        (&["ask", "--steps", "3", "go"], "--tools lets one answer"),
        (&["agent", "run", "--model", "scripted", "go"], "--script FILE"),
        (&["agent", "run", "--script", "script.json", "go"], "--model scripted"),
        (&["agent", "run", "--cost", "much", "go"], "an amount in US dollars is expected"),
        (&["agent", "spawn", "--model", "scripted", "go"], "cannot follow a script"),
        (&["agent", "spawn"], "<TASK>"),
        (&["agent", "cancel"], "<RUN>"),
        (&["agent", "answer", "--allow"], "RUN"),
    ];
    for (arguments, expected) in cases {
        let ran = zo.run(arguments);
        assert!(ran.failed(2).contains(expected), "{arguments:?}: {ran}");
    }
    zo.file("bad.json", "{}");
    let ran = zo.run(["agent", "run", "--model", "scripted", "--script", "bad.json", "go"]);
    assert!(ran.failed(1).contains("bad.json: a JSON list is expected"), "{ran}");
    let ran = run(&zo, &["--tool", "reed_file", "go"]);
    assert!(ran.failed(1).contains("there is no tool \"reed_file\""), "{ran}");
    let ran = zo.run(["agent", "run", "--workspace", "nowhere", "go"]);
    assert!(ran.failed(1).contains("cannot work in nowhere"), "{ran}");
}

#[test]
fn what_needs_consent_is_refused_where_nobody_can_be_asked() {
    let zo = with_script(&writes());
    let ran = run(&zo, &["go"]);
    assert!(ran.ok().contains("nobody can be asked"), "the model is told: {ran}");
    assert!(ran.stderr.starts_with("  write_file: refused: "), "{ran}");
    assert_eq!(written(&zo), None);
    run(&zo, &["--allow", "write_file(b.txt)", "go"]).ok();
    assert_eq!(written(&zo).as_deref(), Some("new"));
    let ran = run(&zo, &["--allow", "write_file", "--deny", "write_file(b.txt)", "go"]);
    assert!(ran.stderr.contains("refused: "), "a denial goes first: {ran}");
}

#[test]
fn rules_are_added_listed_and_removed() {
    let zo = with_script(&writes());
    zo.run(["permission", "allow", "write_file(b.txt)"]).ok();
    run(&zo, &["go"]).ok();
    assert_eq!(written(&zo).as_deref(), Some("new"));
    zo.run(["permission", "deny", "run_command(git push)"]).ok();
    zo.run(["permission", "ask", "http_fetch"]).ok();
    let rules: Vec<String> =
        zo.run(["permission", "list", "--json"]).json().iter().map(|line| text(&line["rule"]).to_owned()).collect();
    assert_eq!(rules, ["allow: write_file(b.txt)", "deny: run_command(git push)", "ask: http_fetch"]);
    let ran = zo.run(["permission", "remove", "allow: write_file(b.tx)"]);
    assert!(ran.failed(1).contains("did you mean `allow: write_file(b.txt)`?"), "{ran}");
    zo.run(["permission", "remove", "allow: write_file(b.txt)"]).ok();
    assert!(run(&zo, &["go"]).stderr.contains("refused: "));
    for (bad, expected) in
        [("write_file(b", "bracket"), ("writ_file", "there is no tool"), ("run_command()", "nothing")]
    {
        let ran = zo.run(["permission", "allow", bad]);
        assert!(ran.failed(1).contains("is no permission rule") && ran.stderr.contains(expected), "{ran}");
    }
    let ran = run(&zo, &["--allow", "writ_file", "go"]);
    assert!(ran.failed(1).contains("is no permission rule"), "{ran}");
}

#[test]
fn what_all_agents_may_cost_in_a_day_is_laid_down() {
    let zo = Zo::new();
    zo.run(["permission", "budget", "2.5"]).ok();
    assert_eq!(zo.run(["permission", "budget"]).ok(), "$0.0000 of $2.5000 today");
    let json = zo.run(["permission", "budget", "--json"]).json_object();
    assert_eq!(json, json!({"daily_budget_micros": 2_500_000, "spent_today_micros": 0}));
    zo.run(["permission", "budget", "none"]).ok();
    assert_eq!(zo.run(["permission", "budget"]).ok(), "$0.0000 of no limit today");
}

#[test]
fn the_tools_are_listed_with_what_they_take() {
    let zo = Zo::new();
    zo.run(["kv", "set", "k", "v"]).ok();
    let tools = zo.run(["agent", "tools", "--json"]).json();
    let tool = |name: &str| tools.iter().find(|tool| tool["name"] == name).expect("it is there");
    assert_eq!((&tool("read_file")["effect"], &tool("read_file")["usually"]), (&json!("pure"), &json!("allow")));
    assert_eq!((&tool("run_command")["effect"], &tool("run_command")["usually"]), (&json!("once"), &json!("ask")));
    assert!(tool("read_file")["parameters"]["properties"]["path"].is_object());
    assert!(zo.run(["agent", "tools"]).ok().lines().any(|line| line.starts_with("spawn_agents\tidempotent\tallow\t")));
}

#[test]
fn somebody_at_another_terminal_answers() {
    let zo = with_script(&writes());
    let child = started(zo.command(words(&["agent", "run"], &["--wait", "go"])));
    let line = waiting(&zo);
    assert_eq!((text(&line["call"]), text(&line["tool"])), ("0.0", "write_file"));
    assert_eq!(line["rule"], "allow: write_file(b.txt)");
    let listed = zo.run(["agent", "list", "--json"]).json();
    assert_eq!((&listed[0]["status"], &listed[0]["active"]), (&json!("waiting"), &json!(true)));
    let run = text(&line["run"]);
    zo.run(["agent", "answer", &run[16..], "0.0", "--allow", "--always"]).ok();
    let (code, out, said) = ended(child);
    assert!(code == 0 && out.starts_with("It gave: "), "{out}{said}");
    assert!(said.contains("waits to be permitted: `zo agent answer"), "{said}");
    assert_eq!(written(&zo).as_deref(), Some("new"));
    assert!(zo.run(["permission", "list"]).ok().contains("allow: write_file(b.txt)"), "always");
    let again = zo.run(["agent", "answer", run, "--deny"]);
    assert_eq!(again.code(), 1, "{again}");
}

#[test]
fn an_agent_is_watched_until_it_ends() {
    let zo = with_script(&writes());
    let child = started(zo.command(words(&["agent", "run"], &["--wait", "go"])));
    let run = text(&waiting(&zo)["run"]).to_owned();
    let mut watcher = started(zo.command(["agent", "watch", &run, "--json"]));
    let mut lines = BufReader::new(watcher.stdout.take().expect("asked for")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("it prints");
        serde_json::from_str(&line).expect("JSON")
    };
    while next()["kind"] != "run.permission_asked" {}
    zo.run(["agent", "answer", &run, "--deny"]).ok();
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|kind| kind != "run.finished") {
        kinds.push(text(&next()["kind"]).to_owned());
    }
    assert!(kinds.contains(&"run.tool_returned".to_owned()), "{kinds:?}");
    assert!(lines.next().is_none(), "it ends with the run");
    assert_eq!(ended(watcher).0, 0);
    let (code, out, said) = ended(child);
    assert!(code == 0 && out.contains("somebody said no"), "{out}{said}");
    assert_eq!(written(&zo), None);
}

#[test]
fn an_agent_is_cancelled_from_elsewhere() {
    let zo = with_script(&writes());
    let child = started(zo.command(words(&["agent", "run"], &["--wait", "go"])));
    waiting(&zo);
    let asked = zo.run(["agent", "cancel", "--all"]);
    assert!(asked.failed(2).contains("--yes"), "{asked}");
    zo.run(["agent", "cancel", "--all", "--yes"]).ok();
    let (code, out, said) = ended(child);
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    assert_eq!(zo.run(["agent", "list", "--json"]).json()[0]["status"], "cancelled");
    assert!(zo.run(["agent", "cancel", "--all", "--yes"]).stderr.contains("no agent is running"));
    assert_eq!(written(&zo), None);
}

#[test]
fn a_person_is_asked_at_the_terminal() {
    let zo = with_script(&writes());
    let start = || Terminal::start(zo.command(words(&["agent", "run"], &["--color", "never", "go"])));
    let question = "[y]es, [n]o, [a]lways (adds: allow: write_file(b.txt)), [s]top: ";
    let mut terminal = start();
    terminal.wait_for(question, 1);
    // What was not offered is no answer.
    terminal.type_in("maybe\n");
    terminal.wait_for(question, 2);
    terminal.type_in("n\n");
    let seen = terminal.end();
    assert!(seen.status.success() && seen.screen.contains("somebody said no"), "{:?}", seen.screen);
    assert!(seen.screen.contains("? write_file b.txt\r\n  3 bytes:\r\n  new\r\n"), "{:?}", seen.screen);
    assert_eq!(written(&zo), None);

    let mut terminal = start();
    terminal.wait_for(question, 1);
    terminal.type_in("always\n");
    assert!(terminal.end().status.success());
    assert_eq!(written(&zo).as_deref(), Some("new"));
    let seen = start().end();
    assert!(seen.status.success() && !seen.screen.contains("[y]es"), "a rule allows it now: {:?}", seen.screen);
}

#[test]
fn a_question_goes_away_when_somebody_else_answers() {
    let zo = with_script(&writes());
    let terminal = Terminal::start(zo.command(words(&["agent", "run"], &["--color", "never", "go"])));
    terminal.wait_for("[s]top: ", 1);
    zo.run(["agent", "answer", text(&waiting(&zo)["run"]), "--allow"]).ok();
    let seen = terminal.end();
    assert!(seen.status.success() && seen.screen.contains("(it was allowed elsewhere)"), "{:?}", seen.screen);
    assert_eq!(written(&zo).as_deref(), Some("new"));
}

#[test]
fn whoever_watches_at_a_terminal_is_asked_too() {
    let zo = with_script(&writes());
    let child = started(zo.command(words(&["agent", "run"], &["--wait", "go"])));
    let run = text(&waiting(&zo)["run"]).to_owned();
    let mut watcher = Terminal::start(zo.command(["agent", "watch", &run, "--color", "never"]));
    watcher.wait_for("[s]top: ", 1);
    watcher.type_in("y\n");
    let seen = watcher.end();
    assert!(seen.status.success() && seen.screen.contains("· write_file b.txt"), "{:?}", seen.screen);
    assert!(seen.screen.contains("It gave: "), "{:?}", seen.screen);
    assert_eq!(ended(child).0, 0);
    assert_eq!(written(&zo).as_deref(), Some("new"));
}

#[test]
fn a_person_stops_the_agent_instead_of_answering() {
    let zo = with_script(&writes());
    let mut terminal = Terminal::start(zo.command(words(&["agent", "run"], &["--color", "never", "go"])));
    terminal.wait_for("[s]top: ", 1);
    terminal.type_in("s\n");
    let seen = terminal.end();
    assert_eq!(seen.status.code(), Some(130), "{:?}", seen.screen);
    assert!(seen.screen.contains("stopping … press Ctrl-C again to leave"), "{:?}", seen.screen);
    assert_eq!(zo.run(["agent", "list", "--json"]).json()[0]["status"], "cancelled");
}

#[test]
fn ctrl_c_asks_the_agent_to_stop() {
    let (zo, _server) = near(|_| Response::sse(200).send(openai::chunk("Once ")).hang());
    let arguments = ["agent", "run", "--model", MODEL, "--color", "never", "tell me"];
    let terminal = Terminal::start(zo.command(arguments));
    terminal.wait_for("Once ", 1);
    interrupt(terminal.child());
    terminal.wait_for("stopping … press Ctrl-C again to leave", 1);
    let seen = terminal.end();
    assert_eq!(seen.status.code(), Some(130), "{:?}", seen.screen);
    assert!(seen.screen.contains("error: interrupted; what came is kept as message "), "{:?}", seen.screen);
    assert_eq!(zo.run(["agent", "list", "--running"]).ok(), "");

    // At a question, too; and twice leaves at once.
    let zo = with_script(&writes());
    let terminal = Terminal::start(zo.command(words(&["agent", "run"], &["--color", "never", "go"])));
    terminal.wait_for("[s]top: ", 1);
    interrupt(terminal.child());
    interrupt(terminal.child());
    assert_eq!(terminal.end().status.code(), Some(130));
    assert_eq!(written(&zo), None);
}

#[test]
fn agents_work_at_the_same_time_and_their_results_are_in_order() {
    let (zo, _server) = near(talking(|question| format!("<{}>", question.lines().last().unwrap_or_default())));
    let ran = zo.run(["agent", "spawn", "--model", MODEL, "task one", "task two"]);
    assert_eq!(ran.ok(), "1. task one\n   <task one>\n2. task two\n   <task two>", "{ran}");
    assert!(ran.stderr.contains("[1] agent: task one\n") && ran.stderr.contains("[2] finished\n"), "{ran}");
    let tasks: String = (0..40).map(|number| format!("number {number}\n")).collect();
    zo.file("tasks.txt", tasks);
    let ran = zo.run(["agent", "spawn", "--model", MODEL, "--each", "tasks.txt", "--json"]);
    let results = ran.json_object();
    let answers: Vec<&str> = results.as_array().expect("a list").iter().map(|it| text(&it["answer"])).collect();
    assert_eq!(answers.len(), 40);
    assert!(answers.iter().enumerate().all(|(number, answer)| *answer == format!("<number {number}>")), "{answers:?}");
    let ran = zo.run(["agent", "spawn", "--model", MODEL, "--each", "tasks.txt"]);
    assert_eq!(ran.ok().lines().count(), 80);
    assert!(ran.stderr.lines().count() < 6 && ran.stderr.contains("40 agents finished"), "{ran}");
    assert_eq!(zo.run(["agent", "list", "--json"]).json().len(), 3);
    assert_eq!(zo.run(["agent", "list", "--all", "-n", "1000", "--json"]).json().len(), 3 + 2 + 40 + 40);
}

#[test]
fn one_agent_that_fails_does_not_hinder_the_others() {
    let (zo, _server) = near(|request| match request.last_user_text().contains("bad") {
        true => openai::error(400, "invalid_request_error", "no such luck"),
        false => openai::stream("scripted", &["well done"]),
    });
    let ran = zo.run(["agent", "spawn", "--model", MODEL, "a bad one", "a good one"]);
    assert_eq!(ran.code(), 3, "{ran}");
    assert!(
        ran.stdout.contains("1. a bad one\n   failed: ") && ran.stdout.ends_with("2. a good one\n   well done\n"),
        "{ran}"
    );
    assert!(ran.stderr.contains("error: 1 of 2 agents did not finish"), "{ran}");
    let ran = zo.run(["agent", "spawn", "--first", "--model", MODEL, "a bad one", "a good one"]);
    assert!(ran.ok().contains("a good one\n   well done"), "{ran}");
}

#[test]
fn a_chat_turns_tools_on_and_off() {
    let zo = with_script(&calls("read_file", json!({"path": "a.txt"})));
    let typed = "what is in a.txt?\n/tools\n/tools off\n/tools sideways\n/model offline\nand now?\n/tools on\n";
    let ran = zo.run_with(words(&["chat", "--tools"], &[]), typed);
    assert_eq!(ran.code(), 3, "{ran}");
    assert!(ran.stdout.starts_with("It gave: ") && ran.stdout.contains("not a language model"), "{ran}");
    assert!(
        ran.stderr.contains("· read_file a.txt") && ran.stderr.contains("tools are on: agents answer, and work in /")
    );
    assert!(ran.stderr.contains("tools are off") && ran.stderr.contains("`sideways` is neither on nor off"), "{ran}");
    assert_eq!(zo.run(["agent", "list", "--json"]).json().len(), 1);
}

#[test]
fn a_conversation_is_told_by_a_summary_and_as_it_is_again() {
    let (zo, server) = near(talking(|_| "noted".to_owned()));
    for number in 0..12 {
        let text = format!("Fact {number}: the harbour lamp number {number} burns until dawn.");
        zo.run(["conversation", "add-message", "work", "--role", "user", &text]).ok();
    }
    let ran = zo.run(["conversation", "compact", "wrok"]);
    assert!(ran.failed(1).contains("did you mean `work`?"), "{ran}");
    let compacted = zo.run(["conversation", "compact", "work", "--model", "offline", "--json"]).json_object();
    assert!(compacted["id"].is_string() && compacted["position"].is_u64(), "{compacted}");
    let told = |question: &str| {
        zo.run(["ask", "-c", "work", "--model", MODEL, question]).ok();
        let request = server.requests().pop().expect("it was asked").json();
        request["messages"].as_array().expect("messages").len()
    };
    let short = told("and now?");
    assert_eq!(zo.run(["conversation", "show", "work", "--json"]).json().len(), 14, "nothing is gone");
    // The same in a chat.
    let ran = zo.run_with(["chat", "-c", "work", "--json"], "/uncompact\n");
    assert_eq!(ran.json_object()["id"], compacted["id"]);
    assert!(told("and then?") > short + 2, "all are told again");
    let ran = zo.run(["conversation", "uncompact", "work"]);
    assert_eq!(ran.code(), 1, "there is nothing to undo: {ran}");
}
