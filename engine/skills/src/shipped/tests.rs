//! The shipped skills: that each is valid and does what it says, and that they are put in place whole.

use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::catalogue::search::SearchPath;
use crate::skill::{Origin, Skill};
use crate::testing::{Ran, write};
use crate::{Catalogue, discover, missing, validate};

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

/// The shipped skills, put in place.
fn shipped(into: &TempDir) -> Catalogue {
    let folder = materialise_shipped(&into.path().join("shipped")).expect("put in place");
    discover(&SearchPath { folders: vec![(folder, Origin::Shipped)] })
}

/// A shipped skill beside a folder to work in.
struct Bench {
    scratch: TempDir,
    skill: Skill,
}

impl Bench {
    fn of(name: &str) -> Self {
        let scratch = scratch();
        let skill = shipped(&scratch).get(name).expect("it is shipped").clone();
        fs::create_dir(scratch.path().join("work")).expect("a folder");
        Self { scratch, skill }
    }

    fn work(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    fn file(&self, name: &str, content: &str) {
        write(&self.work().join(name), content);
    }

    fn run(&self, arguments: &Value) -> Ran {
        let script = self.skill.scripts[0].name.clone();
        crate::testing::run(&self.skill, &script, arguments, &self.work())
    }

    /// What it refuses with.
    fn refused(&self, arguments: &Value) -> String {
        let ran = self.run(arguments);
        assert_ne!(ran.code, Some(0));
        assert!(!ran.stderr.contains("Traceback"), "{}", ran.stderr);
        ran.stderr
    }
}

#[test]
fn every_shipped_skill_is_valid_and_needs_nothing_unusual() {
    let scratch = scratch();
    let catalogue = shipped(&scratch);
    assert!(catalogue.skills.len() >= 6 && catalogue.problems.is_empty(), "{:?}", catalogue.problems);
    for skill in &catalogue.skills {
        assert_eq!(validate(&skill.folder), [], "{}", skill.name);
        assert_eq!((skill.problems.len(), missing(skill)), (0, vec![]), "{}", skill.name);
        assert!(skill.requires.network.is_empty() && !skill.triggers.is_empty(), "{}", skill.name);
        assert_eq!(skill.scripts.len(), 1, "{}", skill.name);
    }
}

#[test]
fn nothing_is_shipped_by_accident() {
    for path in files().keys() {
        let parts: Vec<_> = path.components().collect();
        let is_meant = path.ends_with("SKILL.md")
            || (parts.len() == 3 && path.extension().is_some_and(|ending| ending == "py" || ending == "sh"));
        assert!(is_meant, "{}", path.display());
    }
}

#[test]
fn they_are_put_in_place_once_and_mended() {
    let scratch = scratch();
    let into = scratch.path().join("a/b");
    let folder = materialise_shipped(&into).expect("put in place");
    let file = folder.join("text-stats/SKILL.md");
    let written = fs::metadata(&file).expect("a file").modified().expect("a time");
    assert_eq!(materialise_shipped(&into).expect("there"), folder);
    assert_eq!(fs::metadata(&file).expect("a file").modified().expect("a time"), written);

    let content = fs::read(&file).expect("a file");
    write(&file, "changed");
    materialise_shipped(&into).expect("mended");
    assert_eq!(fs::read(&file).expect("a file"), content);
    write(&folder.join("text-stats/scripts/json.py"), "raise SystemExit('hijacked')");
    materialise_shipped(&into).expect("mended");
    assert!(!folder.join("text-stats/scripts/json.py").exists());
    assert_eq!(fs::read_dir(&into).expect("a folder").count(), 1, "nothing is left over");
}

#[test]
fn many_at_once_put_them_in_place_together() {
    let scratch = scratch();
    let into = scratch.path().to_owned();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn({
                let into = into.clone();
                move || materialise_shipped(&into)
            })
        })
        .collect();
    for thread in threads {
        let folder = thread.join().expect("no panic").expect("put in place");
        assert!(is_complete(&folder, &files()));
    }
    assert_eq!(fs::read_dir(&into).expect("a folder").count(), 1, "nothing is left over");
}

#[test]
fn text_stats_counts() {
    let bench = Bench::of("text-stats");
    bench.file("a.txt", "One two three. Four five?\n\nSix words, six: don't.\n");
    let stats = bench.run(&json!({"path": "a.txt", "top": 1})).json();
    let of = |name: &str| stats[name].clone();
    assert_eq!(
        (of("words"), of("sentences"), of("paragraphs"), of("unique_words")),
        (json!(9), json!(3), json!(2), json!(8))
    );
    assert_eq!(of("top"), json!([{"word": "don't", "count": 1}]));
    assert!(bench.refused(&json!({})).contains("either `text` or `path`"));
    assert_eq!(bench.run(&json!({"text": ""})).json()["words_per_sentence"], json!(0));
}

#[test]
fn csv_report_profiles() {
    let bench = Bench::of("csv-report");
    bench.file(
        "a.csv",
        "id;town;price;postcode;day\n1;Ulm;2.5;00501;2026-01-02\n2;Ulm;;10115;2026-01-01\n2;Ulm;;10115;2026-01-01\n3;Bonn;7.5\n",
    );
    let report = bench.run(&json!({"path": "a.csv"})).json();
    assert_eq!((&report["rows"], &report["duplicate_rows"], &report["delimiter"]), (&json!(4), &json!(1), &json!(";")));
    assert_eq!(report["ragged_rows"], json!({"count": 1, "lines": [5]}));
    let types: Vec<&Value> =
        report["columns"].as_array().expect("columns").iter().map(|column| &column["type"]).collect();
    assert_eq!(types, ["integer", "text", "number", "text", "date"]);
    let price = &report["columns"][2];
    assert_eq!((&price["missing"], &price["mean"], &price["max"]), (&json!(2), &json!(5.0), &json!(7.5)));
    assert_eq!(report["columns"][1]["top"][0], json!({"value": "Ulm", "count": 3}));
    bench.file("empty.csv", "");
    assert!(bench.refused(&json!({"path": "empty.csv"})).contains("no rows"));
}

#[test]
fn git_digest_sums_up() {
    let bench = Bench::of("git-digest");
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"];
        let mut command = process::Command::new("git");
        command.current_dir(bench.work()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("HOME", bench.scratch.path());
        assert!(command.args(identity).args(arguments).output().expect("git").status.success(), "{arguments:?}");
    };
    git(&["init", "-q", "-b", "trunk"]);
    bench.file("src/a.txt", "one\ntwo\n");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first: two lines"]);
    bench.file("src/a.txt", "one\n");
    git(&["commit", "-q", "-a", "-m", "second: fewer"]);
    bench.file("new.txt", "x");
    let digest = bench.run(&json!({})).json();
    assert_eq!(
        (&digest["branch"], &digest["total"], &digest["truncated"]),
        (&json!("trunk"), &json!(2), &json!(false))
    );
    let commit = &digest["commits"][0];
    assert_eq!(
        (&commit["subject"], &commit["added"], &commit["removed"]),
        (&json!("second: fewer"), &json!(0), &json!(1))
    );
    assert_eq!(digest["authors"], json!([{"author": "Ada", "commits": 2}]));
    assert_eq!(digest["files"], json!([{"file": "src/a.txt", "lines": 3}]));
    assert_eq!(digest["uncommitted"], json!(["?? new.txt"]));
    assert_eq!(bench.run(&json!({"most": 1})).json()["truncated"], json!(true));
    assert_eq!(bench.run(&json!({"path": "elsewhere"})).json()["total"], json!(0));
    assert!(bench.refused(&json!({"range": "--output=/tmp/x"})).contains("must not begin with a hyphen"));
    assert!(bench.refused(&json!({"range": "nothing..HEAD"})).contains("git rev-list"));
}

#[test]
fn find_duplicates_compares_contents() {
    let bench = Bench::of("find-duplicates");
    for (name, content) in
        [("a", "same"), ("sub/b", "same"), ("c", "diff"), (".hidden/d", "same"), ("e", ""), ("f", "")]
    {
        bench.file(name, content);
    }
    let found = bench.run(&json!({})).json();
    assert_eq!((&found["compared"], &found["wasted"]), (&json!(3), &json!(4)));
    let mut files: Vec<&str> =
        found["groups"][0]["files"].as_array().expect("files").iter().filter_map(Value::as_str).collect();
    files.sort_unstable();
    assert_eq!((files, found["groups"].as_array().map(Vec::len)), (vec!["./a", "./sub/b"], Some(1)));
    assert_eq!(bench.run(&json!({"hidden": true})).json()["wasted"], json!(8));
    assert!(bench.refused(&json!({"folder": "nowhere"})).contains("not a folder"));
}

#[test]
fn markdown_check_finds_what_is_broken() {
    let bench = Bench::of("markdown-check");
    bench.file(
        "docs/a.md",
        "# Title\n\n[b](b.md#part-two) [gone](gone.md) [no](b.md#nowhere) [web](https://example.org) `[code](x.md)`\n\n### Deep\n\n\
         ```\n# not a heading\n[no link](y.md)\n```\n\n[ref][known] [ref][unknown]\n\n[known]: b.md\n\n## Deep\n",
    );
    bench.file("docs/b.md", "# B\n\n## Part two\n\n[up](../docs/a.md#deep-1)\n");
    let report = bench.run(&json!({"path": "docs"})).json();
    let problems: Vec<(u64, &str)> = report["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| (problem["line"].as_u64().expect("a line"), problem["kind"].as_str().expect("a kind")))
        .collect();
    assert_eq!(
        problems,
        [
            (3, "missing_file"),
            (3, "missing_heading"),
            (5, "skipped_level"),
            (12, "missing_reference"),
            (16, "double_heading")
        ]
    );
    assert_eq!((&report["files"], &report["external"]), (&json!(2), &json!(1)));
    let toc = bench.run(&json!({"path": "docs/b.md", "toc": true})).json();
    assert_eq!(toc["toc"], json!("- [Part two](#part-two)"));
    assert!(bench.refused(&json!({"path": "docs", "toc": true})).contains("`toc` takes one file"));
}

#[test]
fn json_query_looks_into_files() {
    let bench = Bench::of("json-query");
    bench.file(
        "a.jsonl",
        "{\"id\":1,\"who\":{\"name\":\"Ada\"},\"tags\":[\"x\",\"y\"]}\n\
        {\"id\":2,\"who\":{\"name\":\"Bob\"},\"tags\":[]}\n{\"id\":3,\"who\":null}\n",
    );
    let shape = bench.run(&json!({"path": "a.jsonl"})).json();
    let paths: Vec<&str> =
        shape["shape"].as_array().expect("a shape").iter().filter_map(|entry| entry["path"].as_str()).collect();
    assert_eq!(paths, [".", "id", "who", "who.name", "tags", "tags[]"]);
    let rows =
        bench.run(&json!({"path": "a.jsonl", "where": "id >= 2", "select": "id, who.name", "sort": "-id"})).json();
    assert_eq!(rows["records"], json!([{"id": 3, "who.name": null}, {"id": 2, "who.name": "Bob"}]));
    let groups = bench.run(&json!({"path": "a.jsonl", "group": "tags[]"})).json();
    assert_eq!(groups["groups"], json!([{"value": "x", "count": 1}, {"value": "y", "count": 1}]));
    let none = bench.run(&json!({"path": "a.jsonl", "where": "nmae = Ada"})).json();
    assert_eq!((&none["matched"], &none["unknown_paths"]), (&json!(0), &json!(["nmae"])));
    let count = bench.run(&json!({"path": "a.jsonl", "where": "who.name matches ^A", "count": true})).json();
    assert_eq!(count["matched"], json!(1));
    bench.file("b.json", "{\"data\":{\"a b\":[1,2,3]}}");
    let inner = bench.run(&json!({"path": "b.json", "records": "data[\"a b\"]", "limit": 2})).json();
    assert_eq!((&inner["matched"], &inner["records"]), (&json!(3), &json!([1, 2])));
    bench.file("bad.json", "{\n  \"a\": }\n");
    assert!(bench.refused(&json!({"path": "bad.json"})).contains("bad.json:2: not JSON"));
}

#[test]
fn extract_tables_reads_markdown_and_html() {
    let bench = Bench::of("extract-tables");
    bench.file(
        "a.md",
        "# Costs\n\n| What | **EUR** |\n|---|--:|\n| `a|b` | 1 |\n| [x](y) | 2 |\n\n```\n\
        | no | table |\n|---|---|\n```\n",
    );
    let tables = bench.run(&json!({"path": "a.md"})).json();
    assert_eq!(
        tables["tables"],
        json!([{"number": 1, "line": 3, "caption": "Costs", "columns": ["What", "EUR"], "more_rows": 0,
            "rows": [{"What": "a|b", "EUR": "1"}, {"What": "x", "EUR": "2"}]}])
    );
    bench.file(
        "b.html",
        "<h2>Head &amp; more</h2><table><tr><th>a<th>a</tr><tr><td rowspan=2>1<td>2</tr><tr><td>3<script>x</script></td></tr></table>\
         <table><caption>Two</caption><tr><td colspan=2>x</td></tr></table>",
    );
    let csv = bench.run(&json!({"path": "b.html", "form": "csv"})).json();
    assert_eq!(csv["tables"][0]["rows"], json!("a,a 2\n1,2\n1,3\n"));
    assert_eq!((&csv["tables"][0]["caption"], &csv["tables"][1]["caption"]), (&json!("Head & more"), &json!("Two")));
    let lists = bench.run(&json!({"path": "b.html", "form": "lists", "table": 2})).json();
    assert_eq!(lists["tables"][0]["rows"], json!([["x", "x"]]));
    assert!(bench.refused(&json!({"path": "b.html", "table": 3})).contains("there is no table 3"));
}

#[test]
fn daily_note_keeps_a_journal() {
    let bench = Bench::of("daily-note");
    let file = bench.run(&json!(["add", "Agreed with Ada\n- 00:00 forged"])).text().trim().to_owned();
    bench.run(&json!({"args": ["add", "second"]}));
    let shown = bench.run(&json!(["show"]));
    let lines: Vec<&str> = shown.text().lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[2].ends_with(" Agreed with Ada - 00:00 forged"), "{lines:?}");
    bench.file("journal/2026-01-02.md", "# 2026-01-02\n");
    let listed = bench.run(&json!(["list"]));
    assert_eq!(listed.text(), format!("{}\n2026-01-02\n", &file["journal/".len()..file.len() - 3]));
    assert!(bench.refused(&json!(["show", "../../etc/passwd"])).contains("a day is YYYY-MM-DD"));
    assert!(bench.refused(&json!(["add", " "])).contains("a text is expected"));
    assert!(bench.refused(&json!([])).contains("not nothing"));
    assert!(bench.skill.requires.write);
}

#[test]
fn summarise_text_picks_sentences() {
    let bench = Bench::of("summarise-text");
    let filler = "It was a quiet day and nobody said very much at all.\n\n".repeat(3);
    let text = format!(
        "# Minutes\n\n{filler}The budget for the bridge grows to four million this year.\nThe bridge opens in\nspring, and \
         the budget committee agreed to that.\n\n- The harbour needs a new crane before the winter storms.\n\n```\n\
         The bridge budget is code here.\n```\n"
    );
    bench.file("a.md", &text);
    let summary = bench.run(&json!({"path": "a.md", "sentences": 2})).json();
    assert_eq!(summary["of"], json!(6));
    let found: Vec<(u64, &str)> = summary["sentences"]
        .as_array()
        .expect("sentences")
        .iter()
        .map(|one| (one["line"].as_u64().expect("a line"), one["text"].as_str().expect("a text")))
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().filter(|(_, text)| text.contains("nobody")).count() <= 1,
        "the same is not said twice: {found:?}"
    );
    let about = bench.run(&json!({"path": "a.md", "sentences": 1, "about": "harbour crane"})).json();
    let line = text.lines().position(|line| line.contains("harbour")).expect("a line") + 1;
    assert_eq!(
        (about["sentences"][0]["line"].as_u64(), about["sentences"].as_array().map(Vec::len)),
        (Some(line as u64), Some(1))
    );
}
