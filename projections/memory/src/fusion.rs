//! One score out of two kinds of evidence: the words that a document shares with the question,
//! and how near it is in meaning; and, for what was said in conversations, its surroundings.
//!
//! Pure arithmetic over what the retrievers found. Who may be a candidate, and what is known of
//! each, is the caller's business. `benches/RECALL.md` says what each part brings and how the
//! weights were found.
//!
//! ```text
//! own        = 0.8 · BM25 / ceiling + 0.2 · nearness
//! neighbours = 0.2 · own(previous) + 0.1 · own(next), 0.4 · own(previous) if that asks something
//! session    = 0.3 · the session's best (own + neighbours)
//! speaker    = 0.5 · all of the above, if said by the one whom the question names
//! score      = own + neighbours + session + speaker
//! ```
//!
//! The parts build on each other by shares, so the score has no scale of its own: a weight means the
//! same in a collection of ten notes and in one of a million messages.
//!
//! Start with [`fuse`].

use std::collections::HashMap;

// Where a comment says "flat", recall in chats stays within half a point over that range, all else
// being equal; benches/RECALL.md has the figures.

/// What a document scores that has all the words of the question, many times over.
const LEXICAL: f32 = 1.0 - DENSE;
/// What the document scores that is nearest to the question in meaning; an average one scores 0. Chats
/// are best with 0.15 to 0.2, preferences with 0.2 to 0.25, abstracts with 0.2 to 0.4.
const DENSE: f32 = 0.2;
/// The nearest document must stand out by so many standard deviations to count as fully near: among
/// three documents one is always the nearest. Flat from 3 to 5.
const NEAR_DEVIATIONS: f32 = 4.0;
/// How near a document without a vector is taken to be, as a multiple of its share of the ceiling.
/// What embedded documents show on average is 1.5 to 2 times; flat from 1.5 to 3.
const EXPECTED_NEARNESS: f32 = 2.0;
/// A document without a vector is taken to be no nearer than this, which is the average of those that
/// share most words with their questions.
const MOST_EXPECTED_NEARNESS: f32 = 0.6;
/// Share of the previous document's own score: an answer seldom repeats the words of what it answers.
/// Flat from 0.1 to 0.3.
const PREVIOUS: f32 = 0.2;
/// The same, if the previous document asks something. Flat from 0.3 to 0.6.
const PREVIOUS_ASKS: f32 = 0.4;
/// Share of the next document's own score. Flat from 0.05 to 0.3.
const NEXT: f32 = 0.1;
/// A document of a conversation that asks something loses this share of its own score: it is seldom
/// the answer. Flat from 0.05 to 0.2.
const ASKS: f32 = 0.1;
/// Share of the score of the session's best. Flat from 0.15 to 0.6. The mean of the best two to five
/// instead is no better.
const SESSION: f32 = 0.3;
/// Share of the score that is added if the one participant whom the question names says it. Flat from
/// 0.3 to 0.75.
const SPEAKER: f32 = 0.5;

/// What is known of a question and of all the documents that may answer it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Question {
    /// What BM25 could reach at most: Σ idf(t) · (k1 + 1) over the question's terms.
    pub ceiling: f32,
    /// Cosines over the eligible documents; `None` if the question or every document is without a
    /// vector.
    pub cosines: Option<CosineStatistics>,
}

/// How the cosines of a question are distributed over the eligible documents, or over a sample of
/// them; the maximum is that of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CosineStatistics {
    /// The greatest.
    pub maximum: f32,
    /// The average.
    pub mean: f32,
    /// The standard deviation.
    pub deviation: f32,
}

/// A document that may be an answer, and what is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Candidate {
    /// The document. No two candidates have the same.
    pub ordinal: u32,
    /// BM25; 0 if it has none of the question's words.
    pub lexical: f32,
    /// The cosine of its best passage; `None` if it has no vector yet.
    pub cosine: Option<f32>,
    /// The session it belongs to; `None` outside of conversations.
    pub session: Option<u32>,
    /// The document before it in its session. It counts only if it is a candidate too.
    pub previous: Option<u32>,
    /// The document behind it in its session. It counts only if it is a candidate too.
    pub next: Option<u32>,
    /// Whether it asks something: there is a question mark in it.
    pub asks: bool,
    /// Whether the question names exactly one of the participants of its conversation, and this
    /// was said by them.
    pub spoken_by_named: bool,
}

/// Which parts of the score count; all of them by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Nearness in meaning.
    pub dense: bool,
    /// Shared words.
    pub lexical: bool,
    /// The documents before and behind.
    pub neighbours: bool,
    /// Who said it.
    pub speaker: bool,
    /// How good the best of its session is.
    pub session: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self { dense: true, lexical: true, neighbours: true, speaker: true, session: true }
    }
}

/// A candidate's score and the parts that it is the sum of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fused {
    /// [`Candidate::ordinal`].
    pub ordinal: u32,
    /// The sum of the parts; only comparable between the candidates of one question.
    pub score: f32,
    /// What shared words bring.
    pub lexical: f32,
    /// What nearness in meaning brings.
    pub dense: f32,
    /// What the documents before and behind bring.
    pub neighbours: f32,
    /// What the speaker brings.
    pub speaker: f32,
    /// What the session brings.
    pub session: f32,
}

/// The candidates, best first; of equal ones the lower ordinal first.
///
/// A value that is no number counts as missing, so any input gives an order.
pub fn fuse(question: &Question, candidates: &[Candidate], parts: &Parts) -> Vec<Fused> {
    let mut fused: Vec<Fused> = candidates.iter().map(|candidate| own_score(question, candidate, parts)).collect();
    if parts.neighbours {
        add_neighbours(candidates, &mut fused);
    }
    if parts.session {
        add_session(candidates, &mut fused);
    }
    if parts.speaker {
        for (fused, candidate) in fused.iter_mut().zip(candidates) {
            fused.speaker = if candidate.spoken_by_named { SPEAKER * fused.score.max(0.0) } else { 0.0 };
            fused.score += fused.speaker;
        }
    }
    fused.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.ordinal.cmp(&b.ordinal)));
    fused
}

/// What a document scores by itself.
fn own_score(question: &Question, candidate: &Candidate, parts: &Parts) -> Fused {
    let share = share_of_ceiling(candidate.lexical, question.ceiling);
    let lexical = if parts.lexical { LEXICAL * share } else { 0.0 };
    let dense = match question.cosines {
        Some(cosines) if parts.dense => DENSE * cosines.nearness(candidate.cosine, share),
        _ => 0.0,
    };
    let asks = parts.neighbours && candidate.asks && candidate.session.is_some();
    let kept = if asks { 1.0 - ASKS } else { 1.0 };
    let (lexical, dense) = (kept * lexical, kept * dense);
    Fused { ordinal: candidate.ordinal, score: lexical + dense, lexical, dense, ..Fused::default() }
}

/// BM25 as a share of what the question allows: 0 to 1. Words of the question that stand nowhere
/// are in the ceiling too, so that a chance match of one word in ten does not outvote the meaning.
fn share_of_ceiling(lexical: f32, ceiling: f32) -> f32 {
    let share = lexical / ceiling;
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

impl CosineStatistics {
    /// How near a document is, between the average one, 0, and the nearest, 1; below 0 for one that
    /// is less near than the average.
    ///
    /// A document that has no vector is taken to be as near as others are that share as many words
    /// with the question, so it is neither buried nor preferred among those that have one.
    fn nearness(&self, cosine: Option<f32>, share_of_ceiling: f32) -> f32 {
        let Some(cosine) = cosine.filter(|cosine| cosine.is_finite()) else {
            return (EXPECTED_NEARNESS * share_of_ceiling).min(MOST_EXPECTED_NEARNESS);
        };
        let span = (self.maximum - self.mean).max(NEAR_DEVIATIONS * self.deviation);
        let nearness = (cosine - self.mean) / span;
        if nearness.is_finite() { nearness.clamp(-1.0, 1.0) } else { 0.0 }
    }
}

/// Adds what the documents before and behind say. Where there is none, a document stands for its
/// own neighbour: it would else be buried among those that have some.
fn add_neighbours(candidates: &[Candidate], fused: &mut [Fused]) {
    let places = candidates.iter().enumerate().map(|(place, candidate)| (candidate.ordinal, place));
    let places: HashMap<u32, usize> = places.collect();
    let own: Vec<f32> = fused.iter().map(|fused| fused.score).collect();
    for (place, (fused, candidate)) in fused.iter_mut().zip(candidates).enumerate() {
        let neighbour = |ordinal: Option<u32>| match ordinal {
            Some(ordinal) => places.get(&ordinal).copied(),
            None => Some(place),
        };
        let previous = neighbour(candidate.previous);
        let asked = candidate.previous.is_some() && previous.is_some_and(|place| candidates[place].asks);
        let of_previous = if asked { PREVIOUS_ASKS } else { PREVIOUS };
        let score = |place: Option<usize>| place.map_or(0.0, |place| own[place]);
        fused.neighbours = of_previous * score(previous) + NEXT * score(neighbour(candidate.next));
        fused.score += fused.neighbours;
    }
}

/// Adds how good the session's best is. A document outside of any session is one of its own.
fn add_session(candidates: &[Candidate], fused: &mut [Fused]) {
    let mut best: HashMap<u32, f32> = HashMap::new();
    for (fused, candidate) in fused.iter().zip(candidates) {
        if let Some(session) = candidate.session {
            let best = best.entry(session).or_insert(fused.score);
            *best = best.max(fused.score);
        }
    }
    for (fused, candidate) in fused.iter_mut().zip(candidates) {
        let best = candidate.session.and_then(|session| best.get(&session));
        fused.session = SESSION * best.copied().unwrap_or(fused.score);
        fused.score += fused.session;
    }
}

#[cfg(test)]
mod tests;
