//! Answers in a conversation: pieces, branches, forks, and others that ask in it.

use super::*;

#[test]
fn an_answer_arrives_in_pieces_and_is_recorded_with_what_it_cost() {
    let story = Story::new(talking(|question| format!("You said {question}")));
    let (responses, answered) = story.ask(asking("hello there", 1)).expect("it is answered");
    assert!(matches!(&responses[0], Response::Begun(begun) if begun.model == "near/scripted" && begun.why.is_none()));
    assert_eq!(texts(&responses), ["You ", "said ", "hello ", "there"]);
    assert_eq!((answered.answer.as_str(), answered.model.as_str()), ("You said hello there", "near/scripted"));
    assert_eq!((answered.usage.input_tokens, answered.usage.output_tokens), (7, 4));
    assert_eq!((answered.account.ending, answered.account.estimated), (Ending::Complete, false));
    assert_eq!(
        story.kinds(),
        [
            "conversation.started",
            "conversation.message_added",
            "run.started",
            "run.recalled",
            "run.called",
            "conversation.message_added",
            "run.finished"
        ]
    );
    let request = &story.server.requests()[0];
    assert_eq!(request.header("authorization"), None, "there is no key");
    assert_eq!(request.json()["model"], "scripted");
    // What was said before is told with the next question.
    story.ask(asking("and now?", 2)).expect("it is answered");
    let told = story.server.requests()[1].json();
    let roles: Vec<_> = told["messages"].as_array().into_iter().flatten().map(|it| it["role"].clone()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    // Asked once more with the same run, nothing is asked.
    let (_, again) = story.ask(asking("and now?", 2)).expect("it was answered");
    assert_eq!(again.answer, "You said and now?");
    assert_eq!(story.server.requests().len(), 2);
}

#[test]
fn another_question_and_another_answer_are_branches() {
    let story = Story::new(|asked: &Asked| openai::stream("scripted", &[&format!("answer {}", asked.number)]));
    story.ask(asking("one", 1)).expect("it is answered");
    story.ask(asking("two", 2)).expect("it is answered");
    let again = Asking { question: Question::Again { question: None }, ..asking("", 3) };
    let (_, answered) = story.ask(again).expect("it is answered");
    let expected = |lines: [&str; 4]| lines.map(str::to_owned);
    assert_eq!(
        story.branch("talk"),
        expected(["User: one", "Assistant: answer 0", "User: two", "Assistant: answer 2"])
    );
    let (text, of, files) = ("three".to_owned(), Some(answered.question), Vec::new());
    let instead = Asking { question: Question::Instead { of, text, files }, ..asking("", 4) };
    story.ask(instead).expect("it is answered");
    assert_eq!(
        story.branch("talk"),
        expected(["User: one", "Assistant: answer 0", "User: three", "Assistant: answer 3"])
    );
    // The model was told the branch, and nothing of the others.
    let told = story.server.requests()[3].json().to_string();
    assert!(told.contains("answer 0") && !told.contains("answer 1") && !told.contains("two"), "{told}");
}

#[test]
fn a_fork_is_a_copy_that_goes_its_own_way() {
    let story = Story::new(|asked: &Asked| openai::stream("scripted", &[&format!("answer {}", asked.number)]));
    let files =
        vec![FileInput { name: "a.txt".to_owned(), media_type: "text/plain".to_owned(), bytes: b"plan".to_vec() }];
    let question = Question::New { text: "one".to_owned(), files };
    story.ask(Asking { question, ..asking("", 1) }).expect("it is answered");
    let fork = Request::Fork { from: "talk".to_owned(), message: None, id: 99, name: Some("other".to_owned()) };
    story.put(fork.clone()).expect("it is forked");
    let told = story.branch("other");
    assert_eq!(told, story.branch("talk"));
    story.put(fork).expect("asked again, nothing is copied twice");
    assert_eq!(story.branch("other"), told);
    let there = Asking { conversation: ConversationChoice::Existing("other".to_owned()), ..asking("two", 2) };
    story.ask(there).expect("it is answered");
    assert_eq!((story.branch("talk").len(), story.branch("other").len()), (2, 4));
    assert!(story.server.requests()[1].json().to_string().contains("plan"), "the file came along");
}

#[test]
fn two_who_ask_for_one_run_hear_of_one_answer() {
    let gate = Gate::new();
    let held = gate.clone();
    let story = Story::new(move |_| {
        Scripted::sse(200).gate(&held).send(openai::chunk("so")).send(openai::finish("stop")).send(openai::DONE)
    });
    let answers = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..2).map(|_| scope.spawn(|| story.ask(asking("hello", 9)))).collect();
        assert!(story.server.wait_for_requests(1, PATIENCE));
        gate.open();
        asked.into_iter().map(|it| it.join().expect("no panic").expect("it is answered").1.answer).collect::<Vec<_>>()
    });
    assert_eq!(answers, ["so", "so"]);
    assert_eq!(story.server.requests().len(), 1);
}

#[test]
fn who_asks_while_another_question_is_answered_waits_for_it_and_may_stop_waiting() {
    let gate = Gate::new();
    let held = gate.clone();
    let story = Story::new(move |asked: &Asked| match asked.number {
        0 => Scripted::sse(200).gate(&held).send(openai::chunk("one")).send(openai::finish("stop")).send(openai::DONE),
        _ => openai::stream("scripted", &["two"]),
    });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| story.ask(asking("first", 1)).expect("it is answered"));
        assert!(story.server.wait_for_requests(1, PATIENCE));
        // Who no longer waits has put no question.
        let mut notes = Vec::new();
        let stopping = &mut |response| match response {
            Response::Arrived(Arrival::Note(note)) => {
                notes.push(note);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        };
        let stopped = handle(story.engine(), Request::Ask(Box::new(asking("never", 2))), stopping);
        assert_eq!(stopped.expect_err("it is not put").kind, FailureKind::Refused);
        assert!(notes.iter().any(|note| note.contains("answered first")), "{notes:?}");
        let others: Vec<_> = (3..5)
            .map(|run| {
                let story = &story;
                scope.spawn(move || story.ask(asking(&format!("question {run}"), run)).expect("it is answered"))
            })
            .collect();
        gate.open();
        first.join().expect("no panic");
        others.into_iter().for_each(|other| drop(other.join().expect("no panic")));
    });
    let branch = story.branch("talk");
    assert_eq!(branch.len(), 6, "{branch:?}");
    assert_eq!(branch[..2], ["User: first".to_owned(), "Assistant: one".to_owned()]);
    for pair in branch[2..].chunks(2) {
        assert!(pair[0].starts_with("User: question") && pair[1] == "Assistant: two", "{branch:?}");
    }
}
