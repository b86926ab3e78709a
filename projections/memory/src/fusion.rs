//! One score out of two kinds of evidence: the words that a document shares with the question,
//! and how near it is in meaning; and, for what was said in conversations, its surroundings.
//!
//! Pure arithmetic over what the retrievers found. Who may be a candidate, and what is known of
//! each, is the caller's business. `benches/RECALL.md` says what each part brings and how the
//! weights were found.
//!
//! ```text
//! own   = dense + LEXICAL · BM25 / ceiling
//! score = own + neighbours (a share of the own scores of the previous and the next document)
//!             + speaker    (said by the one whom the question names)
//!             + session    (how good the best of its session are)
//! ```
//!
//! Start with [`fuse`].

use std::collections::HashMap;

/// Weight of the lexical part against the dense part, whose span over all documents is 1.
const LEXICAL: f32 = 3.0;
/// Share of the previous document's own score: an answer seldom repeats the words of the question
/// before it.
const PREVIOUS: f32 = 0.3;
/// Share of the next document's own score.
const NEXT: f32 = 0.1;
/// What it adds to be said by the one participant whom the question names.
const SPEAKER: f32 = 0.4;
/// Share of the mean of the session's best scores.
const SESSION: f32 = 0.3;
/// So many of a session's best are asked.
const SESSION_BEST: usize = 3;

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
    /// The least.
    pub minimum: f32,
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
    /// How good the rest of the session is.
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
    if parts.speaker {
        for (fused, candidate) in fused.iter_mut().zip(candidates) {
            fused.speaker = if candidate.spoken_by_named { SPEAKER } else { 0.0 };
            fused.score += fused.speaker;
        }
    }
    if parts.session {
        add_session(candidates, &mut fused);
    }
    fused.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.ordinal.cmp(&b.ordinal)));
    fused
}

/// What a document scores by itself.
fn own_score(question: &Question, candidate: &Candidate, parts: &Parts) -> Fused {
    let lexical = if parts.lexical { LEXICAL * share_of_ceiling(candidate.lexical, question.ceiling) } else { 0.0 };
    let dense = match question.cosines {
        Some(cosines) if parts.dense => cosines.normalised(candidate.cosine),
        _ => 0.0,
    };
    Fused { ordinal: candidate.ordinal, score: lexical + dense, lexical, dense, ..Fused::default() }
}

/// BM25 as a share of what the question allows: 0 to 1.
fn share_of_ceiling(lexical: f32, ceiling: f32) -> f32 {
    let share = lexical / ceiling;
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

impl CosineStatistics {
    /// A cosine's place between the least and the greatest: 0 to 1. A document that has no vector
    /// yet counts as an average one, so it is neither buried nor preferred.
    fn normalised(&self, cosine: Option<f32>) -> f32 {
        let cosine = cosine.filter(|cosine| cosine.is_finite()).unwrap_or(self.mean);
        let place = (cosine - self.minimum) / (self.maximum - self.minimum);
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }
}

fn add_neighbours(candidates: &[Candidate], fused: &mut [Fused]) {
    let own: HashMap<u32, f32> = fused.iter().map(|fused| (fused.ordinal, fused.score)).collect();
    let own_of = |ordinal: Option<u32>| ordinal.and_then(|ordinal| own.get(&ordinal)).copied().unwrap_or(0.0);
    for (fused, candidate) in fused.iter_mut().zip(candidates) {
        fused.neighbours = PREVIOUS * own_of(candidate.previous) + NEXT * own_of(candidate.next);
        fused.score += fused.neighbours;
    }
}

fn add_session(candidates: &[Candidate], fused: &mut [Fused]) {
    let mut best: HashMap<u32, [f32; SESSION_BEST]> = HashMap::new();
    for (fused, candidate) in fused.iter().zip(candidates) {
        let Some(session) = candidate.session else { continue };
        let mut score = fused.score;
        for kept in best.entry(session).or_default() {
            if score > *kept {
                std::mem::swap(kept, &mut score);
            }
        }
    }
    for (fused, candidate) in fused.iter_mut().zip(candidates) {
        let best = candidate.session.and_then(|session| best.get(&session));
        fused.session = best.map_or(0.0, |best| SESSION * best.iter().sum::<f32>() / SESSION_BEST as f32);
        fused.score += fused.session;
    }
}

#[cfg(test)]
mod tests;
