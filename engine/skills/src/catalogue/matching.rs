//! Which skill a text calls for by a trigger, and what a model is told of all skills.

use super::Catalogue;
use crate::skill::Skill;

/// Most bytes of the listing: some 4,000 tokens, of every prompt.
const MAX_LISTING_BYTES: usize = 16 * 1024;
/// Least characters of a description before skills are left out instead.
const LEAST_DESCRIPTION_CHARS: usize = 40;
/// Most bytes of a text that are searched for triggers: somebody who calls for a skill does so early.
const MAX_SEARCHED_BYTES: usize = 64 * 1024;

impl Catalogue {
    /// The skill that has a trigger within `text`, as whole words and in any case; of several the one with the longest
    /// trigger, then the nearest.
    pub fn by_trigger(&self, text: &str) -> Option<&Skill> {
        let end = (0..=text.len().min(MAX_SEARCHED_BYTES)).rev().find(|&end| text.is_char_boundary(end));
        let words = words_of(&text[..end.unwrap_or(0)]);
        let mut best: Option<(usize, &Skill)> = None;
        for skill in &self.skills {
            for trigger in &skill.triggers {
                let wanted = words_of(trigger);
                let length = trigger.chars().count();
                let is_longer = best.is_none_or(|(longest, _)| length > longest);
                if is_longer && !wanted.is_empty() && words.windows(wanted.len()).any(|window| window == wanted) {
                    best = Some((length, skill));
                }
            }
        }
        best.map(|(_, skill)| skill)
    }

    /// Names and descriptions, one skill a line, for a prompt: `- csv-report: Profiles a CSV file…`. At most 16 KiB:
    /// first descriptions are shortened, then skills left out, the farthest first, and the last line says how many.
    pub fn listing(&self) -> String {
        let mut chars = crate::fields::MAX_DESCRIPTION_CHARS;
        loop {
            let lines: Vec<String> = self.skills.iter().map(|skill| line(skill, chars)).collect();
            let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
            if bytes <= MAX_LISTING_BYTES {
                return lines.iter().map(|line| format!("{line}\n")).collect();
            }
            if chars <= LEAST_DESCRIPTION_CHARS {
                return cut(&lines);
            }
            chars = (chars / 2).max(LEAST_DESCRIPTION_CHARS);
        }
    }
}

/// As many lines as there is room for, and how many there are more.
fn cut(lines: &[String]) -> String {
    let mut listing = String::new();
    for (number, line) in lines.iter().enumerate() {
        // The last line needs less than 100 bytes.
        if listing.len() + line.len() + 1 > MAX_LISTING_BYTES - 100 {
            listing.push_str(&format!("({} more skills are not listed)\n", lines.len() - number));
            break;
        }
        listing.push_str(line);
        listing.push('\n');
    }
    listing
}

/// One line whatever is in the texts.
fn line(skill: &Skill, chars: usize) -> String {
    let clean: String =
        skill.description.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut description: String = words.chars().take(chars).collect();
    if words.chars().nth(chars).is_some() {
        description.push('…');
    }
    format!("- {}: {description}", skill.name)
}

/// The words of a text, in lower case: letters and digits that are together, and each other character for itself, but
/// for space and what ends a sentence, so that `c++` and `/report` can be triggers and `report.` has one in it.
fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut within = false;
    for letter in text.chars() {
        if letter.is_alphanumeric() || letter == '_' {
            if !within {
                words.push(String::new());
            }
            words.last_mut().expect("a word was begun").extend(letter.to_lowercase());
            within = true;
        } else {
            within = false;
            if !letter.is_whitespace() && !matches!(letter, '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'') {
                words.push(letter.to_string());
            }
        }
    }
    words
}
