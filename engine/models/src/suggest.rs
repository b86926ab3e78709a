//! Names that come nearest to one that does not exist.

/// How many names are suggested.
const MOST: usize = 3;

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
    let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
    let short = |text: &str| text.rsplit('/').next().unwrap_or(text).to_string();
    let pairs = [(wanted.clone(), name.clone()), (short(&wanted), short(&name))];
    let best = pairs.iter().map(|(a, b)| edits(a, b) * 4).min().unwrap_or(usize::MAX);
    let begins = short(&name).starts_with(&short(&wanted)) && !short(&wanted).is_empty();
    let best = if begins { best.min(2 + name.len().abs_diff(wanted.len())) } else { best };
    let limit = (short(&wanted).chars().count() / 3).max(2) * 4;
    (begins || best <= limit).then_some(best)
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(200).collect(), b.chars().take(200).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests;
