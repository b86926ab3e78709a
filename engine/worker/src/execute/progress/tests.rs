use super::*;

/// What comes out of these pieces: text joined, progress as `[40 message]`.
fn taken(pieces: &[&str]) -> String {
    let mut out = String::new();
    let mut each = |part: Part<'_>| match part {
        Part::Text(text) => out.push_str(&String::from_utf8_lossy(text)),
        Part::Progress(percent, message) => out.push_str(&format!("[{percent} {}]", message.unwrap_or_default())),
    };
    let mut lines = ProgressLines::new();
    for piece in pieces {
        lines.take(piece.as_bytes(), &mut each);
    }
    lines.finish(&mut each);
    out
}

#[test]
fn lines_of_progress_are_taken_out_wherever_the_output_is_cut() {
    let whole = "one\n::progress 40 half way\ntwo ::progress 50\n::progress 62.5\n::progress 100%  done \nthree";
    let expected = "one\n[40 half way]two ::progress 50\n[62.5 ][100 done]three";
    assert_eq!(taken(&[whole]), expected);
    for cut in 0..=whole.len() {
        assert_eq!(taken(&[&whole[..cut], &whole[cut..]]), expected, "{cut}");
    }
    let letters: Vec<String> = whole.chars().map(String::from).collect();
    assert_eq!(taken(&letters.iter().map(String::as_str).collect::<Vec<_>>()), expected);
}

#[test]
fn what_only_looks_like_one_is_output() {
    for text in [
        "::progress\n",
        "::progress x\n",
        "::progress 101\n",
        "::progress -1\n",
        "::progress NaN\n",
        "::progress inf\n",
        "::progres 4\n",
        " ::progress 4\n",
        "::",
    ] {
        assert_eq!(taken(&[text]), text);
    }
    let long = format!("::progress 1 {}\n", "x".repeat(LONGEST));
    assert_eq!(taken(&[&long]), long);
}

#[test]
fn nothing_else_is_held_back() {
    let mut lines = ProgressLines::new();
    let mut said = Vec::new();
    lines.take(b"Continue? ", &mut |part| said.push(format!("{part:?}")));
    assert_eq!(said, [format!("{:?}", Part::Text(b"Continue? "))]);
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(taken(&["::progress 7 x"]), "[7 x]");
}
