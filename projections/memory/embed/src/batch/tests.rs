use super::*;

#[test]
fn every_text_is_in_one_batch_which_fits() {
    let lengths: Vec<usize> = (0..500).map(|i| 2 + i * i % 255).collect();
    let batches = plan(&lengths, TOKENS);
    let mut texts: Vec<usize> = batches.concat();
    texts.sort_unstable();
    assert_eq!(texts, (0..500).collect::<Vec<_>>());
    for batch in &batches {
        let longest = batch.iter().map(|&text| lengths[text]).max().expect("no batch is empty");
        assert!(batch.len() * longest <= TOKENS, "{} texts of up to {longest} tokens", batch.len());
    }
}

#[test]
fn texts_of_like_length_are_together_and_the_longest_first() {
    assert_eq!(plan(&[3, 10, 4, 9], 20), [vec![1, 3], vec![2, 0]]);
}

#[test]
fn text_longer_than_a_batch_is_a_batch_of_its_own() {
    assert_eq!(plan(&[30, 30, 5, 5], 20), [vec![0], vec![1], vec![2, 3]]);
}

#[test]
fn one_token_to_a_batch_is_one_text_to_a_batch() {
    assert_eq!(plan(&[2, 2, 0], 1), [vec![0], vec![1], vec![2]]);
    assert!(plan(&[], 1).is_empty());
}
