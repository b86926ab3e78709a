//! Which model answers, and which one when that fails.

use super::*;

#[test]
fn the_next_model_is_called_when_one_fails() {
    let story = Story::new(|asked: &Asked| match asked.json()["model"].as_str() {
        Some("broken") => openai::error(400, "invalid_request_error", "no such luck"),
        _ => openai::stream("scripted", &["so"]),
    });
    let asking = Asking {
        model: Some("near/broken".to_owned()),
        fallbacks: vec!["near/scripted".to_owned(), "offline".to_owned()],
        ..asking("hello", 3)
    };
    let (responses, answered) = story.ask(asking).expect("it is answered");
    assert_eq!((answered.answer.as_str(), answered.model.as_str()), ("so", "near/scripted"));
    let note = responses.iter().find_map(|response| match response {
        Response::Arrived(Arrival::Note(note)) => Some(note.as_str()),
        _ => None,
    });
    assert!(note.is_some_and(|note| note.contains("no such luck") && note.contains("near/scripted")), "{note:?}");
    let calls: Vec<_> = story.kinds().into_iter().filter(|kind| kind.starts_with("run.call")).collect();
    assert_eq!(calls, ["run.called", "run.call_failed", "run.called"]);
}

#[test]
fn offline_answers_where_every_model_fails() {
    let story = Story::new(|_| openai::error(400, "invalid_request_error", "no such luck"));
    let asking = Asking { fallbacks: vec!["offline".to_owned()], ..asking("hello", 3) };
    let (_, answered) = story.ask(asking).expect("it is answered");
    assert_eq!(answered.model, "offline");
}

#[test]
fn where_every_model_fails_the_question_is_kept_and_the_reason_told() {
    let story = Story::new(|_| openai::error(400, "invalid_request_error", "no such luck"));
    let failure = story.ask(asking("hello", 3)).expect_err("it fails");
    assert_eq!(failure.kind, FailureKind::Model);
    assert!(failure.message.contains("no such luck"), "{failure}");
    assert_eq!(story.branch("talk"), ["User: hello"]);
    let again = story.ask(asking("hello", 3)).expect_err("it has failed");
    assert!(again.message.contains("no such luck"), "{again}");
    assert_eq!(story.server.requests().len(), 1);
}

#[test]
fn what_cannot_be_carried_out_is_refused_before_anything_is_recorded() {
    let story = Story::new(talking(|_| "so".to_owned()));
    let head = story.engine().store_head().position;
    let refused = |model: &str, fallback: Option<&str>| {
        let fallbacks = fallback.map(str::to_owned).into_iter().collect();
        let asking = Asking { model: Some(model.to_owned()), fallbacks, ..asking("hello", 3) };
        story.ask(asking).expect_err("it is refused")
    };
    assert_eq!(refused("openai/gpt-6-luna", None).kind, FailureKind::Key);
    assert_eq!(refused("nowhere/x", None).kind, FailureKind::NotFound);
    assert_eq!(refused("near", None).kind, FailureKind::Invalid);
    assert_eq!(refused("near/scripted", Some("openai/gpt-6-luna")).kind, FailureKind::Key);
    let with_schema = |schema: &str, model: &str| {
        let (schema, model) = (Some(schema.to_owned()), Some(model.to_owned()));
        story.ask(Asking { schema, model, ..asking("hello", 3) }).expect_err("it is refused").kind
    };
    for (schema, model) in
        [("[]", "near/scripted"), (r#"{"type":"nonsense"}"#, "near/scripted"), (r#"{"type":"object"}"#, "offline")]
    {
        assert_eq!(with_schema(schema, model), FailureKind::Invalid, "{schema} {model}");
    }
    assert_eq!(story.engine().store_head().position, head);
    assert!(story.server.requests().is_empty());
}

#[test]
fn what_was_chosen_answers_then_who_has_a_key_in_the_vault_then_a_local_ollama_then_offline() {
    let story = Story::new(talking(|_| "so".to_owned()));
    let identity = story.folder.path().join("config/identity").display().to_string();
    let nowhere = Some("http://127.0.0.1:9".to_owned());
    let bare = Environment { identity: Some(identity), ollama: nowhere, ..Environment::default() };
    let answers = |environment: &Environment| {
        let query = Query::WouldAnswer { environment: environment.clone() };
        let Some(Response::Answer(answer)) = story.put(Request::Query { query, at: None }).expect("well").pop() else {
            panic!("no answer")
        };
        let Answer::WouldAnswer(told) = *answer else { panic!("another answer") };
        (told.model, told.why)
    };
    assert_eq!(answers(&bare).0, "offline");
    // A key in the environment is no wish that what is remembered be sent there.
    let keys = vec![("OPENAI_API_KEY".to_owned(), SecretText("sk-0123456789abcdef".to_owned()))];
    let (model, why) = answers(&Environment { keys, ..bare.clone() });
    assert_eq!(model, "offline");
    assert!(why.ends_with("`zo model use openai` lets that answer"), "{why}");
    let with_ollama = Environment { ollama: Some(story.server.url()), ..bare.clone() };
    assert_eq!(answers(&with_ollama).0, "ollama/scripted");
    let (provider, key) = ("groq".to_owned(), SecretText("gsk-0123456789abcdef".to_owned()));
    story.put(Request::SetKeyOfProvider { provider, key, environment: with_ollama.clone() }).expect("it is set");
    assert!(answers(&with_ollama).0.starts_with("groq/"));
    let choose = Request::ChooseModel { model: Some("near/scripted".to_owned()), fallbacks: Vec::new() };
    story.put(choose).expect("it is chosen");
    let (model, why) = answers(&with_ollama);
    assert_eq!(model, "near/scripted");
    assert!(why.starts_with("it was chosen at position"), "{why}");
}

#[test]
fn an_answer_that_does_not_fit_its_schema_is_none_and_the_next_model_is_called() {
    let story = Story::new(|asked: &Asked| match asked.json()["model"].as_str() {
        Some("wrong") => openai::stream("wrong", &["{\"port\": ", "\"five\"}"]),
        _ => openai::stream("right", &["{\"port\": ", "5}"]),
    });
    let schema = r#"{"type":"object","properties":{"port":{"type":"integer"}},"required":["port"]}"#;
    let asking = Asking {
        model: Some("near/wrong".to_owned()),
        fallbacks: vec!["near/right".to_owned()],
        schema: Some(schema.to_owned()),
        ..asking("which port?", 3)
    };
    let (_, answered) = story.ask(asking).expect("it is answered");
    assert_eq!((answered.model.as_str(), answered.account.ending), ("near/right", Ending::Complete));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answered.answer).expect("JSON")["port"], 5);
}
