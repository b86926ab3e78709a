//! Splits text into words: the tokenizer under the analyzer.
//!
//! A word is a run of letters and digits. Three things differ from a plain split:
//! - Contracted endings go (`Anna's` is `Anna`, `didn't` is `did`); any other apostrophe splits.
//! - Marks that only modify a letter (combining accents, vowel points, joiners) are left out.
//! - Scripts that write no spaces (Han, kana, Hangul, Thai, Lao, Khmer, Burmese) give each
//!   character and each pair of neighbours: `东京` is `东`, `东京`, `京`.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Longer words are cut after this many characters; the rest of them is skipped.
const MAX_WORD_CHARS: usize = 64;

/// Endings that follow an apostrophe and carry no meaning of their own.
const CONTRACTED: [&str; 6] = ["s", "d", "m", "ll", "re", "ve"];

/// The tokenizer. It keeps one token's buffer from text to text.
#[derive(Clone, Default)]
pub(super) struct Words {
    token: Token,
}

/// The words of one text.
pub(super) struct WordStream<'a> {
    text: &'a str,
    /// Byte from which the next word is looked for.
    next: usize,
    /// In an unspaced script: the pair that begins with the character just returned.
    pair: Option<Pair>,
    token: &'a mut Token,
}

#[derive(Clone, Copy)]
struct Pair {
    from: usize,
    to: usize,
    chars: [char; 2],
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, next: 0, pair: None, token: &mut self.token }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        self.token.text.clear();
        self.token.position = self.token.position.wrapping_add(1);
        if let Some(pair) = self.pair.take() {
            self.token.text.extend(pair.chars);
            self.token.offset_from = pair.from;
            self.token.offset_to = pair.to;
            return true;
        }
        let Some((start, first)) = self.find_start() else {
            return false;
        };
        self.token.offset_from = start;
        if is_unspaced(first) {
            self.take_character(start, first);
        } else {
            self.take_word(start);
        }
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

impl WordStream<'_> {
    fn find_start(&self) -> Option<(usize, char)> {
        let rest = &self.text[self.next..];
        let found = rest.char_indices().find(|(_, c)| c.is_alphanumeric() && !is_mark(*c));
        found.map(|(offset, c)| (self.next + offset, c))
    }

    fn take_character(&mut self, start: usize, first: char) {
        self.token.text.push(first);
        self.next = start + first.len_utf8();
        self.token.offset_to = self.next;
        let second = self.text[self.next..].char_indices().find(|(_, c)| !is_mark(*c));
        if let Some((skipped, second)) = second.filter(|(_, c)| is_unspaced(*c)) {
            let to = self.next + skipped + second.len_utf8();
            self.pair = Some(Pair { from: start, to, chars: [first, second] });
        }
    }

    fn take_word(&mut self, start: usize) {
        let mut length = 0;
        let mut end = self.text.len();
        for (offset, c) in self.text[start..].char_indices() {
            if is_mark(c) {
                continue;
            }
            if !c.is_alphanumeric() || is_unspaced(c) {
                end = start + offset;
                break;
            }
            if length < MAX_WORD_CHARS {
                self.token.text.push(c);
            }
            length += 1;
        }
        self.token.offset_to = end;
        self.next = end + self.contracted_ending(end);
    }

    /// Bytes to skip after a word that ends at `end`, if a contracted ending follows it. The `n`
    /// of `n't` is taken off the word.
    fn contracted_ending(&mut self, end: usize) -> usize {
        let rest = &self.text[end..];
        let Some(apostrophe) = rest.chars().next().filter(|c| matches!(c, '\'' | '’')) else {
            return 0;
        };
        let after = &rest[apostrophe.len_utf8()..];
        let ending_length = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
        let ending = &after[..ending_length];
        if ending.eq_ignore_ascii_case("t") && self.token.text.len() > 1 {
            if self.token.text.ends_with(['n', 'N']) {
                self.token.text.pop();
            }
        } else if !CONTRACTED.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
            return 0;
        }
        apostrophe.len_utf8() + ending_length
    }
}

/// Whether a term is two characters of an unspaced script, which need not be a word.
pub(crate) fn is_unspaced_pair(term: &str) -> bool {
    let mut chars = term.chars();
    chars.next().is_some_and(is_unspaced) && chars.next().is_some()
}

/// Whether a term is one or two characters of an unspaced script.
pub(crate) fn is_unspaced_term(term: &str) -> bool {
    term.chars().next().is_some_and(is_unspaced)
}

/// Letters of scripts that do not put spaces between words. Korean does, but glues particles to
/// its nouns, and is found better by pairs of syllables.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' // Thai, Lao
        | '\u{1000}'..='\u{109F}' // Burmese
        | '\u{1100}'..='\u{11FF}' // Hangul, single letters
        | '\u{1780}'..='\u{17FF}' // Khmer
        | '\u{3005}'..='\u{3007}' // Han iteration mark and zero
        | '\u{3040}'..='\u{312F}' // kana, Bopomofo
        | '\u{31F0}'..='\u{31FF}' // kana extensions
        | '\u{3400}'..='\u{4DBF}' // Han
        | '\u{4E00}'..='\u{9FFF}' // Han
        | '\u{AC00}'..='\u{D7AF}' // Hangul syllables
        | '\u{F900}'..='\u{FAFF}' // Han, compatibility
        | '\u{FF66}'..='\u{FF9F}' // halfwidth kana
        | '\u{20000}'..='\u{3FFFF}' // Han, supplementary planes
    ) && c.is_alphanumeric()
}

/// Characters inside a word that only modify their neighbours.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{00AD}' // soft hyphen
        | '\u{0300}'..='\u{036F}' // combining accents
        | '\u{0591}'..='\u{05BD}' | '\u{05BF}' | '\u{05C1}' | '\u{05C2}' | '\u{05C4}'
        | '\u{05C5}' | '\u{05C7}' // Hebrew points
        | '\u{0610}'..='\u{061A}' | '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}' // Arabic
        | '\u{093C}' | '\u{094D}' | '\u{09BC}' | '\u{09CD}' | '\u{0A3C}' | '\u{0A4D}'
        | '\u{0ABC}' | '\u{0ACD}' | '\u{0B3C}' | '\u{0B4D}' | '\u{0BCD}' | '\u{0C4D}'
        | '\u{0CCD}' | '\u{0D4D}' // Indic viramas and nuktas
        | '\u{0E47}'..='\u{0E4E}' // Thai tones
        | '\u{200B}'..='\u{200D}' | '\u{2060}' // zero-width spaces and joiners
        | '\u{FE00}'..='\u{FE0F}' // variation selectors
    )
}
