//! Keys, providers and language models from the command line, against a scripted server: that every command is wired, what
//! bad input is told, and that no secret is ever seen.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use zo_model_server::talking::talking;
use zo_model_server::{ModelServer, Request, Response, openai};
use zo_tests::cli::terminal::run_on_terminal;
use zo_tests::cli::{Ran, Zo};

/// The key that the server takes.
const GOOD: &str = "gsk-good-0123456789abcdef";
/// One that it does not take.
const BAD: &str = "gsk-bad-0123456789abcdef";
/// Whoever runs the tests may have an Ollama: nothing listens on the port of discard.
const NO_OLLAMA: (&str, &str) = ("OLLAMA_HOST", "127.0.0.1:9");

/// A server that answers whoever has the good key.
fn server() -> ModelServer {
    let talk = talking(|_| "pong".to_owned());
    ModelServer::start(move |request: &Request| -> Response {
        if request.header("authorization") == Some(&format!("Bearer {GOOD}")) {
            talk(request)
        } else {
            openai::error(401, "invalid_request_error", "Incorrect API key provided.")
        }
    })
}

/// A home in which groq is this server.
fn with_server(server: &ModelServer) -> Zo {
    let zo = Zo::new();
    zo.run(["provider", "add", "groq", "--base-url", &format!("{}/v1", server.url())]).ok();
    zo
}

fn identity(zo: &Zo) -> PathBuf {
    zo.scratch().join(".config/zo/identity")
}

/// A file with this content for its owner alone.
fn private_file(zo: &Zo, name: &str, content: &str) -> PathBuf {
    let path = zo.file(name, content);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    path
}

/// Runs it with a variable and nothing on stdin.
fn run_with_variable(zo: &Zo, arguments: &[&str], (name, value): (&str, &str)) -> Ran {
    let mut command = zo.command(arguments);
    command.env(name, value);
    let output = command.stdin(Stdio::null()).output().expect("the program can be run");
    Ran {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// That neither stdout nor stderr has any of these.
#[track_caller]
fn silent_about(ran: &Ran, secrets: &[&str]) {
    for secret in secrets {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran}");
    }
}

/// Every file below a folder that has `needle` in it.
fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            found.extend(files_with(&entry.path(), needle));
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).expect("a file");
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn a_key_is_set_from_a_pipe_listed_used_and_removed() {
    let server = server();
    let zo = with_server(&server);
    let set = zo.run_with(["key", "set", "groq"], format!("{GOOD}\n"));
    assert_eq!(set.ok(), "groq");
    assert!(set.stderr.contains("set at position 3\nits fingerprint is "), "{set}");
    let told = format!("the vault is opened by the identity {}, which is new", identity(&zo).display());
    assert!(set.stderr.contains(&told), "{set}");
    let mode = fs::metadata(identity(&zo)).expect("it was made").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let line = zo.run(["key", "list", "--json"]).json_object();
    assert_eq!(
        (&line["provider"], &line["origin"], &line["last_used_at"]),
        (&"groq".into(), &"vault".into(), &Value::Null)
    );
    let fingerprint = line["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let list = zo.run(["key", "list"]);
    assert!(
        list.ok().starts_with(&format!("groq\t{fingerprint}\t")) && list.ok().ends_with("\tnever\tvault"),
        "{list}"
    );

    let check = zo.run(["key", "check", "groq"]);
    assert!(check.ok().starts_with("ok   groq       Groq takes the key from the vault  "), "{check}");
    let status = zo.run(["model", "status", "--json"]).json_object();
    assert_eq!(status["chat"]["answers"], "groq/openai/gpt-oss-120b");

    let again = zo.run_with(["key", "set", "groq"], GOOD);
    assert!(again.stderr.starts_with("nothing to do: it is so already\n"), "{again}");
    assert!(!again.stderr.contains("which is new"), "{again}");
    let removed = zo.run(["key", "remove", "groq", "--yes"]);
    assert_eq!((removed.ok(), removed.stderr.as_str()), ("groq", "removed at position 4\n"));
    assert_eq!(zo.run(["key", "list"]).ok(), "");
    let gone = zo.run(["key", "check", "groq"]);
    assert!(gone.failed(1).starts_with("error: there is no key for Groq\nhint: `zo key set groq`"), "{gone}");
    for ran in [set, list, check, again, removed, gone] {
        silent_about(&ran, &[GOOD]);
    }
}

#[test]
fn no_key_is_an_argument_and_none_is_repeated() {
    let zo = Zo::new();
    for arguments in [
        &["key", "set", "groq", GOOD][..],
        &["key", "set", GOOD],
        &["key", "set", GOOD, "groq"],
        &["key", "check", GOOD],
        &["key", "remove", GOOD, "--yes"],
    ] {
        for json in [false, true] {
            let ran = zo.run(arguments.iter().copied().chain(json.then_some("--json")));
            assert!(ran.failed(2).contains("visible to everybody on this machine"), "{ran}");
            silent_about(&ran, &[GOOD]);
        }
    }
    let inline = zo.run(["key", "set", "groq", &format!("--key={GOOD}")]);
    assert_eq!(inline.code(), 2);
    silent_about(&inline, &[GOOD]);
    assert!(!zo.home().exists(), "nothing of it makes a home");
}

#[test]
fn a_key_in_a_file_is_taken_and_a_warning_says_if_others_can_read_it() {
    let zo = Zo::new();
    let file = private_file(&zo, "groq.key", &format!("{GOOD}\r\n"));
    let path = file.to_str().expect("ASCII");
    let quiet = zo.run(["key", "set", "groq", "--from-file", path, "--json"]);
    assert_eq!((quiet.json_object()["id"].clone(), quiet.stderr.as_str()), ("groq".into(), ""));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
    let warned = zo.run(["key", "set", "groq", "--from-file", path]);
    assert_eq!(warned.ok(), "groq");
    assert!(warned.stderr.starts_with(&format!("warning: others can read {path}, which has mode 644\n")), "{warned}");
    let dash = zo.run_with(["key", "set", "openai", "--from-file", "-"], GOOD);
    assert_eq!(dash.ok(), "openai");
    silent_about(&warned, &[GOOD]);
    assert!(zo.run(["key", "set", "groq", "--from-file", "none"]).failed(1).contains("cannot read none"));
    assert!(zo.run(["key", "set", "groq", "--from-file", "."]).failed(1).contains(". is a folder"));
}

#[test]
fn what_is_no_key_is_refused_without_repeating_it() {
    let zo = Zo::new();
    for (input, message) in [
        (&b""[..], "the key is empty"),
        (b"\n", "the key is empty"),
        (b"   \n", "the key is empty"),
        (b"sekret one\n", "the key has a blank at byte 6"),
        (b" sekret\n", "the key has a blank at byte 0"),
        (b"sekret\nsekret\n", "the key has a line end at byte 6"),
        (b"sekret\x1b[31m", "the key has a control character at byte 6"),
        (b"sekret\x00", "the key has a control character at byte 6"),
        ("“sekret”".as_bytes(), "the key has a letter that is not ASCII at byte 0"),
        (b"sekret\xff", "stdin is not UTF-8 at byte 6, so it is no secret"),
        (&[b'x'; 20_000], "stdin has more than 16.0 KiB, so it is no secret"),
    ] {
        let ran = zo.run_with(["key", "set", "groq"], input);
        assert!(ran.failed(1).starts_with(&format!("error: {message}\n")), "{ran}");
        silent_about(&ran, &["sekret", "xxx"]);
    }
    assert!(!zo.home().exists(), "a key is checked before a home is made");
}

#[test]
fn an_unknown_provider_has_a_near_name() {
    let zo = Zo::new();
    let ran = zo.run_with(["key", "set", "opnai"], GOOD);
    assert!(ran.failed(1).starts_with("error: there is no provider opnai\nhint: did you mean `openai`?\n"), "{ran}");
    assert!(ran.stderr.contains("`zo provider add NAME --base-url URL`"), "{ran}");
    assert!(!zo.home().exists());
    zo.run(["memorize", "one"]).ok();
    for arguments in [
        &["key", "check", "opnai"][..],
        &["model", "list", "opnai"],
        &["model", "use", "opnai/x"],
        &["model", "test", "opnai/x"],
        &["provider", "remove", "opnai", "--yes"],
    ] {
        let ran = zo.run(arguments);
        assert!(ran.failed(1).contains("there is no provider opnai\nhint: did you mean `openai`?"), "{ran}");
    }
    let ran = zo.run_with(["key", "set", "opnai"], GOOD);
    assert!(ran.failed(1).contains("did you mean `openai`?"), "{ran}");
}

#[test]
fn a_key_that_is_not_taken_fails_the_check() {
    let server = server();
    let zo = with_server(&server);
    zo.run_with(["key", "set", "groq"], BAD).ok();
    for arguments in [&["key", "check"][..], &["key", "check", "groq"]] {
        let ran = zo.run(arguments);
        assert_eq!(ran.code(), 3, "{ran}");
        assert!(ran.stdout.starts_with("fail groq       "), "{ran}");
        assert!(ran.stderr.starts_with("error: 1 of 1 key is not taken\n"), "{ran}");
        silent_about(&ran, &[BAD]);
    }
    let ran = zo.run(["key", "check", "--json"]);
    assert_eq!((ran.code(), ran.json_error()["kind"].clone()), (3, "key".into()), "{ran}");
    let line: Value = serde_json::from_str(ran.stdout.trim()).expect("one line of JSON");
    assert_eq!((&line["provider"], &line["step"], &line["outcome"]), (&"groq".into(), &"key".into(), &"failed".into()));
    // The environment goes before the vault.
    let ran = run_with_variable(&zo, &["key", "check", "groq"], ("GROQ_API_KEY", GOOD));
    assert!(ran.ok().contains("takes the key from the environment"), "{ran}");
    silent_about(&ran, &[GOOD]);
    let list = run_with_variable(&zo, &["key", "list", "--json"], ("GROQ_API_KEY", GOOD)).json();
    assert_eq!(list.len(), 2);
    assert_eq!(list[1]["origin"], "environment: GROQ_API_KEY");
    assert_ne!(list[0]["fingerprint"], list[1]["fingerprint"]);
    let set = run_with_variable(&zo, &["provider", "list", "--json"], ("GROQ_API_KEY", GOOD)).json();
    assert!(set.iter().any(|line| line["name"] == "groq" && line["key"] == "environment"), "{set:?}");
}

#[test]
fn without_keys_the_lists_are_empty_and_all_checks_are_well() {
    let zo = Zo::new();
    assert!(zo.run(["key", "list"]).failed(1).contains("there is no home at "));
    zo.run(["memorize", "one"]).ok();
    for command in ["list", "check"] {
        let ran = zo.run(["key", command]);
        assert_eq!(ran.ok(), "");
        assert!(ran.stderr.starts_with("there is no key yet: `zo key set PROVIDER`"), "{ran}");
        let json = zo.run(["key", command, "--json"]);
        assert_eq!((json.ok(), json.stderr.as_str()), ("", ""));
    }
    let ran = zo.run(["key", "remove", "groq", "--yes"]);
    assert!(ran.failed(1).starts_with("error: there is no key of groq in the vault\n"), "{ran}");
    let ran = run_with_variable(&zo, &["key", "remove", "groq", "--yes"], ("GROQ_API_KEY", GOOD));
    assert!(ran.failed(1).contains("hint: there is one in the environment: GROQ_API_KEY"), "{ran}");
}

#[test]
fn a_passphrase_is_put_on_changed_and_taken_off() {
    let server = server();
    let zo = with_server(&server);
    zo.run_with(["key", "set", "groq"], GOOD).ok();
    let put_on = zo.run_with(["key", "passphrase"], "the first one\n");
    assert!(put_on.ok().is_empty() && put_on.stderr.contains("ZO_PASSPHRASE_FILE"), "{put_on}");
    let needed = zo.run(["key", "check", "groq"]);
    assert!(needed.failed(1).contains(" needs its passphrase\nhint: "), "{needed}");
    assert!(needed.stderr.contains("ZO_PASSPHRASE_FILE"), "{needed}");
    assert_eq!(zo.run(["key", "check", "groq", "--json"]).json_error()["kind"], "locked");
    // Names and fingerprints need no passphrase.
    assert_eq!(zo.run(["key", "list"]).ok().lines().count(), 1);

    let first = private_file(&zo, "first", "the first one\n");
    let variable = ("ZO_PASSPHRASE_FILE", first.to_str().expect("ASCII"));
    assert!(run_with_variable(&zo, &["key", "check", "groq"], variable).ok().starts_with("ok "));
    fs::set_permissions(&first, fs::Permissions::from_mode(0o604)).expect("a mode");
    let wide = run_with_variable(&zo, &["key", "check", "groq"], variable);
    assert!(wide.failed(1).starts_with("error: ZO_PASSPHRASE_FILE: others can read "), "{wide}");
    assert!(wide.stderr.contains("which has mode 604; it is not taken\nhint: chmod 600 "), "{wide}");
    fs::set_permissions(&first, fs::Permissions::from_mode(0o600)).expect("a mode");

    let wrong = zo.run_with(["key", "passphrase"], "another one\nthe second one\n");
    assert!(wrong.failed(1).contains("the passphrase does not open the identity"), "{wrong}");
    let second = private_file(&zo, "second", "the second one");
    let files = ["--old-file".as_ref(), first.as_os_str(), "--new-file".as_ref(), second.as_os_str()];
    zo.run(["key".as_ref(), "passphrase".as_ref()].into_iter().chain(files)).ok();
    run_with_variable(&zo, &["key", "check", "groq"], variable).failed(1);
    let taken_off = zo.run_with(["key", "passphrase", "--remove"], "the second one\n");
    assert_eq!(taken_off.stderr, "the identity has no passphrase any more\n");
    assert!(zo.run(["key", "check", "groq"]).ok().starts_with("ok "));
    for ran in [put_on, needed, wide, wrong, taken_off] {
        silent_about(&ran, &[GOOD, "first one", "second one", "another one"]);
    }
}

#[test]
fn what_is_no_passphrase_is_refused() {
    let zo = Zo::new();
    zo.run_with(["key", "set", "groq"], GOOD).ok();
    let ran = |arguments: &[&str], input: &str| zo.run_with(["key", "passphrase"].iter().chain(arguments), input);
    assert!(ran(&[], "").failed(2).contains("no passphrase was given"));
    assert!(ran(&[], "   \n").failed(1).contains("the new passphrase is empty"));
    assert!(ran(&[], "a\u{7}\n").failed(1).contains("the new passphrase has a control character at byte 1"));
    assert!(ran(&[], "a\nb\nc\n").failed(1).contains("stdin has 3 lines where two are expected"));
    assert!(ran(&["--remove", "--new-file", "x"], "").failed(2).contains("cannot be used with"));
    assert!(ran(&["--new-file", "x"], "").failed(1).contains("cannot read x"));
}

#[test]
fn a_person_is_asked_and_nothing_that_is_typed_is_shown() {
    let server = server();
    let zo = with_server(&server);
    let seen = run_on_terminal(zo.command(["key", "set", "groq"]), &format!("{GOOD}\n"));
    assert!(seen.status.success() && seen.screen.contains("key of groq (not shown): "), "{:?}", seen.screen);
    let seen = run_on_terminal(zo.command(["key", "set", "opnai"]), &format!("{GOOD}\n"));
    assert!(seen.screen.contains("did you mean `openai`?"), "{:?}", seen.screen);
    assert!(!seen.screen.contains("not shown"), "it is told before the key is typed: {:?}", seen.screen);
    let seen = run_on_terminal(zo.command(["key", "passphrase"]), "open sesame\nopen sesame\n");
    assert!(seen.status.success() && !seen.screen.contains("old passphrase"), "{:?}", seen.screen);
    let seen = run_on_terminal(zo.command(["key", "check", "groq"]), "open sesame\n");
    assert!(seen.status.success() && seen.screen.contains("passphrase of the identity"), "{:?}", seen.screen);
    let seen = run_on_terminal(zo.command(["key", "passphrase"]), "open sesame\none\nanother\n");
    assert!(
        seen.screen.contains("old passphrase") && seen.screen.contains("the two are not the same"),
        "{:?}",
        seen.screen
    );
    assert_eq!(seen.status.code(), Some(1));
    let seen = run_on_terminal(zo.command(["key", "remove", "groq"]), "n\n");
    assert!(seen.screen.contains("Remove the key of groq with the fingerprint "), "{:?}", seen.screen);
    assert_eq!(seen.status.code(), Some(1));
}

#[test]
fn files_that_others_can_read_are_not_used() {
    let zo = Zo::new();
    zo.run_with(["key", "set", "groq"], GOOD).ok();
    fs::set_permissions(identity(&zo), fs::Permissions::from_mode(0o640)).expect("a mode");
    let ran = zo.run_with(["key", "set", "groq"], BAD);
    assert!(ran.failed(1).contains("others may read the identity") && ran.stderr.contains("chmod 600 "), "{ran}");
    let doctor = zo.run(["doctor"]);
    assert_eq!(doctor.code(), 3);
    assert!(doctor.stdout.contains("fail  identity      "), "{doctor}");
    fs::set_permissions(identity(&zo), fs::Permissions::from_mode(0o600)).expect("a mode");
    let vault = zo.home().join("vault/keys.age");
    fs::set_permissions(&vault, fs::Permissions::from_mode(0o644)).expect("a mode");
    assert!(zo.run_with(["key", "set", "groq"], BAD).failed(1).contains("others may read the vault"));
    assert!(zo.run(["doctor"]).stdout.contains("fail  vault         "));
}

#[test]
fn no_file_of_the_home_has_a_key_in_clear() {
    let server = server();
    let zo = with_server(&server);
    zo.run_with(["key", "set", "groq"], GOOD).ok();
    zo.run(["key", "check"]).ok();
    zo.run(["model", "test", "groq/scripted"]).ok();
    zo.run(["model", "list", "groq"]).ok();
    zo.run_with(["key", "set", "groq"], BAD).ok();
    assert_eq!(zo.run(["key", "check"]).code(), 3);
    zo.run(["log", "verify"]).ok();
    for secret in [GOOD, BAD] {
        assert_eq!(files_with(zo.scratch(), secret), Vec::<PathBuf>::new());
    }
}

#[test]
fn providers_are_added_listed_and_removed() {
    let zo = Zo::new();
    let add = |arguments: &[&str]| zo.run(["provider", "add"].iter().chain(arguments));
    let added = add(&["lan", "--base-url", "http://127.0.0.1:9/v1/"]);
    assert_eq!(added.ok(), "lan");
    assert!(added.stderr.contains("added at position 2\n`zo model list lan`"), "{added}");
    assert!(add(&["lan", "--base-url", "http://127.0.0.1:9/v1"]).stderr.starts_with("nothing to do"));
    add(&["work", "--base-url", "https://example.com/v1", "--dialect", "anthropic"]).ok();
    let list = zo.run(["provider", "list"]);
    assert!(list.ok().contains("\nlan\topenai\thttp://127.0.0.1:9/v1\tnone needed\t"), "{list}");
    assert!(list.stdout.contains("\nwork\tanthropic\thttps://example.com/v1\t"), "{list}");
    assert!(list.stdout.starts_with("openai\topenai\thttps://api.openai.com/v1\tneeds one\t"), "{list}");
    for (arguments, message) in [
        (&["Lan", "--base-url", "http://127.0.0.1:9"][..], "lowercase letters"),
        (&["", "--base-url", "http://127.0.0.1:9"], "the name is empty"),
        (&["a", "--base-url", ""], "the base URL is empty"),
        (&["a", "--base-url", "ftp://example.com"], "expected http or https"),
        (&["a", "--base-url", "http://example.com/v1"], "use https"),
        (&["a", "--base-url", "https://me:pass@example.com"], "does not belong into it"),
        (&["offline", "--base-url", "http://127.0.0.1:9"], "built-in responder"),
    ] {
        let ran = add(arguments);
        assert!(ran.failed(1).contains(message) && !ran.stderr.contains("pass@"), "{ran}");
    }
    assert!(add(&["a", "--base-url", "http://127.0.0.1", "--dialect", "morse"]).failed(2).contains("morse"));
    assert!(add(&["a"]).failed(2).contains("--base-url"));
    zo.run(["provider", "remove", "lan"]).failed(2);
    assert_eq!(zo.run(["provider", "remove", "lan", "--yes"]).ok(), "lan");
    assert!(zo.run(["provider", "remove", "lan", "--yes"]).failed(1).contains("there is no provider lan"));
    assert!(zo.run(["provider", "remove", "openai", "--yes"]).failed(1).contains("it is one that zo knows"));
    let seen = run_on_terminal(zo.command(["provider", "remove", "work"]), "y\n");
    assert!(seen.screen.contains("Remove the provider work (https://example.com/v1)? [y/N]"), "{:?}", seen.screen);
    assert!(seen.status.success());
    let tail = zo.run(["log", "tail"]);
    assert!(tail.ok().contains("\tlan: openai at http://127.0.0.1:9/v1\n"), "{tail}");
}

#[test]
fn the_model_that_answers_is_chosen_by_its_name() {
    let zo = Zo::new();
    let chosen =
        zo.run(["model", "use", "openai/gpt-5-mini", "--fallback", "ollama/llama3.2", "--fallback", "offline"]);
    assert_eq!(chosen.ok(), "openai/gpt-5-mini");
    assert!(chosen.stderr.contains("note: there is no key of openai yet: `zo key set openai`\n"), "{chosen}");
    let status = zo.run(["model", "status"]);
    assert!(status.ok().contains("\nanswers       openai/gpt-5-mini: it was chosen at position 2\n"), "{status}");
    assert!(status.ok().ends_with("\nfallbacks     ollama/llama3.2, offline"), "{status}");
    let list = zo.run(["model", "list"]);
    assert!(list.ok().contains("\n*\topenai/gpt-5-mini\tchosen\tthen ollama/llama3.2, offline\n"), "{list}");
    assert!(list.stdout.contains("\n\tollama/…\tnone needed\t\n") && !list.stdout.contains("groq"), "{list}");
    assert!(zo.run(["model", "use", "anthropic"]).ok().starts_with("anthropic/"), "its default model");
    assert_eq!(zo.run(["model", "use", "offline"]).ok(), "offline");
    assert_eq!(zo.run(["model", "use", "auto"]).ok(), "auto");
    let status = run_with_variable(&zo, &["model", "status", "--json"], NO_OLLAMA).json_object();
    assert_eq!((&status["chat"]["model"], &status["chat"]["answers"]), (&Value::Null, &"offline".into()));
    for (arguments, code, message) in [
        (&["banana"][..], 1, "PROVIDER/NAME"),
        (&["ofline"], 1, "did you mean `offline`?"),
        (&["banana", "--fallback", "offline"], 2, "--fallback is about models that answer"),
        (&["offline", "--no-wait"], 2, "--no-wait is about"),
        (&["offline", "--fallback", "banana"], 2, "`banana` cannot be a fallback"),
        (&["offline", "--fallback", "auto"], 2, "`auto` cannot be a fallback"),
        (&["offline", "--fallback", "nope/x"], 1, "there is no provider nope"),
        (&["ollama"], 1, "which model of ollama?"),
    ] {
        let ran = zo.run(["model", "use"].iter().chain(arguments));
        assert!(ran.failed(code).contains(message), "{ran}");
    }
}

#[test]
fn a_local_ollama_answers_where_nothing_was_chosen() {
    let server = ModelServer::start(talking(|_| "pong".to_owned()));
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let url = server.url();
    let status = run_with_variable(&zo, &["model", "status"], ("OLLAMA_HOST", &url));
    assert!(status.ok().contains("\nanswers       ollama/scripted"), "{status}");
    let doctor = run_with_variable(&zo, &["doctor", "--json"], ("OLLAMA_HOST", &url)).json();
    let model = doctor.iter().find(|check| check["check"] == "model").expect("it looks");
    assert!(model["state"] == "ok" && model["message"].as_str().is_some_and(|m| m.starts_with("ollama/")), "{model}");
    let none = run_with_variable(&zo, &["doctor", "--json"], NO_OLLAMA).json();
    let model = none.iter().find(|check| check["check"] == "model").expect("it looks");
    assert!(model["state"] == "warn" && model["hint"].as_str().is_some_and(|hint| hint.contains("Ollama")), "{model}");
}

#[test]
fn the_models_of_a_provider_are_listed_and_tested_step_by_step() {
    let server = server();
    let zo = with_server(&server);
    let refused = zo.run(["model", "list", "groq"]);
    assert!(refused.failed(1).contains("it needs a key and there is none\nhint: zo key set groq"), "{refused}");
    zo.run_with(["key", "set", "groq"], GOOD).ok();
    let list = zo.run(["model", "list", "groq"]);
    assert!(list.ok().starts_with("groq/scripted\t"), "{list}");
    let json = zo.run(["model", "list", "groq", "--json"]).json();
    assert_eq!((&json[0]["use"], &json[0]["name"]), (&"chat".into(), &"groq/scripted".into()));

    let tested = zo.run(["model", "test", "groq/scripted"]);
    assert!(tested.ok().starts_with("ok   address    127.0.0.1"), "{tested}");
    assert!(tested.stdout.contains("\nok   chat       "), "{tested}");
    let steps = zo.run(["model", "test", "groq/scripted", "--json"]).json();
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["address", "connect", "tls", "http", "key", "model", "chat"]);
    assert!(steps.iter().all(|step| step["outcome"] != "failed"), "{steps:?}");

    zo.run_with(["key", "set", "groq"], BAD).ok();
    let failed = zo.run(["model", "test", "groq/scripted"]);
    assert_eq!(failed.code(), 3);
    assert!(
        failed.stdout.contains("\nfail key        ") && failed.stdout.contains("\n                hint: "),
        "{failed}"
    );
    assert!(failed.stderr.starts_with("error: the step `key` failed\n"), "{failed}");
    silent_about(&failed, &[BAD]);
    let json = zo.run(["model", "test", "groq/scripted", "--json"]);
    assert_eq!((json.code(), json.json_error()["kind"].clone()), (3, "model".into()));
    assert!(zo.run(["model", "test", "offline"]).ok().starts_with("ok   offline"));
    drop(server);
    let down = zo.run(["model", "list", "groq"]);
    assert!(down.failed(3).contains("hint: "), "{down}");
}

#[test]
fn completions_know_the_commands_of_keys_and_providers() {
    let zo = Zo::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = zo.run(["completions", shell]);
        for word in ["passphrase", "provider", "from-file", "base-url", "fallback"] {
            assert!(script.ok().contains(word), "{word} is missing for {shell}");
        }
    }
}

#[test]
fn a_key_that_only_a_guest_has_is_not_recorded_either() {
    const KEY: &str = "sk-guest-0123456789abcdef";
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let mut holder = zo
        .command(["log", "tail", "--follow", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    // It holds the home once it has said something.
    let mut said = BufReader::new(holder.stdout.take().expect("it was asked for"));
    said.read_line(&mut String::new()).expect("a line");
    let memorized = run_with_variable(&zo, &["memorize", &format!("the key is {KEY}")], ("LAN_API_KEY", KEY));
    holder.kill().expect("it is ours");
    holder.wait().expect("it ends");
    memorized.ok();
    let log = zo.run(["log", "show", "--json"]);
    assert!(log.ok().contains("the key is [redacted]") && !log.stdout.contains(KEY), "{log}");
    assert_eq!(files_with(&zo.home(), KEY), Vec::<PathBuf>::new());
}
