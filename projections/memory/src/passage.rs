//! Finds the part of a text to quote.

pub(crate) mod pieces;

use std::collections::HashMap;
use std::ops::Range;

use crate::analysis;
use crate::chunker::passages;
use crate::search::MAX_QUERY_TERMS;
use pieces::{Piece, pieces};

/// A passage shorter than this is followed up by the next sentences, as far as they fit: a
/// heading that has all the query's words is not yet an answer.
const SHORT_CHARS: usize = 120;

/// Only this much of a text's beginning is looked through: a fifth of a second's work.
const MAX_SCANNED_BYTES: usize = 4 << 20;

/// The passage of `text` that best matches `query`, at most `max_chars` characters long.
///
/// It consists of whole sentences or lines; one that is too long on its own is cut between words.
/// Best is the passage with most of the query's words, those counting more that are rarer in the
/// text; then the shorter one, then the earlier one. Where nothing matches it is the beginning. Of
/// texts of many megabytes only the beginning is looked through.
pub fn best_passage<'t>(text: &'t str, query: &str, max_chars: usize) -> &'t str {
    let text = &text[..text.floor_char_boundary(MAX_SCANNED_BYTES)];
    let terms = analysis::query_terms(query);
    let bits: HashMap<&str, u32> = terms.iter().take(MAX_QUERY_TERMS).map(String::as_str).zip(0..).collect();
    let units: Vec<Unit> = pieces(text, max_chars)
        .into_iter()
        .map(|piece| Unit { matched: matched_terms(&text[piece.bytes.clone()], &bits), piece })
        .collect();
    if units.is_empty() {
        return "";
    }
    let best = best_run(&units, max_chars);
    let run = follow_up(&units, best, max_chars);
    text[units[run.start].piece.bytes.start..units[run.end - 1].piece.bytes.end].trim()
}

/// Which of the [`passages`] of `text` has most of the question's words, those counting more that are
/// rarer in the text; the earliest of several, the first where none has any.
///
/// It stands in for [`Hit::passage`](crate::Hit::passage) where a document has no vectors.
pub fn passage_by_words(text: &str, question: &str) -> u32 {
    let ranges = passages(text);
    if ranges.len() == 1 {
        return 0;
    }
    let terms = analysis::query_terms(question);
    let bits: HashMap<&str, u32> = terms.iter().take(MAX_QUERY_TERMS).map(String::as_str).zip(0..).collect();
    let matched: Vec<u64> = ranges.iter().map(|range| matched_terms(&text[range.clone()], &bits)).collect();
    let weights = weights(&matched);
    let mut best = (0, 0.0);
    for (passage, matched) in (0..).zip(&matched) {
        let weight = weight_of(*matched, &weights);
        if weight > best.1 {
            best = (passage, weight);
        }
    }
    best.0
}

/// A piece of the text with the query terms that it has, as a bit set.
struct Unit {
    piece: Piece,
    matched: u64,
}

fn matched_terms(text: &str, bits: &HashMap<&str, u32>) -> u64 {
    let mut matched = 0;
    analysis::for_each_term(text, |term| {
        if let Some(bit) = bits.get(term) {
            matched |= 1 << bit;
        }
    });
    matched
}

/// The run of units that fits and matches best. A best run begins and ends with a match.
fn best_run(units: &[Unit], max_chars: usize) -> Range<usize> {
    let weights = weights(&units.iter().map(|unit| unit.matched).collect::<Vec<u64>>());
    let mut best = 0..1;
    let mut best_score = 0.0;
    let matching = |unit: &&Unit| unit.matched != 0;
    for (start, first) in units.iter().enumerate().filter(|(_, unit)| unit.matched != 0) {
        let limit = first.piece.chars.start + max_chars;
        let mut matched = 0;
        for (end, unit) in units.iter().enumerate().skip(start) {
            if unit.piece.chars.end > limit {
                break;
            }
            if !matching(&unit) || matched | unit.matched == matched {
                continue;
            }
            matched |= unit.matched;
            let score = weight_of(matched, &weights);
            let run = start..end + 1;
            let shorter = length(units, &run) < length(units, &best);
            if score > best_score || (score == best_score && shorter) {
                (best, best_score) = (run, score);
            }
        }
    }
    best
}

/// What each query term counts: more, the fewer units have it.
fn weights(units: &[u64]) -> [f32; MAX_QUERY_TERMS] {
    std::array::from_fn(|bit| {
        let having = units.iter().filter(|matched| *matched >> bit & 1 == 1).count();
        (1.0 + units.len() as f32 / having.max(1) as f32).ln()
    })
}

fn weight_of(matched: u64, weights: &[f32; MAX_QUERY_TERMS]) -> f32 {
    weights.iter().enumerate().filter(|(bit, _)| matched >> bit & 1 == 1).map(|(_, w)| w).sum()
}

/// Lengthens a short run by the units behind it.
fn follow_up(units: &[Unit], mut run: Range<usize>, max_chars: usize) -> Range<usize> {
    while length(units, &run) < SHORT_CHARS && run.end < units.len() {
        let longer = run.start..run.end + 1;
        if length(units, &longer) > max_chars {
            break;
        }
        run = longer;
    }
    run
}

/// Characters from the first unit's start to the last one's end.
fn length(units: &[Unit], run: &Range<usize>) -> usize {
    units[run.end - 1].piece.chars.end - units[run.start].piece.chars.start
}

#[cfg(test)]
mod tests;
