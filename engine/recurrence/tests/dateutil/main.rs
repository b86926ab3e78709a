//! Generated rules against python-dateutil: `tests/oracle.py` says what is due.
//!
//! It needs a Python with `python-dateutil==2.9.0.post0` and `tzdata==2025.2` (the same IANA release as chrono-tz):
//! `ZO_ORACLE_PYTHON`, or `target/oracle/bin/python`, which `tests/run` makes. `ZO_SEED` repeats a run, `ZO_LONG=1` makes it
//! twenty times as long.

mod generate;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chrono::{DateTime, Utc};
use serde_json::Value;
use zo_recurrence::{Rule, RuleError};

use generate::{Case, Random};

const CASES: usize = 3_000;
const LONG_FACTOR: usize = 20;

/// The oracle's process.
struct Oracle {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Self {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let given = std::env::var_os("ZO_ORACLE_PYTHON").map(PathBuf::from);
        let python = given.unwrap_or_else(|| here.join("../../target/oracle/bin/python"));
        let child = Command::new(&python)
            .arg(here.join("tests/oracle.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start the oracle's Python, {}: {error}\nhint: `tests/run` makes it; or give one that has \
                     python-dateutil and tzdata in ZO_ORACLE_PYTHON",
                    python.display()
                )
            });
        let mut child = child;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, questions, answers }
    }

    /// What is due, in seconds since 1970; `None` if dateutil takes too long to say.
    fn due(&mut self, case: &Case) -> Option<Vec<i64>> {
        let questions = self.questions.as_mut().expect("it is running");
        writeln!(questions, "{}", case.json).and_then(|()| questions.flush()).expect("the oracle reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the oracle answers");
        let answer: Value = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("the oracle failed on {}: {error}; its error is above", case.json));
        let due = answer.get("due")?.as_array().expect("a list");
        Some(due.iter().map(|instant| instant.as_i64().expect("a number")).collect())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

#[test]
fn occurrences_are_those_of_dateutil() {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let cases = if is_set("ZO_LONG") { CASES * LONG_FACTOR } else { CASES };
    let seed = std::env::var("ZO_SEED").map_or(20_261_121, |seed| seed.parse().expect("ZO_SEED is a number"));
    let mut random = Random(seed);
    let mut oracle = Oracle::start();
    let (mut slow, mut empty) = (0, 0);
    for number in 0..cases {
        let case = Case::new(&mut random);
        let Some(expected) = oracle.due(&case) else {
            slow += 1;
            continue;
        };
        empty += usize::from(expected.is_empty());
        let rule = Rule::parse_rfc(&case.text).unwrap_or_else(|error| panic!("{error}\n{}", case.text));
        let due = due(&rule, case.cursor, case.horizon, case.most);
        assert_eq!(
            shown(&due),
            shown(&expected),
            "left: zo, right: dateutil; case {number} of ZO_SEED={seed}, after {}\n{}\n{}",
            case.cursor,
            case.text,
            case.json
        );
        holds_for_any_rule(&rule, &case, &due);
    }
    // A test that asked nothing would have found nothing.
    assert!(slow * 20 < cases, "dateutil was too slow for {slow} of {cases} cases");
    assert!(empty * 2 < cases, "{empty} of {cases} cases have no occurrence");
}

/// What has to hold whatever the oracle says.
fn holds_for_any_rule(rule: &Rule, case: &Case, due: &[i64]) {
    let again = Rule::parse_rfc(&rule.to_rfc()).expect("its own text");
    assert_eq!(&again, rule, "{}", case.text);
    let mut cursor = case.cursor;
    for instant in due {
        let next = rule.after(cursor).expect("as before").expect("as before");
        assert_eq!(next.utc.timestamp(), *instant, "asked one by one, after {cursor}\n{}", case.text);
        assert_eq!(next.local.and_utc().timestamp() - i64::from(next.offset_seconds), *instant, "{}", case.text);
        cursor = next.utc;
    }
}

fn due(rule: &Rule, cursor: DateTime<Utc>, horizon: DateTime<Utc>, most: usize) -> Vec<i64> {
    let mut due = Vec::new();
    for occurrence in rule.between(cursor, horizon).take(most) {
        match occurrence {
            Ok(occurrence) => due.push(occurrence.utc.timestamp()),
            // The same as never, said earlier.
            Err(RuleError::Exhausted { .. }) => break,
            Err(error) => panic!("{error}\n{rule}"),
        }
    }
    due
}

fn shown(instants: &[i64]) -> Vec<String> {
    instants.iter().map(|instant| DateTime::from_timestamp(*instant, 0).expect("an instant").to_rfc3339()).collect()
}
