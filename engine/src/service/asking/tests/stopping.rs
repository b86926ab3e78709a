//! Who no longer waits, and answers that break off.

use super::*;

#[test]
fn who_no_longer_waits_stops_the_answer_and_what_came_is_kept() {
    let gate = Gate::new();
    let held = gate.clone();
    let story = Story::new(move |_| {
        Scripted::sse(200).send(openai::chunk("As far ")).send(openai::chunk("as it came")).gate(&held)
    });
    let mut text = String::new();
    let asked = Request::Ask(Box::new(asking("hello", 3)));
    let mut answered = None;
    handle(story.engine(), asked, &mut |response| {
        match response {
            Response::Arrived(Arrival::Text(piece)) => text.push_str(&piece),
            Response::Answered(response) => answered = Some(response),
            _ => {}
        }
        if text.ends_with("came") { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .expect("it is kept");
    gate.open();
    let answered = answered.expect("what was kept is told");
    assert_eq!((answered.answer.as_str(), answered.account.ending), ("As far as it came", Ending::Interrupted));
    assert!(answered.usage.input_tokens > 0 && answered.account.estimated, "it may have cost that much");
    assert_eq!(story.branch("talk"), ["User: hello", "Assistant: As far as it came (interrupted)"]);
}

#[test]
fn stopped_before_anything_came_the_question_is_kept_and_can_be_put_again() {
    let story = Story::new(|asked: &Asked| match asked.number {
        0 => Scripted::sse(200).hang(),
        _ => openai::stream("scripted", &["so"]),
    });
    let asked = Request::Ask(Box::new(asking("hello", 3)));
    let stop = &mut |response: Response| match response {
        Response::Arrived(Arrival::Nothing) if !story.server.requests().is_empty() => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let failure = handle(story.engine(), asked, stop).expect_err("nothing came");
    assert_eq!((failure.kind, failure.message.contains("stopped")), (FailureKind::Refused, true), "{failure}");
    assert_eq!(story.branch("talk"), ["User: hello"]);
    let again = Asking { question: Question::Again { question: None }, ..asking("", 4) };
    story.ask(again).expect("it is answered");
    assert_eq!(story.branch("talk"), ["User: hello", "Assistant: so"]);
}

#[test]
fn who_has_gone_before_the_model_is_called_does_not_pay_for_it() {
    let story = Story::new(talking(|_| "so".to_owned()));
    let asked = Request::Ask(Box::new(asking("hello", 3)));
    let failure = handle(story.engine(), asked, &mut |_| ControlFlow::Break(())).expect_err("nothing came");
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(story.server.requests().is_empty());
    assert_eq!(story.branch("talk"), ["User: hello"]);
}

#[test]
fn an_answer_that_breaks_off_is_kept_with_the_reason() {
    let story = Story::new(|_| Scripted::sse(200).send(openai::chunk("half an ans")).cut());
    let (_, answered) = story.ask(asking("hello", 3)).expect("what came is an answer");
    assert_eq!((answered.answer.as_str(), answered.account.ending), ("half an ans", Ending::Interrupted));
    assert_eq!(story.server.requests().len(), 1, "what has begun is not begun again");
    let end = story.engine().reader.event(answered.position).expect("it is there");
    let body: Option<zo_projections::event::run::ReasonBody> = body_of(&end).expect("it is one");
    assert!(body.is_some_and(|body| !body.reason.is_empty()));
}

#[test]
fn a_cut_answer_tells_why_and_numbers_that_cannot_be_are_not_believed() {
    let story = Story::new(|asked: &Asked| match asked.number {
        0 => Scripted::sse(200).send(openai::chunk("half")).send(openai::error_chunk("server_error", "it went down")),
        _ => Scripted::sse(200)
            .send(openai::chunk("so"))
            .send(openai::finish("stop"))
            .send(openai::usage(u64::MAX, u64::MAX))
            .send(openai::DONE),
    });
    let (responses, answered) = story.ask(asking("hello", 1)).expect("what came is an answer");
    assert_eq!(answered.account.ending, Ending::Interrupted);
    let note = responses.iter().find_map(|response| match response {
        Response::Arrived(Arrival::Note(note)) => Some(note.as_str()),
        _ => None,
    });
    assert!(note.is_some_and(|note| note.contains("it went down")), "{note:?}");
    let (_, answered) = story.ask(asking("hello again", 2)).expect("it is answered");
    assert!(answered.account.estimated && answered.usage.input_tokens < 10_000, "{:?}", answered.usage);
}

#[test]
fn a_conversation_that_is_deleted_meanwhile_is_not_answered() {
    let gate = Gate::new();
    let held = gate.clone();
    let mut story = Story::new(move |_| {
        Scripted::sse(200).gate(&held).send(openai::chunk("so")).send(openai::finish("stop")).send(openai::DONE)
    });
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| story.ask(asking("hello", 1)).expect_err("there is no conversation any more"));
        assert!(story.server.wait_for_requests(1, PATIENCE));
        story.put(Request::DeleteConversation { conversation: "talk".to_owned() }).expect("it is deleted");
        gate.open();
        assert_eq!(asked.join().expect("no panic").kind, FailureKind::NotFound);
    });
    story.reopen();
    story.engine().finish_outstanding_runs(&|| false);
    let (outstanding, tokens) = story
        .engine()
        .writer
        .read(|views| (views.runs.outstanding().len(), views.usage.total().input_tokens))
        .expect("well");
    assert_eq!((outstanding, story.server.requests().len()), (0, 1));
    assert!(tokens > 0, "it has cost what it cost");
}
