//! Asking a model over real HTTP: what is recorded when, and what becomes of it when somebody stops, something breaks or
//! the process ends between any two steps.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zo_model_server::{Gate, ModelServer, Request as Asked, Response as Scripted, openai, talking};
use zo_projections::event::run::{Called, Ending, KeyOrigin};

use super::*;
use crate::engine::EngineOptions;
use crate::protocol::{Answer, Arrival, ConversationChoice, Environment, Query, Request, Response, SecretText};
use crate::service::handle;

const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> EngineOptions {
    let mut options = EngineOptions::default();
    options.models.retries.base = Duration::from_millis(1);
    options.models.retries.cap = Duration::from_millis(2);
    options
}

fn open(folder: &Path) -> Arc<Engine> {
    Engine::open(&folder.join("home"), options()).expect("the home opens")
}

/// A home that knows a provider `near`, whose server follows a script.
struct Story {
    folder: tempfile::TempDir,
    /// None only while the home is opened anew.
    opened: Option<Arc<Engine>>,
    server: ModelServer,
}

impl Story {
    fn new(script: impl Fn(&Asked) -> Scripted + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = ModelServer::start(script);
        let opened = Some(open(folder.path()));
        let story = Self { folder, opened, server };
        story.add_provider("near");
        story
    }

    fn engine(&self) -> &Engine {
        self.opened.as_ref().expect("the home is open")
    }

    fn add_provider(&self, name: &str) {
        let base_url = format!("{}/v1", self.server.url());
        let request = Request::AddProvider { name: name.to_owned(), dialect: "openai".to_owned(), base_url };
        self.put(request).expect("it is added");
    }

    fn put(&self, request: Request) -> Result<Vec<Response>, Failure> {
        let mut responses = Vec::new();
        handle(self.engine(), request, &mut |response| {
            responses.push(response);
            ControlFlow::Continue(())
        })?;
        Ok(responses)
    }

    /// Puts a question; what came, and the answer.
    fn ask(&self, asking: Asking) -> Result<(Vec<Response>, Answered), Failure> {
        let mut responses = self.put(Request::Ask(Box::new(asking)))?;
        match responses.pop() {
            Some(Response::Answered(answered)) => Ok((responses, *answered)),
            other => panic!("an answer was expected: {other:?}"),
        }
    }

    /// Kinds of the events since the provider was added.
    fn kinds(&self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        let head = self.engine().store_head().position;
        let each = &mut |event: crate::reader::ReadEvent| {
            kinds.push(event.recorded.event.name());
            ControlFlow::Continue(())
        };
        self.engine().reader.each(Position(1), head, each).expect("the log can be read");
        kinds.into_iter().filter(|kind| !kind.starts_with("home.")).collect()
    }

    /// What the selected branch says, a line each.
    fn branch(&self, name: &str) -> Vec<String> {
        let query = Query::Conversation { reference: name.to_owned(), all_branches: false, skip: 0, limit: 100 };
        let answer = self.put(Request::Query { query, at: None }).expect("it is there").pop();
        let Some(Response::Answer(answer)) = answer else { panic!("no answer") };
        let Answer::Conversation { messages, .. } = *answer else { panic!("no conversation") };
        let line = |message: crate::protocol::MessageLine| {
            let cut = if message.interrupted { " (interrupted)" } else { "" };
            format!("{:?}: {}{cut}", message.role, message.content.unwrap_or_default())
        };
        messages.into_iter().map(line).collect()
    }

    /// Ends the engine and lets go of the home.
    fn close(&mut self) {
        if let Some(engine) = self.opened.take() {
            engine.close();
        }
    }

    /// Ends the engine, as a process ends, and opens the home anew.
    fn reopen(&mut self) {
        self.close();
        self.opened = Some(open(self.folder.path()));
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        self.close();
    }
}

fn choice() -> ConversationChoice {
    ConversationChoice::Named("talk".to_owned())
}

fn asking(text: &str, run: u128) -> Asking {
    Asking { model: Some("near/scripted".to_owned()), ..Asking::new(choice(), text, run) }
}

fn quiet(_: Response) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn texts(responses: &[Response]) -> Vec<&str> {
    responses
        .iter()
        .filter_map(|response| match response {
            Response::Arrived(Arrival::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

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
fn a_key_is_in_nothing_that_is_recorded() {
    const KEY: &str = "sk-canary-0123456789abcdef";
    let mut story = Story::new(|asked: &Asked| {
        // It says the key wherever it can: in pieces of an answer, in errors.
        let key = asked.header("authorization").unwrap_or_default().replace("Bearer ", "");
        assert_eq!(key, KEY);
        let (front, back) = key.split_at(9);
        match asked.number {
            0 => openai::stream("scripted", &["your key is ", front, back, "!"]),
            1 => openai::error(400, "invalid_request_error", &format!("bad request with {key}")),
            _ => Scripted::sse(200).send(openai::chunk(&format!("{key} is"))).cut(),
        }
    });
    let environment =
        Environment { keys: vec![("NEAR_API_KEY".to_owned(), SecretText(KEY.to_owned()))], ..Environment::default() };
    let with_key = |text: &str, run| Asking { environment: environment.clone(), ..asking(text, run) };
    let (_, answered) = story.ask(with_key(&format!("is {KEY} my key?"), 1)).expect("it is answered");
    assert_eq!(answered.answer, "your key is [redacted]****************!");
    let failure = story.ask(with_key("again?", 2)).expect_err("it fails");
    assert!(!failure.message.contains(KEY), "{failure}");
    story.ask(with_key("and again?", 3)).expect("what came is an answer");
    let memory = crate::protocol::NewMemory { content: format!("the key: {KEY}"), ..Default::default() };
    story.put(Request::Memorize { actor: Actor::User, items: vec![memory] }).expect("it is kept");
    story.close();
    let mut files = 0;
    let mut folders = vec![story.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).expect("a file");
            assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{}", entry.path().display());
            files += 1;
        }
    }
    assert!(files > 10, "{files} files");
    for message in story_bodies(story.folder.path()) {
        assert!(!message.contains(KEY), "{message}");
    }
}

/// Everything that the log of a home says, bodies opened.
fn story_bodies(folder: &Path) -> Vec<String> {
    let engine = open(folder);
    let mut bodies = Vec::new();
    let head = engine.store_head().position;
    let each = &mut |event: crate::reader::ReadEvent| {
        bodies.push(String::from_utf8_lossy(&event.body.unwrap_or_default()).into_owned());
        ControlFlow::Continue(())
    };
    engine.reader.each(Position(1), head, each).expect("the log can be read");
    engine.close();
    bodies
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
    };
    sources::recall(story.engine(), run, &outstanding, "hello").expect("it is recalled");
    finish(story.engine(), run, &outstanding, reply).expect("it is recorded");
    let outstanding = story.engine().writer.read(|views| views.runs.outstanding().len()).expect("well");
    assert_eq!(outstanding, 0);
    let message = story.branch("talk").pop().expect("an answer");
    assert!(message.ends_with("ää (interrupted)") && message.len() > MAX_TEXT_BYTES - 100, "{}", message.len());
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
