//! The vectors: the same on both engines and however the texts are batched, for every kind of text.

use std::time::{Duration, Instant};

use zo_embed::{Embedder, Models, Role, Runtime, RuntimePreference};

use crate::child;

fn open(preference: RuntimePreference) -> Box<dyn Embedder> {
    Models::new("/nowhere".into()).open_with(Models::DEFAULT, preference).expect("the shipped model opens")
}

/// Texts as people write them, and as nobody should.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "tea",
        "Where did we put the spare key?",
        "The database keeps every event in one log; everything else is derived from it.",
        "🎉🎉🎉 shipped! 👩‍👩‍👧‍👦 🏳️‍🌈",
        "我们上周决定把数据库换成另一种。",
        "قررنا الأسبوع الماضي تغيير قاعدة البيانات",
        "החלטנו לשנות את מסד הנתונים",
        "データベースを変えることにした",
        "naïve café Straße ŒUVRE ﬁne",
        "\u{0}\u{1}\u{7f}\u{200b}\u{feff}\u{202e}abc\r\n\t\u{1b}[31mred",
        "[CLS] [SEP] [MASK] [PAD] [UNK]",
        "fn main() { println!(\"{}\", 1 + 1); }",
        "https://example.org/a/b?c=d&e=f#g",
        "\u{301}\u{301}\u{301}",
        "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p",
    ]
    .map(String::from)
    .into();
    texts.push("a".repeat(10_000));
    texts.push(" ".repeat(10_000));
    texts.push("🎉".repeat(5_000));
    texts.push("The same sentence again and again. ".repeat(30_000));
    texts.push("長".repeat(350_000));
    // Every length from 1 to 300 words or so, so that batches are padded by all amounts.
    for words in (1..300).step_by(23) {
        let word =
            |i: usize| ["log", "of", "the", "weekly", "meeting", "on", "storage", "and", "tea"][(i * i + words) % 9];
        texts.push((0..words).map(word).collect::<Vec<_>>().join(" "));
    }
    texts
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn assert_same(what: &str, texts: &[&str], one: &[Vec<f32>], other: &[Vec<f32>]) {
    assert_eq!((one.len(), other.len()), (texts.len(), texts.len()));
    for ((text, a), b) in texts.iter().zip(one).zip(other) {
        let text: String = text.chars().take(40).collect();
        assert_eq!((a.len(), b.len()), (384, 384), "{text:?}");
        assert!((cosine(a, a) - 1.0).abs() < 1e-5, "{text:?} has length {}", cosine(a, a).sqrt());
        let cosine = cosine(a, b);
        assert!(cosine >= 0.99999, "{what}: {text:?} has cosine {cosine}");
    }
}

/// One at a time, all at once, and in another order.
fn check_batching(embedder: &mut dyn Embedder) -> Vec<Vec<f32>> {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = embedder.embed(Role::Passage, &texts).expect("every text has a vector");
    let mut alone = Vec::new();
    for text in &texts {
        alone.extend(embedder.embed(Role::Passage, &[*text]).expect("every text has a vector"));
    }
    assert_same("alone and together", &texts, &alone, &together);
    let reversed: Vec<&str> = texts.iter().rev().copied().collect();
    let mut backwards = embedder.embed(Role::Query, &reversed).expect("every text has a vector");
    backwards.reverse();
    assert_same("forwards and backwards", &texts, &together, &backwards);
    together
}

#[test]
fn vectors_on_rten_do_not_depend_on_the_batch() {
    let packed = check_batching(&mut *open(RuntimePreference::Rten));
    let quick = check_batching(&mut *open(RuntimePreference::Quick));
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_same("packed and not", &texts, &packed, &quick);
}

#[test]
fn both_engines_give_the_same_vectors() {
    if let Some(library) = child::onnx_runtime() {
        child::run("engines::engines_agree", &[("ORT_DYLIB_PATH", &library.to_string_lossy())]);
    }
}

#[test]
#[ignore = "run by both_engines_give_the_same_vectors, in a process of its own"]
fn engines_agree() {
    let mut onnx = open(RuntimePreference::OnnxRuntime);
    assert!(matches!(onnx.runtime(), Runtime::OnnxRuntime { .. }));
    let rten = open(RuntimePreference::Rten);
    assert_eq!(onnx.id(), rten.id());
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_same("engines", &texts, &check_batching(&mut *onnx), &check_batching(&mut *{ rten }));
    // Several may be open at once, and the environment outlives them.
    let mut second = open(RuntimePreference::Auto);
    drop(onnx);
    assert!(matches!(second.runtime(), Runtime::OnnxRuntime { .. }));
    second.embed(Role::Query, &["tea"]).expect("every text has a vector");
}

#[test]
fn like_texts_have_like_vectors() {
    let mut embedder = open(RuntimePreference::Quick);
    let texts =
        ["which database do we use?", "Our data is stored with SQL in Postgres.", "The cat sleeps on the sofa."];
    let vectors = embedder.embed(Role::Query, &texts).expect("every text has a vector");
    let (like, unlike) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
    assert!(like > unlike + 0.3, "{like} and {unlike}");
}

#[test]
fn megabyte_takes_no_longer_than_what_counts_of_it() {
    let mut embedder = open(RuntimePreference::Rten);
    let long = "The same sentence again and again. ".repeat(30_000);
    embedder.embed(Role::Passage, &["tea"]).expect("every text has a vector");
    let start = Instant::now();
    embedder.embed(Role::Passage, &[&long]).expect("every text has a vector");
    assert!(start.elapsed() < Duration::from_secs(2), "took {:?}", start.elapsed());
}
