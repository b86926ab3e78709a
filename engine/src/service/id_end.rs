//! Ends of ids: the last characters of one, by which people name things.

/// The fewest characters that name something.
const SHORTEST: usize = 4;
/// A whole id.
const LONGEST: usize = 26;
/// The digits of ids (Crockford's base 32).
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The end of an id, as a number, so that a million ids are compared without one being written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdEnd {
    value: u128,
    mask: u128,
}

impl IdEnd {
    /// Reads 4 to 26 characters, the whole of an id, in capitals or not; `None` if no id ends so.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !(SHORTEST..=LONGEST).contains(&text.len()) {
            return None;
        }
        let digit = |letter: u8| DIGITS.iter().position(|digit| *digit == letter.to_ascii_uppercase());
        let value = text.bytes().try_fold(0, |value: u128, letter| Some(value << 5 | digit(letter)? as u128))?;
        // The first character of a whole one has three bits.
        let is_whole = text.len() == LONGEST;
        if is_whole && digit(text.as_bytes()[0])? > 7 {
            return None;
        }
        let mask = if is_whole { u128::MAX } else { (1 << (5 * text.len())) - 1 };
        Some(Self { value, mask })
    }

    /// Whether an id ends so.
    pub(super) fn is_of(self, id: u128) -> bool {
        id & self.mask == self.value
    }
}

#[cfg(test)]
mod tests {
    use zo_projections::JobId;

    use super::*;

    #[test]
    fn an_id_has_the_ends_that_are_seen_when_it_is_written() {
        for id in [0, 1, 0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210, u128::MAX] {
            let text = JobId(id).to_string();
            for letters in 4..=26 {
                let end = &text[text.len() - letters..];
                assert_eq!(IdEnd::parse(end).map(|end| end.is_of(id)), Some(true), "{end}");
                assert_eq!(IdEnd::parse(&end.to_lowercase()), IdEnd::parse(end));
                assert_eq!(IdEnd::parse(end).map(|end| end.is_of(id ^ 1)), Some(false), "{end}");
            }
        }
    }

    #[test]
    fn what_ends_no_id_is_none() {
        for text in [
            "",
            "ABC",
            "ABCI",
            "ABCL",
            "ABCO",
            "ABCU",
            "AB-C",
            "grü4",
            "81JCZ0000000000000000000ZZ",
            "001JCZ0000000000000000000ZZ",
        ] {
            assert_eq!(IdEnd::parse(text), None, "{text}");
        }
    }
}
