//! The nearest name after a typo.

use strsim::osa_distance;

/// Longer names are compared by their beginning.
const MAX_LETTERS: usize = 80;

/// The one of `names` that `given` was probably meant to be: at most a third of it differs.
pub(crate) fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let exact = given;
    // Capitals count as small letters.
    let small = |text: &str| text.to_lowercase().chars().take(MAX_LETTERS).collect::<String>();
    let given = small(given);
    let most = (given.chars().count() / 3).max(1);
    names
        .into_iter()
        // What was given is no typo of itself: then it is something else that is wrong.
        .filter(|name| *name != exact && !exact.is_empty())
        .map(|name| (osa_distance(&given, &small(name)), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["work", "groceries", "Reading list"];
        assert_eq!(nearest("wrok", names), Some("work"));
        assert_eq!(nearest("ba", ["ab"]), Some("ab"), "a swap of neighbours is one step");
        assert_eq!(nearest("reading lits", names), Some("Reading list"));
        assert_eq!(nearest("grocery", names), None, "three of seven letters differ");
        assert_eq!(nearest("holiday", names), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!((nearest("work", names), nearest("", ["a"])), (None, None));
    }
}
