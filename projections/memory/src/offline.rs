//! The built-in responder: answers a question by quoting, and says that it does no more.
//!
//! It is no language model and pretends to be none. Here is the text that it answers; who is asked
//! and what becomes of the answer is the caller's business.

use crate::passage::best_passage;

/// A passage covering less of a question than this is not about it, and is not quoted, if nothing is
/// known of how near it is in meaning.
///
/// On questions asked of the collection that they were written for, 8 in 100 (abstracts) to 15 in 100
/// (chats) of the right answers that are found lie below it; asked of collections about other things,
/// nothing is quoted for 69 to 100 in 100.
pub const WEAK_COVERAGE: f32 = 1.0 / 3.0;

/// Coverage and cosine together, from which on a passage is about a question.
///
/// With [`NEAR_COSINE`] and on the same questions, 2 in 100 (abstracts) to 18 in 100 (chats) of the
/// right answers lie below both, and asked of collections about other things, nothing is quoted for
/// 69 to 100 in 100. Of stated preferences that a question does not mention, 22 in 100 are quoted,
/// instead of 8 by coverage alone.
pub const WEAK_EVIDENCE: f32 = 0.75;

/// A passage as near to a question in meaning as this is about it, whatever its words.
pub const NEAR_COSINE: f32 = 0.55;

/// How many passages are quoted at most.
pub const MAX_QUOTES: usize = 3;

/// Length of a quote at most, in characters.
pub const MAX_QUOTE_CHARS: usize = 300;

/// Passages that score less than this share of the best one's score are not quoted beside it.
const WORTH_QUOTING: f32 = 0.5;

/// Something remembered that might answer a question; from a [`Hit`](crate::Hit) of a search for
/// that question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passage<'a> {
    /// Its id as the user sees it.
    pub id: &'a str,
    /// The whole remembered text.
    pub text: &'a str,
    /// [`Hit::score`](crate::Hit::score).
    pub score: f32,
    /// [`Hit::coverage`](crate::Hit::coverage).
    pub coverage: f32,
    /// [`Hit::cosine`](crate::Hit::cosine), if it is of the embedder that ships with the project: for
    /// others, which may find everything near, the thresholds here were not measured.
    pub cosine: Option<f32>,
}

impl Passage<'_> {
    /// Whether it seems to be about the question.
    fn is_relevant(&self) -> bool {
        match self.cosine {
            Some(cosine) => self.coverage + cosine >= WEAK_EVIDENCE || cosine >= NEAR_COSINE,
            None => self.coverage >= WEAK_COVERAGE,
        }
    }
}

/// Answers a question from `passages`, best first: quotes the best few of them, each with its id,
/// or says that there is nothing to quote.
///
/// The answer has no control characters but line ends, whatever was remembered, and ends without
/// one.
pub fn answer(question: &str, passages: &[Passage<'_>]) -> String {
    if question.trim().is_empty() {
        return "There is no question to look up.".to_owned();
    }
    let quotes = quotes(question, passages);
    if quotes.is_empty() {
        return "I found nothing in memory about that.\n\
            (Built-in responder, not a language model: it can only quote what is remembered.)"
            .to_owned();
    }
    let mut answer = String::from("From memory, word for word (built-in responder, not a language model):\n");
    for Quote { text, ids } in quotes {
        answer.push_str("\n- ");
        answer.push_str(&text);
        for id in ids {
            answer.push_str(" [");
            answer.push_str(&id);
            answer.push(']');
        }
    }
    answer
}

/// A quoted text, and where it is remembered.
struct Quote {
    text: String,
    ids: Vec<String>,
}

/// The quotes that an answer consists of. What is remembered several times is quoted once.
fn quotes(question: &str, passages: &[Passage<'_>]) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = Vec::new();
    let relevant = || passages.iter().filter(|passage| passage.is_relevant());
    let best = relevant().map(|passage| passage.score).fold(0.0, f32::max);
    for passage in relevant().filter(|passage| passage.score >= best * WORTH_QUOTING) {
        let text = quote(passage.text, question);
        let id = printable(passage.id);
        if let Some(same) = quotes.iter_mut().find(|quote| quote.text == text) {
            same.ids.push(id);
        } else if quotes.len() < MAX_QUOTES {
            quotes.push(Quote { text, ids: vec![id] });
        }
    }
    quotes
}

/// The whole text if it is short, else its best passage with dots where something was left out.
fn quote(text: &str, question: &str) -> String {
    if text.trim().chars().nth(MAX_QUOTE_CHARS).is_none() {
        return printable(text);
    }
    let passage = best_passage(text, question, MAX_QUOTE_CHARS);
    let before = if text.trim_start().starts_with(passage) { "" } else { "… " };
    let behind = if text.trim_end().ends_with(passage) { "" } else { " …" };
    format!("{before}{}{behind}", printable(passage))
}

/// Text on one line that a terminal shows as it is: remembered text may come from anywhere, and
/// must not move the cursor or hide other text.
fn printable(text: &str) -> String {
    let harmless = |c: char| {
        if c.is_control() || is_direction_mark(c) { ' ' } else { c }
    };
    let line: String = text.chars().map(harmless).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that make text appear in another order than it has. Letters of right-to-left scripts
/// need none of them.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
