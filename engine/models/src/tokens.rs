//! How many tokens a text or a picture is, about, without a tokenizer.
//!
//! Tokenizers differ; the weights here err upwards for those in use (o200k, Llama 3, Qwen, Claude), so that a context that
//! fits by this count fits. What is measured against: about 1.3 tokens an English word, .7 to 1.5 a Chinese character, 2 to 3 an emoji.

/// The count of what cannot be looked into: the most that an Anthropic model of 2025 makes of a picture.
const UNKNOWN_IMAGE: u64 = 1600;

/// A rough count of a text's tokens, rather too many than too few; 0 only for the empty text.
pub fn estimate_tokens(text: &str) -> u64 {
    // In tenths of a token.
    let mut tenths: u64 = 0;
    let mut word = Run::default();
    let mut spaces = 0u64;
    let mut punctuation: Option<(char, u64)> = None;
    for c in text.chars() {
        let class = class(c);
        if !matches!(class, Class::Letter | Class::Digit) {
            tenths += word.end();
        }
        if !matches!(class, Class::Space) {
            // One blank belongs to the word behind it, but never to a number; more are a token of their own.
            tenths += match spaces {
                0 => 0,
                1 if class != Class::Digit => 0,
                more => 10 + more / 16 * 10,
            };
            spaces = 0;
        }
        match (class, &mut punctuation) {
            (Class::Punctuation, Some((last, count))) if *last == c => *count += 1,
            (Class::Punctuation, slot) => tenths += slot.replace((c, 1)).map_or(0, |(_, count)| repeated(count)),
            (_, slot) => tenths += slot.take().map_or(0, |(_, count)| repeated(count)),
        }
        match class {
            Class::Letter | Class::Digit => word.push(c),
            Class::Space => spaces += 1,
            Class::LineEnd => tenths += 10,
            Class::Punctuation => {}
            Class::Ideograph => tenths += 15,
            Class::Syllable => tenths += 12,
            Class::Pictograph => tenths += 30,
            Class::Joiner => tenths += 10,
            Class::OtherLetter => tenths += 8,
            Class::Rare => tenths += 30,
        }
    }
    tenths +=
        word.end() + punctuation.map_or(0, |(_, count)| repeated(count)) + if spaces > 1 { 10 } else { spaces * 10 };
    tenths.div_ceil(10)
}

/// About what a picture costs: the larger of what OpenAI and Anthropic count for its size; 1600 if the size cannot be read.
pub fn estimate_image_tokens(bytes: &[u8]) -> u64 {
    match image_size(bytes) {
        Some((width, height)) if width > 0 && height > 0 => {
            anthropic_image(width, height).max(openai_image(width, height))
        }
        _ => UNKNOWN_IMAGE,
    }
}

/// Latin letters and digits without anything between.
#[derive(Default)]
struct Run {
    plain: u64,
    accented: u64,
    digits: u64,
}

impl Run {
    fn push(&mut self, c: char) {
        match c {
            '0'..='9' => self.digits += 1,
            _ if c.is_ascii() => self.plain += 1,
            _ => self.accented += 1,
        }
    }

    /// Words up to six letters are one token, longer ones one more for each four letters; a letter with an accent splits a word;
    /// digits stand alone, as they do for some tokenizers.
    fn end(&mut self) -> u64 {
        let Run { plain, accented, digits } = std::mem::take(self);
        let others = accented * 8 + digits * 10;
        match plain {
            // No word is that long: a key, a hash, base64.
            1.. if plain > 32 || (digits > 0 && plain + digits > 20) => (plain + digits) * 7 + accented * 8,
            0 => others,
            1..=6 => 10 + others,
            _ => 10 + (plain - 6).div_ceil(4) * 8 + others,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Space,
    LineEnd,
    Digit,
    Punctuation,
    Ideograph,
    Syllable,
    Pictograph,
    Joiner,
    OtherLetter,
    Rare,
}

fn class(c: char) -> Class {
    match u32::from(c) {
        0x0a | 0x0d => Class::LineEnd,
        0x09 | 0x20 | 0xa0 | 0x3000 => Class::Space,
        0x30..=0x39 => Class::Digit,
        0x41..=0x5a | 0x61..=0x7a | 0xc0..=0x24f => Class::Letter,
        0x00..=0x7f => Class::Punctuation,
        0x250..=0x6ff => Class::OtherLetter, // Greek, Cyrillic, Armenian, Hebrew, Arabic
        0x700..=0x1fff => Class::Syllable,   // the scripts of South and South-East Asia and others
        0x200b..=0x200f | 0xfe00..=0xfe0f => Class::Joiner,
        0x2010..=0x206f | 0x20a0..=0x20cf | 0xff00..=0xff0f => Class::Punctuation,
        0x2190..=0x2bff => Class::Pictograph,
        0x3001..=0x30ff | 0xac00..=0xd7a3 => Class::Syllable, // kana, Hangul
        0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff => Class::Ideograph,
        0x1f000..=0x1faff => Class::Pictograph,
        _ => Class::Rare,
    }
}

/// The same sign many times: tokenizers know rows of dashes and the like.
fn repeated(count: u64) -> u64 {
    count.div_ceil(4) * 10
}

/// Width times height by 750, after a picture was made to fit 1568 pixels (Anthropic, "Vision", 2025-10).
fn anthropic_image(width: u64, height: u64) -> u64 {
    let longest = width.max(height);
    let (width, height) =
        if longest > 1568 { (width * 1568 / longest, height * 1568 / longest) } else { (width, height) };
    (width * height).div_ceil(750).clamp(1, UNKNOWN_IMAGE)
}

/// 85 and 170 for each tile of 512 pixels, after a picture was made to fit 2048 x 2048 and its shorter side 768 (OpenAI, "Images and
/// vision", 2025-10, the count of GPT-4o and 4.1).
fn openai_image(width: u64, height: u64) -> u64 {
    let longest = width.max(height);
    let (width, height) =
        if longest > 2048 { (width * 2048 / longest, height * 2048 / longest) } else { (width, height) };
    let shortest = width.min(height).max(1);
    let (width, height) =
        if shortest > 768 { (width * 768 / shortest, height * 768 / shortest) } else { (width, height) };
    85 + 170 * width.max(1).div_ceil(512) * height.max(1).div_ceil(512)
}

/// Width and height in pixels, by the header of a PNG, GIF, JPEG or WebP file.
pub fn image_size(bytes: &[u8]) -> Option<(u64, u64)> {
    let big = |at: usize, count: usize| {
        Some(bytes.get(at..at + count)?.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let little = |at: usize, count: usize| {
        Some(bytes.get(at..at + count)?.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((big(16, 4)?, big(20, 4)?));
    }
    if bytes.starts_with(b"GIF8") {
        return Some((little(6, 2)?, little(8, 2)?));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return match bytes.get(12..16)? {
            b"VP8X" => Some((little(24, 3)? + 1, little(27, 3)? + 1)),
            b"VP8L" => {
                let bits = little(21, 4)?;
                Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
            }
            b"VP8 " => Some((little(26, 2)? & 0x3fff, little(28, 2)? & 0x3fff)),
            _ => None,
        };
    }
    if bytes.starts_with(&[0xff, 0xd8]) {
        let mut at = 2;
        loop {
            if *bytes.get(at)? != 0xff {
                return None;
            }
            match *bytes.get(at + 1)? {
                0xff => at += 1,
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    return Some((big(at + 7, 2)?, big(at + 5, 2)?));
                }
                0x01 | 0xd0..=0xd8 => at += 2,
                _ => at += 2 + usize::try_from(big(at + 2, 2)?.max(2)).ok()?,
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
