//! Which texts are run together.

/// The tokens of a batch, padding included. Smaller batches take more time for each text, by a quarter for one of 12 tokens;
/// from 3,000 tokens on, what the layers hand to each other no longer fits the caches, which costs 10 to 25 % on both
/// engines and makes the memory grow.
pub(crate) const TOKENS: usize = 400;

/// The texts that are tokenised before the first is run.
pub(crate) const TEXTS_AT_ONCE: usize = 1024;

/// The texts by their index, in batches of texts of like length whose padded tokens number at most `tokens` (a longer text
/// is a batch of its own). The longest come first, so that no thread is left with one at the end.
pub(crate) fn plan(lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(lengths[text]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut longest = 0;
    for text in order {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * longest <= tokens => batch.push(text),
            _ => {
                longest = lengths[text].max(1);
                batches.push(vec![text]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests;
