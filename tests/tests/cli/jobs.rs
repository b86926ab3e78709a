//! Jobs: submitted, waited for, looked at, cancelled, tried again. Who waits carries them out, so no `zo serve` is needed.

use serde_json::{Value, json};
use zo_tests::cli::snapshot::snapshot;
use zo_tests::cli::{Ran, Zo};

fn submit(zo: &Zo, words: &[&str]) -> Ran {
    zo.run([&["job", "submit"], words].concat())
}

/// Submits, and says the id.
fn id(zo: &Zo, words: &[&str]) -> String {
    submit(zo, words).ok().to_owned()
}

fn state(zo: &Zo, id: &str) -> String {
    zo.run(["job", "show", id, "--json"]).json_object()["job"]["state"].as_str().expect("a state").to_owned()
}

#[test]
fn a_job_is_submitted_and_waits_for_somebody() {
    let zo = Zo::new();
    let ran = submit(&zo, &["--name", "hello", "--priority", "3", "--", "echo", "hello there"]);
    let id = ran.ok();
    assert_eq!(id.len(), 26, "{ran}");
    assert!(ran.stderr.contains("submitted at position 2"), "{ran}");
    assert!(ran.stderr.contains("note: nothing carries jobs out now: `zo serve` does"), "{ran}");
    let listed = zo.run(["job", "list", "--json"]).json();
    assert_eq!((listed.len(), &listed[0]["state"], &listed[0]["name"]), (1, &json!("ready"), &json!("hello")));
    assert_eq!((&listed[0]["priority"], &listed[0]["kind"]), (&json!(3), &json!("command")));
    assert!(zo.run(["job", "list"]).ok().contains("hello: echo 'hello there'"));
    assert_eq!(zo.run(["job", "list", "--state", "dead"]).ok(), "");
    let ran = zo.run(["job", "wait", &id[20..], "--logs"]);
    assert_eq!(ran.ok(), "hello there", "{ran}");
    assert_eq!(state(&zo, id), "done");
    assert_eq!(zo.run(["job", "logs", id]).ok(), "hello there");
    assert_eq!(zo.run(["job", "logs", "-f", id]).ok(), "hello there", "what has ended is told too");
    let shown = zo.run(["job", "show", id, "--json"]).json_object();
    assert_eq!(
        (&shown["result"]["exit_code"], &shown["attempts"][0]["outcome"]),
        (&json!(0), &json!("done")),
        "{shown}"
    );
    assert!(zo.run(["job", "show", id]).ok().contains("attempt 1  done"));
}

#[test]
fn a_job_that_no_node_can_do_says_what_is_missing() {
    let zo = Zo::new();
    let waits_for = |id: &str| zo.run(["job", "show", id, "--json"]).json_object()["job"]["waits_for"].clone();
    let alone = id(&zo, &["--", "true"]);
    assert_eq!(waits_for(&alone), "no node is there that takes jobs");
    assert!(zo.run(["job", "list"]).ok().contains("ready: no node is there that takes jobs"));
    zo.run(["job", "queue", "set", "default", "--pause"]).ok();
    assert_eq!(waits_for(&alone), "queue default is paused");
    assert!(zo.run(["job", "show", &alone]).ok().contains("waits for  queue default is paused"));
}

#[test]
fn waiting_prints_what_it_prints_and_tells_what_became_of_it() {
    let zo = Zo::new();
    let ran = submit(&zo, &["--wait", "--", "sh", "-c", "echo out; echo err >&2"]);
    assert!(ran.ok().contains("out") && ran.stdout.contains("err"), "one log has both: {ran}");
    assert!(ran.stderr.contains("\njob 01"), "its id is said beside: {ran}");
    let ran = submit(&zo, &["--wait", "--attempts", "1", "--", "sh", "-c", "echo before; exit 7"]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, "before\n"), "{ran}");
    assert!(ran.stderr.contains("failed for good: ") && ran.stderr.contains('7'), "{ran}");
    assert!(ran.stderr.contains("`zo job logs 01"), "{ran}");
    let ran = submit(&zo, &["--wait", "--memorize", "The drill is in the shed"]);
    ran.ok();
    assert!(zo.run(["memory", "list"]).ok().contains("The drill is in the shed"));
}

#[test]
fn programs_are_told_everything_as_it_happens() {
    let zo = Zo::new();
    let lines = submit(&zo, &["--wait", "--json", "--", "echo", "hi"]).json();
    assert_eq!(snapshot(&lines[0]), r#"{"id":"<id>","position":2}"#);
    let events: Vec<&str> = lines[1..].iter().map(|line| line["event"].as_str().expect("an event")).collect();
    assert_eq!((events.first(), events.last()), (Some(&"state"), Some(&"ended")), "{lines:?}");
    let log: String = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    assert_eq!(log, "hi\n");
    let ended = lines.last().expect("there is one");
    assert_eq!((&ended["job"]["state"], &ended["reason"]), (&json!("done"), &Value::Null));
    let ran = submit(&zo, &["--wait", "--json", "--attempts", "1", "--", "false"]);
    assert_eq!((ran.code(), ran.json_error()["kind"].as_str()), (1, Some("not_done")), "{ran}");
}

#[test]
fn there_is_a_job_for_each_line() {
    let zo = Zo::new();
    zo.file("words.txt", "one\n\n two \nthree\n");
    let ran = submit(&zo, &["--each", "words.txt", "--name", "say {}", "--wait", "--", "echo", "<{}>"]);
    assert_eq!(ran.ok(), "", "{ran}");
    assert!(ran.stderr.contains("3 jobs submitted, as batch 01") && ran.stderr.contains("3 jobs done"), "{ran}");
    let mut logs: Vec<String> = Vec::new();
    for line in zo.run(["job", "list", "--json"]).json() {
        assert!(line["name"].as_str().is_some_and(|name| name.starts_with("say ")), "{line}");
        logs.push(zo.run(["job", "logs", line["id"].as_str().expect("an id")]).ok().to_owned());
    }
    logs.sort();
    assert_eq!(logs, ["<one>", "<three>", "<two>"]);

    let ran = submit(&zo, &["--each", "words.txt", "--attempts", "1", "--wait", "--", "sh", "-c", "test {} != two"]);
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.stderr.contains("error: 1 of 3 jobs did not get done"), "{ran}");
    let ids = submit(&zo, &["--each", "words.txt", "--", "echo", "{}"]);
    assert_eq!(ids.ok().lines().count(), 3, "an id for each: {ids}");
    let batch = ids.ok().lines().next().expect("a line").to_owned();
    zo.run(["job", "wait", "--batch", &batch]).ok();
}

#[test]
fn of_a_batch_or_a_queue_those_are_listed_too_that_have_ended() {
    let zo = Zo::new();
    zo.file("words.txt", "one\ntwo\nthree\n");
    let words = ["--each", "words.txt", "--name", "{}", "--queue", "say", "--attempts", "1", "--"];
    let ids = submit(&zo, &[&words[..], &["sh", "-c", "test {} != two"]].concat());
    let ids: Vec<String> = ids.ok().lines().map(str::to_owned).collect();
    id(&zo, &["--name", "other", "--", "true"]);
    zo.run(["job", "cancel", &ids[2]]).ok();
    zo.run(["job", "wait", &ids[0], &ids[1]]).failed(1);
    let listed = |words: &[&str]| {
        let lines = zo.run([&["job", "list", "--json"], words].concat()).json();
        let line =
            |line: &Value| format!("{} {}", line["name"].as_str().unwrap_or(""), line["state"].as_str().unwrap_or(""));
        let mut lines: Vec<String> = lines.iter().map(line).collect();
        // What was submitted together has ids in no order.
        lines.sort();
        lines
    };
    let of_both = ["one done", "three cancelled", "two dead"];
    assert_eq!(listed(&["--batch", &ids[0]]), of_both);
    assert_eq!(listed(&["--queue", "say"]), of_both);
    assert_eq!(listed(&["--queue", "say", "--state", "done"]), ["one done"]);
    assert_eq!(listed(&["--batch", &ids[0], "--queue", "say", "--state", "cancelled"]), ["three cancelled"]);
    assert_eq!(listed(&["--batch", &ids[0], "--queue", "default"]), <[&str; 0]>::default());
    assert_eq!(listed(&["--batch", &ids[0], "-n", "1"]), ["two dead"], "what is open comes first");
    let ran = zo.run(["job", "list", "--queue", "say", "-n", "1"]);
    assert!(ran.stderr.contains("there are 2 more"), "{ran}");
    let ran = zo.run(["job", "wait", "--batch", &ids[0]]);
    assert!(ran.failed(1).contains("2 of 3 jobs did not get done"), "{ran}");
    assert!(zo.run(["job", "cancel", "--batch", &ids[0]]).failed(2).contains("Cancel 1 job?"), "one is open");
}

#[test]
fn who_waits_begins_nobody_elses_jobs() {
    let zo = Zo::new();
    let once = id(&zo, &["--once", "--priority", "9", "--", "true"]);
    let first = id(&zo, &["--name", "first", "--", "echo", "first"]);
    let ran = submit(&zo, &["--after", &first, "--wait", "--", "echo", "mine"]);
    assert_eq!(ran.ok(), "mine");
    assert_eq!(
        (state(&zo, &first).as_str(), state(&zo, &once).as_str()),
        ("done", "ready"),
        "what it waits for, and no more"
    );
}

#[test]
fn a_key_for_many_lines_has_the_line_in_it() {
    let zo = Zo::new();
    zo.file("two.txt", "a\nb\n");
    let ran = submit(&zo, &["--each", "two.txt", "--unique", "k", "--", "echo", "{}"]);
    assert!(ran.failed(2).contains("`{}` stands for the line in --unique too"), "{ran}");
    let ids = submit(&zo, &["--each", "two.txt", "--unique", "k {}", "--", "echo", "{}"]).ok().to_owned();
    assert_eq!(ids.lines().count(), 2);
    assert_eq!(submit(&zo, &["--each", "two.txt", "--unique", "k {}", "--", "echo", "{}"]).ok(), ids, "nothing new");
}

#[test]
fn many_lines_are_one_batch_or_none() {
    let zo = Zo::new();
    let line = |index: usize, after: &str| {
        format!(
            "{}\n",
            json!({"name": format!("n{index}"), "after": [after], "spec": {"kind": "command", "argv": ["true"]}})
        )
    };
    // Each waits for the one in the next line, which is in another request for some of them.
    let lines: String = (0..1500).map(|index| line(index, &format!("n{}", index + 1))).collect();
    zo.file("lines.txt", format!("{lines}{}", line(1500, "nowhere")));
    let ran = submit(&zo, &["--each", "lines.txt"]);
    assert!(ran.failed(1).contains("n1500: there is no job nowhere"), "{ran}");
    assert_eq!(zo.run(["job", "list"]).ok(), "", "nothing was submitted");
    zo.file("lines.txt", format!("{lines}{}", line(1500, "n1500").replace("[\"n1500\"]", "[]")));
    let ids = submit(&zo, &["--each", "lines.txt"]).ok().to_owned();
    assert_eq!(ids.lines().count(), 1501);
    let batch = ids.lines().next().expect("an id");
    assert_eq!(zo.run(["job", "list", "--batch", batch, "--json", "--limit", "5000"]).json().len(), 1501);
}

#[test]
fn a_url_of_this_machine_is_called_if_that_is_permitted() {
    let zo = Zo::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::{Read, Write};
            let mut stream = stream.expect("somebody calls");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\npong");
        }
    });
    let refused = submit(&zo, &["--wait", "--attempts", "1", "--url", &url]);
    assert!(refused.failed(1).contains("refused: 127.0.0.1 is this machine"), "{refused}");
    assert_eq!(submit(&zo, &["--wait", "--attempts", "1", "--allow-private", "--url", &url]).ok(), "pong");
}

#[test]
fn lines_of_json_wait_for_each_other() {
    let zo = Zo::new();
    let jobs = "{\"name\": \"b\", \"after\": [\"a\"], \"spec\": {\"kind\": \"command\", \"argv\": [\"true\"]}}\n\
                {\"name\": \"a\", \"spec\": {\"kind\": \"command\", \"argv\": [\"false\"]}, \"options\": {\"attempts\": 1}}\n";
    zo.file("jobs.jsonl", jobs);
    submit(&zo, &["--each", "jobs.jsonl"]).ok();
    let states = || {
        let lines = zo.run(["job", "list", "--json"]).json();
        let state = |name: &str| {
            let line = lines.iter().find(|line| line["name"] == name);
            line.map(|line| line["state"].as_str().expect("a state").to_owned()).expect("it is there")
        };
        (state("a"), state("b"))
    };
    assert_eq!(states(), ("ready".to_owned(), "blocked".to_owned()));

    let circle = jobs.replace(
        "\"spec\": {\"kind\": \"command\", \"argv\": [\"false\"]}",
        "\"after\": [\"b\"], \"spec\": {\"kind\": \"command\", \"argv\": [\"false\"]}",
    );
    zo.file("circle.jsonl", circle);
    let ran = submit(&zo, &["--each", "circle.jsonl"]);
    assert!(ran.failed(1).contains("in a circle"), "{ran}");
    zo.file("bad.jsonl", "{\"kind\": \"command\", \"argv\": [\"true\"]}\n{\"kind\": \"comand\"}\n");
    let ran = submit(&zo, &["--each", "bad.jsonl"]);
    assert!(ran.failed(1).starts_with("error: bad.jsonl:2: this is no job: unknown variant `comand`"), "{ran}");
    assert_eq!(zo.run(["job", "list", "--json"]).json().len(), 2, "nothing of it was submitted");
}

#[test]
fn dead_jobs_are_listed_and_tried_again() {
    let zo = Zo::new();
    let ran = submit(&zo, &["--wait", "--attempts", "1", "--queue", "mail", "--", "false"]);
    assert_eq!(ran.code(), 1, "{ran}");
    let dead = zo.run(["job", "dead", "--json"]).json();
    assert_eq!((dead.len(), &dead[0]["state"], &dead[0]["queue"]), (1, &json!("dead"), &json!("mail")));
    assert_eq!(zo.run(["job", "dead", "--queue", "other"]).ok(), "");
    let asked = zo.run(["job", "dead", "--retry-all"]);
    assert!(asked.failed(2).contains("Try 1 job again?"), "{asked}");
    zo.run(["job", "dead", "--retry-all", "--yes"]).ok();
    let id = dead[0]["id"].as_str().expect("an id");
    assert_eq!(state(&zo, id), "ready");
    assert!(zo.run(["job", "retry", id]).code() == 1, "it is not dead");
}

#[test]
fn jobs_are_cancelled() {
    let zo = Zo::new();
    let one = id(&zo, &["--delay", "1h", "--", "true"]);
    assert_eq!(state(&zo, &one), "waiting");
    zo.run(["job", "cancel", &one[18..], "--reason", "not needed"]).ok();
    assert_eq!(state(&zo, &one), "cancelled");
    let ran = zo.run(["job", "wait", &one]);
    assert!(ran.failed(1).contains("was cancelled"), "{ran}");
    zo.file("words.txt", "a\nb\n");
    let batch = submit(&zo, &["--each", "words.txt", "--delay", "1h", "--", "echo", "{}"])
        .ok()
        .lines()
        .next()
        .expect("an id")
        .to_owned();
    assert!(zo.run(["job", "cancel", "--batch", &batch]).failed(2).contains("Cancel 2 jobs?"));
    zo.run(["job", "cancel", "--batch", &batch, "--yes"]).ok();
    assert_eq!(zo.run(["job", "list", "--state", "cancelled", "--json"]).json().len(), 3);
}

#[test]
fn one_open_job_of_a_key_is_enough() {
    let zo = Zo::new();
    let first = id(&zo, &["--unique", "report", "--delay", "1h", "--", "true"]);
    assert_eq!(id(&zo, &["--unique", "report", "--", "true"]), first);
    assert_eq!(zo.run(["job", "list", "--json"]).json().len(), 1);
}

#[test]
fn queues_are_limited_and_stopped() {
    let zo = Zo::new();
    zo.run(["job", "queue", "set", "mail", "--limit", "2"]).ok();
    zo.run(["job", "queue", "set", "mail", "--pause"]).ok();
    let queue = |zo: &Zo| {
        let answer = zo.run(["job", "queue", "list", "--json"]).json_object();
        let queues = answer["queues"].as_array().expect("a list").clone();
        queues.into_iter().find(|queue| queue["name"] == "mail").expect("it is there")
    };
    assert_eq!((&queue(&zo)["limit"], &queue(&zo)["paused"]), (&json!(2), &json!(true)), "what is not said stays");
    zo.run(["job", "queue", "set", "mail", "--resume", "--no-limit"]).ok();
    assert_eq!((&queue(&zo)["limit"], &queue(&zo)["paused"]), (&Value::Null, &json!(false)));
    assert!(zo.run(["job", "queue", "set", "mail"]).failed(2).contains("it is not said"));
}

#[test]
fn a_job_that_is_mistyped_is_told_the_nearest() {
    let zo = Zo::new();
    let id = id(&zo, &["--", "true"]);
    let typo = format!("{}{}", &id[18..25], if id.ends_with('0') { '1' } else { '0' });
    for words in [&["show"][..], &["logs"], &["cancel"], &["retry"], &["wait"]] {
        let ran = zo.run([&["job"], words, &[typo.as_str()]].concat());
        assert!(ran.failed(1).contains(&format!("hint: did you mean `{}`?", &id[18..])), "{ran}");
    }
    assert!(zo.run(["job", "list", "--state", "deed"]).failed(2).contains("did you mean dead?"));
    assert!(zo.run(["job", "show", "ZZZZZZZZ"]).failed(1).contains("`zo job list` shows"));
}

#[test]
fn what_cannot_be_a_job_is_said_before_a_home_is_made() {
    let zo = Zo::new();
    zo.file("empty.txt", "\n \n");
    zo.file("words.txt", "a\n");
    let cases: [(&[&str], i32, &str); 12] = [
        (&[], 2, "it is not said what is to be done"),
        (&["--ask", "x", "--", "true"], 2, "a command and --ask are two things to be done"),
        (&["--env", "A=1"], 2, "it is said how, and not what is to be done"),
        (&["--each", "nowhere.txt", "--", "echo", "{}"], 1, "cannot read nowhere.txt"),
        (&["--each", "empty.txt", "--", "echo", "{}"], 1, "empty.txt has no line"),
        (&["--each", "words.txt", "--", "echo"], 2, "`{}` stands for the line"),
        (&["--each", "words.txt"], 1, "words.txt:1: not JSON"),
        (&["--spec", "nowhere.json"], 1, "cannot read nowhere.json"),
        (&["--folder", "nowhere", "--", "true"], 1, "cannot work in nowhere"),
        (&["--read", "nowhere", "--", "true"], 1, "cannot use nowhere"),
        (&["--attempts", "0", "--", "true"], 2, "invalid value '0'"),
        (&["--url", "ftp://example.org/"], 1, "a http job's `url`"),
    ];
    for (words, code, expected) in cases {
        let ran = submit(&zo, words);
        assert!(ran.failed(code).contains(expected), "{words:?}: {ran}");
    }
    assert!(!zo.home().exists());
}

#[test]
fn the_json_of_jobs() {
    let zo = Zo::new();
    let id = id(&zo, &["--", "true"]);
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    let line = &zo.run(["job", "list", "--json"]).json()[0];
    let expected = "id name kind what state queue priority attempt max_attempts cancelling node waits_for due percent doing submitted_at \
                    changed_at batch schedule";
    assert_eq!(keys(line), expected);
    zo.run(["job", "wait", &id]).ok();
    let shown = zo.run(["job", "show", &id, "--json"]).json_object();
    assert_eq!(keys(&shown), "job spec effect requires not_before deadline after result attempts");
    assert_eq!(keys(&shown["attempts"][0]), "attempt node started_at ended_at outcome reason run log_bytes");
    assert_eq!(keys(&zo.run(["job", "logs", &id, "--json"]).json_object()), "attempt text left_out position");
    let node = &zo.run(["node", "list", "--json"]).json()[0];
    let expected = "name id state local capacity running labels region gpu price_micros effective_price_micros reputation completed \
                    failed lost heard_at";
    assert_eq!(keys(node), expected);
    assert_eq!((&node["name"], &node["completed"]), (&json!("local"), &json!(1)));
}
