use super::*;

const NOTE: &str = "# Boats\nThe harbour has two boats. Anna rents the red one in summer.\n\
    Repairs: Dr. Okafor says the hull needs paint, e.g. the blue kind. Nobody knows why!\n\
    1. Buy paint\n2. Ask Anna";

#[track_caller]
fn check(query: &str, max_chars: usize, expected: &str) {
    assert_eq!(best_passage(NOTE, query, max_chars), expected);
}

#[test]
fn the_sentence_with_most_of_the_words_is_quoted_whole() {
    check("who rents the red one?", 60, "Anna rents the red one in summer.");
    check("what does the hull need", 70, "Repairs: Dr. Okafor says the hull needs paint, e.g. the blue kind.");
}

#[test]
fn a_short_match_is_followed_up() {
    check("boats", 40, "# Boats\nThe harbour has two boats.");
    check("why nobody?", 300, "Nobody knows why!\n1. Buy paint\n2. Ask Anna");
}

#[test]
fn words_in_neighbouring_sentences_are_quoted_together() {
    check("harbour Anna", 70, "The harbour has two boats. Anna rents the red one in summer.");
    check("harbour Anna", 40, "The harbour has two boats.");
}

#[test]
fn without_a_match_it_is_the_beginning() {
    check("zebra", 40, "# Boats\nThe harbour has two boats.");
    check("", 40, "# Boats\nThe harbour has two boats.");
    assert_eq!(best_passage("", "zebra", 40), "");
    assert_eq!(best_passage(" \n\t\n", "zebra", 40), "");
}

#[test]
fn an_endless_sentence_is_cut_between_words() {
    let text = format!("{}needle {}", "hay ".repeat(1_000), "straw ".repeat(1_000));
    let passage = best_passage(&text, "needle", 100);
    assert!(passage.contains("needle") && passage.chars().count() <= 100, "{passage}");
    assert!(passage.starts_with("hay ") && passage.ends_with(" straw"), "{passage}");
}

#[test]
fn wrapped_lines_are_one_sentence_and_short_ones_are_not() {
    let text = "## Shrinking\n\nThe library reduces every input that fails a test to a\nminimal failing \
        case. It does so by strategy objects, which know how\ntheir values were made.\n- one\n- two";
    assert_eq!(
        best_passage(text, "minimal case", 100),
        "The library reduces every input that fails a test to a\nminimal failing case."
    );
    assert_eq!(
        best_passage(text, "strategy values", 75),
        "It does so by strategy objects, which know how\ntheir values were made."
    );
    assert_eq!(best_passage("Anna: tea at four\nBen: coffee at nine\n", "coffee", 25), "Ben: coffee at nine");
}

#[test]
fn no_text_and_no_limit_breaks_it() {
    let words = "わたしは東京に住んでいます。とても楽しい！";
    assert_eq!(best_passage(words, "楽しい", 10), "とても楽しい！");
    let long = ["x".repeat(1 << 20), "。".repeat(1 << 18), ".x".repeat(1 << 19), "\n".repeat(1 << 20)];
    let texts = ["\u{301}\u{301}", "...", "é", "🎉🎉🎉", NOTE].into_iter();
    for text in texts.chain(long.iter().map(String::as_str)) {
        for max_chars in [0, 1, 2, 7, 300, usize::MAX] {
            let passage = best_passage(text, "x boats", max_chars);
            let shortest = max_chars.max(1);
            assert!(passage.chars().count() <= shortest, "{max_chars}");
        }
    }
}

#[test]
fn the_passage_with_most_of_the_words_is_told() {
    let paragraph = |topic: &str| format!("{topic}. {}\n\n", "This is filled with other things. ".repeat(30));
    let text: String = ["Tea", "A boat", "Chess", "The boat needs paint", "Paint"].map(paragraph).concat();
    let ranges = passages(&text);
    assert!(ranges.len() >= 5, "{}", ranges.len());
    let told = |question: &str| text[ranges[passage_by_words(&text, question) as usize].clone()].to_owned();
    assert!(told("painted boats").contains("The boat needs paint."));
    assert!(told("who plays chess").contains("Chess."));
    assert_eq!(passage_by_words(&text, "submarines"), 0);
    assert_eq!(passage_by_words(&text, ""), 0);
    assert_eq!(passage_by_words("", "boat"), 0);
}
