use std::time::{Duration, Instant};

use super::*;
use crate::shipped;

fn count(text: &str) -> usize {
    let tokenizer = tokenizer(shipped::TOKENIZER, 256).expect("the shipped tokenizer is whole");
    encode(&tokenizer, &[prepare("", text, 256)]).expect("every text has tokens")[0].len()
}

#[test]
fn empty_text_has_the_two_special_tokens() {
    assert_eq!(count(""), 2);
    assert_eq!(count(" \n\t "), 2);
}

#[test]
fn long_text_is_kept_to_the_maximal_length() {
    assert_eq!(count(&"word ".repeat(300)), 256);
    assert_eq!(count(&"日本".repeat(300)), 256);
}

#[test]
fn blanks_before_a_text_do_not_push_it_out() {
    assert_eq!(count(&format!("{}word", " ".repeat(100_000))), 3);
}

#[test]
fn megabyte_is_cut_before_it_is_tokenised_and_between_characters() {
    let text = "日".repeat(350_000);
    assert!(prepare("", &text, 256).len() <= 256 * BYTES_PER_TOKEN);
    let tokenizer = tokenizer(shipped::TOKENIZER, 256).expect("the shipped tokenizer is whole");
    let start = Instant::now();
    encode(&tokenizer, &[prepare("", &text, 256)]).expect("every text has tokens");
    assert!(start.elapsed() < Duration::from_millis(250), "took {:?}", start.elapsed());
}

#[test]
fn prefix_comes_before_the_trimmed_text() {
    assert_eq!(prepare("query: ", " tea? ", 256), "query: tea?");
}
