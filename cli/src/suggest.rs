//! The nearest name after a typo.

/// The one of `names` that `given` was probably meant to be: at most a third of it differs.
pub(crate) fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let exact = given;
    let given: Vec<char> = given.to_lowercase().chars().take(MAX_LETTERS).collect();
    let most = (given.len() / 3).max(1);
    names
        .into_iter()
        // What was given is no typo of itself: then it is something else that is wrong.
        .filter(|name| *name != exact && !exact.is_empty())
        .map(|name| (distance(&given, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Longer names are compared by their beginning.
const MAX_LETTERS: usize = 80;

/// How many letters must be added, removed, replaced or swapped with their neighbour to make `given` of `name`
/// (optimal string alignment); capitals count as small letters.
fn distance(given: &[char], name: &str) -> usize {
    let name: Vec<char> = name.to_lowercase().chars().take(MAX_LETTERS).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=name.len()).collect();
    for (row, &letter) in given.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, &other) in name.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut least = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && letter == name[column - 1] && given[row - 1] == other {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["work", "groceries", "Reading list"];
        assert_eq!(nearest("wrok", names), Some("work"));
        assert_eq!(nearest("reading lits", names), Some("Reading list"));
        assert_eq!(nearest("grocery", names), None, "three of seven letters differ");
        assert_eq!(nearest("holiday", names), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!((nearest("work", names), nearest("", ["a"])), (None, None));
    }

    #[test]
    fn a_swap_is_one_step() {
        let letters: Vec<char> = "ab".chars().collect();
        assert_eq!(distance(&letters, "ba"), 1);
        assert_eq!(distance(&letters, ""), 2);
        assert_eq!(distance(&[], "abc"), 3);
    }
}
