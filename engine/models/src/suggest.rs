//! Names that come nearest to one that does not exist.

use strsim::osa_distance;

/// How many names are suggested.
const MOST: usize = 3;
/// Longer names are compared by their beginning.
const MAX_LETTERS: usize = 200;

/// `did you mean …?`, with the nearest of `names`, best first; `None` if none is near.
pub fn did_you_mean<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let nearest = nearest(wanted, names);
    let (last, others) = nearest.split_last()?;
    Some(if others.is_empty() {
        format!("did you mean {last}?")
    } else {
        format!("did you mean {} or {last}?", others.join(", "))
    })
}

fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<(usize, &str)> = names.filter_map(|name| Some((distance(wanted, name)?, name))).collect();
    ranked.sort();
    ranked.dedup();
    ranked.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// How far a name is from the wanted one; `None` if they are too different. Whole names are compared, and names without what
/// stands before their last `/`; a name that continues the wanted one is near.
fn distance(wanted: &str, name: &str) -> Option<usize> {
    let small = |text: &str| text.to_lowercase().chars().take(MAX_LETTERS).collect::<String>();
    let (wanted, name) = (small(wanted), small(name));
    let short = |text: &str| text.rsplit('/').next().unwrap_or(text).to_string();
    let pairs = [(wanted.clone(), name.clone()), (short(&wanted), short(&name))];
    let best = pairs.iter().map(|(a, b)| osa_distance(a, b) * 4).min().unwrap_or(usize::MAX);
    let begins = short(&name).starts_with(&short(&wanted)) && !short(&wanted).is_empty();
    let best = if begins { best.min(2 + name.len().abs_diff(wanted.len())) } else { best };
    let limit = (short(&wanted).chars().count() / 3).max(2) * 4;
    (begins || best <= limit).then_some(best)
}

#[cfg(test)]
mod tests;
