//! `zo bench recall`: how well and how fast recall answers the queries of a test collection.
//!
//! [`metrics`](super::metrics) has the definitions; the queries are put as `zo recall --queries` puts them.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::{Embedded, IndexStatus, RECALL_PARTS, RecallQuestion, RecallScope};

use super::metrics::{Latency, Qrels, Scores};
use crate::commands::import;
use crate::commands::recall::batch::{Plan, QueryLine, embed_all, read_queries, text_of};
use crate::context::Context;
use crate::embedding::index_status;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::{count, counted};
use crate::output::{Output, Table, Total};

/// What is looked at of each ranking: as deep as the metrics look.
const HITS: u32 = 10;
/// The file of a kept folder that says which corpus its home holds.
const CORPUS_FILE: &str = "corpus.blake3";
/// The home in a kept folder.
const HOME: &str = "home";

/// Measure how well and how fast recall answers
///
/// Examples:
///   zo bench recall --corpus corpus.jsonl --queries queries.jsonl --qrels qrels.tsv
///   zo bench recall --corpus c.jsonl --queries q.jsonl --qrels q.tsv --scope conv --by cat
///   zo bench recall --corpus c.jsonl --queries q.jsonl --qrels q.tsv --keep /tmp/bench --without dense
///
/// The corpus is a file of JSON lines {"id", "content", "meta"}, the queries {"id", "text", "meta"}, the qrels lines of
/// query, document and grade. Uses a home of its own. Prints recall@1, @5 and @10, nDCG@10 and MRR@10, each as the mean
/// over the queries that have a relevant document, and how long a query takes.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Recall {
    /// What is to be remembered, a memory a line
    #[arg(long, value_name = "FILE")]
    corpus: PathBuf,
    /// What is to be recalled, a question a line
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Which memories answer which question
    #[arg(long, value_name = "FILE")]
    qrels: PathBuf,
    /// A question may only be answered by what has the same under this key of its meta as the question has
    #[arg(long, value_name = "KEY")]
    scope: Option<String>,
    /// Leave out a part of the score; may be given more than once
    #[arg(long, value_name = "PART", value_parser = PossibleValuesParser::new(RECALL_PARTS))]
    without: Vec<String>,
    /// Break the figures down by what the questions have under this key of their meta
    #[arg(long, value_name = "KEY")]
    by: Option<String>,
    /// How often to put all questions; times are over all of them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Keep the home in this folder, and use it again if it holds this corpus
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Begin though not everything is embedded
    #[arg(long)]
    no_wait: bool,
}

/// What was measured, as JSON has it.
#[derive(Serialize)]
struct Figures {
    documents: u64,
    passages: Embedded,
    model: Option<String>,
    scope: Option<String>,
    without: Vec<String>,
    queries: u64,
    #[serde(flatten)]
    scores: Scores,
    by: Option<BTreeMap<String, Group>>,
    asked: u64,
    latency_ms: Times,
}

#[derive(Serialize)]
struct Group {
    queries: u64,
    #[serde(flatten)]
    scores: Scores,
}

#[derive(Serialize)]
struct Times {
    whole: Option<Latency>,
    embedding: Option<Latency>,
    searching: Option<Latency>,
}

/// How long each question took.
#[derive(Default)]
struct Clock {
    whole: Vec<Duration>,
    embedding: Vec<Duration>,
    searching: Vec<Duration>,
}

impl Recall {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let queries = read_queries(&self.queries)?;
        let qrels = read_qrels(&self.qrels)?;
        let common = RecallQuestion {
            limit: HITS,
            scope: RecallScope::Memories,
            without: self.without.clone(),
            ..RecallQuestion::default()
        };
        let plan = Plan { scope: self.scope.clone(), common, at: None };
        let questions = queries.iter().map(|query| plan.question(query)).collect::<Result<Vec<_>, _>>()?;
        let questions: Vec<RecallQuestion> = questions.into_iter().map(|(question, _)| question).collect();
        // The folder lives as long as this value, unless it is to be kept.
        let (folder, _scratch) = self.folder()?;
        context.home = folder.join(HOME);
        let interrupt = Interrupt::watch()?;
        self.fill(context, &folder, &interrupt)?;
        let mut client = context.open_existing()?;
        if !self.no_wait {
            embed_all(&mut client, &mut context.output, &interrupt)?;
        }
        let status = index_status(&mut client).ok();
        let (rankings, clock) = self.ask(&mut client, &mut context.output, &plan, &queries, &questions, &interrupt)?;
        context.close(client)?;
        let figures = self.figures(&queries, &qrels, &rankings, clock, status);
        let unknown = qrels.queries().iter().filter(|query| !rankings.contains_key(query.as_str())).count();
        if unknown > 0 {
            let unknown = counted(unknown as u64, "query");
            context
                .output
                .note(format!("note: the qrels have {unknown} that the file of queries has not: nothing is found"));
        }
        print(&mut context.output, &figures)
    }

    /// The folder of the home, and what takes it away afterwards.
    fn folder(&self) -> Result<(PathBuf, Option<tempfile::TempDir>), CliError> {
        let Some(folder) = &self.keep else {
            let made = tempfile::Builder::new().prefix("zo-bench-").tempdir();
            let scratch = made.map_err(|error| CliError::io("cannot make a temporary folder", &error))?;
            return Ok((scratch.path().to_owned(), Some(scratch)));
        };
        let cannot = |error: io::Error| CliError::io(format!("cannot use {}", folder.display()), &error);
        fs::create_dir_all(folder).map_err(cannot)?;
        Ok((std::path::absolute(folder).map_err(cannot)?, None))
    }

    /// Takes the corpus over, unless the home holds it already.
    fn fill(&self, context: &mut Context, folder: &Path, interrupt: &Interrupt) -> Result<(), CliError> {
        let digest = digest_of(&self.corpus)?;
        let marker = folder.join(CORPUS_FILE);
        match fs::read_to_string(&marker) {
            Ok(there) if there.trim() == digest => return Ok(()),
            Ok(_) => {
                let message = format!("{} holds another corpus than {}", folder.display(), self.corpus.display());
                return Err(CliError::invalid(message).hint("keep this one in a folder of its own, or remove that one"));
            }
            Err(_) => {}
        }
        let tally = import::lines_of_json(context, &self.corpus, interrupt)?;
        if tally.failed > 0 {
            let failed = counted(tally.failed, "line");
            context.output.note(format!("note: {failed} of the corpus cannot be taken, and so cannot be found"));
        }
        fs::write(&marker, digest + "\n")
            .map_err(|error| CliError::io(format!("cannot write {}", marker.display()), &error))
    }

    /// Puts all questions so often; returns the ranking of each, and how long they took.
    fn ask<'a>(
        &self,
        client: &mut Client,
        output: &mut Output,
        plan: &Plan,
        queries: &'a [QueryLine],
        questions: &[RecallQuestion],
        interrupt: &Interrupt,
    ) -> Result<(HashMap<&'a str, Vec<String>>, Clock), CliError> {
        let mut rankings = HashMap::new();
        let mut clock = Clock::default();
        let total = queries.len() as u64 * u64::from(self.runs);
        let progress = output.progress("recalling", Total::Items(total));
        for _ in 0..self.runs {
            for (query, question) in queries.iter().zip(questions) {
                if interrupt.is_set() {
                    return Err(CliError::new(Kind::Interrupted, "interrupted; nothing was measured"));
                }
                let (recalled, took) = plan.put(client, query, question.clone())?;
                let embedding = Duration::from_micros(recalled.embedding_us).min(took);
                clock.whole.push(took);
                clock.embedding.push(embedding);
                clock.searching.push(took - embedding);
                progress.set(clock.whole.len() as u64);
                let ids = recalled.hits.into_iter().map(|hit| hit.id);
                rankings.entry(query.id.as_str()).or_insert_with(|| ids.collect::<Vec<_>>());
            }
        }
        Ok((rankings, clock))
    }

    fn figures(
        &self,
        queries: &[QueryLine],
        qrels: &Qrels,
        rankings: &HashMap<&str, Vec<String>>,
        clock: Clock,
        status: Option<IndexStatus>,
    ) -> Figures {
        let score = |query: &String| {
            let ranking = rankings.get(query.as_str()).map(Vec::as_slice).unwrap_or_default();
            qrels.score(query, ranking.iter().map(String::as_str))
        };
        let all: Vec<Scores> = qrels.queries().iter().filter_map(score).collect();
        let by = self.by.as_ref().map(|key| {
            let mut groups: BTreeMap<String, Vec<Scores>> = BTreeMap::new();
            for query in queries {
                let value = query.meta.get(key).and_then(text_of).unwrap_or_else(|| "(none)".to_owned());
                if let Some(scores) = score(&query.id) {
                    groups.entry(value).or_default().push(scores);
                }
            }
            let group = |scores: Vec<Scores>| Group { queries: scores.len() as u64, scores: Scores::mean(&scores) };
            groups.into_iter().map(|(value, scores)| (value, group(scores))).collect()
        });
        let asked = clock.whole.len() as u64;
        let latency_ms = Times {
            whole: Latency::of(clock.whole),
            embedding: Latency::of(clock.embedding),
            searching: Latency::of(clock.searching),
        };
        Figures {
            documents: status.as_ref().map_or(0, |status| status.documents),
            passages: status.as_ref().map(|status| status.passages).unwrap_or_default(),
            model: status.and_then(|status| status.model).map(|model| model.name),
            scope: self.scope.clone(),
            without: self.without.clone(),
            queries: all.len() as u64,
            scores: Scores::mean(&all),
            by,
            asked,
            latency_ms,
        }
    }
}

fn read_qrels(path: &Path) -> Result<Qrels, CliError> {
    let file = File::open(path).map_err(|error| CliError::io(format!("cannot read {}", path.display()), &error))?;
    Qrels::read(&path.display().to_string(), BufReader::new(file))
}

/// The digest of a file's bytes, in hex.
fn digest_of(path: &Path) -> Result<String, CliError> {
    let cannot = |error: io::Error| CliError::io(format!("cannot read {}", path.display()), &error);
    let mut file = File::open(path).map_err(cannot)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(cannot)? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            length => hasher.update(&buffer[..length]),
        };
    }
}

fn print(output: &mut Output, figures: &Figures) -> Result<(), CliError> {
    if output.is_json() {
        return output.data(figures);
    }
    let mut table = Table::new(&["QUERIES", "RECALL@1", "RECALL@5", "RECALL@10", "NDCG@10", "MRR@10", "OF"]);
    let mut row = |queries: u64, scores: &Scores, of: &str| {
        let Scores { recall_1, recall_5, recall_10, ndcg_10, mrr_10 } = scores;
        let figures = [recall_1, recall_5, recall_10, ndcg_10, mrr_10].map(|figure| format!("{figure:.4}"));
        table.row([count(queries)].into_iter().chain(figures).chain([of.to_owned()]));
    };
    row(figures.queries, &figures.scores, "all");
    for (value, group) in figures.by.iter().flatten() {
        row(group.queries, &group.scores, value);
    }
    table.print(output)?;
    let Times { whole, embedding, searching } = figures.latency_ms;
    for (what, latency) in [("latency", whole), ("  embedding the query", embedding), ("  searching", searching)] {
        if let Some(Latency { p50, p90, p99 }) = latency {
            output.line(format!("{what}: p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms"))?;
        }
    }
    let model = figures.model.as_deref().unwrap_or("no model");
    let (documents, embedded) = (counted(figures.documents, "memory"), super::super::index::share(figures.passages));
    let without = match figures.without.as_slice() {
        [] => String::new(),
        parts => format!("; without {}", parts.join(", ")),
    };
    output.note(format!("{documents}, passages {embedded}, {model}{without}"));
    Ok(())
}
