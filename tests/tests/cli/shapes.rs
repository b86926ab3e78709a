//! The JSON that others build on, as `cli/JSON.md` documents it: a change here is a change of the interface.

use serde_json::Value;
use zo_tests::cli::snapshot::snapshot;
use zo_tests::cli::{Ran, Zo};

/// Compares every line that was printed with what is expected.
#[track_caller]
fn check(ran: &Ran, expected: &[&str]) {
    let lines: Vec<String> = ran.json().iter().map(snapshot).collect();
    assert_eq!(lines, expected, "{ran}");
}

#[test]
fn an_acknowledgement() {
    let zo = Zo::new();
    check(&zo.run(["memorize", "--json", "text"]), &[r#"{"id":"<id>","position":2}"#]);
    let lines = "{\"id\":\"a\",\"content\":\"x\"}\n{\"content\":\"y\"}\n";
    let acknowledged = zo.run_with(["memorize", "--json", "--jsonl", "-"], lines);
    check(&acknowledged, &[r#"{"id":"a","position":3}"#, r#"{"id":"<id>","position":4}"#]);
    check(&zo.run(["kv", "set", "--json", "k", "v"]), &[r#"{"id":"k","position":5}"#]);
    let message = zo.run(["conversation", "add-message", "c", "--role", "user", "hi", "--json"]);
    check(&message, &[r#"{"id":"<id>","position":7}"#]);
}

#[test]
fn a_memory() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "a", "one", "--meta", "topic=x", "--at", "2026-05-04"]).ok();
    zo.run(["memory", "supersede", "a", "two"]).ok();
    let list = r#"{"id":"a","state":"live","position":3,"version":2,"at":"<time>","occurred_at":null,"until":null,"content":"two","meta":{"topic":"x"}}"#;
    check(&zo.run(["memory", "list", "--json"]), &[list]);
    let older = r#"{"id":"a","state":"superseded","position":2,"version":1,"at":"<time>","occurred_at":"<time>","until":3,"content":"one","meta":{"topic":"x"}}"#;
    let show = format!("{},\"older\":[{older}]}}", &list[..list.len() - 1]);
    check(&zo.run(["memory", "show", "a", "--json"]), &[&show]);
}

#[test]
fn a_key() {
    let zo = Zo::new();
    zo.run(["kv", "set", "k", "v"]).ok();
    let key = r#"{"key":"k","value":"v","position":2,"version":1,"at":"<time>"}"#;
    check(&zo.run(["kv", "get", "k", "--json"]), &[key]);
    check(&zo.run(["kv", "list", "--json"]), &[key]);
}

#[test]
fn a_conversation_and_its_messages() {
    let zo = Zo::new();
    zo.run(["conversation", "add-message", "c", "--role", "user", "hi", "--author", "Ann"]).ok();
    let line = r#"{"id":"<id>","name":"c","started_at":"<time>","changed_at":"<time>","messages":1,"branches":1}"#;
    check(&zo.run(["conversation", "list", "--json"]), &[line]);
    let message = r#"{"id":"<id>","parent":null,"role":"user","position":3,"at":"<time>","occurred_at":null,"model":null,"interrupted":false,"content":"hi","author":"Ann","tool_calls":[],"tool_call_id":null,"meta":null,"files":[]}"#;
    check(&zo.run(["conversation", "show", "c", "--json"]), &[message]);
    let document =
        format!(r#"{{"id":"<id>","name":"c","started_at":"<time>","changed_at":"<time>","messages":[{message}]}}"#);
    check(&zo.run(["conversation", "export", "c", "--format", "json"]), &[&document]);
}

#[test]
fn an_answer() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "port", "the staging port is 5433"]).ok();
    let mut answer = zo.run(["ask", "--json", "what is the staging port?"]).json_object();
    assert!(answer["answer"].as_str().is_some_and(|text| text.contains("5433")), "{answer}");
    answer["answer"] = Value::Null;
    assert!(answer["recalled"][0]["score"].as_f64().is_some_and(|score| score > 0.0), "{answer}");
    answer["recalled"][0]["score"] = Value::Null;
    let expected = r#"{"answer":null,"conversation":"<id>","run":"<id>","model":"offline","recalled":[{"id":"port","kind":"memory","position":2,"score":null}],"usage":{"input_tokens":0,"output_tokens":0,"cost_micros":0,"cached_tokens":0,"estimated":false,"unpriced":false,"attempts":0},"position":8,"indexed":5,"head":8,"question":"<id>","message":"<id>","interrupted":false,"ending":"complete"}"#;
    assert_eq!(snapshot(&answer), expected);
}

/// The value with every score as null, and the names of the words that were found.
fn without_scores(mut hit: Value) -> Value {
    assert!(hit["score"].is_f64(), "{hit}");
    hit["score"] = Value::Null;
    if let Some(explanation) = hit.get_mut("explanation") {
        for name in ["bm25", "ceiling", "cosine"] {
            assert!(explanation[name].is_f64(), "{name}: {explanation}");
            explanation[name] = Value::Null;
        }
        for pairs in ["parts", "words"] {
            for pair in explanation[pairs].as_array_mut().expect("pairs") {
                assert!(pair[1].is_f64(), "{pair}");
                *pair = pair[0].take();
            }
        }
        let words = explanation["words"].as_array_mut().expect("words");
        words.sort_by_key(ToString::to_string);
    }
    hit
}

#[test]
fn what_was_recalled() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "port", "the staging port is 5433", "--meta", "topic=x", "--at", "2026-05-04"]).ok();
    zo.run(["memorize", "--id", "bare", "staging"]).ok();
    for (role, text) in [("user", "is staging up?"), ("assistant", "yes, the port answers"), ("user", "good")] {
        zo.run(["conversation", "add-message", "c", "--role", role, text]).ok();
    }
    zo.run(["index", "embed"]).ok();
    let mut recalled = zo.run(["recall", "--json", "staging port", "--in", "memories"]).json_object();
    let hits = recalled["hits"].take();
    let expected = r#"{"indexed":7,"embedded":7,"head":7,"share":{"passages":5,"of":5},"notes":[],"hits":null}"#;
    assert_eq!(snapshot(&recalled), expected);
    let hit = |id: &str| {
        let found = hits.as_array().expect("hits").iter().find(|hit| hit["id"] == id);
        snapshot(&without_scores(found.expect("it is found").clone()))
    };
    let port = r#"{"id":"port","content":"the staging port is 5433","meta":{"topic":"x"},"score":null,"position":2,"at":"<time>","occurred_at":"<time>"}"#;
    assert_eq!(hit("port"), port);
    let bare = r#"{"id":"bare","content":"staging","meta":{},"score":null,"position":3,"at":"<time>"}"#;
    assert_eq!(hit("bare"), bare);
    let arguments = ["recall", "--json", "does the port answer?", "--in", "messages", "-k", "1", "--explain"];
    let message = without_scores(zo.run(arguments).json_object()["hits"][0].clone());
    let before = r#"{"id":"<id>","role":"user","content":"is staging up?","position":5}"#;
    let after = r#"{"id":"<id>","role":"user","content":"good","position":7}"#;
    let explanation = r#"{"parts":["lexical","dense","neighbours","speaker","session"],"bm25":null,"ceiling":null,"words":["answer","port"],"cosine":null}"#;
    let expected = format!(
        r#"{{"id":"<id>","content":"yes, the port answers","meta":{{}},"score":null,"position":6,"at":"<time>","conversation":"c","role":"assistant","before":{before},"after":{after},"explanation":{explanation}}}"#
    );
    assert_eq!(snapshot(&message), expected);
}

#[test]
fn an_event() {
    let zo = Zo::new();
    zo.run(["memorize", "--id", "a", "one", "--meta", "topic=x"]).ok();
    let event = r#"{"position":2,"id":"<id>","stream":"memory/<id>","version":1,"at":"<time>","kind":"memory.memorized","actor":"user","causation":null,"correlation":null,"data":{"digest":"<hash>","named":true,"size":3,"occurred_at":null,"name":"a","content":"one","meta":{"topic":"x"}}}"#;
    check(&zo.run(["log", "show", "2", "--json"]), &[event]);
    check(&zo.run(["log", "tail", "-n", "1", "--json"]), &[event]);
    let steps = zo.run(["replay", "--from", "2", "--json"]).json();
    let step = format!("{},\"changes\":[", &event[..event.len() - 1]);
    assert!(snapshot(&steps[0]).starts_with(&step), "{}", snapshot(&steps[0]));
}

#[test]
fn a_verification() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    check(&zo.run(["log", "verify", "--json"]), &[r#"{"ok":true,"events":2,"head":2,"hash":"<hash>","problems":[]}"#]);
}

#[test]
fn keys_of_the_larger_objects() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let keys =
        |ran: Ran| ran.json_object().as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(zo.run(["status", "--json"])),
        "home folder head at figures indexed holder bytes segments snapshot recovery"
    );
    assert_eq!(keys(zo.run(["log", "stats", "--json"])), "events head first_at last_at bytes packs kinds disk");
    assert_eq!(keys(zo.run(["rebuild", "--json"])), "position events indexed digests same");
    assert_eq!(keys(zo.run(["replay", "--digests", "--json"])), "position digests");
    assert_eq!(
        keys(zo.run(["index", "status", "--json"])),
        "indexed embedded head documents passages uncommitted indexed_since_open embedded_since_open model next_model \
         runtime bytes_words bytes_vectors notes"
    );
    assert_eq!(keys(zo.run(["model", "status", "--json"])), "runtime looked_in model next_model notes chat");
    assert_eq!(keys(zo.run(["index", "embed", "--json"])), "passages of");
    let queries = zo.file("q.jsonl", "{\"id\":\"q\",\"text\":\"one\"}\n");
    let queries = queries.to_str().expect("ASCII");
    let run = zo.run(["recall", "--queries", queries, "--run", "run.tsv", "--json"]);
    assert_eq!(keys(run), "queries hits run indexed embedded head share");
    let corpus = zo.file("c.jsonl", "{\"id\":\"a\",\"content\":\"one\"}\n");
    let corpus = corpus.to_str().expect("ASCII");
    let qrels = zo.file("q.tsv", "q\ta\t1\n");
    let qrels = qrels.to_str().expect("ASCII");
    let bench = zo.run(["bench", "recall", "--corpus", corpus, "--queries", queries, "--qrels", qrels, "--json"]);
    assert_eq!(
        keys(bench),
        "documents passages model scope without queries recall@1 recall@5 recall@10 ndcg@10 mrr@10 by asked latency_ms"
    );
    let empty = zo.file("empty/x.md", "");
    let import = zo.run(["import".as_ref(), empty.as_os_str(), "--json".as_ref()]);
    assert_eq!(keys(import), "memories conversations conversations_left_deleted messages keys not_placed failed");
}

#[test]
fn models_and_providers() {
    let zo = Zo::new();
    zo.run(["provider", "add", "lan", "--base-url", "http://127.0.0.1:9/v1"]).ok();
    let added = r#"{"name":"lan","title":"lan","dialect":"openai","base_url":"http://127.0.0.1:9/v1","added":true,"needs_key":false,"key_variables":["LAN_API_KEY"],"key":null,"default_model":null}"#;
    let line = |ran: Ran, name: &str| {
        let lines = ran.json();
        snapshot(lines.iter().find(|line| line["name"] == name).expect("it is listed"))
    };
    assert_eq!(line(zo.run(["provider", "list", "--json"]), "lan"), added);
    let known = line(zo.run(["provider", "list", "--json"]), "openai");
    let expected = r#"{"name":"openai","title":"OpenAI","dialect":"openai","base_url":"https://api.openai.com/v1","added":false,"needs_key":true,"key_variables":["OPENAI_API_KEY"],"key":null,"default_model":"#;
    assert!(known.starts_with(expected), "{known}");
    let with_use = |line: &str, used: &str| format!("{{\"use\":\"{used}\",{}", &line[1..]);
    assert_eq!(line(zo.run(["model", "list", "--json"]), "lan"), with_use(added, "chat"));
    let shipped = line(zo.run(["model", "list", "--json"]), "all-MiniLM-L6-v2");
    assert!(shipped.starts_with(r#"{"use":"embedding","name":"all-MiniLM-L6-v2","dimensions":384,"#), "{shipped}");
    let chosen = |ran: Ran| {
        let lines = ran.json();
        snapshot(lines.iter().find(|line| line.get("fallbacks").is_some()).expect("what was chosen"))
    };
    assert_eq!(
        chosen(zo.run(["model", "list", "--json"])),
        r#"{"use":"chat","model":null,"fallbacks":[],"since":null}"#
    );
    let used = zo.run(["model", "use", "lan/x", "--fallback", "offline", "--json"]);
    check(&used, &[r#"{"id":"lan/x","position":3}"#]);
    assert_eq!(
        chosen(zo.run(["model", "list", "--json"])),
        r#"{"use":"chat","model":"lan/x","fallbacks":["offline"],"since":3}"#
    );
    let status = &zo.run(["model", "status", "--json"]).json_object()["chat"];
    assert_eq!(
        snapshot(status),
        r#"{"model":"lan/x","fallbacks":["offline"],"since":3,"answers":"lan/x","why":"it was chosen at position 3"}"#
    );
}

#[test]
fn a_key_of_a_provider() {
    let zo = Zo::new();
    let set = zo.run_with(["key", "set", "groq", "--json"], "gsk_0123456789\n");
    check(&set, &[r#"{"id":"groq","position":2}"#]);
    let mut line = zo.run(["key", "list", "--json"]).json_object();
    let fingerprint = line["fingerprint"].take();
    assert!(fingerprint.as_str().is_some_and(|hex| hex.len() == 16), "{fingerprint}");
    let expected = r#"{"provider":"groq","fingerprint":null,"origin":"vault","set_at":"<time>","last_used_at":null}"#;
    assert_eq!(snapshot(&line), expected);
    check(&zo.run(["key", "remove", "groq", "--yes", "--json"]), &[r#"{"id":"groq","position":3}"#]);
}

#[test]
fn an_error() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let error = |arguments: &[&str]| snapshot(&zo.run(arguments).json_error());
    assert_eq!(
        error(&["memory", "show", "nothing", "--json"]),
        r#"{"kind":"not_found","message":"there is no memory nothing","hint":"`zo memory list` shows the ids there are"}"#
    );
    assert_eq!(
        error(&["memory", "shwo", "x", "--json"]),
        r#"{"kind":"usage","message":"unrecognized subcommand 'shwo'","hint":"a similar subcommand exists: 'show'\nusage: zo memory [OPTIONS] <COMMAND>\n`zo memory --help` has examples"}"#
    );
}
