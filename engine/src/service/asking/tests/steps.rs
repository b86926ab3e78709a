//! What is left by a process that ended between any two steps.

use super::*;

#[test]
fn a_run_is_carried_on_from_every_step() {
    for step in 0..5 {
        let mut story = Story::new(talking(|question| format!("You said {question}")));
        let run = RunId(77);
        let engine = story.engine();
        // As far as the process came before it ended.
        if step >= 4 {
            story.ask(asking("hello", run.0)).expect("it is answered");
        } else {
            put_question(engine, run, &asking("hello", run.0), &mut quiet).expect("it is put");
            let outstanding = engine.writer.read(|views| views.runs.outstanding()[&run].clone()).expect("well");
            if step >= 1 {
                sources::recall(engine, run, &outstanding, "hello").expect("it is recalled");
            }
            if step >= 2 {
                let called = Called {
                    model: "near/scripted".to_owned(),
                    key: KeyOrigin::None,
                    messages: 1,
                    left_out: 0,
                    passages: 0,
                    input_tokens: 1000,
                    budget: 3000,
                };
                let command = Command::RecordCall { run, called };
                engine.writer.submit_one(from_run(command, run, outstanding.started)).expect("it is recorded");
            }
            if step >= 3 {
                let mut reply = engine.arriving.begin(run).expect("a file");
                ["You ", "sa"].iter().for_each(|piece| reply.add(piece).expect("a piece"));
            }
        }
        story.reopen();
        let (_, answered) = story.ask(asking("hello", run.0)).expect("it is answered");
        let (expected, requests) = match step {
            3 => ("Assistant: You sa (interrupted)", 0),
            _ => ("Assistant: You said hello", 1),
        };
        assert_eq!(story.branch("talk"), ["User: hello", expected], "step {step}");
        assert_eq!(story.server.requests().len(), requests, "step {step}");
        let interrupted = answered.account.ending == Ending::Interrupted;
        assert_eq!((interrupted, answered.account.estimated), (step == 3, step == 3), "step {step}");
        let total = story.engine().writer.read(|views| views.usage.total()).expect("well");
        // A call that was cut off may have cost as much as was sent.
        let cut_off = if step == 2 || step == 3 { 1000 } else { 0 };
        let answered = if step == 3 { 0 } else { 7 };
        assert_eq!((total.answers, total.input_tokens), (1, cut_off + answered), "step {step}");
        let kinds = story.kinds();
        assert_eq!(kinds.iter().filter(|kind| **kind == "run.call_failed").count(), usize::from(step == 2));
        assert!(crate::disk::arriving::is_empty(&story.engine().home.arriving()), "step {step}");
        let (anomalies, outstanding) =
            story.engine().writer.read(|views| (views.anomaly_count, views.runs.outstanding().len())).expect("well");
        assert_eq!((anomalies, outstanding), (0, 0));
    }
}

#[test]
fn a_question_that_was_not_answered_is_answered_before_the_next_one() {
    let mut story = Story::new(talking(|question| format!("You said {question}")));
    put_question(story.engine(), RunId(1), &asking("first", 1), &mut quiet).expect("it is put");
    story.reopen();
    story.ask(asking("second", 2)).expect("it is answered");
    let expected =
        ["User: first", "Assistant: You said first", "User: second", "Assistant: You said second"].map(str::to_owned);
    assert_eq!(story.branch("talk"), expected);
}

#[test]
fn a_call_that_is_cut_off_again_and_again_is_given_up() {
    let mut story = Story::new(talking(|_| "so".to_owned()));
    let run = RunId(5);
    put_question(story.engine(), run, &asking("hello", run.0), &mut quiet).expect("it is put");
    for round in 0..3 {
        let outstanding = story.engine().writer.read(|views| views.runs.outstanding()[&run].clone()).expect("well");
        if round == 0 {
            sources::recall(story.engine(), run, &outstanding, "hello").expect("it is recalled");
        }
        let called = Called {
            model: "near/scripted".to_owned(),
            key: KeyOrigin::None,
            messages: 1,
            left_out: 0,
            passages: 0,
            input_tokens: 10,
            budget: 30,
        };
        let command = Command::RecordCall { run, called };
        story.engine().writer.submit_one(from_run(command, run, outstanding.started)).expect("it is recorded");
        story.reopen();
        story.engine().finish_outstanding_runs(&|| false);
    }
    let failure = story.ask(asking("hello", run.0)).expect_err("it is given up");
    assert_eq!(failure.kind, FailureKind::Model);
    assert!(failure.message.contains("before anything came"), "{}", failure.message);
    assert!(story.server.requests().is_empty());
    assert_eq!(story.branch("talk"), ["User: hello"]);
}

#[test]
fn an_answer_longer_than_a_message_may_be_is_kept_as_far_as_there_is_room() {
    let story = Story::new(talking(|_| "so".to_owned()));
    let run = RunId(1);
    put_question(story.engine(), run, &asking("hello", 1), &mut quiet).expect("it is put");
    let outstanding = story.engine().writer.read(|views| views.runs.outstanding()[&run].clone()).expect("well");
    let reply = Reply {
        text: "ä".repeat(MAX_TEXT_BYTES),
        model: "near/scripted".to_owned(),
        usage: Usage::default(),
        account: Account::default(),
        reason: None,
        tool_calls: Vec::new(),
    };
    sources::recall(story.engine(), run, &outstanding, "hello").expect("it is recalled");
    finish(story.engine(), run, &outstanding, reply).expect("it is recorded");
    let outstanding = story.engine().writer.read(|views| views.runs.outstanding().len()).expect("well");
    assert_eq!(outstanding, 0);
    let message = story.branch("talk").pop().expect("an answer");
    assert!(message.ends_with("ää (interrupted)") && message.len() > MAX_TEXT_BYTES - 100, "{}", message.len());
}
