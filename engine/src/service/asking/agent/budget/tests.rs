use zo_projections::event::run::agent::{Budget, Effect, ToolStatus, Trust};
use zo_projections::views::agents::{Returned, ToolCall};
use zo_projections::{ConversationId, Digest, MessageId, Position, Timestamp};

use super::*;

fn step(call: u128, result: u128) -> Step {
    let returned =
        Returned { position: Position(1), status: ToolStatus::Done, trust: Trust::Trusted, digest: Digest(result) };
    let call = ToolCall {
        tool: "recall".to_owned(),
        effect: Effect::Pure,
        digest: Digest(call),
        asked: None,
        verdict: None,
        called: Some(Position(1)),
        returned: Some(returned),
    };
    Step { replied: Position(1), calls: vec![call] }
}

fn agent(budget: Budget, steps: Vec<Step>) -> RunningAgent {
    RunningAgent {
        conversation: ConversationId(1),
        question: MessageId(1),
        model: "near/x".to_owned(),
        parent: None,
        depth: 0,
        budget,
        started: Position(1),
        started_at: Timestamp(0),
        steps,
        spent: Usage { input_tokens: 60, output_tokens: 40, cost_micros: 7 },
        tainted: false,
        cancelled: None,
        children: Vec::new(),
        skills: Vec::new(),
    }
}

fn check(budget: Budget, steps: usize, expected: Option<&str>) {
    let why = own(&agent(budget, vec![step(1, 1); steps]), Timestamp(1_000));
    match expected {
        None => assert_eq!(why, None, "{budget:?}"),
        Some(part) => assert!(why.as_deref().is_some_and(|why| why.contains(part)), "{why:?}"),
    }
}

#[test]
fn each_part_of_a_budget_ends_an_agent() {
    let budget = Budget { steps: 3, ..Budget::default() };
    check(budget, 2, None);
    check(budget, 3, Some("the budget of 3 replies is used up"));
    check(Budget { deadline: Some(Timestamp(1_001)), ..budget }, 0, None);
    check(Budget { deadline: Some(Timestamp(1_000)), ..budget }, 0, Some("time is over"));
}

#[test]
fn who_goes_round_is_noticed_and_who_waits_for_a_change_is_not() {
    let count = |steps: &[(u128, u128)]| {
        let steps = steps.iter().map(|(call, result)| step(*call, *result)).collect::<Vec<_>>();
        repetitions(&agent(Budget::default(), steps.clone()), steps.len())
    };
    assert_eq!(count(&[]), 0);
    assert_eq!(count(&[(1, 1)]), 1);
    assert_eq!(count(&[(1, 1), (1, 1), (1, 1)]), 3);
    assert_eq!(count(&[(1, 1), (1, 2), (1, 3)]), 1, "the same call that gives something else is no circle");
    assert_eq!(count(&[(1, 1), (1, 1), (2, 1), (1, 1)]), 1);
    assert_eq!(count(&[(1, 1), (2, 2), (1, 1), (2, 2), (1, 1), (2, 2)]), 3, "two in turn are a circle, too");
    let round = agent(Budget::default(), vec![step(1, 1); MOST_REPETITIONS]);
    assert!(goes_round(&round).is_some_and(|why| why.contains("goes round")));
    assert_eq!(goes_round(&agent(Budget::default(), vec![step(1, 1); MOST_REPETITIONS - 1])), None);
}
