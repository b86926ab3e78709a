//! Names of skills: which the specification allows, and which can be lived with.

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_general_category::{GeneralCategory, get_general_category};

/// Most characters of a name, by the specification.
pub(crate) const MAX_NAME_CHARS: usize = 64;

/// The form in which names are compared: NFKC, without space around it.
pub(crate) fn normalised(name: &str) -> String {
    ComposingNormalizerBorrowed::new_nfkc().normalize(name.trim()).into_owned()
}

/// What the specification has against a name; nothing if it is as it should be.
pub(crate) fn complaints(name: &str) -> Vec<String> {
    let name = normalised(name);
    let mut complaints = Vec::new();
    if name.is_empty() {
        return vec!["the name is empty: 1 to 64 lowercase letters, digits and hyphens are expected".to_owned()];
    }
    let length = name.chars().count();
    if length > MAX_NAME_CHARS {
        complaints.push(format!("the name has {length} characters, at most {MAX_NAME_CHARS} are allowed"));
    }
    let shown = shown(&name);
    if name != name.to_lowercase() {
        let plain = |letter| if is_letter_or_digit(letter) { letter } else { '-' };
        let expected: String = name.to_lowercase().chars().map(plain).collect();
        complaints.push(format!("the name `{shown}` has uppercase letters: `{expected}` is expected"));
    }
    if name.starts_with('-') || name.ends_with('-') {
        complaints.push(format!("the name `{shown}` begins or ends with a hyphen"));
    }
    if name.contains("--") {
        complaints.push(format!("the name `{shown}` has two hyphens in a row"));
    }
    if let Some(other) = name.chars().find(|&letter| letter != '-' && !is_letter_or_digit(letter)) {
        complaints.push(format!(
            "the name `{shown}` has the character `{}`: lowercase letters, digits and hyphens are expected",
            other.escape_debug()
        ));
    }
    complaints
}

/// Whether a skill can be called so although the specification would not: nothing that could pass for a path, an option
/// or an instruction to a terminal.
pub(crate) fn is_usable(name: &str) -> bool {
    let allowed = |letter: char| is_letter_or_digit(letter) || matches!(letter, '-' | '_' | '.' | ' ' | ':');
    let first_is_plain = name.chars().next().is_some_and(is_letter_or_digit);
    first_is_plain && name.chars().count() <= MAX_NAME_CHARS && name.chars().all(allowed)
}

/// Letters and digits as the reference validator has them: Unicode's letters and numbers, and no marks.
fn is_letter_or_digit(letter: char) -> bool {
    use GeneralCategory::{
        DecimalNumber, LetterNumber, LowercaseLetter, ModifierLetter, OtherLetter, OtherNumber, TitlecaseLetter,
        UppercaseLetter,
    };
    matches!(
        get_general_category(letter),
        DecimalNumber
            | LetterNumber
            | LowercaseLetter
            | ModifierLetter
            | OtherLetter
            | OtherNumber
            | TitlecaseLetter
            | UppercaseLetter
    )
}

/// A text as it is quoted in a message: one line, nothing a terminal would obey, not too long.
pub(crate) fn shown(text: &str) -> String {
    const MAX_SHOWN_CHARS: usize = 80;
    let mut shown: String = text.chars().take(MAX_SHOWN_CHARS).flat_map(escaped).collect();
    if text.chars().nth(MAX_SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

fn escaped(letter: char) -> Vec<char> {
    if letter.is_control() { letter.escape_default().collect() } else { vec![letter] }
}
