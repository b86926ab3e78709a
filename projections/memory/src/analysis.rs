//! From text to terms: the same steps for documents, for uncommitted documents and for queries.
//!
//! 1. [`words`] splits text into words (unspaced scripts: characters and pairs of them).
//! 2. Lower case, then accents folded to ASCII.
//! 3. Queries only: stop words are left out, unless nothing else remains.
//! 4. English stemming.
//!
//! A change here changes what is in an index: raise `schema::SCHEMA_VERSION` with it.

mod words;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use tantivy::tokenizer::{AsciiFoldingFilter, LowerCaser, Stemmer, StopWordFilter, TextAnalyzer, TextAnalyzerBuilder};

use words::Words;
pub(crate) use words::{is_unspaced_pair, is_unspaced_term};

/// A query's terms beyond this many different ones are not looked at. It only bounds the work
/// of choosing the rarest; search itself keeps far fewer.
const MAX_DISTINCT_QUERY_TERMS: usize = 1024;

/// What documents go through.
static FOR_DOCUMENTS: LazyLock<TextAnalyzer> = LazyLock::new(|| folded_words().filter(Stemmer::default()).build());

/// What queries go through.
static FOR_QUERIES: LazyLock<TextAnalyzer> = LazyLock::new(|| {
    let stop_words = StopWordFilter::remove(stop_words().map(str::to_owned));
    folded_words().filter(stop_words).filter(Stemmer::default()).build()
});

/// The analyzer to register with tantivy.
pub(crate) fn analyzer() -> TextAnalyzer {
    FOR_DOCUMENTS.clone()
}

/// Calls `visit` with each term of a document's text, in order, repetitions included.
pub(crate) fn for_each_term(text: &str, mut visit: impl FnMut(&str)) {
    let mut analyzer = FOR_DOCUMENTS.clone();
    let mut stream = analyzer.token_stream(text);
    while stream.advance() {
        visit(&stream.token().text);
    }
}

/// Calls `visit` with each term of a text and where its word is, in bytes.
pub(crate) fn for_each_word(text: &str, mut visit: impl FnMut(&str, Range<usize>)) {
    let mut analyzer = FOR_DOCUMENTS.clone();
    let mut stream = analyzer.token_stream(text);
    while stream.advance() {
        let token = stream.token();
        visit(&token.text, token.offset_from..token.offset_to);
    }
}

/// Whether a word carries no topic, as it is written in `stop_words.txt`.
pub(crate) fn is_stop_word(lower_case: &str) -> bool {
    static STOP_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| stop_words().collect());
    STOP_WORDS.contains(lower_case)
}

/// The distinct terms of a query in order of appearance, stop words left out unless there is
/// nothing else.
pub(crate) fn query_terms(text: &str) -> Vec<String> {
    let topical = distinct_terms(FOR_QUERIES.clone(), text);
    if topical.is_empty() { distinct_terms(FOR_DOCUMENTS.clone(), text) } else { topical }
}

/// A moment's date in UTC as people write it, in lower case: `may 8 2023`.
pub(crate) fn date_in_words(unix_ms: i64) -> String {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    const MS_PER_DAY: i64 = 86_400_000;
    const DAYS_PER_ERA: i64 = 146_097;
    // Days since 0000-03-01, counted in eras of 400 years, each year beginning with March so that
    // the leap day comes last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let days = unix_ms.div_euclid(MS_PER_DAY) + 719_468;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = (months_since_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    format!("{} {day} {year}", MONTHS[month as usize])
}

fn distinct_terms(mut analyzer: TextAnalyzer, text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut terms = Vec::new();
    let mut stream = analyzer.token_stream(text);
    while terms.len() < MAX_DISTINCT_QUERY_TERMS && stream.advance() {
        let term = &stream.token().text;
        if !seen.contains(term) {
            seen.insert(term.clone());
            terms.push(term.clone());
        }
    }
    terms
}

fn folded_words() -> TextAnalyzerBuilder<impl tantivy::tokenizer::Tokenizer> {
    TextAnalyzer::builder(Words::default()).filter(LowerCaser).filter(AsciiFoldingFilter)
}

/// The list in `stop_words.txt`: words in the form they have after folding, before stemming.
fn stop_words() -> impl Iterator<Item = &'static str> {
    include_str!("stop_words.txt").lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
}

#[cfg(test)]
mod tests;
