//! Words for people: what a terminal may be given, how wide it is, how numbers are written.

use std::borrow::Cow;

/// `text` with every control character that a terminal would obey shown as a picture of itself; line ends and tabs stay.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(obeyed) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|letter| if obeyed(letter) { pictured(letter) } else { letter }).collect())
}

fn obeyed(letter: char) -> bool {
    // Besides controls: marks that turn the direction of writing, which can make a text look like another.
    (letter.is_control() && letter != '\n' && letter != '\t')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn pictured(letter: char) -> char {
    match u32::from(letter) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// The most letters of a text that a preview is made of; a terminal shows fewer.
const PREVIEW_LETTERS: usize = 200;

/// The beginning of a text on one line: every run of blanks and line ends is one blank.
pub(crate) fn preview(text: &str) -> String {
    let mut preview = String::new();
    for (letters, letter) in text.trim().chars().enumerate() {
        if letters == PREVIEW_LETTERS {
            preview.push('…');
            break;
        }
        match letter.is_whitespace() {
            true if preview.ends_with(' ') => {}
            true => preview.push(' '),
            false => preview.push(letter),
        }
    }
    clean(&preview).into_owned()
}

/// How many columns `text` takes on a terminal. An approximation: East Asian letters and emoji take two, marks none.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(letter_width).sum()
}

fn letter_width(letter: char) -> usize {
    match u32::from(letter) {
        0..=0x1f | 0x7f..=0x9f | 0x300..=0x36f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// `text` in at most `columns` columns, with `…` where it was cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let mut kept: String = text
        .chars()
        .take_while(|&letter| {
            let fits = letter_width(letter) <= left;
            left = left.saturating_sub(letter_width(letter));
            fits
        })
        .collect();
    kept.push('…');
    kept
}

/// `text` as at most `most_lines` lines of at most `columns` columns, broken between words, with `…` where it was cut. A word
/// that is longer than a line is broken where the line ends; blank lines are left out.
pub(crate) fn wrapped(text: &str, columns: usize, most_lines: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines: Vec<String> = Vec::new();
    'text: for paragraph in text.lines() {
        let mut line = String::new();
        for mut word in paragraph.split_whitespace() {
            while !word.is_empty() {
                let gap = usize::from(!line.is_empty());
                if width(&line) + gap + width(word) <= columns {
                    line.extend(std::iter::repeat_n(' ', gap));
                    line.push_str(word);
                    break;
                }
                if line.is_empty() {
                    let end = end_of_columns(word, columns);
                    line.push_str(&word[..end]);
                    word = &word[end..];
                }
                lines.push(std::mem::take(&mut line));
                // One more than is shown tells that there is more.
                if lines.len() > most_lines {
                    break 'text;
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        if lines.len() > most_lines {
            break;
        }
    }
    if lines.len() > most_lines {
        lines.truncate(most_lines);
        if let Some(last) = lines.last_mut() {
            *last = cut(&format!("{last} …"), columns);
        }
    }
    lines
}

/// Where the letters of `word` end that fit into so many columns; behind the first letter at the earliest.
fn end_of_columns(word: &str, columns: usize) -> usize {
    let mut taken = 0;
    let beyond = word.char_indices().skip(1).find(|&(start, letter)| {
        taken += word[..start].chars().next_back().map_or(0, letter_width);
        taken + letter_width(letter) > columns
    });
    beyond.map_or(word.len(), |(start, _)| start)
}

/// What part of `whole` is done, as people say it: never 100 % before everything is.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    if part >= whole { 100 } else { (part as u128 * 100 / u128::from(whole)) as u64 }
}

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with its word: `1 event`, `2 events`.
pub(crate) fn counted(number: u64, word: &str) -> String {
    let ending = match word {
        _ if number == 1 => return format!("1 {word}"),
        _ if word.ends_with('y') && !word.ends_with("ey") => {
            return format!("{} {}ies", count(number), &word[..word.len() - 1]);
        }
        _ => "s",
    };
    format!("{} {word}{ending}", count(number))
}

/// Bytes as people say them: `812 B`, `1.4 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut size = number as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Millionths of a dollar as dollars, to the hundredth of a cent.
pub(crate) fn dollars(micros: u64) -> String {
    format!("${}.{:04}", count(micros / 1_000_000), micros % 1_000_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(clean("red \u{1b}[31m\u{7}\r\n\tend"), "red ␛[31m␇␍\n\tend");
        assert_eq!(clean("abc\u{202e}cba"), "abc\u{fffd}cba");
        assert!(matches!(clean("plain 日本 é"), Cow::Borrowed(_)));
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(width("日本 e\u{301}"), 6);
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("abc", 2), "a…");
    }

    #[test]
    fn a_text_is_broken_between_words_and_cut_after_some_lines() {
        assert_eq!(wrapped("one two  three\n\nfour", 8, 9), ["one two", "three", "four"]);
        assert_eq!(wrapped("one two three four", 8, 2), ["one two", "three …"]);
        assert_eq!(wrapped("one two three", 8, 2), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij k", 4, 9), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrapped("日本語日本語", 5, 9), ["日本", "語日", "本語"]);
        assert_eq!(wrapped(&"x".repeat(10_000), 10, 1), ["xxxxxxxxx…"]);
        assert!(wrapped(" \n ", 10, 3).is_empty());
    }

    #[test]
    fn nothing_is_all_before_it_is() {
        assert_eq!(percent(0, 12_000), 0);
        assert_eq!(percent(11_999, 12_000), 99);
        assert_eq!(percent(12_000, 12_000), 100);
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "memory"), "1 memory");
        assert_eq!(counted(2, "memory"), "2 memories");
        assert_eq!(counted(1000, "key"), "1,000 keys");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024 * 1024), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
    }

    #[test]
    fn prices_are_dollars() {
        assert_eq!(dollars(0), "$0.0000");
        assert_eq!(dollars(12_345_678), "$12.3456");
    }

    #[test]
    fn a_preview_is_one_line_and_not_long() {
        assert_eq!(preview("\n  \n  a   b\tc \nd"), "a b c d");
        assert_eq!(preview(&"日".repeat(1000)), "日".repeat(200) + "…");
        assert_eq!(preview(""), "");
    }
}
