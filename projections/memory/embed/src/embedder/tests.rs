use tokenizers::{Encoding, Tokenizer};

use super::*;
use crate::shipped;

/// Gives every text the vector (its bytes, the texts in its batch), and may fail.
struct Counting {
    tokenizer: Tokenizer,
    fails: Option<&'static str>,
}

impl Engine for Counting {
    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn run(
        &mut self,
        texts: &[Cow<'_, str>],
        _: &[Encoding],
        batches: &[Vec<usize>],
    ) -> Result<Vec<(usize, Vec<f32>)>, String> {
        match self.fails {
            Some("panic") => panic!("as asked for"),
            Some(reason) => return Err(reason.into()),
            None => {}
        }
        let vector = |text: usize, batch: &[usize]| (text, vec![texts[text].len() as f32, batch.len() as f32]);
        Ok(batches.iter().flat_map(|batch| batch.iter().map(|&text| vector(text, batch))).collect())
    }
}

fn embedder(query_prefix: &'static str, fails: Option<&'static str>) -> EngineEmbedder {
    let tokenizer = tokens::tokenizer(shipped::TOKENIZER, 256).expect("the shipped tokenizer is whole");
    EngineEmbedder {
        id: shipped::ID,
        name: "counting".into(),
        dimensions: 2,
        runtime: Runtime::Rten,
        recipe: Recipe { query_prefix, ..shipped::RECIPE },
        one_by_one: true,
        engine: Box::new(Counting { tokenizer, fails }),
    }
}

#[test]
fn vectors_come_in_the_order_of_the_texts_and_have_length_one() {
    let texts: Vec<String> = (0..3000).map(|i| "x ".repeat(1 + i * 7 % 40)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embedder("", None).embed(Role::Passage, &texts).expect("the engine never fails");
    for (text, vector) in texts.iter().zip(&vectors) {
        // Without the blank at its end; alone in its batch.
        let bytes = (text.len() - 1) as f32;
        let length = bytes.hypot(1.0);
        assert!((vector[0] - bytes / length).abs() < 1e-6 && (vector[1] - 1.0 / length).abs() < 1e-6);
    }
}

#[test]
fn prefix_is_put_before_queries_only() {
    let mut embedder = embedder("q: ", None);
    let query = embedder.embed(Role::Query, &["tea"]).expect("the engine never fails");
    let passage = embedder.embed(Role::Passage, &["q: tea"]).expect("the engine never fails");
    assert_eq!(query, passage);
    assert_ne!(query, embedder.embed(Role::Passage, &["tea"]).expect("the engine never fails"));
}

#[test]
fn no_texts_have_no_vectors() {
    assert!(embedder("", None).embed(Role::Query, &[]).expect("there is nothing to do").is_empty());
}

#[test]
fn failure_of_the_engine_is_told_with_its_name() {
    let error = embedder("", Some("out of memory")).embed(Role::Query, &["tea"]).expect_err("the engine fails");
    assert_eq!(error.to_string(), "rten failed on a text of 3 bytes: out of memory");
}

#[test]
fn panic_of_the_engine_is_an_error() {
    let error = embedder("", Some("panic")).embed(Role::Query, &["tea"]).expect_err("the engine panics");
    assert_eq!(error.to_string(), "rten failed on a text of 3 bytes: it panicked");
}

#[test]
fn vector_without_a_length_is_an_error() {
    assert_eq!(normalised(vec![0.0, 0.0]), Err("a vector of length 0 came".into()));
    assert!(normalised(vec![f32::NAN, 1.0]).is_err());
    assert!(normalised(vec![f32::INFINITY, 1.0]).is_err());
}
