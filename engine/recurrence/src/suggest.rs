//! Names of zones that come nearest to one that does not exist.

use strsim::osa_distance;

/// How many names are suggested.
const MOST: usize = 3;

/// The nearest of `names`, best first; nothing if none is near. Whole names are compared, and what stands behind their last
/// `/`; `berlin` is near to `Europe/Berlin`.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: String = wanted.to_lowercase().chars().map(|letter| if letter == ' ' { '_' } else { letter }).collect();
    let mut ranked: Vec<(usize, &str)> = names.filter_map(|name| Some((distance(&wanted, name)?, name))).collect();
    ranked.sort();
    // Where one name is much nearer than the others, only that one helps.
    let best = ranked.first().map_or(0, |(distance, _)| *distance);
    ranked.into_iter().take_while(|(distance, _)| *distance <= best + 1).take(MOST).map(|(_, name)| name).collect()
}

fn distance(wanted: &str, name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let short = |text: &str| text.rsplit('/').next().unwrap_or(text).to_owned();
    // A city alone is an edit further away than the same city with its region.
    let whole = osa_distance(wanted, &name);
    let city = osa_distance(&short(wanted), &short(&name)) + usize::from(wanted.contains('/'));
    let best = whole.min(city);
    let limit = (short(wanted).chars().count() / 3).clamp(1, 4);
    (best <= limit).then_some(best)
}
