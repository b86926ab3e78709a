use super::*;

fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    for_each_term(text, |term| terms.push(term.to_owned()));
    terms
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(terms(text).join(" "), expected, "terms of {text:?}");
}

#[test]
fn words_are_lower_cased_folded_and_stemmed() {
    check("Running RUNNERS ran", "run runner ran");
    check("Café déjà-vu Ångström", "cafe deja vu angstrom");
    check("snake_case tokio::spawn v0.27 10k", "snake case tokio spawn v0 27 10k");
}

#[test]
fn a_letter_with_a_combining_accent_equals_the_composed_one() {
    assert_eq!(terms("re\u{301}sume\u{301}"), terms("résumé"));
}

#[test]
fn contracted_endings_go_and_other_apostrophes_split() {
    check("Melanie's Melanie’s", "melani melani");
    check("I didn't, can't, we'll", "i did ca we");
    check("o'clock l'avion O'Brien 'quoted'", "o clock l avion o brien quot");
    check("the dogs' t'", "the dog t");
}

#[test]
fn unspaced_scripts_give_characters_and_pairs() {
    check("我住在东京", "我 我住 住 住在 在 在东 东 东京 京");
    check("用Rust写", "用 rust 写");
    check("猫", "猫");
    assert!(terms("서울에서").contains(&"서울".to_owned()));
    assert!(terms("カタカナ").contains(&"カタ".to_owned()));
    assert!(!terms("ภาษาไทย").is_empty());
}

#[test]
fn right_to_left_words_are_whole_with_or_without_points() {
    assert_eq!(terms("שָׁלוֹם"), terms("שלום"));
    assert_eq!(terms("مَرْحَبًا بالعالم").len(), 2);
}

#[test]
fn a_word_of_ten_thousand_letters_is_cut() {
    let terms = terms(&format!("{} short", "x".repeat(10_000)));
    assert_eq!(terms.len(), 2);
    assert!(terms[0].len() <= 64);
    assert_eq!(terms[1], "short");
}

#[test]
fn what_is_no_word_gives_no_terms() {
    check("", "");
    check("🎉🎉 👨‍👩‍👧 !!! — \0\u{200d}", "");
}

#[test]
fn queries_lose_stop_words_unless_nothing_else_is_left() {
    assert_eq!(query_terms("What did Anna say about the boats?"), ["anna", "say", "boat"]);
    assert_eq!(query_terms("to be or not to be"), ["to", "be", "or", "not"]);
    assert_eq!(query_terms("What happened in May?"), ["happen", "may"]);
    assert!(query_terms("").is_empty());
}

#[test]
fn stop_words_are_in_the_form_they_are_compared_in() {
    for word in stop_words() {
        let mut analyzer = folded_words().build();
        let mut stream = analyzer.token_stream(word);
        assert!(stream.advance() && stream.token().text == word, "{word}");
    }
}

#[test]
fn dates_are_written_as_people_write_them() {
    assert_eq!(date_in_words(0), "january 1 1970");
    assert_eq!(date_in_words(1_683_554_160_000), "may 8 2023");
    assert_eq!(date_in_words(951_782_400_000), "february 29 2000");
    assert_eq!(date_in_words(-1), "december 31 1969");
    assert_eq!(date_in_words(1_704_067_199_999), "december 31 2023");
    for extreme in [i64::MIN, i64::MAX] {
        assert!(!date_in_words(extreme).is_empty());
    }
}
