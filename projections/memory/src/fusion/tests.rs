use super::*;

fn question() -> Question {
    let cosines = CosineStatistics { minimum: -0.1, maximum: 0.7, mean: 0.1, deviation: 0.1 };
    Question { ceiling: 20.0, cosines: Some(cosines) }
}

fn candidate(ordinal: u32, lexical: f32, cosine: f32) -> Candidate {
    Candidate { ordinal, lexical, cosine: Some(cosine), ..Candidate::default() }
}

fn order(fused: &[Fused]) -> Vec<u32> {
    fused.iter().map(|fused| fused.ordinal).collect()
}

#[test]
fn parts_sum_to_the_score_and_the_best_come_first() {
    let candidates: Vec<Candidate> = (0..50)
        .map(|ordinal| Candidate {
            session: Some(ordinal / 10),
            previous: ordinal.checked_sub(1),
            next: Some(ordinal + 1),
            spoken_by_named: ordinal % 2 == 0,
            ..candidate(ordinal, (ordinal * 7 % 20) as f32, (ordinal * 3 % 8) as f32 / 10.0)
        })
        .collect();
    let fused = fuse(&question(), &candidates, &Parts::default());
    assert_eq!(fused.len(), 50);
    assert!(fused.is_sorted_by(|a, b| a.score >= b.score));
    for part in &fused {
        let sum = part.lexical + part.dense + part.neighbours + part.speaker + part.session;
        assert!((part.score - sum).abs() < 1e-5, "{part:?}");
    }
}

#[test]
fn nothing_gives_nothing() {
    assert!(fuse(&question(), &[], &Parts::default()).is_empty());
}

#[test]
fn without_vectors_the_words_decide() {
    let without = Question { cosines: None, ..question() };
    let candidates = [candidate(1, 3.0, f32::NAN), candidate(2, 9.0, 0.0), candidate(3, 6.0, 0.7)];
    assert_eq!(order(&fuse(&without, &candidates, &Parts::default())), [2, 3, 1]);
}

#[test]
fn what_is_no_number_counts_as_missing() {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for value in odd {
        let cosines = CosineStatistics { minimum: value, maximum: value, mean: value, deviation: value };
        let broken = Question { ceiling: value, cosines: Some(cosines) };
        for question in [question(), broken] {
            let candidates = [candidate(1, value, value), candidate(2, 5.0, 0.3)];
            for fused in fuse(&question, &candidates, &Parts::default()) {
                assert!(fused.score.is_finite(), "{fused:?}");
            }
        }
    }
}
