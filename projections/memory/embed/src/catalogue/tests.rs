use std::collections::HashSet;

use super::*;

#[test]
fn shipped_model_is_listed_first_and_names_are_unique() {
    let models = all();
    assert_eq!((models[0].name.as_str(), models[0].state), ("all-MiniLM-L6-v2", State::Shipped));
    let names: HashSet<String> = models.iter().map(|model| model.name.to_lowercase()).collect();
    assert_eq!(names.len(), models.len(), "{:?}", models.iter().map(|model| &model.name).collect::<Vec<_>>());
    assert_eq!(models.len(), 1 + TextEmbedding::list_supported_models().len());
}

#[test]
fn models_are_found_by_name_repository_and_variant_whatever_the_case() {
    for name in
        ["bge-small-en-v1.5", "BGE-SMALL-EN-V1.5", "xenova/bge-small-en-v1.5", "BGESmallENV15", " bge-small-en-v1.5 "]
    {
        assert_eq!(find(name).expect(name).name, "bge-small-en-v1.5");
    }
    assert_eq!(find("Sentence-Transformers/all-MiniLM-L6-v2").expect("its origin").name, "all-MiniLM-L6-v2");
    assert_eq!(find("Qdrant/all-MiniLM-L6-v2-onnx").expect("its repository").name, "all-MiniLM-L6-v2-fp32");
}

#[test]
fn repository_with_variants_means_the_one_that_is_not_quantised() {
    assert_eq!(find("Xenova/all-MiniLM-L12-v2").expect("is listed").name, "all-MiniLM-L12-v2");
    assert_eq!(find("all-minilm-l12-v2-Q").expect("is listed").name, "all-MiniLM-L12-v2-q");
    assert_eq!(find("onnx-community/embeddinggemma-300m-ONNX").expect("is listed").name, "embeddinggemma-300m");
}

#[test]
fn unknown_name_is_answered_with_those_that_look_like_it() {
    let nearest = |name: &str| match find(name) {
        Err(EmbedError::UnknownModel { nearest, .. }) => nearest,
        other => panic!("{other:?}"),
    };
    assert_eq!(nearest("bge-smal-en-v1.5")[0], "bge-small-en-v1.5");
    assert_eq!(nearest("openai/all-MiniLM-L6-v3")[0], "all-MiniLM-L6-v2");
    assert_eq!(nearest("minilm").len(), 3);
    assert!(nearest("xyzzy").is_empty());
    assert!(nearest("").is_empty());
    assert!(nearest(&"x".repeat(1_000_000)).is_empty());
}

#[test]
fn unknown_name_hints_at_the_list() {
    let hint = |name: &str| find(name).expect_err("is no model").hint().expect("there is always one");
    assert_eq!(
        hint("all-MiniLM-L6-v"),
        "did you mean all-MiniLM-L6-v2, all-MiniLM-L6-v2-fp32, all-MiniLM-L6-v2-q? `zo model list` shows all"
    );
    assert_eq!(hint("xyzzy"), "`zo model list` shows the models there are");
}

#[test]
fn every_prefix_belongs_to_a_model() {
    let models = all();
    for (beginning, ..) in PREFIXES {
        assert!(models.iter().any(|model| model.name.to_lowercase().starts_with(beginning)), "{beginning}");
    }
    assert_eq!(prefixes("multilingual-e5-small"), ("query: ", "passage: "));
    assert_eq!(prefixes("all-MiniLM-L6-v2"), ("", ""));
}
