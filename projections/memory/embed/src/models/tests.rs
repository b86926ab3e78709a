use super::*;

/// An embedder for the shipped model on rten.
fn on_rten() -> Box<dyn Embedder> {
    Models::new("/nowhere".into()).open_with(Models::DEFAULT, RuntimePreference::Rten).expect("rten is always there")
}

#[test]
fn id_of_the_shipped_model_is_the_one_written_down() {
    let files = shipped::files();
    let contents = [files.model, files.tokenizer, files.config, files.special_tokens_map, files.tokenizer_config];
    let digests = contents.each_ref().map(|bytes| blake3::hash(bytes));
    let id = EmbedderId::compute(&digests, &shipped::RECIPE);
    assert_eq!(id, shipped::ID, "write {:?} into shipped.rs", id.0);
}

#[test]
fn shipped_model_opens_without_a_cache_folder() {
    let embedder = on_rten();
    assert_eq!(embedder.id(), Models::default_id());
    assert_eq!((embedder.name(), embedder.dimensions()), ("all-MiniLM-L6-v2", 384));
    assert_eq!(*embedder.runtime(), Runtime::Rten);
}
