//! Answers a question by the words and the meaning that documents share with it.
//!
//! ```text
//!             ┌─ best by BM25 ───┐ valid? ┌─ neighbours ─┐  exact BM25 and
//! question ───┤                  ├────────┤    valid?    ├─ cosine of all ──► fusion ──► hits
//!             └─ best by cosine ─┘        └──────────────┘
//! ```
//!
//! Each step looks at the index for itself, and the index is not locked between them. What a search
//! knows of the whole (the weights of words, which documents there are) is from its beginning, and no
//! document changes, so documents added or committed meanwhile make no difference to it.

mod best;
mod dense;
mod lexical;
mod neighbours;
mod plan;
mod segment;
mod verdicts;

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::thread;

use crate::document::Kind;
use crate::error::IndexError;
use crate::filter::{Eligible, Filter};
use crate::fusion::{self, Fused, Parts};
use crate::index::MemoryIndex;
use crate::vectors::{Nearest, VectorStore};
use best::Scored;
use dense::{DenseSearch, Passage};
use neighbours::Neighbours;
use plan::Plan;
use verdicts::Verdicts;

pub use plan::MAX_QUERY_TERMS;
pub use verdicts::Valid;

/// Only this much of a question's beginning is read for its words.
pub const MAX_QUERY_BYTES: usize = 64 << 10;

/// So many documents with the best words are looked at, at least.
const WORDS_POOL: usize = 60;

/// So many documents that are nearest in meaning are looked at, at least. Each costs several vectors to
/// read. On the sets in `benches/RECALL.md` the first ten hits are as good, to a quarter of a point,
/// with these pools as with 200 of both.
const MEANING_POOL: usize = 32;

/// Either pool is at least so many times as large as the number of hits asked for.
const POOL_PER_HIT: usize = 2;

/// The neighbours of so many documents are looked at, the best ones by words and meaning.
const WITH_NEIGHBOURS: usize = 40;

/// When too few of those that were found are valid, so many times as many are looked for.
const GROWTH: usize = 4;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// A question or some words. Any text is allowed; of more than [`MAX_QUERY_TERMS`] different
    /// words only the rarest are looked for.
    pub text: &'a str,
    /// Its meaning, if it and at least some documents were embedded.
    pub dense: Option<Dense<'a>>,
    /// How many hits to return at most.
    pub limit: usize,
    /// What the hits must be like.
    pub filter: Filter,
    /// What counts for the score.
    pub parts: Parts,
}

/// A question's vector, and those of the documents.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    /// Row n of it belongs to passage n of the index, see [`MemoryIndex::row`]. Passages behind its
    /// last row are found by their words only; rows behind the last passage are passed over.
    pub vectors: &'a VectorStore,
    /// The question's vector, made by the same embedder.
    pub query: &'a [f32],
}

/// A document that may answer the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// [`Document::position`](crate::Document::position).
    pub position: u64,
    /// [`Document::item`](crate::Document::item).
    pub item: u128,
    /// [`Document::kind`](crate::Document::kind).
    pub kind: Kind,
    /// Which of its [`passages`](crate::passages) is nearest to the question in meaning. 0 where
    /// `cosine` is not known: then, if there are several, who has the text may ask for
    /// [`passage_by_words`](crate::passage_by_words), which needs it.
    pub passage: u32,
    /// How many passages it has.
    pub passages: u32,
    /// The sum of `parts`; only comparable between the hits of one search.
    pub score: f32,
    /// What the score consists of.
    pub parts: Fused,
    /// Share of the question's words that this document covers: of their inverse document
    /// frequencies, those that it has, over all of them; 0 to 1. Words that stand in no document
    /// count as missing.
    pub coverage: f32,
    /// Cosine between the question's vector and that of the nearest passage; none if it has no vector
    /// or the question has none.
    pub cosine: Option<f32>,
    /// The question's words that it has, as they stand in the index, each with what it added to
    /// `bm25`; the rarest first.
    pub terms: Vec<(String, f32)>,
    /// BM25 by the statistics of the whole index, eligible or not.
    pub bm25: f32,
    /// What BM25 could reach for this question at most, words that stand nowhere included.
    pub ceiling: f32,
    /// Position of the valid document before it in its session, up to the filter's `up_to`.
    pub previous: Option<u64>,
    /// Position of the valid document behind it in its session, up to the filter's `up_to`.
    pub next: Option<u64>,
}

/// The best documents for a question.
pub(crate) fn search(index: &MemoryIndex, question: &Question<'_>, valid: &Valid<'_>) -> Result<Vec<Hit>, IndexError> {
    let text = beginning(question.text);
    if question.limit == 0 || text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let (plan, eligible, named) = index.look(|view| {
        let plan = Plan::new(text, view)?;
        let named = view.table.speakers().named(plan.terms.iter().map(|term| term.text.as_str()));
        Ok((plan, question.filter.resolve(view)?, named))
    })?;
    let dense = match question.dense {
        Some(dense) => DenseSearch::new(index, dense, &eligible)?,
        None => None,
    };
    let mut search = Search {
        index,
        plan,
        eligible,
        named,
        limit: question.limit,
        parts: question.parts,
        verdicts: Verdicts::new(index, valid),
    };
    search.run(dense)
}

/// A search under way.
struct Search<'a> {
    index: &'a MemoryIndex,
    plan: Plan,
    eligible: Eligible,
    /// The speakers whom the question names.
    named: Vec<u32>,
    limit: usize,
    parts: Parts,
    verdicts: Verdicts<'a>,
}

/// What is known of a document that may be an answer.
#[derive(Clone, Copy)]
struct Evidence {
    lexical: Scored,
    /// Its nearest passage.
    nearest: Option<Passage>,
}

impl Search<'_> {
    fn run(&mut self, dense: Option<DenseSearch<'_>>) -> Result<Vec<Hit>, IndexError> {
        let pool =
            |least: usize| least.max(self.limit.saturating_mul(POOL_PER_HIT)).min(self.eligible.count() as usize);
        let (words_pool, meaning_pool) = (pool(WORDS_POOL), pool(MEANING_POOL));
        let (found, nearest) = self.first_look(words_pool, meaning_pool, dense.as_ref())?;
        let statistics = nearest.as_ref().and_then(dense::distribution);
        let lexical = self.best_by_words(found, words_pool)?;
        let nearest = match (&dense, nearest) {
            (Some(dense), Some(nearest)) => dense.documents(nearest, meaning_pool, self.limit, &mut self.verdicts)?,
            _ => Vec::new(),
        };
        let of_question = fusion::Question { ceiling: self.plan.ceiling(), cosines: statistics };

        let mut evidence = HashMap::new();
        self.add_evidence(&mut evidence, &lexical, &nearest, dense.as_ref())?;
        // Neighbours are looked up of those that are good by themselves.
        let alone = Parts { neighbours: false, session: false, speaker: false, ..self.parts };
        let candidates = self.candidates(&evidence, &Neighbours::default())?;
        let mut best = fusion::fuse(&of_question, &candidates, &alone);
        best.truncate(WITH_NEIGHBOURS.max(self.limit));
        let best: Vec<u32> = best.iter().map(|fused| fused.ordinal).collect();
        let mut neighbours = Neighbours::find(self.index, &best, self.eligible.end(), &mut self.verdicts)?;

        let beside: Vec<u32> = neighbours.ordinals().filter(|ordinal| self.eligible.contains(*ordinal)).collect();
        let beside: Vec<Scored> = self.scores(beside.into_iter().filter(|ordinal| !evidence.contains_key(ordinal)))?;
        self.add_evidence(&mut evidence, &beside, &[], dense.as_ref())?;
        let candidates = self.candidates(&evidence, &neighbours)?;
        let mut fused = fusion::fuse(&of_question, &candidates, &self.parts);
        fused.truncate(self.limit);

        let unknown: Vec<u32> = fused.iter().map(|fused| fused.ordinal).filter(|hit| !neighbours.knows(*hit)).collect();
        neighbours.extend(Neighbours::find(self.index, &unknown, self.eligible.end(), &mut self.verdicts)?);
        self.hits(&fused, &evidence, &neighbours)
    }

    /// What is found by words and by meaning before anything is known of validity, both at a time
    /// where that pays.
    fn first_look(
        &self,
        words_pool: usize,
        meaning_pool: usize,
        dense: Option<&DenseSearch<'_>>,
    ) -> Result<(Vec<Scored>, Option<Nearest>), IndexError> {
        let (index, plan, eligible) = (self.index, &self.plan, &self.eligible);
        let by_words = move || index.look(|view| lexical::best(view, plan, eligible, wanted_for(words_pool)));
        let Some(dense) = dense else { return Ok((by_words()?, None)) };
        let by_meaning = || dense.scan(DenseSearch::wanted_for(meaning_pool));
        if !dense.is_long() {
            return Ok((by_words()?, Some(by_meaning()?)));
        }
        thread::scope(|scope| {
            // Where no thread can be started, one comes after the other.
            let helper = thread::Builder::new().spawn_scoped(scope, by_words);
            let nearest = by_meaning();
            let found = match helper {
                Ok(helper) => helper.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => by_words(),
            };
            Ok((found?, Some(nearest?)))
        })
    }

    /// The best valid documents by BM25, `pool` of them unless there are fewer. `found` are the best
    /// ones, [`wanted_for`] this pool.
    fn best_by_words(&mut self, mut found: Vec<Scored>, pool: usize) -> Result<Vec<Scored>, IndexError> {
        let mut wanted = wanted_for(pool);
        loop {
            let exhausted = found.len() < wanted;
            let mut best = self.verdicts.retain(found, |scored| scored.ordinal)?;
            if best.len() >= pool || exhausted {
                best.truncate(pool);
                return Ok(best);
            }
            wanted = wanted.saturating_mul(GROWTH);
            found = self.index.look(|view| lexical::best(view, &self.plan, &self.eligible, wanted))?;
        }
    }

    /// BM25 of the given documents.
    fn scores(&self, ordinals: impl Iterator<Item = u32>) -> Result<Vec<Scored>, IndexError> {
        let mut ordinals: Vec<u32> = ordinals.collect();
        ordinals.sort_unstable();
        ordinals.dedup();
        self.index.look(|view| lexical::scores(view, &self.plan, &ordinals))
    }

    /// Notes what was found, and looks up what is missing of it: BM25 of what was found by meaning,
    /// cosines of what was found by words.
    fn add_evidence(
        &self,
        evidence: &mut HashMap<u32, Evidence>,
        lexical: &[Scored],
        nearest: &[Passage],
        dense: Option<&DenseSearch<'_>>,
    ) -> Result<(), IndexError> {
        let by_words: HashMap<u32, Scored> = lexical.iter().map(|scored| (scored.ordinal, *scored)).collect();
        let by_meaning: HashMap<u32, Passage> = nearest.iter().map(|passage| (passage.ordinal, *passage)).collect();
        let missing = by_meaning.keys().copied().filter(|ordinal| !by_words.contains_key(ordinal));
        let looked_up = self.scores(missing)?;
        let all: Vec<Scored> = lexical.iter().chain(&looked_up).copied().collect();
        let without: Vec<u32> =
            all.iter().map(|scored| scored.ordinal).filter(|ordinal| !by_meaning.contains_key(ordinal)).collect();
        let cosines = match dense {
            Some(dense) => dense.cosines(&without)?,
            None => HashMap::new(),
        };
        for scored in all {
            let ordinal = scored.ordinal;
            let nearest = by_meaning.get(&ordinal).or_else(|| cosines.get(&ordinal)).copied();
            evidence.insert(ordinal, Evidence { lexical: scored, nearest });
        }
        Ok(())
    }

    /// What fusion wants to know, by ordinal.
    fn candidates(
        &self,
        evidence: &HashMap<u32, Evidence>,
        neighbours: &Neighbours,
    ) -> Result<Vec<fusion::Candidate>, IndexError> {
        let mut evidence: Vec<&Evidence> = evidence.values().collect();
        evidence.sort_unstable_by_key(|evidence| evidence.lexical.ordinal);
        self.index.look(|view| {
            let known = |number| (number != crate::table::NONE).then_some(number);
            let candidate = |evidence: &&Evidence| {
                let ordinal = evidence.lexical.ordinal;
                let entry = view.table.entry(ordinal);
                let (previous, next) = neighbours.of(ordinal).unwrap_or((known(entry.previous), known(entry.next)));
                // Those that the filter leaves out are as if they were not there.
                let eligible = |ordinal: &u32| self.eligible.contains(*ordinal);
                let (previous, next) = (previous.filter(eligible), next.filter(eligible));
                fusion::Candidate {
                    ordinal,
                    lexical: evidence.lexical.score,
                    cosine: evidence.nearest.map(|passage| passage.cosine),
                    session: known(entry.session),
                    previous,
                    next,
                    asks: entry.asks,
                    spoken_by_named: view.table.is_spoken_by_the_one_named(ordinal, &self.named),
                }
            };
            Ok(evidence.iter().map(candidate).collect())
        })
    }

    fn hits(
        &self,
        fused: &[Fused],
        evidence: &HashMap<u32, Evidence>,
        neighbours: &Neighbours,
    ) -> Result<Vec<Hit>, IndexError> {
        let ordinals: Vec<u32> = fused.iter().map(|fused| fused.ordinal).collect();
        let ceiling = self.plan.ceiling();
        self.index.look(|view| {
            let terms = lexical::contributions(view, &self.plan, &ordinals)?;
            let hit = |(fused, terms): (&Fused, Vec<(String, f32)>)| {
                let Evidence { lexical, nearest } = evidence[&fused.ordinal];
                let entry = view.table.entry(fused.ordinal);
                let position = |ordinal: Option<u32>| ordinal.map(|ordinal| view.table.entry(ordinal).position);
                let (previous, next) = neighbours.of(fused.ordinal).unwrap_or_default();
                Hit {
                    position: entry.position,
                    item: entry.item,
                    kind: entry.kind,
                    passage: nearest.map_or(0, |nearest| nearest.passage),
                    passages: view.table.rows_of(fused.ordinal).len() as u32,
                    score: fused.score,
                    parts: *fused,
                    coverage: self.plan.coverage(lexical.matched),
                    cosine: nearest.map(|nearest| nearest.cosine),
                    terms,
                    bm25: lexical.score,
                    ceiling,
                    previous: position(previous),
                    next: position(next),
                }
            };
            Ok(fused.iter().zip(terms).map(hit).collect())
        })
    }
}

/// How many documents are looked for at first for a pool of so many: usually a few are superseded or
/// retracted.
fn wanted_for(pool: usize) -> usize {
    pool + pool / 4
}

/// The part of a question that is looked at, cut between characters.
pub(crate) fn beginning(question: &str) -> &str {
    &question[..question.floor_char_boundary(MAX_QUERY_BYTES)]
}

#[cfg(test)]
mod tests;
