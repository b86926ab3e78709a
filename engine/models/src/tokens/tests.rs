use super::*;

#[test]
fn nothing_is_nothing_and_something_is_something() {
    assert_eq!(estimate_tokens(""), 0);
    for text in ["a", " ", "  ", "\n", "\t", ".", "…", "1", "漢", "🐈", "\u{200d}", "\u{0}", "\u{fffd}"] {
        assert!(estimate_tokens(text) >= 1, "{text:?}");
    }
}

/// Counts of cl100k as its documentation shows them. A made-up word may be more than the estimate, all together are less.
#[test]
fn known_counts_are_met_from_above() {
    let (mut all, mut estimates) = (0, 0);
    for (text, tokens) in [
        ("Hello, world!", 4),
        ("tiktoken is great!", 6),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 9),
    ] {
        let estimate = estimate_tokens(text);
        assert!((tokens - 1..=tokens * 2).contains(&estimate), "{text}: {estimate} for {tokens}");
        all += tokens;
        estimates += estimate;
    }
    assert!(estimates >= all, "{estimates} for {all}");
}

#[test]
fn english_prose_is_about_a_token_and_a_third_a_word() {
    let text = "The harbour was quiet when the last ferry came in, and nobody on the pier noticed the boy who had \
                travelled without a ticket from the other side of the strait. "
        .repeat(20);
    let words = text.split_whitespace().count() as f64;
    let per_word = estimate_tokens(&text) as f64 / words;
    assert!((1.1..1.7).contains(&per_word), "{per_word}");
}

#[test]
fn a_key_or_base64_counts_by_its_letters_and_a_rule_by_a_few() {
    assert!(estimate_tokens(&"aGVsbG8gd29ybGQ".repeat(20)) > 150);
    assert!(estimate_tokens(&"-".repeat(80)) <= 20);
    assert!(estimate_tokens(&" ".repeat(80)) <= 8);
}

#[test]
fn joining_texts_never_makes_much_more_of_them() {
    let (a, b) = ("some words, then ", "more of them 123 漢字");
    let (apart, joined) = (estimate_tokens(a) + estimate_tokens(b), estimate_tokens(&format!("{a}{b}")));
    assert!(joined <= apart + 1, "{joined} {apart}");
}

fn png(width: u32, height: u32) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes()].concat()
}

#[test]
fn the_size_of_a_picture_is_in_its_header() {
    assert_eq!(image_size(&png(640, 480)), Some((640, 480)));
    assert_eq!(image_size(b"GIF89a\x80\x02\xe0\x01"), Some((640, 480)));
    let jpeg =
        [b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc0\0\x11\x08".as_slice(), &480u16.to_be_bytes(), &640u16.to_be_bytes()]
            .concat();
    assert_eq!(image_size(&jpeg), Some((640, 480)));
    let webp = [b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0".as_slice(), &[0x7f, 2, 0], &[0xdf, 1, 0]].concat();
    assert_eq!(image_size(&webp), Some((640, 480)));
    let lossless = [b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".as_slice(), &(639u32 | 479 << 14).to_le_bytes()].concat();
    assert_eq!(image_size(&lossless), Some((640, 480)));
    let lossy =
        [b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a".as_slice(), &640u16.to_le_bytes(), &480u16.to_le_bytes()]
            .concat();
    assert_eq!(image_size(&lossy), Some((640, 480)));
}

#[test]
fn pictures_cost_by_their_size_and_unknown_ones_the_most() {
    assert_eq!(estimate_image_tokens(&png(1024, 1024)), 1399);
    assert!(estimate_image_tokens(&png(64, 64)) <= 300);
    assert!((1400..=2000).contains(&estimate_image_tokens(&png(8000, 6000))));
    for broken in
        [b"".as_slice(), b"BM", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\0\0", b"RIFF\0\0\0\0WEBP", &png(0, 0)]
    {
        assert_eq!(estimate_image_tokens(broken), 1600, "{broken:?}");
    }
}
