use proptest::prelude::*;

use super::*;

fn question() -> Question {
    let cosines = CosineStatistics { maximum: 0.7, mean: 0.1, deviation: 0.1 };
    Question { ceiling: 20.0, cosines: Some(cosines) }
}

fn candidate(ordinal: u32, lexical: f32, cosine: f32) -> Candidate {
    Candidate { ordinal, lexical, cosine: Some(cosine), ..Candidate::default() }
}

/// A session of the given documents in their order.
fn session(candidates: &[Candidate]) -> Vec<Candidate> {
    let ordinal = |place: usize| candidates.get(place).map(|candidate| candidate.ordinal);
    let place = |(place, candidate): (usize, &Candidate)| Candidate {
        session: Some(1),
        previous: place.checked_sub(1).and_then(ordinal),
        next: ordinal(place + 1),
        ..*candidate
    };
    candidates.iter().enumerate().map(place).collect()
}

fn by_ordinal(candidates: &[Candidate]) -> Vec<Fused> {
    let mut fused = fuse(&question(), candidates, &Parts::default());
    fused.sort_by_key(|fused| fused.ordinal);
    fused
}

fn order(question: &Question, candidates: &[Candidate]) -> Vec<u32> {
    fuse(question, candidates, &Parts::default()).iter().map(|fused| fused.ordinal).collect()
}

#[test]
fn nothing_gives_nothing() {
    assert!(fuse(&question(), &[], &Parts::default()).is_empty());
}

#[test]
fn words_and_meaning_add_up() {
    let fused = by_ordinal(&[candidate(1, 10.0, 0.1), candidate(2, 0.0, 0.7), candidate(3, 10.0, 0.7)]);
    assert_eq!((fused[0].lexical, fused[0].dense), (0.4, 0.0));
    assert_eq!((fused[1].lexical, fused[1].dense), (0.0, 0.2));
    assert!(fused[2].score > fused[0].score && fused[0].score > fused[1].score);
}

#[test]
fn the_nearest_of_three_is_not_taken_for_near() {
    let few = CosineStatistics { maximum: 0.12, mean: 0.1, deviation: 0.02 };
    let few = Question { cosines: Some(few), ..question() };
    let nearest = fuse(&few, &[candidate(1, 0.0, 0.12)], &Parts::default());
    assert!((nearest[0].dense - 0.05).abs() < 1e-6, "{nearest:?}");
}

#[test]
fn without_vectors_the_words_decide() {
    let without = Question { cosines: None, ..question() };
    let candidates = [candidate(1, 3.0, f32::NAN), candidate(2, 9.0, 0.0), candidate(3, 6.0, 0.7)];
    assert_eq!(order(&without, &candidates), [2, 3, 1]);
}

#[test]
fn a_document_without_a_vector_stands_between_the_near_and_the_far() {
    let pending = Candidate { cosine: None, ..candidate(2, 6.0, 0.0) };
    assert_eq!(order(&question(), &[pending, candidate(1, 6.0, 0.7), candidate(3, 6.0, 0.1)]), [1, 2, 3]);
    let wordless = Candidate { cosine: None, ..candidate(4, 0.0, 0.0) };
    assert_eq!(by_ordinal(&[wordless])[0].score, 0.0);
}

#[test]
fn an_answer_is_found_by_the_question_before_it() {
    let asked = Candidate { asks: true, ..candidate(1, 10.0, 0.5) };
    let said = candidate(1, 10.0, 0.5);
    let answer = candidate(2, 0.0, 0.2);
    let behind_question = by_ordinal(&session(&[asked, answer]))[1];
    let behind_statement = by_ordinal(&session(&[said, answer]))[1];
    assert!(behind_question.neighbours > 1.5 * behind_statement.neighbours);
    assert!(by_ordinal(&session(&[asked]))[0].score < by_ordinal(&session(&[said]))[0].score);
}

#[test]
fn a_question_outside_of_conversations_loses_nothing() {
    let note = candidate(1, 10.0, 0.5);
    assert_eq!(by_ordinal(&[Candidate { asks: true, ..note }]), by_ordinal(&[note]));
}

#[test]
fn a_note_stands_where_it_would_among_neighbours_like_itself() {
    let note = candidate(9, 10.0, 0.5);
    let chat = session(&[candidate(1, 10.0, 0.5), candidate(2, 10.0, 0.5), candidate(3, 10.0, 0.5)]);
    let fused = by_ordinal(&[chat.as_slice(), &[note]].concat());
    assert!((fused[1].score - fused[3].score).abs() < 1e-6, "{fused:?}");
}

#[test]
fn a_neighbour_that_is_no_candidate_adds_nothing() {
    let alone = Candidate { previous: Some(7), next: Some(8), ..candidate(1, 10.0, 0.5) };
    assert_eq!(by_ordinal(&[alone])[0].neighbours, 0.0);
}

#[test]
fn a_session_lifts_all_of_it() {
    let lifted = Candidate { session: Some(1), ..candidate(1, 4.0, 0.3) };
    let best = Candidate { session: Some(1), ..candidate(2, 18.0, 0.7) };
    let other = Candidate { session: Some(2), ..candidate(3, 4.0, 0.3) };
    assert_eq!(order(&question(), &[other, lifted, best]), [2, 1, 3]);
}

#[test]
fn what_the_named_one_says_counts_half_as_much_again() {
    let said = candidate(1, 10.0, 0.5);
    let plain = by_ordinal(&[said])[0].score;
    let named = by_ordinal(&[Candidate { spoken_by_named: true, ..said }])[0];
    assert!((named.score - 1.5 * plain).abs() < 1e-6);
    let irrelevant = Candidate { spoken_by_named: true, ..candidate(1, 0.0, -0.2) };
    assert_eq!(by_ordinal(&[irrelevant])[0].speaker, 0.0);
}

#[test]
fn a_part_that_is_off_is_zero() {
    let candidates = session(&[Candidate { spoken_by_named: true, ..candidate(1, 10.0, 0.5) }, candidate(2, 5.0, 0.7)]);
    let none = Parts { dense: false, lexical: false, neighbours: false, speaker: false, session: false };
    let only = |parts: &Parts| fuse(&question(), &candidates, parts)[0];
    assert_eq!(only(&none), Fused { ordinal: 1, ..Fused::default() });
    let words = only(&Parts { lexical: true, ..none });
    assert!(words.score > 0.0 && words.score == words.lexical);
    let meaning = only(&Parts { dense: true, ..none });
    assert!(meaning.score > 0.0 && meaning.score == meaning.dense);
}

/// Numbers as they should be, and as they should never be.
fn any_number() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -1.0f32..30.0, 1 => any::<f32>(), 1 => Just(f32::NAN)]
}

prop_compose! {
    fn any_candidate()(
        lexical in any_number(),
        cosine in proptest::option::of(any_number()),
        session in proptest::option::of(0u32..3),
        previous in proptest::option::of(0u32..24),
        next in proptest::option::of(0u32..24),
        asks in any::<bool>(),
        spoken_by_named in any::<bool>(),
    ) -> Candidate {
        Candidate { ordinal: 0, lexical, cosine, session, previous, next, asks, spoken_by_named }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_gives_one_order_and_parts_that_sum_to_the_score(
        candidates in proptest::collection::vec(any_candidate(), 0..20),
        ceiling in any_number(),
        (maximum, mean, deviation) in (any_number(), any_number(), any_number()),
        vectors in any::<bool>(),
    ) {
        let cosines = vectors.then_some(CosineStatistics { maximum, mean, deviation });
        let question = Question { ceiling, cosines };
        let mut candidates = candidates;
        (0..).zip(&mut candidates).for_each(|(ordinal, candidate)| candidate.ordinal = ordinal);
        let fused = fuse(&question, &candidates, &Parts::default());
        prop_assert_eq!(fused.len(), candidates.len());
        prop_assert!(fused.is_sorted_by(|a, b| a.score >= b.score));
        for fused in &fused {
            let sum = fused.lexical + fused.dense + fused.neighbours + fused.session + fused.speaker;
            prop_assert!(fused.score.is_finite() && (fused.score - sum).abs() < 1e-4, "{:?}", fused);
        }
        candidates.reverse();
        prop_assert_eq!(fuse(&question, &candidates, &Parts::default()), fused);
    }
}
