//! Asking models: what comes is printed as it comes, what is stopped is kept, what is wrong is said before anything is sent.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use zo_model_server::{Gate, ModelServer, Request, Response, openai, talking};
use zo_tests::cli::snapshot::snapshot;
use zo_tests::cli::{Ran, Zo, lines_of_json};

/// Long enough for a slow machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);
/// The model of the scripted server.
pub(super) const MODEL: &str = "near/scripted";

/// A home that knows the provider `near`, which follows a script.
pub(super) fn near(script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Zo, ModelServer) {
    let server = ModelServer::start(script);
    let zo = Zo::new();
    zo.run(["provider", "add", "near", "--base-url", &format!("{}/v1", server.url())]).ok();
    (zo, server)
}

/// Says `first`, and `rest` when the gate is open.
pub(super) fn in_two(first: &str, gate: &Gate, rest: &str) -> Response {
    let begun = Response::sse(200).send(openai::chunk(first)).gate(gate).send(openai::chunk(rest));
    begun.send(openai::finish("stop")).send(openai::usage(7, 2)).send(openai::DONE)
}

pub(super) fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).expect("the child is ours");
}

fn started(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it can be run")
}

/// Reads so much of what a child prints.
fn printed(child: &mut Child, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    child.stdout.as_mut().expect("asked for").read_exact(&mut bytes).expect("it prints");
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

fn ended(child: Child) -> (i32, String, String) {
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// The messages of a conversation, as JSON.
fn messages(zo: &Zo, conversation: &str) -> Vec<Value> {
    zo.run(["conversation", "show", conversation, "--json"]).json()
}

#[test]
fn a_piece_is_printed_before_the_next_one_comes() {
    let gate = Gate::new();
    let (zo, _server) = near({
        let gate = gate.clone();
        move |_| in_two("The port ", &gate, "is 5433.")
    });
    let mut child = started(zo.command(["ask", "--model", MODEL, "which port?"]));
    // The server says no more before this has been read.
    printed(&mut child, "The port ");
    assert!(gate.wait_until_reached(PATIENCE));
    gate.open();
    let (code, rest, said) = ended(child);
    assert_eq!((code, rest.as_str()), (0, "is 5433.\n"), "{said}");
    assert_eq!(said, "near/scripted: 7 in, 2 out, $0.0000\n");
    assert_eq!(messages(&zo, "main")[1]["content"], "The port is 5433.");
}

#[test]
fn programs_get_a_line_for_each_piece_as_it_comes() {
    let gate = Gate::new();
    let (zo, _server) = near({
        let gate = gate.clone();
        move |_| in_two("one ", &gate, "two")
    });
    let mut child = started(zo.command(["ask", "--model", MODEL, "--json", "--stream", "go"]));
    let mut output = BufReader::new(child.stdout.take().expect("asked for"));
    let mut next = || {
        let mut line = String::new();
        output.read_line(&mut line).expect("it prints");
        snapshot(&serde_json::from_str(&line).expect("JSON"))
    };
    assert_eq!(
        next(),
        r#"{"type":"begun","conversation":"<id>","conversation_name":"main","run":"<id>","question":"<id>","model":"near/scripted","why":null,"recalled":[]}"#
    );
    assert_eq!(next(), r#"{"type":"text","text":"one "}"#);
    gate.open();
    assert_eq!(next(), r#"{"type":"text","text":"two"}"#);
    let answered = next();
    assert!(answered.starts_with(r#"{"type":"answered","answer":"one two","conversation":"<id>","run":"<id>","model":"near/scripted","recalled":[],"usage":{"input_tokens":7,"output_tokens":2,"cost_micros":0,"cached_tokens":0,"estimated":false,"unpriced":false,"attempts":1},"position":"#), "{answered}");
    assert!(answered.ends_with(r#""question":"<id>","message":"<id>","interrupted":false,"ending":"complete"}"#));
    assert_eq!(next_is_end(&mut output), 0);
    assert_eq!(ended(child).0, 0);
}

fn next_is_end(output: &mut impl BufRead) -> usize {
    output.read_line(&mut String::new()).expect("it ends")
}

/// Ctrl-C in the middle of an answer, whoever holds the home.
fn stopped_in_the_middle(zo: &Zo, json: bool) {
    let mut command = zo.command(["ask", "--model", MODEL, "tell me"]);
    if json {
        command.args(["--json", "--stream"]);
    }
    let mut child = started(command);
    let mut output = BufReader::new(child.stdout.take().expect("asked for"));
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("Once") {
        let read = output.fill_buf().expect("it prints").to_vec();
        assert!(!read.is_empty(), "it ended: {}", ended(child).2);
        output.consume(read.len());
        seen.extend(read);
    }
    interrupt(&child);
    output.read_to_end(&mut seen).expect("it ends");
    let (code, _, said) = ended(child);
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert_eq!(code, 130, "{seen}{said}");
    let kept = messages(zo, "main");
    let last = kept.last().expect("a message");
    assert_eq!((&last["content"], &last["interrupted"]), (&"Once ".into(), &true.into()));
    let message = format!("interrupted; what came is kept as message {}", last["id"].as_str().unwrap_or_default());
    if json {
        let answered = lines_of_json(&seen).pop().expect("a line");
        assert_eq!((&answered["answer"], &answered["interrupted"]), (&"Once ".into(), &true.into()));
        assert_eq!(answered["ending"], "interrupted");
        assert_eq!(lines_of_json(&said)[0]["error"]["message"], message);
    } else {
        assert_eq!(seen, "Once \n");
        assert!(said.ends_with(&format!("error: {message}\n")), "{said}");
    }
}

#[test]
fn ctrl_c_stops_the_answer_and_what_came_is_kept() {
    let (zo, _server) = near(|_| Response::sse(200).send(openai::chunk("Once ")).hang());
    stopped_in_the_middle(&zo, false);
    stopped_in_the_middle(&zo, true);
    assert_eq!(zo.run(["usage", "--json"]).json()[0]["answers"], 2, "they count");
}

#[test]
fn ctrl_c_of_a_guest_stops_its_answer_and_not_the_holder() {
    let (zo, server) = near(|_| Response::sse(200).send(openai::chunk("Once ")).hang());
    let mut holder = started(zo.command(["log", "tail", "--follow"]));
    printed(&mut holder, "1\t");
    stopped_in_the_middle(&zo, false);
    assert!(server.wait_for_abandoned(1, PATIENCE), "nobody pays for what nobody waits for");
    interrupt(&holder);
    assert_eq!(ended(holder).0, 0);
}

#[test]
fn an_answer_that_was_cut_off_is_kept_and_asked_for_again() {
    let (zo, _server) = near(|request| match request.number {
        0 => Response::sse(200).send(openai::chunk("The first half")).cut(),
        _ => openai::stream("scripted", &["All of it."]),
    });
    let ran = zo.run(["ask", "--model", MODEL, "tell me"]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (3, "The first half\n"), "{ran}");
    assert!(ran.stderr.contains("error: the answer was cut off; what came is kept as message "), "{ran}");
    assert!(ran.stderr.ends_with("hint: `zo ask --retry` asks once more\n"), "{ran}");
    assert_eq!(zo.run(["ask", "--retry", "--model", MODEL]).ok(), "All of it.");
    let branches = zo.run(["conversation", "show", "main", "--all-branches", "--json"]).json();
    let contents: Vec<&Value> = branches.iter().map(|message| &message["content"]).collect();
    assert_eq!(contents, ["tell me", "The first half", "All of it."]);
    let quoted = zo.run(["ask", "--retry", "--model", "offline", "--json"]).json_object();
    assert_eq!(quoted["model"], "offline");
    assert_eq!(quoted["question"], branches[0]["id"]);
}

#[test]
fn an_answer_goes_on_when_the_holder_is_killed() {
    let (zo, _server) = near(|request| match request.number {
        0 => Response::sse(200).send(openai::chunk("The first ")).hang(),
        _ => openai::stream("scripted", &["The first ", "and the rest."]),
    });
    let mut holder = started(zo.command(["log", "tail", "--follow"]));
    printed(&mut holder, "1\t");
    let mut child = started(zo.command(["ask", "--model", MODEL, "tell me"]));
    printed(&mut child, "The first ");
    holder.kill().expect("the child is ours");
    holder.wait().expect("it ends");
    let (code, rest, said) = ended(child);
    let last = messages(&zo, "main").pop().expect("a message");
    let kept = last["content"].as_str().expect("a text");
    assert_eq!(format!("The first {rest}"), format!("{kept}\n"), "what was printed is what is kept, and nothing twice");
    assert_eq!(code, if last["interrupted"] == true { 3 } else { 0 }, "{said}");
}

#[test]
fn a_model_that_fails_is_an_error_with_what_to_do() {
    let (zo, _server) = near(|_| openai::error(401, "invalid_api_key", "Incorrect API key provided"));
    let ran = zo.run(["ask", "--model", MODEL, "anything?"]);
    assert_eq!(ran.stdout, "");
    assert!(ran.code() != 0 && ran.stderr.contains("hint: "), "{ran}");
    let ran = zo.run(["ask", "--model", "naer/scripted", "anything?"]);
    assert!(ran.failed(1).contains("there is no provider \"naer\""), "{ran}");
    assert_eq!(messages(&zo, "main").len(), 1, "what cannot be asked is not recorded");
}

#[test]
fn files_travel_with_the_question() {
    let (zo, server) = near(talking(|_| "seen".to_owned()));
    zo.file("plan.bin", b"\x89PNG\r\n\x1a\nnot much of a picture");
    zo.file("notes.md", "# Notes\nthe port is 5433\n");
    zo.file("port.json", "{\"type\":\"object\"}");
    let question =
        ["ask", "--model", MODEL, "--image", "plan.bin", "--file", "notes.md", "--system", "Be brief.", "so?"];
    assert_eq!(zo.run(question).ok(), "seen");
    let body = server.requests()[0].json().to_string();
    assert!(body.contains("data:image/png;base64,iVBORw0KGg"), "{body}");
    assert!(body.contains("the port is 5433") && body.contains("notes.md") && body.contains("Be brief."), "{body}");
    let piped = zo.run_with(["ask", "--model", MODEL, "--file", "-", "what is this?"], "from a pipe\n");
    assert_eq!(piped.ok(), "seen");
    assert!(server.requests()[1].json().to_string().contains("from a pipe"));
}

/// That it was refused with this message, before there was a home.
#[track_caller]
fn refused(ran: &Ran, code: i32, message: &str) {
    assert!(ran.failed(code).starts_with(&format!("error: {message}")), "{ran}");
    assert_eq!(ran.stdout, "");
}

#[test]
fn bad_files_are_named_before_anything_is_recorded() {
    let zo = Zo::new();
    zo.file("a.pdf", "%PDF-1.7 …");
    zo.file("latin1.txt", b"caf\xe9");
    zo.file("binary", b"ab\0c");
    zo.file("photo.txt", b"\xff\xd8\xff\xe0 a photo");
    zo.file("bad.json", "{\n  \"type\": objekt\n}\n");
    zo.file("list.json", "[1]");
    zo.file("empty", "");
    std::fs::create_dir(zo.scratch().join("folder")).expect("a folder");
    let large = zo.file("large", "x");
    std::fs::File::options().write(true).open(&large).and_then(|file| file.set_len(21 << 20)).expect("a large file");
    let ask = |option: &str, file: &str| zo.run(["ask", option, file, "what?"]);
    refused(&ask("--image", "a.pdf"), 1, "a.pdf is a PDF; an image is PNG, JPEG, GIF or WebP");
    refused(&ask("--image", "empty"), 1, "empty is empty");
    refused(&ask("--image", "large"), 1, "large has 22,020,096 bytes; an image may have 20.0 MiB");
    refused(&ask("--file", "large"), 1, "large has 22,020,096 bytes; a file may have 1.0 MiB");
    refused(&ask("--file", "a.pdf"), 1, "a.pdf is a PDF, not a text");
    refused(&ask("--file", "photo.txt"), 1, "photo.txt is a JPEG image, not a text\nhint: --image takes images");
    refused(&ask("--file", "latin1.txt"), 1, "latin1.txt is not UTF-8: 0xe9 at byte 3");
    refused(&ask("--file", "binary"), 1, "binary has a NUL at byte 2, so it is no text");
    refused(&ask("--file", "folder"), 1, "folder is a folder, not a file");
    refused(&ask("--file", "nothing"), 1, "cannot read nothing: no such file or directory");
    refused(&ask("--schema", "bad.json"), 1, "bad.json:2:11: expected a JSON Schema: ");
    refused(&ask("--schema", "list.json"), 1, "list.json:1:1: a JSON Schema is an object, and this is an array");
    refused(&zo.run(["ask", "--file", "-"]), 2, "stdin can be read once");
    refused(&zo.run(["ask", "--retry", "and a text"]), 2, "the argument '--retry' cannot be used with '[QUESTION]'");
    assert!(!zo.home().exists(), "files are checked before a home is made");
}

#[test]
fn there_is_nothing_to_retry_where_nothing_was_asked() {
    let zo = Zo::new();
    zo.run(["conversation", "add-message", "work", "--role", "assistant", "hello"]).ok();
    assert!(zo.run(["ask", "--retry", "-c", "work"]).failed(1).contains("nothing was asked in this conversation yet"));
    let ran = zo.run(["ask", "--retry", "-c", "wrok"]);
    assert!(ran.failed(1).contains("hint: did you mean `work`?"), "{ran}");
}

#[test]
fn what_a_model_thinks_aloud_is_shown_on_demand() {
    let thinking = "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"Hm, ports.\"}}]}\n\n";
    let (zo, _server) = near(move |_| {
        let begun = Response::sse(200).send(thinking).send(openai::chunk("5433"));
        begun.send(openai::finish("length")).send(openai::usage(7, 2)).send(openai::DONE)
    });
    let ran = zo.run(["ask", "--model", MODEL, "--show-reasoning", "which port?"]);
    assert_eq!(ran.ok(), "5433");
    assert!(ran.stderr.starts_with("Hm, ports.\nnote: the answer ends where the model's limit is"), "{ran}");
    let ran = zo.run(["ask", "--model", MODEL, "which port?"]);
    assert_eq!(ran.ok(), "5433");
    assert!(!ran.stderr.contains("Hm"), "{ran}");
}
