//! What a question is about, apart from whom: the text of it to embed.
//!
//! In `When did Anna paint the boat?` the name is the better part of the vector, and pulls it towards
//! everything that Anna ever said or was addressed by. Who said something is known without vectors,
//! from the words and from [`Candidate::spoken_by_named`](crate::fusion::Candidate), so the names of
//! speakers are left out of what is embedded. What is compared by words keeps them.

use std::borrow::Cow;

use crate::analysis;

/// The question without the names of those who speak in the index.
///
/// `is_name` is asked for each word in the form of the index (folded, stemmed) whether it belongs to
/// a speaker's name. A name counts as one where it is written with a capital, or where the whole
/// question is without capitals; stop words and words of scripts without spaces never do. A question
/// that consists of nothing but names stays whole.
pub(crate) fn without_names<'q>(question: &'q str, is_name: &dyn Fn(&str) -> bool) -> Cow<'q, str> {
    let capitals = question.chars().any(char::is_uppercase);
    let mut kept = String::new();
    let mut words_kept = false;
    let mut from = 0;
    analysis::for_each_word(question, |term, place| {
        let word = &question[place.clone()];
        let named = !analysis::is_unspaced_term(term)
            && (!capitals || word.starts_with(char::is_uppercase))
            && !analysis::is_stop_word(&word.to_lowercase())
            && is_name(term);
        if !named {
            words_kept |= !analysis::is_stop_word(&word.to_lowercase());
        } else if place.start >= from {
            kept.push_str(question[from..place.start].trim_end());
            from = place.end + possessive(&question[place.end..]);
        }
    });
    if from == 0 || !words_kept {
        return Cow::Borrowed(question);
    }
    kept.push_str(&question[from..]);
    let from = kept.len() - kept.trim_start().len();
    kept.drain(..from);
    Cow::Owned(kept)
}

/// Bytes of the `'s` or `’s` that a text begins with.
fn possessive(text: &str) -> usize {
    let ending = text.strip_prefix(['\'', '’']).and_then(|ending| ending.strip_prefix(['s', 'S']));
    match ending {
        Some(rest) if !rest.starts_with(char::is_alphanumeric) => text.len() - rest.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
