use super::*;

fn passage<'a>(id: &'a str, text: &'a str, score: f32, coverage: f32) -> Passage<'a> {
    Passage { id, text, score, coverage, cosine: None }
}

#[test]
fn the_best_passages_are_quoted_with_their_ids() {
    let passages = [
        passage("m1", "Anna rents the red boat.", 5.0, 1.0),
        passage("m2", "The red boat\nneeds paint.", 4.0, 0.7),
        passage("m3", "Boats float.", 1.0, 0.4),
        passage("m4", "Summer was long.", 4.5, 0.1),
    ];
    assert_eq!(
        answer("who rents the red boat?", &passages),
        "From memory, word for word (built-in responder, not a language model):\n\
         \n- Anna rents the red boat. [m1]\n- The red boat needs paint. [m2]"
    );
}

#[test]
fn a_weak_match_is_nothing_found() {
    let passages = [passage("m1", "The weather was fine.", 3.0, 0.2)];
    for passages in [&passages[..], &[]] {
        let answer = answer("what is the capital of Mongolia?", passages);
        assert!(answer.starts_with("I found nothing in memory about that."), "{answer}");
        assert!(answer.contains("not a language model"), "{answer}");
    }
}

#[test]
fn nearness_in_meaning_makes_up_for_words_and_chance_words_do_not_make_up_for_it() {
    let quoted = |coverage, cosine| {
        let passage = Passage { cosine: Some(cosine), ..passage("m1", "The hull needs paint.", 1.0, coverage) };
        answer("is the vessel in good shape?", &[passage]).contains("[m1]")
    };
    assert!(quoted(0.0, 0.6), "near, without a common word");
    assert!(quoted(0.4, 0.4) && quoted(1.0, 0.0), "both together");
    assert!(!quoted(0.0, 0.5) && !quoted(0.34, 0.2), "neither");
    assert!(!quoted(0.5, f32::NAN));
}

#[test]
fn an_empty_question_is_said_to_be_none() {
    assert_eq!(answer(" \n", &[]), "There is no question to look up.");
}

#[test]
fn what_is_remembered_twice_is_quoted_once() {
    let passages = [passage("a", "Tea at four.", 2.0, 1.0), passage("b", "Tea at  four.", 2.0, 1.0)];
    assert!(answer("when is tea?", &passages).ends_with("\n- Tea at four. [a] [b]"));
}

#[test]
fn quotes_cannot_drive_the_terminal() {
    let passages = [passage("i\u{1b}d", "Tea \u{1b}[2J\r\u{7}at\u{202e} four.\0", 2.0, 1.0)];
    let answer = answer("tea?", &passages);
    assert!(answer.ends_with("- Tea [2J at four. [i d]"), "{answer:?}");
}

#[test]
fn a_long_text_is_quoted_in_part_with_dots() {
    let text =
        format!("{} The anchor is under the bench. {}", "Lorem ipsum dolor. ".repeat(40), "Sit amet. ".repeat(40));
    let answer = answer("where is the anchor?", &[passage("m", &text, 2.0, 1.0)]);
    let quote = answer.lines().last().expect("an answer has lines");
    assert!(quote.starts_with("- … The anchor is under the bench."), "{quote}");
    assert!(quote.ends_with(" … [m]"), "{quote}");
    assert!(quote.chars().count() <= MAX_QUOTE_CHARS + 20, "{quote}");
}
