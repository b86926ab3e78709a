//! Schedules: rules resolved, kept, shown, changed, run by hand and removed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use zo_tests::cli::snapshot::snapshot;
use zo_tests::cli::{Ran, Zo};

/// What every day at 2:30 in Berlin means around the day on which clocks are put forward, as JSON.
const SPRING: &str = r#"{"rule":"DTSTART;TZID=Europe/Berlin:20260328T023000\nRRULE:FREQ=DAILY","tzid":"Europe/Berlin","occurrences":[{"local":"2026-03-28T02:30:00+01:00","utc":"2026-03-28T01:30:00Z"},{"local":"2026-03-29T03:30:00+02:00","utc":"2026-03-29T01:30:00Z"},{"local":"2026-03-30T02:30:00+02:00","utc":"2026-03-30T00:30:00Z"}]}"#;

fn preview(zo: &Zo, words: &[&str]) -> Ran {
    zo.run([&["schedule", "preview"], words].concat())
}

/// A schedule that is due far from now, and does nothing much.
fn add(zo: &Zo, name: &str) -> Value {
    zo.run(["schedule", "add", "every day at 8:30", "--name", name, "--json", "--", "true"]).json_object()
}

#[test]
fn a_rule_is_resolved_without_a_home() {
    let zo = Zo::new();
    let rule = "every day at 2:30 in Europe/Berlin";
    let ran = preview(&zo, &["--from", "2026-03-28T00:00:00Z", "--count", "3", "--json", rule]);
    assert_eq!(ran.ok(), SPRING);
    let ran = preview(&zo, &["--from", "2026-03-28T00:00:00Z", "-n", "1", rule]);
    let expected =
        "DTSTART;TZID=Europe/Berlin:20260328T023000\nRRULE:FREQ=DAILY\n2026-03-28T02:30:00+01:00\t2026-03-28T01:30:00Z";
    assert_eq!(ran.ok(), expected);
    assert!(!zo.home().exists(), "nothing is kept");
}

#[test]
fn a_rule_comes_from_words_a_file_or_stdin() {
    let zo = Zo::new();
    let text = "DTSTART;TZID=America/New_York:20260101T090000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=America/New_York:20260102T090000\n";
    let file = zo.file("rule.ics", text);
    let options = ["--from", "2026-01-01T14:00:00Z", "--json"];
    let of_file = preview(&zo, &[&options[..], &["--file", file.to_str().expect("it is UTF-8")]].concat());
    let occurrences: Vec<Value> = of_file.json_object()["occurrences"].as_array().expect("a list").clone();
    let utc: Vec<&str> = occurrences.iter().filter_map(|line| line["utc"].as_str()).collect();
    assert_eq!(
        utc,
        ["2026-01-01T14:00:00Z", "2026-01-03T14:00:00Z"],
        "the instant itself counts, and two are all there are"
    );
    let of_stdin = zo.run_with([&["schedule", "preview"], &options[..], &["-"]].concat(), text);
    assert_eq!(of_stdin.ok(), of_file.ok());
    let of_words =
        preview(&zo, &[&options[..], &["every", "day", "at", "9:00", "--zone", "America/New_York"]].concat());
    assert_eq!(of_words.json_object()["occurrences"][0], of_file.json_object()["occurrences"][0]);
    let cron = preview(&zo, &[&options[..], &["0 9 * * *", "--zone", "America/New_York"]].concat()).json_object();
    assert_eq!(cron["occurrences"][0], of_file.json_object()["occurrences"][0]);
}

#[test]
fn what_is_no_rule_is_said_with_its_place_and_what_to_write() {
    let zo = Zo::new();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"], 1, "error: the rule never fires: "),
        (&["0 0 30 2 *"], 1, "error: the rule never fires: "),
        (&["every day", "--zone", "Europe/Berln"], 1, "hint: did you mean Europe/Berlin?"),
        (&["every dya"], 1, "error: "),
        (&["--file", "nowhere.ics"], 1, "error: cannot read nowhere.ics: no such file or directory"),
        (&[], 2, "error: it is not said when\nhint: as in "),
        (&["every day", "--count", "0"], 2, "invalid value '0'"),
        (&["every day", "--from", "soon"], 2, "a time is expected"),
    ];
    for (words, code, expected) in cases {
        let ran = preview(&zo, words);
        assert!(ran.failed(code).contains(expected), "{words:?}: {ran}");
    }
    zo.file("bad.ics", "RRULE:FREQ=DAYLY\n");
    let ran = preview(&zo, &["--file", "bad.ics"]);
    assert!(ran.failed(1).starts_with("error: bad.ics: "), "{ran}");
    let error = preview(&zo, &["every day", "--zone", "Europe/Berln", "--json"]).json_error();
    assert_eq!((&error["kind"], &error["hint"]), (&json!("invalid"), &json!("did you mean Europe/Berlin?")));
    let ran = zo.run(["schedule", "add", "0 0 30 2 *", "--", "true"]);
    assert!(ran.failed(1).contains("never fires"), "{ran}");
    assert!(!zo.home().exists(), "nothing was kept");
}

#[test]
fn a_reader_that_goes_away_ends_a_preview_quietly() {
    let zo = Zo::new();
    let mut command = zo.command(["schedule", "preview", "every minute", "--count", "100000"]);
    let said = zo.scratch().join("said");
    let mut child =
        command.stdout(Stdio::piped()).stderr(File::create(&said).expect("a file")).spawn().expect("it can be run");
    let mut lines = BufReader::new(child.stdout.take().expect("asked for")).lines();
    lines.next().expect("there is a line").expect("it is text");
    drop(lines);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(std::fs::read_to_string(said).expect("a file"), "");
}

#[test]
fn a_schedule_is_added_and_shown_as_it_is_kept() {
    let zo = Zo::new();
    let ran = zo.run([
        "schedule",
        "add",
        "every weekday at 8:30",
        "--zone",
        "Europe/Berlin",
        "--name",
        "morning",
        "--",
        "true",
    ]);
    let lines: Vec<&str> = ran.ok().lines().collect();
    assert_eq!(lines.len(), 1 + 2 + 5, "id, rule, five occurrences: {ran}");
    assert_eq!(lines[0].len(), 26);
    assert!(
        lines[1].starts_with("DTSTART;TZID=Europe/Berlin:") && lines[2] == "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "{ran}"
    );
    assert!(lines[3].contains("T08:30:00+0") && lines[3].ends_with(":30:00Z"), "{ran}");
    assert!(ran.stderr.contains("note: nothing carries jobs out now: `zo serve` does"), "{ran}");

    let shown = zo.run(["schedule", "show", "morning", "--json"]).json_object();
    let line = &shown["schedule"];
    assert_eq!((line["name"].as_str(), line["zone"].as_str()), (Some("morning"), Some("Europe/Berlin")));
    assert_eq!(line["next_local"].as_str(), lines[3].split('\t').next());
    assert_eq!((&shown["spec"]["kind"], &shown["history"]), (&json!("command"), &json!([])));
    let listed = zo.run(["schedule", "list", "--json"]).json();
    assert_eq!((listed.len(), &listed[0]), (1, line));
    assert!(zo.run(["schedule", "show", "morning"]).ok().contains("every weekday at 8:30"));
    let next = zo.run(["schedule", "next", "--json", "-n", "3"]).json();
    assert_eq!(next.len(), 3);
    assert_eq!((next[0]["name"].as_str(), next[0]["local"].as_str()), (Some("morning"), line["next_local"].as_str()));
}

#[test]
fn a_schedule_is_paused_resumed_changed_and_removed() {
    let zo = Zo::new();
    let id = add(&zo, "backup")["id"].as_str().expect("it has one").to_owned();
    let twice = zo.run(["schedule", "add", "every day at 9:00", "--name", "backup", "--", "true"]);
    assert!(twice.failed(1).contains("backup"), "{twice}");
    zo.run(["schedule", "pause", &id[18..]]).ok();
    assert_eq!(zo.run(["schedule", "list", "--json"]).json()[0]["paused"], true);
    assert_eq!(zo.run(["schedule", "next"]).ok(), "");
    zo.run(["schedule", "resume", "backup"]).ok();
    assert_eq!(zo.run(["schedule", "list", "--json"]).json()[0]["paused"], false);

    zo.run(["schedule", "edit", "backup", "--misfire", "all:3", "--priority", "2", "--name", "nightly"]).ok();
    let edited = zo.run(["schedule", "show", "nightly", "--json"]).json_object();
    assert_eq!((&edited["schedule"]["id"], &edited["schedule"]["misfire"]), (&json!(id), &json!({"all": 3})));
    assert_eq!((&edited["options"]["priority"], &edited["spec"]["argv"]), (&json!(2), &json!(["true"])), "{edited}");
    assert_eq!(edited["schedule"]["written"], "every day at 8:30", "what a person wrote stays");
    let rule = edited["schedule"]["rule"].as_str().expect("a rule").to_owned();
    let ran = zo.run(["schedule", "edit", "nightly", "0", "3", "*", "*", "*", "--", "false"]);
    assert!(ran.ok().contains("BYHOUR=3") || ran.ok().contains("T030000"), "{ran}");
    let edited = zo.run(["schedule", "show", "nightly", "--json"]).json_object();
    assert!(edited["schedule"]["rule"] != rule.as_str() && edited["spec"]["argv"] == json!(["false"]), "{edited}");

    let asked = zo.run(["schedule", "remove", "nightly"]);
    assert!(asked.failed(2).contains("Remove the schedule nightly") && asked.stderr.contains("--yes"), "{asked}");
    zo.run(["schedule", "remove", "nightly", "--yes"]).ok();
    assert_eq!(zo.run(["schedule", "list"]).ok(), "");
    assert!(zo.run(["schedule", "show", "nightly"]).failed(1).contains("there is no schedule"));
}

#[test]
fn a_schedule_that_is_mistyped_is_told_the_nearest() {
    let zo = Zo::new();
    add(&zo, "morning");
    for words in [&["show"][..], &["pause"], &["resume"], &["run"], &["edit"], &["remove", "--yes"], &["next"]] {
        let ran = zo.run([&["schedule"], words, &["mornign"]].concat());
        assert!(ran.failed(1).contains("did you mean `morning`?"), "{ran}");
    }
}

#[test]
fn a_schedule_is_run_by_hand() {
    let zo = Zo::new();
    zo.run(["schedule", "add", "every day at 8:30", "--name", "hello", "--", "echo", "hello there"]).ok();
    let ran = zo.run(["schedule", "run", "hello", "--wait"]);
    assert_eq!(ran.ok(), "hello there", "{ran}");
    let history = zo.run(["schedule", "show", "hello", "--json"]).json_object()["history"].clone();
    let entry = history[0].clone();
    assert_eq!(
        (&entry["event"], &entry["by_hand"], &entry["state"]),
        (&json!("occurred"), &json!(true), &json!("done"))
    );
    assert!(entry["started_at"].is_string() && entry["ended_at"].is_string(), "{entry}");
    let job = zo.run(["job", "show", entry["job"].as_str().expect("an id"), "--json"]).json_object();
    assert!(job["job"]["schedule"].is_string(), "{job}");
}

#[test]
fn what_a_schedule_does_is_one_thing() {
    let zo = Zo::new();
    let cases: [(&[&str], &str); 5] = [
        (&["every day at 9:00"], "it is not said what is to be done"),
        (&["every day at 9:00", "--ask", "x", "--memorize", "y"], "--ask and --memorize are two things to be done"),
        (&["every day at 9:00", "--misfire", "never", "--", "true"], "skip, once, or all:N"),
        (&["every day at 9:00", "--hours", "8:00-18:00", "--", "true"], "--check-in"),
        (&["--memorize", "x"], "it is not said when"),
    ];
    for (words, expected) in cases {
        let ran = zo.run([&["schedule", "add"], words].concat());
        assert!(ran.failed(2).contains(expected), "{words:?}: {ran}");
    }
    let ran = zo.run(["schedule", "add", "every day at 9:00", "--check-in", "--checklist", "nowhere.md"]);
    assert!(ran.failed(1).contains("cannot read nowhere.md"), "{ran}");
    let ran = zo.run(["schedule", "add", "every day at 9:00", "--check-in", "--", "true"]);
    assert!(ran.failed(1).contains("a check-in is an agent's"), "{ran}");
    assert_eq!(zo.run(["schedule", "list", "--json"]).json(), Vec::<Value>::new());
}

#[test]
fn a_check_in_looks_at_a_file() {
    let zo = Zo::new();
    let list = zo.file("checklist.md", "- the oven\n");
    let words =
        ["every 30 minutes", "--check-in", "--hours", "8:00-18:00", "--checklist", "checklist.md", "--name", "look"];
    zo.run([&["schedule", "add"], &words[..]].concat()).ok();
    let shown = zo.run(["schedule", "show", "look", "--json"]).json_object();
    let real = list.canonicalize().expect("it is there");
    assert_eq!(shown["check_in"], json!({"hours": "8:00-18:00", "checklist": real}));
    assert_eq!((&shown["schedule"]["check_in"], &shown["spec"]["kind"]), (&json!(true), &json!("agent")));
}

#[test]
fn the_json_of_schedules() {
    let zo = Zo::new();
    let mut added = add(&zo, "x");
    added["rule"] = Value::Null;
    added["occurrences"] = json!([]);
    assert_eq!(snapshot(&added), r#"{"id":"<id>","position":2,"rule":null,"tzid":"UTC","occurrences":[]}"#);
    let line = &zo.run(["schedule", "list", "--json"]).json()[0];
    let keys: Vec<&str> = line.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = "id name written rule zone kind what next next_local paused check_in misfire occurred missed failures outstanding";
    assert_eq!(keys.join(" "), expected);
}
