//! That a key is in nothing that is recorded.

use super::*;

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
