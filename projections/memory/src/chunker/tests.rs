use proptest::prelude::*;

use super::*;

/// Cuts a text and makes sure of what holds for any text.
fn check(text: &str) -> Vec<&str> {
    let ranges = passages(text);
    assert_eq!(ranges, passages(text), "the same each time");
    assert!((1..=MAX_PASSAGES).contains(&ranges.len()), "{} passages", ranges.len());
    let mut behind = 0;
    for range in &ranges {
        assert!(range.start >= behind, "in order, without overlap");
        // A range between characters would panic here.
        assert!(text[behind..range.start].trim().is_empty(), "nothing is left out");
        let passage = &text[range.clone()];
        assert_eq!(passage, passage.trim());
        assert!(passage.chars().count() <= MAX_CHARS, "{} characters", passage.chars().count());
        assert!(parts(passage) <= MAX_PARTS, "{} parts", parts(passage));
        behind = range.end;
    }
    if ranges.len() < MAX_PASSAGES {
        assert!(text[behind..].trim().is_empty(), "nothing is left out at the end");
    }
    assert!(ranges.len() == 1 || ranges.iter().all(|range| !range.is_empty()), "no empty passages");
    ranges.into_iter().map(|range| &text[range]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn passages_cover_any_text_within_their_bounds(
        pieces in prop::collection::vec(
            prop_oneof![
                8 => "[a-z]{1,12}",
                1 => "[a-z]{1,2000}",
                2 => Just(". ".to_owned()),
                1 => "\\PC{0,30}",
                1 => "[\u{4e00}-\u{4e50}]{1,400}",
                1 => "[\u{5d0}-\u{5ea} ]{1,200}",
                1 => "[\u{1f600}-\u{1f640}\u{200d}\u{fe0f}]{1,60}",
                1 => Just("\n\n".to_owned()),
                1 => "[ \t\r\n]{1,40}",
                1 => Just("\n# ".to_owned()),
            ],
            0..250,
        ),
        spaced in any::<bool>(),
    ) {
        check(&pieces.join(if spaced { " " } else { "" }));
    }
}

#[test]
fn short_and_empty_texts_are_one_passage() {
    assert_eq!(check("Anna rents the red boat."), ["Anna rents the red boat."]);
    assert_eq!(check("  One line.\n\nAnother one.\n"), ["One line.\n\nAnother one."]);
    for blank in ["", " ", "\n\n\n", &" \t".repeat(100_000)] {
        assert_eq!(check(blank), [""]);
    }
}

#[test]
fn paragraphs_stay_whole_where_they_fit() {
    let paragraph = |topic: &str| format!("{topic} {}", "is what this is all about, and not much else. ".repeat(7));
    let text = format!("{}\n\n{}\n\n{}", paragraph("Boats"), paragraph("Chess"), paragraph("Tea"));
    let passages = check(&text);
    assert_eq!(passages.len(), 2);
    assert!(passages[1].starts_with("Chess") || passages[1].starts_with("Tea"), "{}", passages[1]);
}

#[test]
fn a_long_paragraph_is_cut_between_sentences_and_leaves_no_crumb() {
    let text = "The hull of the boat needs paint before the summer. ".repeat(30);
    let passages = check(&text);
    assert_eq!(passages.len(), 2);
    for passage in passages {
        assert!(passage.starts_with("The hull") && passage.ends_with("summer."), "{passage}");
        assert!(passage.len() > 600, "{} bytes", passage.len());
    }
}

#[test]
fn a_sentence_without_end_is_cut_between_words() {
    let text = "and then we painted the boat ".repeat(100);
    for passage in check(&text) {
        let words = ["and", "then", "we", "painted", "the", "boat"];
        assert!(passage.split(' ').all(|word| words.contains(&word)), "{passage}");
    }
}

#[test]
fn a_word_of_ten_thousand_letters_is_cut() {
    let passages = check(&"x".repeat(10_000)).len();
    assert!((10_000_usize.div_ceil(MAX_CHARS)..30).contains(&passages), "{passages}");
}

#[test]
fn scripts_without_spaces_are_bounded() {
    let passages = check(&"我们在东京看见了红色的船".repeat(100)).len();
    assert!((6..=14).contains(&passages), "{passages}");
    check(&"你好。".repeat(2_000));
    check(&"สวัสดีครับ".repeat(500));
    check(&"שלום עולם ".repeat(500));
    check(&"🎉👩‍👩‍👧‍👦".repeat(3_000));
}

#[test]
fn a_megabyte_is_cut_into_no_more_than_the_greatest_number() {
    let text = "The hull of the boat needs paint. Anna said so, twice.\n".repeat(1 << 20 >> 5);
    assert!((1_000..MAX_PASSAGES).contains(&check(&text).len()));
    // So many that each is as short as one can be.
    let short = format!("{} ", "我".repeat(240));
    assert_eq!(passages(&short.repeat(MAX_PASSAGES + 100)).len(), MAX_PASSAGES);
    assert!(check(&"x".repeat(1 << 20)).len() <= MAX_PASSAGES);
    assert!(check(&".".repeat(1 << 20)).len() <= MAX_PASSAGES);
}

#[test]
fn the_cut_is_the_one_that_vectors_were_made_with() {
    // When this fails, raise `PASSAGES_VERSION` and `schema::SCHEMA_VERSION`.
    let mut text = String::new();
    for at in 0..400 {
        text.push_str(
            ["Anna rents the red boat. ", "It (No. 7) needs paint!\n", "我住在东京。", "\n\n"][at * at % 7 % 4],
        );
    }
    let cut: Vec<(usize, usize)> = passages(&text).into_iter().map(|range| (range.start, range.end)).collect();
    assert_eq!((PASSAGES_VERSION, crc32fast::hash(format!("{cut:?}").as_bytes())), (1, 3_824_022_059));
}
