//! `zo recall`: what is remembered of something, by its words and by its meaning.
//!
//! One question is put and shown here; [`hits`] is how hits are shown, [`batch`] puts many questions from a file, for
//! `--queries` and for `zo bench recall`.

pub(super) mod batch;
mod hits;
mod run_file;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, At, Embedded, MAX_PAGE, Query, RecallQuestion, RecallScope, Recalled};
use zo_projections::{Position, Timestamp};

use crate::context::{Context, query};
use crate::error::CliError;
use crate::input;
use crate::output::Output;
use crate::output::text::{bytes, count, percent};
use crate::time::{AtArgs, parse_time, second};

/// A question that is longer is cut: what is behind so many bytes changes nothing any more.
pub(super) const MAX_QUERY_BYTES: usize = 64 * 1024;
/// How many hits are shown, and how many a run has for each of its queries.
const USUAL_HITS: u32 = 10;
const USUAL_HITS_OF_RUN: u32 = 100;
/// So long a single question may embed what is not embedded yet.
const EMBED_MS: u64 = 200;

/// Recall what is remembered, by words and by meaning
///
/// Examples:
///   zo recall "how do we ship to production?"
///   zo recall deploy --where project=atlas --since "4 weeks ago" --top-k 3
///   zo recall "what did Ines say about the tide clock?" --in messages --explain
///   git log -1 --format=%B | zo recall - --json
///   zo recall "who is on call?" --at yesterday
///   zo recall --queries questions.jsonl --run run.tsv --scope project
///
/// Both are searched, the words and the meaning, and one score is made of both; --explain shows of what. What is not
/// embedded yet is found by its words; a fifth of a second of it is embedded first.
///
/// With --queries, every line of the file, {"id", "text", "meta"?}, is a question, and the file of --run gets a line for
/// each hit: query, document, rank, score. Memories are looked in then, and everything is embedded first.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Recall {
    /// A question or some words; `-` reads it from stdin, which is also done without it if stdin is not a terminal
    #[arg(conflicts_with = "queries")]
    query: Vec<OsString>,
    /// How many at the most [default: 10; 100 with --queries]
    #[arg(long, short = 'k', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_PAGE as i64))]
    top_k: Option<u32>,
    /// Only what has this in its meta; may be given more than once, and then all must hold
    #[arg(long = "where", value_name = "KEY=VALUE", value_parser = input::key_value)]
    conditions: Vec<(String, String)>,
    /// Only what happened, or else was recorded, at this time or later
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Only what happened, or else was recorded, before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
    /// Look in one of them only [default: both; memories with --queries]
    #[arg(long = "in", value_enum, value_name = "memories|messages", hide_possible_values = true)]
    place: Option<Place>,
    /// Show why each was found: every part of its score
    #[arg(long, conflicts_with = "queries")]
    explain: bool,
    /// Embed nothing first
    #[arg(long, conflicts_with = "queries")]
    no_embed: bool,
    /// Put every question of a file of JSON lines
    #[arg(long, value_name = "FILE", requires = "run_file")]
    queries: Option<PathBuf>,
    /// Where the hits of --queries go; `-` is stdout
    #[arg(long = "run", value_name = "OUT", requires = "queries")]
    run_file: Option<PathBuf>,
    /// A question may only be answered by what has the same under this key of its meta as the question has
    #[arg(long, value_name = "KEY", requires = "queries")]
    scope: Option<String>,
    /// Six columns, as trec_eval reads them: query, Q0, document, rank, score, zo
    #[arg(long, requires = "queries")]
    trec: bool,
    /// Begin though not everything is embedded
    #[arg(long, requires = "queries")]
    no_wait: bool,
    #[command(flatten)]
    at: AtArgs,
}

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Place {
    /// Memories only.
    Memories,
    /// Messages of conversations only.
    Messages,
}

impl Place {
    fn scope(place: Option<Self>) -> RecallScope {
        match place {
            None => RecallScope::Both,
            Some(Self::Memories) => RecallScope::Memories,
            Some(Self::Messages) => RecallScope::Messages,
        }
    }
}

/// What was recalled, as JSON has it.
#[derive(Serialize)]
struct RecalledJson<'a> {
    indexed: Position,
    embedded: Position,
    head: Position,
    share: Embedded,
    notes: &'a [String],
    hits: Vec<hits::HitJson<'a>>,
}

impl Recall {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match (&self.queries, &self.run_file) {
            (Some(queries), Some(out)) => self.many(context, queries, out),
            // The parser lets this pass where there is a question, which --queries cannot stand beside.
            (None, Some(_)) => Err(CliError::usage("--run is where the hits of --queries go, and there is none")
                .hint("`zo recall --queries FILE --run OUT` puts every question of a file")),
            _ => self.one(context),
        }
    }

    /// Puts one question.
    fn one(&self, context: &mut Context) -> Result<(), CliError> {
        let text = self.text()?;
        let (text, cut) = cut_query(text);
        let question = RecallQuestion {
            limit: self.top_k.unwrap_or(USUAL_HITS),
            scope: Place::scope(self.place),
            embed_ms: if self.no_embed { 0 } else { EMBED_MS },
            ..self.conditions(text)
        };
        let mut client = context.open_existing()?;
        let mut recalled = recall(&mut client, question, self.at.at)?;
        recalled.notes.extend(cut);
        recalled.notes.extend(self.at.at.map(|at| format!("as of {}: scores use today's statistics", moment(at))));
        self.print(context, &recalled)?;
        context.close(client)
    }

    /// What every question has that this call puts.
    fn conditions(&self, text: String) -> RecallQuestion {
        RecallQuestion {
            text,
            meta: self.conditions.clone(),
            since: self.since,
            until: self.until,
            ..RecallQuestion::default()
        }
    }

    fn text(&self) -> Result<String, CliError> {
        let text = match self.query.as_slice() {
            [] => input::from_stdin_unless_terminal()?,
            [word] => input::from_argument(word)?,
            words => {
                let words = words.iter().map(|word| input::text_of_argument(word)).collect::<Result<Vec<_>, _>>()?;
                words.join(" ")
            }
        };
        if text.trim().is_empty() {
            return Err(
                CliError::usage("the query is empty").hint("say what is to be recalled: zo recall \"staging port\"")
            );
        }
        Ok(text)
    }

    fn print(&self, context: &mut Context, recalled: &Recalled) -> Result<(), CliError> {
        let output = &mut context.output;
        if output.is_json() {
            let Recalled { indexed, embedded, head, share, notes, hits, .. } = recalled;
            let (indexed, embedded, head, share) = (*indexed, *embedded, *head, *share);
            let hits = hits.iter().map(|hit| hits::HitJson::of(hit, self.explain)).collect();
            return output.data(&RecalledJson { indexed, embedded, head, share, notes, hits });
        }
        for (index, hit) in recalled.hits.iter().enumerate() {
            if index > 0 {
                output.line("")?;
            }
            hits::print(output, hit, self.explain)?;
        }
        // Whoever has closed the pipe wants no notes either.
        output.flush()?;
        if recalled.hits.is_empty() {
            output.note("nothing is remembered of that");
        }
        say_notes(output, recalled);
        Ok(())
    }

    /// Puts the questions of a file.
    fn many(&self, context: &mut Context, queries: &std::path::Path, out: &std::path::Path) -> Result<(), CliError> {
        let all = batch::read_queries(queries)?;
        let place = Some(self.place.unwrap_or(Place::Memories));
        let limit = self.top_k.unwrap_or(USUAL_HITS_OF_RUN);
        let plan = batch::Plan {
            scope: self.scope.clone(),
            common: RecallQuestion { limit, scope: Place::scope(place), ..self.conditions(String::new()) },
            at: self.at.at,
        };
        run_file::write(context, &all, &plan, out, self.trec, !self.no_wait)
    }
}

/// Puts a question to the engine.
///
/// # Errors
/// If it cannot be answered: a meta key that occurs nowhere, for example.
pub(super) fn recall(client: &mut Client, question: RecallQuestion, at: Option<At>) -> Result<Recalled, CliError> {
    query(client, Query::Recall(question), at, |answer| match answer {
        Answer::Recalled(recalled) => Some(recalled),
        _ => None,
    })
}

/// The question as it is put, and a note if it was cut.
fn cut_query(mut text: String) -> (String, Option<String>) {
    if text.len() <= MAX_QUERY_BYTES {
        return (text, None);
    }
    let note =
        format!("the query has {}; its first {} were used", bytes(text.len() as u64), bytes(MAX_QUERY_BYTES as u64));
    text.truncate(text.floor_char_boundary(MAX_QUERY_BYTES));
    (text, Some(note))
}

/// How a person names the moment that was looked at.
fn moment(at: At) -> String {
    match at {
        At::Position(position) => format!("position {position}"),
        At::Time(time) => second(time),
    }
}

/// Says what whoever reads the hits should know.
fn say_notes(output: &mut Output, recalled: &Recalled) {
    let share = share_in_words(recalled.share);
    for note in share.iter().chain(&recalled.notes) {
        output.note(format!("note: {note}"));
    }
}

/// What is to be said if not everything is embedded.
fn share_in_words(share: Embedded) -> Option<String> {
    let Embedded { passages, of } = share;
    (passages < of).then(|| {
        let percent = percent(passages, of);
        format!("{percent} % of {} passages are embedded: the rest is found by its words only", count(of))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_query_is_cut_between_letters() {
        let (text, note) = cut_query("é".repeat(MAX_QUERY_BYTES));
        assert_eq!(text.len(), MAX_QUERY_BYTES);
        assert_eq!(note.as_deref(), Some("the query has 128.0 KiB; its first 64.0 KiB were used"));
        let (text, _) = cut_query("日".repeat(MAX_QUERY_BYTES));
        assert_eq!(text.len(), MAX_QUERY_BYTES - 1, "three bytes a letter");
        assert_eq!(cut_query("short".to_owned()), ("short".to_owned(), None));
    }

    #[test]
    fn what_is_not_embedded_is_said() {
        let share = |passages, of| share_in_words(Embedded { passages, of });
        assert_eq!(
            share(4080, 12_000).as_deref(),
            Some("34 % of 12,000 passages are embedded: the rest is found by its words only")
        );
        assert_eq!(share(11_999, 12_000).map(|note| note[..4].to_owned()).as_deref(), Some("99 %"));
        assert_eq!(share(12, 12), None);
        assert_eq!(share(0, 0), None);
    }
}
