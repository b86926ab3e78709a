//! One test per command, which shows that it is wired; what it does in detail is tested where it is done.

use std::fs;

use serde_json::Value;
use zo_tests::cli::Zo;

#[test]
fn memorize_keeps_a_text_and_the_same_text_is_one_memory() {
    let zo = Zo::new();
    let first = zo.run(["memorize", "the key is under the mat"]);
    let id = first.ok().to_owned();
    assert_eq!(first.stderr, "memorized at position 2\n");
    let again = zo.run(["memorize", "the key is under the mat"]);
    assert_eq!(again.ok(), id);
    assert_eq!(again.stderr, "nothing to do: it is so already\n");
    assert_eq!(zo.run(["memory", "list"]).ok().lines().count(), 1);
}

#[test]
fn memorize_takes_stdin_files_meta_and_time() {
    let zo = Zo::new();
    zo.run_with(["memorize"], "from a pipe\n").ok();
    zo.run_with(["memorize", "-", "--meta", "source=chat"], "from a dash").ok();
    let (one, two) = (zo.file("one.txt", "from one\n"), zo.file("two.txt", "from two\n"));
    zo.run(["memorize".as_ref(), "--file".as_ref(), one.as_os_str(), "--file".as_ref(), two.as_os_str()]).ok();
    zo.run(["memorize", "--id", "trip", "--at", "2026-05-04T10:00:00Z", "we went to Ghent"]).ok();
    let list = zo.run(["memory", "list", "--json"]).json();
    let contents: Vec<&str> = list.iter().filter_map(|memory| memory["content"].as_str()).collect();
    assert_eq!(contents, ["we went to Ghent", "from two", "from one", "from a dash", "from a pipe"]);
    assert_eq!(list[0]["occurred_at"], "2026-05-04T10:00:00.000Z");
    assert_eq!(list[3]["meta"]["source"], "chat");
}

#[test]
fn memorize_takes_the_time_from_meta_under_any_key() {
    let zo = Zo::new();
    zo.run(["memorize", "one", "--meta", "date=2026-05-04"]).ok();
    zo.run([
        "memorize",
        "two",
        "--meta",
        "ts=2026-05-05",
        "--meta",
        "thread=t7",
        "--keys",
        "time=ts,conversation=thread",
    ])
    .ok();
    let list = zo.run(["memory", "list", "--json"]).json();
    assert_eq!(list[1]["occurred_at"], "2026-05-04T00:00:00.000Z");
    assert_eq!(list[0]["occurred_at"], "2026-05-05T00:00:00.000Z");
    assert_eq!(list[0]["meta"]["conversation"], "t7");
}

#[test]
fn memorize_of_lines_counts_what_is_new() {
    let zo = Zo::new();
    let lines = "{\"id\":\"a\",\"content\":\"one\"}\n\n{\"id\":\"b\",\"content\":\"two\"}\n";
    assert!(zo.run_with(["memorize", "--jsonl", "-"], lines).ok().starts_with("2 new ("));
    let changed = lines.replace("two", "three");
    assert!(zo.run_with(["memorize", "--jsonl", "-"], changed).ok().starts_with("1 superseded, 1 unchanged ("));
}

#[test]
fn memories_are_superseded_retracted_and_forgotten_and_can_be_seen_as_they_were() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "port", "5432"]).ok();
    zo.run(["memory", "supersede", "port", "5433", "--expect-version", "1"]).ok();
    let shown = zo.run(["memory", "show", "port", "--json"]).json_object();
    assert_eq!((&shown["content"], &shown["older"][0]["content"]), (&"5433".into(), &"5432".into()));
    assert_eq!(zo.run(["memory", "show", "port", "--at", "2", "--json"]).json_object()["content"], "5432");
    let stale = zo.run(["memory", "supersede", "port", "5434", "--expect-version", "1", "--json"]);
    assert_eq!(stale.code(), 1);
    assert_eq!(stale.json_error()["kind"], "conflict");
    zo.run(["memory", "retract", "port", "--reason", "never was true"]).ok();
    assert_eq!(zo.run(["memory", "list"]).ok(), "");
    assert_eq!(zo.run(["memory", "list", "--all", "--json"]).json_object()["state"], "retracted");
    zo.run(["memory", "forget", "port", "--yes"]).ok();
    assert_eq!(zo.run(["memory", "list", "--all"]).ok(), "");
    zo.run(["memory", "show", "port"]).failed(1);
    assert!(zo.run(["memory", "show", "port", "--at", "3"]).ok().contains("5433"));
}

#[test]
fn memory_list_goes_on_where_it_ended() {
    let zo = Zo::new();
    for text in ["one", "two", "three"] {
        zo.run(["memorize", text]).ok();
    }
    let first = zo.run(["memory", "list", "--limit", "2"]);
    assert_eq!(first.ok().lines().count(), 2);
    assert_eq!(first.stderr, "there are more: --before 3\n");
    let rest = zo.run(["memory", "list", "--before", "3", "--json"]).json_object();
    assert_eq!(rest["content"], "one");
}

#[test]
fn keys_are_set_read_listed_and_deleted() {
    let zo = Zo::new();
    zo.run(["kv", "set", "editor.theme", "dark"]).ok();
    zo.run_with(["kv", "set", "editor.font"], "Iosevka\n").ok();
    assert_eq!(zo.run(["kv", "get", "editor.font"]).stdout, "Iosevka\n");
    zo.run(["kv", "set", "editor.theme", "light", "--if-version", "1"]).ok();
    zo.run(["kv", "set", "editor.theme", "blue", "--if-version", "1"]).failed(1);
    zo.run(["kv", "set", "editor.theme", "blue", "--if-absent"]).failed(1);
    assert_eq!(zo.run(["kv", "get", "editor.theme", "--at", "2"]).ok(), "dark");
    let keys = zo.run(["kv", "list", "editor.", "--json"]).json();
    assert_eq!(
        keys.iter().map(|line| line["key"].as_str()).collect::<Vec<_>>(),
        [Some("editor.font"), Some("editor.theme")]
    );
    zo.run(["kv", "delete", "editor.font", "editor.theme"]).ok();
    assert_eq!(zo.run(["kv", "list"]).ok(), "");
    let gone = zo.run(["kv", "get", "editor.theme"]);
    assert!(gone.failed(1).starts_with("error: there is no key editor.theme"), "{gone}");
}

#[test]
fn a_conversation_grows_branches_and_is_exported_renamed_and_deleted() {
    let zo = Zo::new();
    let add = |role: &str, text: &str, more: &[&str]| {
        let mut arguments = vec!["conversation", "add-message", "work", "--role", role, text];
        arguments.extend(more);
        zo.run(arguments).ok().to_owned()
    };
    let question = add("user", "what is left?", &[]);
    let answer = add("assistant", "the tests", &["--author", "Ada"]);
    add("assistant", "the documents", &["--parent", &question]);
    assert!(zo.run(["conversation", "show", "work"]).ok().contains("the documents"));
    assert!(!zo.run(["conversation", "show", "work"]).ok().contains("the tests"));
    assert_eq!(zo.run(["conversation", "show", "work", "--all-branches", "--json"]).json().len(), 3);
    zo.run(["conversation", "select", "work", &answer]).ok();
    let markdown = zo.run(["conversation", "export", "work"]);
    assert!(markdown.ok().starts_with("# work\n\n## user, "), "{markdown}");
    assert!(markdown.stdout.contains("\n## assistant (Ada), "), "{markdown}");
    let json: Value =
        serde_json::from_str(zo.run(["conversation", "export", "work", "--format", "json"]).ok()).expect("JSON");
    assert_eq!((&json["name"], &json["messages"][1]["content"]), (&"work".into(), &"the tests".into()));
    zo.run(["conversation", "rename", "work", "done"]).ok();
    assert_eq!(zo.run(["conversation", "list", "--json"]).json_object()["name"], "done");
    zo.run(["conversation", "delete", "done", "--yes"]).ok();
    assert_eq!(zo.run(["conversation", "list"]).ok(), "");
    assert!(zo.run(["conversation", "show", "work", "--at", "4"]).ok().contains("the tests"));
    zo.run(["conversation", "add-message", "done", "--role", "user", "again", "--existing"]).failed(1);
}

#[test]
fn ask_quotes_what_is_remembered_and_says_what_it_is() {
    let zo = Zo::new();
    zo.run(["memorize", "the staging database listens on port 5433"]).ok();
    let asked = zo.run(["ask", "which port does the staging database use?"]);
    assert!(asked.ok().contains("5433"), "{asked}");
    assert!(asked.stderr.contains("no language model"), "{asked}");
    let second = zo.run_with(["ask", "--conversation", "work", "--json"], "and the staging port?\n").json_object();
    assert_eq!(second["model"], "offline");
    assert_eq!(zo.run(["conversation", "show", "work", "--json"]).json().len(), 2);
    zo.run(["ask", "--new", "staging?"]).ok();
    assert_eq!(zo.run(["conversation", "list"]).ok().lines().count(), 3);
    assert_eq!(zo.run(["usage", "--json"]).json_object()["answers"], 3);
}

#[test]
fn import_takes_a_folder_of_notes_and_then_only_what_is_new() {
    let zo = Zo::new();
    let long =
        "A sentence that is long enough to be a passage of its own, as the notes of people usually are. ".repeat(5);
    zo.file("notes/garden.md", format!("# Garden\n\nTomatoes want water. {long}\n"));
    let boat = zo.file("notes/boat.md", format!("# Boat\n\nThe boat is called Fernweh. {long}\n"));
    let notes = zo.scratch().join("notes");
    let import = || zo.run(["import".as_ref(), notes.as_os_str()]);
    assert_eq!(import().ok(), "memories        2 new");
    assert_eq!(import().ok(), "memories        2 unchanged");
    fs::write(boat, format!("# Boat\n\nThe boat is called Wanderlust. {long}\n")).expect("a note");
    assert_eq!(import().ok(), "memories        1 superseded, 1 unchanged");
    let status = zo.run(["status", "--json"]).json_object();
    assert_eq!(status["figures"]["memories_live"], 2);
}

#[test]
fn import_takes_chats_and_lines() {
    let zo = Zo::new();
    let chats = serde_json::json!([{
        "id": "c1", "title": "Trip", "current_node": "b", "mapping": {
            "a": {"id": "a", "parent": null, "children": ["b"], "message": {"id": "a", "author": {"role": "user"},
                  "create_time": 1_700_000_000, "content": {"content_type": "text", "parts": ["where to?"]}}},
            "b": {"id": "b", "parent": "a", "children": [], "message": {"id": "b", "author": {"role": "assistant"},
                  "create_time": 1_700_000_060, "content": {"content_type": "text", "parts": ["to Ghent"]}}}}}]);
    let chats = zo.file("conversations.json", chats.to_string());
    let import =
        |path: &std::path::Path| zo.run(["import".as_ref(), path.as_os_str(), "--json".as_ref()]).json_object();
    let first = import(&chats);
    assert_eq!((&first["conversations"], &first["messages"]["new"]), (&1.into(), &2.into()));
    assert_eq!(import(&chats)["messages"]["unchanged"], 2);
    assert_eq!(zo.run(["conversation", "show", "Trip", "--json"]).json()[1]["content"], "to Ghent");
    let lines = zo.file("facts.jsonl", "{\"content\":\"a fact\"}\n");
    assert_eq!(import(&lines)["memories"]["new"], 1);
    assert_eq!(import(&lines)["memories"]["unchanged"], 1);
}

#[test]
fn what_was_deleted_here_is_not_brought_back_by_importing_it_again() {
    let zo = Zo::new();
    let chats = serde_json::json!([{"id": "c1", "title": "Trip", "mapping": {
        "a": {"id": "a", "parent": null, "children": [], "message": {"id": "a", "author": {"role": "user"},
              "content": {"content_type": "text", "parts": ["where to?"]}}}}}]);
    let chats = zo.file("conversations.json", chats.to_string());
    let import = || zo.run(["import".as_ref(), chats.as_os_str(), "--json".as_ref()]).json_object();
    assert_eq!(import()["messages"]["new"], 1);
    zo.run(["conversation", "delete", "Trip", "--yes"]).ok();
    let again = import();
    assert_eq!((&again["conversations_left_deleted"], &again["failed"]), (&1.into(), &0.into()));
    assert_eq!(zo.run(["conversation", "list"]).ok(), "");
}

#[test]
fn import_takes_the_databases_of_zoclone() {
    let zo = Zo::new();
    let folder = zo.scratch().join("zoclone");
    fs::create_dir(&folder).expect("a folder");
    let database = rusqlite::Connection::open(folder.join("zo.db")).expect("a database");
    let tables = "
        CREATE TABLE conversations(id TEXT PRIMARY KEY, title TEXT, updated_at INTEGER);
        CREATE TABLE messages(id TEXT PRIMARY KEY, conv_id TEXT, role TEXT, content TEXT, tools TEXT, created_at INTEGER);
        CREATE TABLE memory(id TEXT PRIMARY KEY, key TEXT UNIQUE, value TEXT, updated_at INTEGER);
        INSERT INTO conversations VALUES ('c', 'Garden', 1750000000);
        INSERT INTO messages VALUES ('m1', 'c', 'user', 'when to sow?', NULL, 1750000000);
        INSERT INTO messages VALUES ('m2', 'c', 'assistant', 'in March', NULL, 1750000001);
        INSERT INTO memory VALUES ('k', 'favourite', 'Black Cherry', 1750000002);";
    database.execute_batch(tables).expect("its tables");
    drop(database);
    let import =
        || zo.run(["import".as_ref(), "--zoclone".as_ref(), folder.as_os_str(), "--json".as_ref()]).json_object();
    let first = import();
    assert_eq!((&first["messages"]["new"], &first["keys"]["new"]), (&2.into(), &1.into()), "{first}");
    assert_eq!(zo.run(["kv", "get", "favourite"]).ok(), "Black Cherry");
    assert!(zo.run(["conversation", "show", "Garden"]).ok().ends_with("in March"));
    let again = import();
    assert_eq!((&again["messages"]["unchanged"], &again["keys"]["unchanged"]), (&2.into(), &1.into()), "{again}");
    zo.run(["kv", "set", "favourite", "Ox Heart"]).ok();
    assert_eq!(import()["keys"]["unchanged"], 1, "what was set here since is left");
    assert_eq!(zo.run(["kv", "get", "favourite"]).ok(), "Ox Heart");
}

#[test]
fn import_says_what_could_not_be_taken() {
    let zo = Zo::new();
    let lines = zo.file("facts.jsonl", "{\"content\":\"one\"}\nnonsense\n{\"content\":\"two\"}\n");
    let ran = zo.run(["import".as_ref(), lines.as_os_str()]);
    assert_eq!(ran.code(), 3, "{ran}");
    assert_eq!(ran.stdout, "memories        2 new\nnot taken       1\n");
    assert!(ran.stderr.contains("facts.jsonl:2:"), "{ran}");
    assert!(ran.stderr.contains("error: 1 item could not be taken; everything else is in\n"), "{ran}");
}

#[test]
fn the_log_is_tailed_shown_counted_and_verified() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    zo.run(["kv", "set", "a", "b"]).ok();
    let tail = zo.run(["log", "tail", "-n", "2"]);
    assert_eq!(
        tail.ok().lines().map(|line| line.split('\t').nth(2)).collect::<Vec<_>>(),
        [Some("memory.memorized"), Some("kv.set")]
    );
    assert!(zo.run(["log", "tail", "--kind", "memory."]).ok().ends_with("\tone"));
    assert_eq!(zo.run(["log", "tail", "--at", "1", "--json"]).json_object()["position"], 1);
    assert_eq!(zo.run(["log", "show", "2..3", "--json"]).json().len(), 2);
    assert!(zo.run(["log", "show", "2"]).ok().contains("content  one"));
    assert_eq!(zo.run(["log", "show", "kv", "--json"]).json_object()["data"]["value"], "b");
    zo.run(["log", "show", "99"]).failed(1);
    assert_eq!(zo.run(["log", "stats", "--json"]).json_object()["events"], 3);
    assert_eq!(zo.run(["log", "stats", "--at", "2", "--json"]).json_object()["events"], 2);
    assert!(zo.run(["log", "verify"]).ok().starts_with("ok  3 events, head 3, hash "));
}

#[test]
fn the_log_is_exported_and_imported_as_another_home() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "a", "one"]).ok();
    let file = zo.scratch().join("everything.zos");
    let export = || zo.run(["log".as_ref(), "export".as_ref(), file.as_os_str(), "--with-keys".as_ref()]);
    assert!(export().ok().starts_with("wrote the log to position 2 "));
    assert!(export().failed(1).contains("is there already"), "nothing is overwritten");
    let import = || zo.run(["--home".as_ref(), "copy".as_ref(), "log".as_ref(), "import".as_ref(), file.as_os_str()]);
    assert!(import().ok().ends_with("the log reaches to position 2, with the keys"));
    assert_eq!(import().code(), 1, "there is a home now");
    assert_eq!(zo.run(["--home", "copy", "memory", "show", "a", "--json"]).json_object()["content"], "one");
    assert!(zo.run(["--home", "copy", "log", "verify"]).ok().starts_with("ok  2 events"));
}

#[test]
fn a_backup_brings_back_a_home_that_is_gone() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let backup = zo.run(["log", "backup", "safe", "--with-keys", "--json"]).json_object();
    assert_eq!((&backup["head"], &backup["keys"]), (&2.into(), &true.into()));
    zo.run(["memorize", "two"]).ok();
    assert!(zo.run(["log", "backup", "safe", "--with-keys"]).ok().ends_with("the backup reaches to position 3"));
    zo.run(["log", "restore", "--from", "safe"]).failed(2);
    fs::remove_dir_all(zo.home()).expect("the home is gone");
    let restored = zo.run(["log", "restore", "--from", "safe", "--json"]).json_object();
    assert_eq!((&restored["head"], &restored["lost"], &restored["keys"]), (&3.into(), &Value::Null, &true.into()));
    assert_eq!(zo.run(["memory", "list"]).ok().lines().count(), 2);
    assert!(zo.run(["log", "verify"]).ok().starts_with("ok  3 events"));
    let again = zo.run(["log", "restore", "--yes"]);
    assert!(again.ok().ends_with("the log reaches to position 3"), "{again}");
}

#[test]
fn bench_dispatch_measures_a_home_of_its_own() {
    let zo = Zo::new();
    let one = ["bench", "dispatch", "--producers", "1", "--consumers", "1", "--seconds", "0.05", "--folder", "."];
    let figures = zo.run([&one[..], &["--json"]].concat()).json_object();
    assert_eq!((&figures["producers"], &figures["consumers"]), (&1.into(), &1.into()));
    assert!(figures["jobs"].as_u64() > Some(0) && figures["claim_p50_us"].as_f64() > Some(0.0), "{figures}");
    assert!(zo.run(one).ok().contains("jobs/s submitted, taken and completed"));
    assert!(zo.run(["bench", "dispatch", "--consumers", "0"]).failed(2).contains("--consumers"));
    assert!(!zo.home().exists(), "the home is left alone");
}

#[test]
fn a_backup_has_the_hosted_files_too() {
    let zo = Zo::new();
    zo.file("notes.txt", "what is hosted");
    zo.run(["file", "put", "notes.txt"]).ok();
    let backup = zo.run(["log", "backup", "safe", "--with-keys", "--json"]).json_object();
    assert_eq!(backup["files_copied"], 1, "{backup}");
    assert_eq!(zo.run(["log", "backup", "safe", "--with-keys", "--json"]).json_object()["files_copied"], 0);
    fs::remove_dir_all(zo.home()).expect("the home is gone");
    assert_eq!(zo.run(["log", "restore", "--from", "safe", "--json"]).json_object()["files"], 1);
    assert_eq!(zo.run(["file", "get", "notes.txt"]).stdout, "what is hosted");
}

#[test]
fn replay_shows_what_each_event_changed() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    zo.run(["memorize", "two"]).ok();
    let steps = zo.run(["replay", "--from", "3", "--json"]).json();
    let changes: Vec<String> = steps[0]["changes"].as_array().expect("changes").iter().map(Value::to_string).collect();
    assert!(changes.contains(&r#"{"figure":"memories_live","before":1,"after":2}"#.to_owned()), "{changes:?}");
    assert!(zo.run(["replay", "--to", "2"]).ok().contains("memories_live 0 → 1"));
    let digests = zo.run(["replay", "--digests", "--json"]).json_object();
    assert_eq!(digests["position"], 3);
    zo.run(["replay", "--step"]).failed(2);
}

#[test]
fn rebuild_comes_to_the_same_digests() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let before = zo.run(["replay", "--digests"]).ok().to_owned();
    assert_eq!(zo.run(["rebuild", "--json"]).json_object()["same"], true);
    assert_eq!(zo.run(["replay", "--digests", "--from-snapshot"]).ok(), before);
}

#[test]
fn status_tells_where_the_home_stands_now_and_then() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    zo.run(["memorize", "two"]).ok();
    assert!(zo.run(["status"]).ok().contains("log           3 events"));
    assert_eq!(zo.run(["status", "--at", "2", "--json"]).json_object()["figures"]["memories_live"], 1);
    assert_eq!(zo.run(["status", "--at", "2020-01-01", "--json"]).json_object()["head"], 0);
}

#[test]
fn doctor_looks_at_everything_and_makes_no_home() {
    let zo = Zo::new();
    let checks = zo.run(["doctor", "--json"]).json();
    let names: Vec<&str> = checks.iter().filter_map(|check| check["check"].as_str()).collect();
    for name in [
        "home",
        "filesystem",
        "space",
        "sync",
        "lock",
        "store",
        "socket",
        "identity",
        "vault",
        "keys",
        "model",
        "clock",
        "serve",
        "listening",
        "systemd",
        "time zone",
        "proxy",
        "certificates",
        "browser",
        "onnxruntime",
        "terminal",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    assert!(!zo.home().exists());
    zo.run(["memorize", "one"]).ok();
    assert!(zo.run(["doctor"]).ok().contains("store         2 events, held by process "));
}

#[test]
fn doctor_fails_where_nothing_can_be_recorded() {
    let zo = Zo::new();
    let file = zo.file("file", "x");
    let ran = zo.run(["--home".as_ref(), file.as_os_str(), "doctor".as_ref()]);
    assert_eq!(ran.code(), 3, "{ran}");
    assert!(ran.stdout.contains("is not a folder"), "{ran}");
}

#[test]
fn demo_keeps_every_claim() {
    let zo = Zo::new();
    let claims = zo.run(["demo", "--json"]).json();
    assert!(claims.len() >= 10, "{claims:?}");
    assert!(claims.iter().all(|claim| claim["ok"] == true), "{claims:?}");
    assert!(!zo.home().exists(), "the user's own home is not touched");
}

#[test]
fn the_home_is_where_the_user_or_the_system_says() {
    let zo = Zo::new();
    let folder = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = zo.command(["kv", "set", "a", "b", "--quiet"].iter().chain(arguments));
        command.env_remove("ZO_HOME").envs(variables.iter().copied());
        assert!(command.output().expect("it can be run").status.success());
    };
    let data = zo.scratch().join("data");
    folder(&[], &[]);
    assert!(zo.scratch().join(".local/share/zo/format").is_file());
    folder(&[("XDG_DATA_HOME", data.to_str().expect("ASCII"))], &[]);
    assert!(data.join("zo/format").is_file());
    folder(&[("XDG_DATA_HOME", "relative/is/ignored"), ("ZO_HOME", "here")], &[]);
    assert!(zo.scratch().join("here/format").is_file());
    folder(&[("ZO_HOME", "here")], &["--home", "there"]);
    assert!(zo.scratch().join("there/format").is_file());
}

#[test]
fn completions_know_the_commands() {
    let zo = Zo::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = zo.run(["completions", shell]);
        assert!(
            script.ok().contains("memorize")
                && script.stdout.contains("add-message")
                && script.stdout.contains("recall"),
            "{shell}"
        );
    }
}

#[test]
fn help_is_short_alone_and_begins_with_examples() {
    let zo = Zo::new();
    let alone = zo.run::<&str>([]);
    assert!(alone.ok().contains("Examples:\n  zo memorize "), "{alone}");
    assert_eq!(zo.run(["--help"]).stdout, alone.stdout);
    let help = zo.run(["kv", "set", "--help"]);
    assert!(help.ok().starts_with("Give a key a value\n\nExamples:\n  zo kv set editor.theme dark\n"), "{help}");
    assert!(!zo.home().exists());
}
