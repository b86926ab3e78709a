//! How good rankings are: recall, nDCG and MRR, as they are usually defined, and latencies as percentiles.
//!
//! A query counts if it has a relevant document. Means are over queries (macro averages). A document that is ranked
//! twice counts where it stands first.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead};
use std::time::Duration;

use serde::Serialize;

use crate::error::CliError;

/// How deep nDCG and MRR look.
const DEPTH: usize = 10;

/// What is relevant to each query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Qrels {
    /// The queries that have a relevant document, in the order of the file.
    order: Vec<String>,
    /// Grade of each relevant document, by query.
    grades: HashMap<String, HashMap<String, u32>>,
}

/// How good a ranking is, or the mean of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Scores {
    #[serde(rename = "recall@1")]
    pub(super) recall_1: f64,
    #[serde(rename = "recall@5")]
    pub(super) recall_5: f64,
    #[serde(rename = "recall@10")]
    pub(super) recall_10: f64,
    #[serde(rename = "ndcg@10")]
    pub(super) ndcg_10: f64,
    #[serde(rename = "mrr@10")]
    pub(super) mrr_10: f64,
}

/// Percentiles of latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
}

impl Qrels {
    /// Reads `query document grade`, or TREC's `query iteration document grade`, with tabs or else blanks between. A
    /// first line without a grade is a heading; grades below 1 are not relevant.
    ///
    /// # Errors
    /// If it cannot be read, or a line is none of these; the line is named by `name` and its number.
    pub(super) fn read(name: &str, reader: impl BufRead) -> Result<Self, CliError> {
        let mut qrels = Self::default();
        for (index, line) in reader.lines().enumerate() {
            let line = line.map_err(|error: io::Error| CliError::io(format!("cannot read {name}"), &error))?;
            if line.trim().is_empty() {
                continue;
            }
            match parsed(&line) {
                Some((query, document, grade)) if grade > 0 => qrels.add(query, document, grade),
                Some(_) => {}
                None if index == 0 => {}
                None => {
                    let message = format!("{name}:{}: `query document grade` is expected, and not `{line}`", index + 1);
                    return Err(CliError::invalid(message));
                }
            }
        }
        if qrels.order.is_empty() {
            return Err(CliError::invalid(format!("{name} has no relevant document")));
        }
        Ok(qrels)
    }

    fn add(&mut self, query: &str, document: &str, grade: i64) {
        let grades = self.grades.entry(query.to_owned()).or_insert_with(|| {
            self.order.push(query.to_owned());
            HashMap::new()
        });
        // No gain is finite beyond that, and nobody grades so finely.
        grades.insert(document.to_owned(), grade.min(30) as u32);
    }

    /// The queries that count, in the order of the file.
    pub(super) fn queries(&self) -> &[String] {
        &self.order
    }

    /// How good the ranking of a query is; `None` if the query does not count.
    pub(super) fn score<'a>(&self, query: &str, ranking: impl IntoIterator<Item = &'a str>) -> Option<Scores> {
        Some(score(self.grades.get(query)?, ranking))
    }
}

/// Query, document and grade of a line.
fn parsed(line: &str) -> Option<(&str, &str, i64)> {
    let fields: Vec<&str> =
        if line.contains('\t') { line.split('\t').map(str::trim).collect() } else { line.split_whitespace().collect() };
    let (query, document, grade) = match fields[..] {
        [query, document, grade] | [query, _, document, grade] => (query, document, grade),
        _ => return None,
    };
    Some((query, document, grade.parse().ok()?))
}

fn score<'a>(grades: &HashMap<String, u32>, ranking: impl IntoIterator<Item = &'a str>) -> Scores {
    let mut seen = HashSet::new();
    let gains: Vec<u32> = ranking
        .into_iter()
        .filter(|document| seen.insert(*document))
        .take(DEPTH)
        .map(|document| grades.get(document).copied().unwrap_or(0))
        .collect();
    let recall =
        |depth: usize| gains.iter().take(depth).filter(|&&gain| gain > 0).count() as f64 / grades.len().max(1) as f64;
    let mut ideal: Vec<u32> = grades.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    ideal.truncate(DEPTH);
    let first = gains.iter().position(|&gain| gain > 0);
    Scores {
        recall_1: recall(1),
        recall_5: recall(5),
        recall_10: recall(10),
        ndcg_10: discounted(&gains) / discounted(&ideal),
        mrr_10: first.map_or(0.0, |place| 1.0 / (place + 1) as f64),
    }
}

/// Discounted cumulative gain: 2^grade − 1, divided by the logarithm of the rank plus one.
fn discounted(gains: &[u32]) -> f64 {
    let gained = |(place, &grade): (usize, &u32)| (f64::from(grade).exp2() - 1.0) / ((place + 2) as f64).log2();
    gains.iter().enumerate().map(gained).sum()
}

impl Scores {
    /// The mean; zero of nothing.
    pub(super) fn mean(scores: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| scores.iter().map(of).sum::<f64>() / scores.len().max(1) as f64;
        Self {
            recall_1: mean(|scores| scores.recall_1),
            recall_5: mean(|scores| scores.recall_5),
            recall_10: mean(|scores| scores.recall_10),
            ndcg_10: mean(|scores| scores.ndcg_10),
            mrr_10: mean(|scores| scores.mrr_10),
        }
    }
}

impl Latency {
    /// Percentiles by the nearest rank: the smallest that so many are not above. None of nothing.
    pub(super) fn of(mut times: Vec<Duration>) -> Option<Self> {
        if times.is_empty() {
            return None;
        }
        times.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1);
            times[rank - 1].as_secs_f64() * 1e3
        };
        Some(Self { p50: percentile(50), p90: percentile(90), p99: percentile(99) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades(pairs: &[(&str, u32)]) -> HashMap<String, u32> {
        pairs.iter().map(|(document, grade)| ((*document).to_owned(), *grade)).collect()
    }

    #[track_caller]
    fn close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-12, "{left} is not {right}");
    }

    #[test]
    fn a_ranking_is_scored_as_by_hand() {
        // Relevant: a (3), b (1), c (2). Ranked: x, a, b, and c not at all.
        let scores = score(&grades(&[("a", 3), ("b", 1), ("c", 2)]), ["x", "a", "b"]);
        close(scores.recall_1, 0.0);
        close(scores.recall_5, 2.0 / 3.0);
        close(scores.recall_10, 2.0 / 3.0);
        close(scores.mrr_10, 0.5);
        let gained = 7.0 / 3_f64.log2() + 1.0 / 4_f64.log2();
        let ideal = 7.0 / 2_f64.log2() + 3.0 / 3_f64.log2() + 1.0 / 4_f64.log2();
        close(scores.ndcg_10, gained / ideal);
    }

    #[test]
    fn the_best_ranking_scores_one_and_the_empty_one_nothing() {
        let relevant = grades(&[("a", 1), ("b", 2)]);
        let best = score(&relevant, ["b", "a", "x"]);
        close(best.ndcg_10, 1.0);
        close(best.recall_1, 0.5);
        close(best.recall_5, 1.0);
        close(best.mrr_10, 1.0);
        assert_eq!(score(&relevant, []), Scores::default());
    }

    #[test]
    fn beyond_the_tenth_nothing_counts_and_a_repetition_takes_no_place() {
        let others = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
        let relevant = grades(&[("a", 1)]);
        assert_eq!(score(&relevant, others.into_iter().chain(["a"])), Scores::default());
        let tenth = score(&relevant, others[..9].iter().copied().chain(["1", "2", "a"]));
        close(tenth.mrr_10, 0.1);
        close(tenth.recall_10, 1.0);
        close(tenth.ndcg_10, 1.0 / 11_f64.log2());
    }

    #[test]
    fn more_relevant_documents_than_ranks_can_still_be_ranked_best() {
        let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        let relevant = names.iter().map(|name| (name.clone(), 1)).collect();
        let scores = score(&relevant, names.iter().map(String::as_str));
        close(scores.ndcg_10, 1.0);
        close(scores.recall_10, 10.0 / 12.0);
    }

    #[test]
    fn qrels_are_read_in_both_forms() {
        let read = |text: &str| Qrels::read("q.tsv", text.as_bytes());
        let qrels = read("query-id\tcorpus-id\tscore\nq1\td 1\t2\n\nq2\td2\t0\nq3\td3\t1\nq1\td4\t1\n").expect("qrels");
        assert_eq!(qrels.queries(), ["q1", "q3"]);
        assert_eq!(qrels.grades["q1"], grades(&[("d 1", 2), ("d4", 1)]));
        let trec = read("q1 0 d1 2\nq3 0 d3 1\n").expect("qrels");
        assert_eq!((trec.queries().len(), trec.grades["q1"]["d1"]), (2, 2));
        assert_eq!(trec.score("q2", ["d1"]), None);
        let error = read("q1\td1\t1\nnonsense\n").expect_err("two fields are missing");
        assert!(error.message.starts_with("q.tsv:2: "), "{error:?}");
        assert!(read("q1\td1\t0\n").is_err(), "nothing is relevant");
    }

    #[test]
    fn a_mean_is_over_queries() {
        let one = Scores { recall_1: 1.0, mrr_10: 0.5, ..Scores::default() };
        let mean = Scores::mean(&[one, Scores::default()]);
        close(mean.recall_1, 0.5);
        close(mean.mrr_10, 0.25);
        assert_eq!(Scores::mean(&[]), Scores::default());
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let latency = Latency::of((1..=200).map(Duration::from_millis).collect()).expect("there are some");
        close(latency.p50, 100.0);
        close(latency.p90, 180.0);
        close(latency.p99, 198.0);
        let one = Latency::of(vec![Duration::from_millis(3)]).expect("there is one");
        close(one.p99, 3.0);
        assert_eq!(Latency::of(Vec::new()), None);
    }
}
