//! Semantic memory from the command line: `recall`, runs and benches of it, `index`, `model`, embedding after imports.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use zo_tests::cli::terminal::run_on_terminal;
use zo_tests::cli::{Ran, Zo};

/// A home with a few facts about two projects.
fn with_facts() -> Zo {
    let zo = Zo::new();
    let facts = [
        json!({"id": "deploy", "content": "Releases leave from the main branch on Thursdays.",
               "meta": {"project": "atlas", "date": "2026-03-01"}}),
        json!({"id": "cake", "content": "Ines is allergic to hazelnuts.", "meta": {"project": "atlas", "size": 3}}),
        json!({"id": "tide", "content": "The tide clock shows the water level at the harbour.",
               "meta": {"project": "clock", "date": "2026-05-01"}}),
    ];
    let lines: String = facts.iter().map(|fact| format!("{fact}\n")).collect();
    zo.run_with(["memorize", "--jsonl", "-"], lines).ok();
    zo
}

fn ids(ran: &Ran) -> Vec<String> {
    let hits = ran.json_object()["hits"].clone();
    hits.as_array().expect("hits").iter().map(|hit| hit["id"].as_str().expect("an id").to_owned()).collect()
}

fn recalled(zo: &Zo, arguments: &[&str]) -> Vec<String> {
    ids(&zo.run([&["recall", "--json"], arguments].concat()))
}

#[test]
fn recall_finds_by_words_and_by_meaning() {
    let zo = with_facts();
    assert_eq!(recalled(&zo, &["tide clock", "-k", "1"]), ["tide"]);
    assert_eq!(recalled(&zo, &["which nuts make somebody ill?", "-k", "1"]), ["cake"]);
    assert_eq!(recalled(&zo, &["when", "do", "we", "ship", "software?", "--top-k", "1"]), ["deploy"]);
    let piped = zo.run_with(["recall", "-", "--json", "-k", "1"], "the water level\n");
    assert_eq!(ids(&piped), ["tide"]);
    assert_eq!(ids(&zo.run_with(["recall", "--json", "-k", "1"], "the water level\n")), ["tide"]);
}

#[test]
fn recall_shows_hits_to_people() {
    let zo = with_facts();
    let ran = zo.run(["recall", "tide clock", "-k", "1"]);
    let lines: Vec<&str> = ran.ok().lines().collect();
    assert!(lines[0].starts_with("tide  ") && lines[0].ends_with("  2026-05-01 00:00"), "{ran}");
    assert_eq!(lines[1], "  The tide clock shows the water level at the harbour.");
    assert_eq!(ran.stderr, "");
    let ran = zo.run(["recall", "tide clock", "-k", "1", "--explain"]);
    assert!(ran.ok().contains("\n  score   lexical +"), "{ran}");
    assert!(ran.stdout.contains("\n  words   ") && ran.stdout.contains("clock"), "{ran}");
    assert!(ran.stdout.contains("\n  cosine  0."), "{ran}");
    let seen = run_on_terminal(zo.command(["recall", "tide clock", "-k", "1"]), "");
    assert!(seen.screen.contains("\u{1b}[1mtide\u{1b}[0m"), "{:?}", seen.screen);
}

#[test]
fn the_parts_of_a_score_sum_to_it() {
    let zo = with_facts();
    let hits = zo.run(["recall", "the tide clock of the harbour", "--explain", "--json"]).json_object()["hits"].clone();
    for hit in hits.as_array().expect("hits") {
        let parts = hit["explanation"]["parts"].as_array().expect("parts");
        let sum: f64 = parts.iter().filter_map(|part| part[1].as_f64()).sum();
        assert!((sum - hit["score"].as_f64().expect("a score")).abs() < 1e-3, "{hit}");
    }
    assert!(zo.run(["recall", "tide", "--json"]).json_object()["hits"][0].get("explanation").is_none());
}

#[test]
fn recall_looks_only_where_it_is_told() {
    let zo = with_facts();
    zo.run(["conversation", "add-message", "work", "--role", "user", "Is the tide clock late?", "--author", "Ann"])
        .ok();
    zo.run(["conversation", "add-message", "work", "--role", "assistant", "By two minutes."]).ok();
    let sorted = |arguments: &[&str]| {
        let mut ids = recalled(&zo, arguments);
        ids.sort();
        ids
    };
    assert_eq!(sorted(&["tide clock", "--where", "project=atlas"]), ["cake", "deploy"]);
    assert_eq!(sorted(&["tide clock", "--where", "project=atlas", "--where", "size=3"]), ["cake"]);
    assert_eq!(recalled(&zo, &["tide clock", "--where", "project=other"]), [""; 0]);
    assert_eq!(sorted(&["tide", "--in", "memories", "--until", "2026-04-01"]), ["deploy"]);
    assert_eq!(sorted(&["tide", "--in", "memories", "--since", "2026-04-01"]), ["cake", "tide"]);
    assert_eq!(recalled(&zo, &["tide clock", "--in", "memories", "-k", "1"]), ["tide"]);
    let messages = zo.run(["recall", "tide clock", "--in", "messages", "--json"]).json_object();
    let hit = &messages["hits"][0];
    assert_eq!((&hit["conversation"], &hit["role"], &hit["speaker"]), (&"work".into(), &"user".into(), &"Ann".into()));
    assert_eq!(hit["after"]["content"], "By two minutes.");
    assert!(hit.get("before").is_none(), "{hit}");
    let shown = zo.run(["recall", "tide clock", "--in", "messages", "-k", "1"]);
    assert!(
        shown.ok().contains("  Ann  in work\n  Is the tide clock late?\n  … assistant: By two minutes."),
        "{shown}"
    );
}

#[test]
fn recall_looks_as_of_then() {
    let zo = with_facts();
    zo.run(["memory", "supersede", "tide", "The tide clock was sold."]).ok();
    zo.run(["memory", "retract", "cake"]).ok();
    let content = |arguments: &[&str]| {
        let ran = zo.run([&["recall", "--json", "tide clock"], arguments].concat()).json_object();
        ran["hits"][0]["content"].as_str().expect("a text").to_owned()
    };
    assert_eq!(content(&[]), "The tide clock was sold.");
    assert_eq!(content(&["--at", "4"]), "The tide clock shows the water level at the harbour.");
    assert!(!recalled(&zo, &["hazelnuts"]).contains(&"cake".to_owned()));
    assert!(recalled(&zo, &["hazelnuts", "--at", "4"]).contains(&"cake".to_owned()));
    let ran = zo.run(["recall", "tide", "--at", "4"]);
    assert!(ran.stderr.contains("note: as of position 4: scores use today's statistics"), "{ran}");
    let notes = zo.run(["recall", "tide", "--at", "4", "--json"]).json_object()["notes"].clone();
    assert_eq!(notes, json!(["as of position 4: scores use today's statistics"]));
}

#[test]
fn a_long_text_answers_with_its_best_passage() {
    let zo = Zo::new();
    let filler = "The minutes of the meeting go on about chairs, tables and the colour of the walls. ".repeat(40);
    zo.run_with(
        ["memorize", "--id", "minutes"],
        format!("{filler}\n\nThe ferry to Texel is cheaper in winter.\n\n{filler}"),
    )
    .ok();
    zo.run(["index", "embed"]).ok();
    let hit = zo.run(["recall", "what does the boat cost?", "--json", "-k", "1"]).json_object()["hits"][0].clone();
    assert!(hit["content"].as_str().is_some_and(|text| text.contains("ferry") && text.len() < filler.len()), "{hit}");
    assert!(hit["passage"]["of"].as_u64() > Some(1), "{hit}");
    let shown = zo.run(["recall", "what does the boat cost?", "-k", "1"]);
    assert!(shown.ok().lines().next().is_some_and(|line| line.contains("  passage ")), "{shown}");
}

#[test]
fn nothing_found_is_said_and_no_error() {
    let zo = Zo::new();
    zo.run(["kv", "set", "a", "b"]).ok();
    let ran = zo.run(["recall", "anything"]);
    assert_eq!((ran.ok(), ran.stderr.as_str()), ("", "nothing is remembered of that\n"));
    assert_eq!(zo.run(["recall", "anything", "--json"]).json_object()["hits"], json!([]));
    assert_eq!(zo.run(["recall", "anything", "--quiet"]).stderr, "");
}

#[test]
fn what_is_forgotten_is_not_recalled_through_an_answer_that_quoted_it() {
    let zo = with_facts();
    let question = "which nuts make Ines ill?";
    assert!(zo.run(["ask", question]).ok().contains("hazelnuts"));
    assert_eq!(recalled(&zo, &[question])[0], "cake", "the question itself is no answer to it");
    zo.run(["memory", "forget", "cake", "--yes"]).ok();
    let ran = zo.run(["recall", "hazelnuts allergic", "--json"]);
    assert!(!ran.ok().contains("hazelnuts"), "{ran}");
    let before = zo.run(["recall", "hazelnuts allergic", "--json", "--at", "4"]);
    assert!(before.ok().contains("Ines is allergic to hazelnuts."), "{before}");
}

#[test]
fn a_bad_recall_is_refused_with_what_to_type() {
    let zo = with_facts();
    for ran in [zo.run(["recall", ""]), zo.run(["recall", " ", "\t"]), zo.run_with(["recall", "-"], "\n")] {
        let said = ran.failed(2);
        assert!(said.starts_with("error: the query is empty\nhint: ") && said.contains("zo recall \""), "{said}");
    }
    let ran = zo.run(["recall", "x", "--run", "out.tsv"]);
    assert!(ran.failed(2).contains("--queries FILE --run OUT"), "{ran}");
    let ran = zo.run(["recall", "x", "--where", "project"]);
    assert!(ran.failed(2).contains("KEY=VALUE is expected"), "{ran}");
    for top_k in ["0", "1025", "many"] {
        let ran = zo.run(["recall", "x", "--top-k", top_k]);
        assert!(ran.failed(2).contains(top_k), "{ran}");
    }
    let ran = zo.run(["recall", "x", "--where", "projct=atlas"]);
    let said = ran.failed(1);
    assert!(said.contains("`projct`") && said.contains("hint: ") && said.contains("project"), "{said}");
    assert!(zo.run(["recall", "x", "--in", "keys"]).failed(2).contains("keys"));
    assert!(zo.run(["recall", "x", "--since", "soon"]).failed(2).contains("a time is expected"));
    assert!(Zo::new().run(["recall", "x"]).failed(1).contains("there is no home at "));
}

#[test]
fn a_megabyte_is_cut_with_a_note() {
    let zo = with_facts();
    let long = "tide ".repeat(200_000);
    let ran = zo.run_with(["recall", "-", "-k", "1"], &long);
    assert!(ran.ok().starts_with("tide  "), "{ran}");
    assert!(ran.stderr.contains("note: the query has 976.6 KiB; its first 64.0 KiB were used"), "{ran}");
    let json = zo.run_with(["recall", "-", "-k", "1", "--json"], &long).json_object();
    assert!(json["notes"].to_string().contains("64.0 KiB"), "{json}");
}

#[test]
fn any_script_is_recalled() {
    let zo = Zo::new();
    let word = "x".repeat(10_000);
    let texts =
        ["🎂 birthday party 🎉", "会议定在星期五下午三点", "הפגישה ביום שישי בשעה שלוש", "الاجتماع يوم الجمعة", &word];
    for text in texts {
        zo.run_with(["memorize"], text).ok();
    }
    for (query, text) in [("birthday 🎉", texts[0]), ("星期五", texts[1]), ("הפגישה", texts[2]), ("الاجتماع", texts[3])]
    {
        let hits = zo.run(["recall", query, "--json"]).json_object();
        assert_eq!(hits["hits"][0]["content"], text, "{query}");
    }
    for query in ["🎂", "🎂🎉👩‍👩‍👧‍👦", "\u{202e}abc", &word] {
        let ran = zo.run(["recall", query, "-k", "1", "--json"]).json_object();
        assert!(ran["hits"].is_array(), "{ran}");
    }
    for query in [texts[0], texts[1], texts[2], texts[3]] {
        let seen = run_on_terminal(zo.command(["recall", query]), "");
        assert!(seen.status.success() && seen.screen.contains(query), "{:?}", seen.screen);
    }
}

#[test]
fn a_long_text_is_cut_to_some_lines_on_a_terminal() {
    let zo = Zo::new();
    zo.run_with(["memorize"], "a word and another one ".repeat(40)).ok();
    let seen = run_on_terminal(zo.command(["recall", "another word", "--color", "never"]), "");
    assert!(seen.screen.trim_end().ends_with(" …"), "{:?}", seen.screen);
    assert_eq!(seen.screen.lines().count(), 7, "{:?}", seen.screen);
    assert!(!zo.run(["recall", "another word"]).ok().contains('…'), "a pipe has it whole");
}

const QUESTIONS: &str = concat!(
    "{\"id\":\"q1\",\"text\":\"tide clock\",\"meta\":{\"project\":\"clock\"}}\n",
    "{\"id\":\"q2\",\"text\":\"tide clock\",\"meta\":{\"project\":\"atlas\"}}\n",
    "{\"id\":\"q3\",\"text\":\"tide clock\",\"meta\":{\"project\":\"none\"}}\n",
);

/// The columns of every line.
fn columns(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(['\t', ' ']).map(str::to_owned).collect()).collect()
}

#[test]
fn a_run_has_a_line_for_each_hit() {
    let zo = with_facts();
    let queries = zo.file("q.jsonl", QUESTIONS);
    let queries = queries.to_str().expect("ASCII");
    let ran = zo.run(["recall", "--queries", queries, "--run", "run.tsv", "--top-k", "2"]);
    assert_eq!(ran.ok(), "3 queries, 6 hits: run.tsv");
    let run = zo.scratch().join("run.tsv");
    let lines = columns(&fs::read_to_string(&run).expect("a run"));
    assert_eq!(lines.len(), 6);
    assert_eq!((&lines[0][..3], lines[0].len()), (&["q1".to_owned(), "tide".into(), "1".into()][..], 4));
    assert_eq!(lines[1][2], "2");
    let score = |line: &[String], column: usize| line[column].parse::<f64>().expect("a score");
    assert!(score(&lines[0], 3) >= score(&lines[1], 3), "{lines:?}");
    let mode = fs::metadata(&run).expect("a file").permissions().mode();
    assert_eq!(mode & 0o400, 0o400);
    assert!(
        fs::read_dir(zo.scratch())
            .expect("readable")
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().starts_with(".zo-run-") })
    );
    let printed = zo.run(["recall", "--queries", queries, "--run", "-", "--trec", "-k", "1"]);
    let lines = columns(printed.ok());
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[0][1].as_str(), lines[0][2].as_str(), lines[0][5].as_str()), ("Q0", "tide", "zo"));
    let json = zo.run(["recall", "--queries", queries, "--run", "run.tsv", "--json", "-k", "1"]).json_object();
    assert_eq!((&json["queries"], &json["hits"], &json["run"]), (&3.into(), &3.into(), &"run.tsv".into()));
}

#[test]
fn a_scope_keeps_a_query_to_its_own() {
    let zo = with_facts();
    let queries = zo.file("q.jsonl", QUESTIONS);
    let scoped = |queries: &Path, key: &str| {
        zo.run(["recall", "--queries", queries.to_str().expect("ASCII"), "--run", "-", "--scope", key])
    };
    let ran = scoped(&queries, "project");
    let pairs: Vec<String> = columns(ran.ok()).iter().map(|line| format!("{} {}", line[0], line[1])).collect();
    assert_eq!(pairs[0], "q1 tide");
    assert!(pairs.iter().filter(|pair| pair.starts_with("q2")).count() == 2, "{pairs:?}");
    assert!(!pairs.iter().any(|pair| pair.starts_with("q3")), "{pairs:?}");
    let ran = scoped(&queries, "conv");
    assert!(ran.failed(1).starts_with(&format!("error: {}:1: query q1 has no `conv`", queries.display())), "{ran}");
    let other = zo.file("r.jsonl", "{\"id\":\"q\",\"text\":\"tide\",\"meta\":{\"nowhere\":\"x\"}}\n");
    assert_eq!(scoped(&other, "nowhere").ok(), "", "no item has the key, and so there is no hit");
}

#[test]
fn a_run_that_fails_leaves_what_was_there() {
    let zo = with_facts();
    let run = zo.file("run.tsv", "the last one\n");
    let run = run.to_str().expect("ASCII");
    let queries = zo.file("q.jsonl", "{\"id\":\"a\",\"text\":\"tide\"}\n{\"id\":\"b\"}\n");
    let queries = queries.to_str().expect("ASCII");
    let ran = zo.run(["recall", "--queries", queries, "--run", run]);
    assert!(ran.failed(1).contains("q.jsonl:2: missing field `text`"), "{ran}");
    let good = zo.file("good.jsonl", "{\"id\":\"a b\",\"text\":\"tide\"}\n");
    let good = good.to_str().expect("ASCII");
    let ran = zo.run(["recall", "--queries", good, "--run", run, "--trec"]);
    assert!(ran.failed(1).contains("`a b` has a blank"), "{ran}");
    assert_eq!(fs::read_to_string(run).expect("a file"), "the last one\n");
    assert!(zo.run(["recall", "--queries", good, "--run", "."]).failed(1).contains("is a folder"));
    assert!(zo.run(["recall", "--queries", good]).failed(2).contains("--run"));
    assert!(zo.run(["recall", "--queries", "nothing.jsonl", "--run", run]).failed(1).contains("no such file"));
    zo.run(["recall", "--queries", good, "--run", "/dev/null"]).ok();
    assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
}

/// A collection whose figures can be computed by hand: each query shares its only content word with one document.
fn collection(zo: &Zo) -> [String; 3] {
    let words = ["volcano", "saxophone", "cathedral", "marmalade"];
    let corpus = words.map(|word| format!("{{\"id\":\"{word}\",\"content\":\"{word}\",\"meta\":{{}}}}\n")).concat();
    let query = |(word, cat): (&str, &str)| {
        format!("{{\"id\":\"q-{word}\",\"text\":\"{word}\",\"meta\":{{\"cat\":\"{cat}\"}}}}\n")
    };
    let queries = [("volcano", "a"), ("saxophone", "a"), ("cathedral", "b")].map(query).concat();
    // The third query is asked about another one's document: it is the first of none.
    let qrels = "q-volcano\tvolcano\t1\nq-saxophone\tsaxophone\t2\nq-cathedral\tnowhere\t1\nq-unknown\tvolcano\t1\n";
    [("corpus.jsonl", corpus), ("queries.jsonl", queries), ("qrels.tsv", qrels.to_owned())]
        .map(|(name, text)| zo.file(name, text).to_str().expect("ASCII").to_owned())
}

#[test]
fn bench_recall_measures_a_collection() {
    let zo = Zo::new();
    let [corpus, queries, qrels] = collection(&zo);
    let bench = |more: &[&str]| {
        let given = ["bench", "recall", "--corpus", &corpus, "--queries", &queries, "--qrels", &qrels];
        zo.run([&given, more].concat())
    };
    let figures = bench(&["--json", "--by", "cat", "--runs", "2"]).json_object();
    assert_eq!((&figures["queries"], &figures["documents"], &figures["asked"]), (&4.into(), &4.into(), &6.into()));
    for name in ["recall@1", "recall@5", "recall@10", "ndcg@10", "mrr@10"] {
        assert_eq!(figures[name], 0.5, "{name}: {figures}");
        assert_eq!(figures["by"]["a"][name], 1.0, "{name}: {figures}");
        assert_eq!(figures["by"]["b"][name], 0.0, "{name}: {figures}");
    }
    assert!(figures["latency_ms"]["whole"]["p50"].as_f64() > Some(0.0), "{figures}");
    let table = bench(&["--by", "cat", "--without", "lexical", "--without", "session"]);
    let lines: Vec<&str> = table.ok().lines().collect();
    assert_eq!(lines[0], "4\t0.5000\t0.5000\t0.5000\t0.5000\t0.5000\tall");
    assert!(lines[1].starts_with("2\t1.0000\t") && lines[1].ends_with("\ta"), "{table}");
    assert!(lines[3].starts_with("latency: p50 "), "{table}");
    assert!(table.stderr.contains("note: the qrels have 1 query that the file of queries has not"), "{table}");
    assert!(bench(&["--without", "luck"]).failed(2).contains("lexical"));
    assert!(!zo.home().exists(), "the user's own home is not touched");
    assert!(
        fs::read_dir(zo.scratch())
            .expect("readable")
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().starts_with("zo-bench-") })
    );
}

#[test]
fn bench_recall_keeps_a_corpus_and_takes_no_other_for_it() {
    let zo = Zo::new();
    let [corpus, queries, qrels] = collection(&zo);
    let bench = |corpus: &str| {
        let given = ["bench", "recall", "--corpus", corpus, "--queries", &queries, "--qrels", &qrels];
        zo.run([&given[..], &["--keep", "kept", "--json"]].concat())
    };
    let first = bench(&corpus).json_object();
    let head = || zo.run(["--home", "kept/home", "status", "--json"]).json_object()["head"].clone();
    let before = head();
    assert_eq!(bench(&corpus).json_object()["ndcg@10"], first["ndcg@10"]);
    assert_eq!(head(), before, "nothing was imported again");
    let other = zo.file("other.jsonl", "{\"id\":\"x\",\"content\":\"another\"}\n");
    let ran = bench(other.to_str().expect("ASCII"));
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.json_error()["message"].as_str().is_some_and(|text| text.contains("holds another corpus")), "{ran}");
}

#[test]
fn index_status_says_how_far_everything_is() {
    let zo = with_facts();
    let status = zo.run(["index", "status"]);
    assert!(status.ok().starts_with("indexed       position 4 of 4\nembedded      position 4 of 4\n"), "{status}");
    assert!(status.stdout.contains("\npassages      3 of 3 embedded (100 %)\n"), "{status}");
    assert!(status.stdout.contains("\nmodel         all-MiniLM-L6-v2 ("), "{status}");
    let json = zo.run(["index", "status", "--json"]).json_object();
    assert_eq!((&json["documents"], &json["passages"]), (&3.into(), &json!({"passages": 3, "of": 3})));
    assert_eq!((&json["indexed_since_open"], &json["embedded_since_open"]), (&0.into(), &0.into()), "{json}");
}

#[test]
fn what_is_left_is_embedded_when_it_is_asked_for() {
    let zo = Zo::new();
    let lines: String =
        (0..300).map(|n| format!("{{\"content\":\"The meeting number {n} is about item {n}.\"}}\n")).collect();
    let ran = zo.run_with(["memorize", "--jsonl", "-", "--no-wait"], lines);
    assert!(ran.ok().starts_with("300 new (") && ran.stderr.is_empty(), "{ran}");
    let embedded = |ran: &Ran| {
        let json = ran.json_object();
        json["passages"].as_u64().expect("a number")
    };
    let ran = zo.run(["recall", "meeting number 7", "-k", "1"]);
    assert!(ran.ok().contains("item 7."), "{ran}");
    assert!(ran.stderr.contains(" % of 300 passages are embedded: the rest is found by its words only"), "{ran}");
    let some = embedded(&zo.run(["index", "embed", "--for", "200ms", "--json"]));
    assert!(some > 0, "some were embedded");
    assert_eq!(embedded(&zo.run(["index", "embed", "--json"])), 300);
    assert_eq!(zo.run(["index", "embed"]).ok(), "everything is embedded: 300 passages");
    assert!(zo.run(["index", "embed", "--for", "ever"]).failed(2).contains("a duration is expected"));
    assert_eq!(zo.run(["recall", "meeting", "--no-embed"]).stderr, "");
}

#[test]
fn an_import_is_embedded_behind() {
    let zo = Zo::new();
    zo.file("notes/boat.md", "# Boat\n\nThe boat is called Fernweh.\n");
    let ran = zo.run(["import", "notes"]);
    assert_eq!(ran.ok(), "memories        1 new");
    assert!(ran.stderr.contains("1 text can be found by its words now\nembedded 1 passage in "), "{ran}");
    assert_eq!(zo.run(["index", "status", "--json"]).json_object()["passages"], json!({"passages": 1, "of": 1}));
    let again = zo.run(["import", "notes", "--quiet"]);
    assert_eq!((again.ok(), again.stderr.as_str()), ("memories        1 unchanged", ""));
    zo.file("notes/car.md", "# Car\n\nThe car stands in Molenstraat.\n");
    let ran = zo.run(["import", "notes", "--no-wait"]);
    assert!(!ran.stderr.contains("embedded") && ran.ok().contains("1 new"), "{ran}");
    assert_eq!(zo.run(["recall", "Molenstraat", "-k", "1", "--json"]).json_object()["share"]["of"], 2);
}

#[test]
fn ctrl_c_ends_embedding_and_the_next_command_carries_on() {
    let zo = Zo::new();
    let text = "Everybody talks at length about what is to be done, and nobody says who does it. ".repeat(8);
    let lines: String = (0..2000).map(|n| format!("{{\"content\":\"{n}: {text}\"}}\n")).collect();
    let file = zo.file("facts.jsonl", lines);
    let mut command = zo.command(["import", file.to_str().expect("ASCII")]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be run");
    let mut stderr = BufReader::new(child.stderr.take().expect("asked for"));
    let mut line = String::new();
    while !line.contains("2,000 texts can be found by their words now") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).expect("it talks"), 0, "it ended without a word");
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("the child is ours");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("it talks");
    assert!(child.wait().expect("it ends").success(), "{rest}");
    assert!(rest.contains(" passages are left: the next command carries on"), "{rest}");
    let ran = zo.run(["recall", "1234", "-k", "1", "--json"]).json_object();
    assert!(ran["hits"][0]["content"].as_str().is_some_and(|text| text.starts_with("1234: ")), "{ran}");
    assert!(ran["share"]["passages"].as_u64() < ran["share"]["of"].as_u64(), "{ran}");
}

#[test]
fn models_are_listed_chosen_and_told() {
    let zo = Zo::new();
    assert!(zo.run(["model", "list"]).failed(1).contains("there is no home at "));
    zo.run(["memorize", "one"]).ok();
    let mut models = zo.run(["model", "list", "--json"]).json();
    models.retain(|model| model["use"] == "embedding");
    let chosen: Vec<&Value> = models.iter().filter(|model| model["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!((&chosen[0]["name"], &chosen[0]["state"]), (&"all-MiniLM-L6-v2".into(), &"shipped".into()));
    assert!(models.len() > 1 && models.iter().all(|model| model["dimensions"].as_u64() > Some(0)), "{models:?}");
    let list = zo.run(["model", "list"]);
    assert!(list.ok().lines().any(|line| line.starts_with("*\tall-MiniLM-L6-v2\t384\tshipped\t")), "{list}");
    let status = zo.run(["model", "status"]);
    assert!(status.ok().starts_with("runtime       "), "{status}");
    let json = zo.run(["model", "status", "--json"]).json_object();
    assert_eq!((&json["model"]["name"], &json["next_model"]), (&"all-MiniLM-L6-v2".into(), &Value::Null));
    let again = zo.run(["model", "use", "all-MiniLM-L6-v2"]);
    assert_eq!(again.ok(), "all-MiniLM-L6-v2");
    let ran = zo.run(["model", "use", "all-MiniLM-L6-v3"]);
    assert!(ran.failed(1).contains("all-MiniLM-L6-v3") && ran.stderr.contains("all-MiniLM-L6-v2"), "{ran}");
    assert!(zo.run(["model", "use", "banana"]).failed(1).contains("hint: "));
}
