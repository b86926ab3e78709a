mod calls;

use std::ops::ControlFlow;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::chat::ToolCall;
use crate::reply::{Delta, Finish, TokenUsage};

/// Everything a caller can tell apart about an answer.
#[derive(Debug, PartialEq)]
struct Outcome {
    text: String,
    reasoning: String,
    tool_calls: Vec<ToolCall>,
    finish: Option<Finish>,
    usage: Option<TokenUsage>,
    model: Option<String>,
    fault: Option<(ErrorKind, String)>,
    done: bool,
}

fn taken(dialect: Dialect, chunks: &[&[u8]]) -> Outcome {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let mut each = |delta: Delta<'_>| {
        match delta {
            Delta::Text(piece) => text.push_str(piece),
            Delta::Reasoning(piece) => reasoning.push_str(piece),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let mut listener = Listener::new(&mut each);
    let mut draft = Draft::default();
    let mut intake = Intake::new(dialect, false, 200);
    let mut read = || {
        for chunk in chunks {
            if intake.take(chunk, &mut draft, &mut listener)? {
                return Ok(true);
            }
        }
        intake.end(&mut draft, &mut listener).map(|()| false)
    };
    let result: Result<bool, Fault> = read();
    intake.close(&mut draft);
    let Draft { tool_calls, finish, usage, model, .. } = draft;
    let done = result == Ok(true);
    let fault = result.err().map(|fault| (fault.kind, fault.text));
    assert_eq!(draft.text, text, "what was heard is what is returned");
    Outcome { text, reasoning, tool_calls, finish, usage, model, fault, done }
}

const OPEN_AI: &str = concat!(
    "\u{feff}: OPENROUTER PROCESSING\r\n\r\n",
    "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm, \"}}]}\r\n\r\n",
    "data:{\"choices\":[{\"delta\":{\"content\":\"Grüße 🐈‍⬛ \"}}]}\n\n",
    "event: ping\ndata: {}\n\n",
    "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"你好\"}}]}\r\r",
    "id: 5\nretry: 100\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"x\\\"\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\":\\\"ü\\\"}\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
);

const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"é\"}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\r\n\r\n",
    "event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grüße 🐈\"}}\r\n\r\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"look\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":\\\"ü\\\"}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":7}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

#[test]
fn a_reply_of_more_than_8_mib_is_refused() {
    let megabyte = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(1 << 20));
    let fits = taken(Dialect::OpenAi, &[megabyte.as_bytes(); 8]);
    assert_eq!((fits.text.len(), fits.fault), (8 << 20, None));
    let refused = taken(Dialect::OpenAi, &[megabyte.as_bytes(); 9]);
    assert_eq!(refused.fault, Some((ErrorKind::Protocol, "a reply of more than 8388608 bytes".to_string())));
}

/// The same bytes, cut at these places.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut from = 0;
    for to in places.into_iter().chain([bytes.len()]) {
        chunks.push(&bytes[from..to]);
        from = to;
    }
    chunks
}

#[test]
fn both_recordings_are_understood() {
    let calls = [ToolCall { id: "a".to_string(), name: "look".to_string(), arguments: "{\"x\":\"ü\"}".to_string() }];
    let open_ai = taken(Dialect::OpenAi, &[OPEN_AI.as_bytes()]);
    assert_eq!((open_ai.text.as_str(), open_ai.reasoning.as_str()), ("Grüße 🐈‍⬛ 你好", "hm, "));
    assert_eq!((open_ai.tool_calls.as_slice(), open_ai.finish), (calls.as_slice(), Some(Finish::ToolCalls)));
    assert_eq!((open_ai.usage.map(|usage| usage.output), open_ai.done), (Some(2), true));
    let anthropic = taken(Dialect::Anthropic, &[ANTHROPIC.as_bytes()]);
    assert_eq!((anthropic.text.as_str(), anthropic.reasoning.as_str()), ("Grüße 🐈", "é"));
    assert_eq!((anthropic.tool_calls.as_slice(), anthropic.finish), (calls.as_slice(), Some(Finish::ToolCalls)));
    assert_eq!(anthropic.usage.map(|usage| (usage.input, usage.output)), Some((9, 7)));
}

proptest! {
    #[test]
    fn any_cutting_of_a_stream_gives_the_same_reply(places in vec(any::<usize>(), 0..60), which in any::<bool>()) {
        let (dialect, recording) = if which { (Dialect::OpenAi, OPEN_AI) } else { (Dialect::Anthropic, ANTHROPIC) };
        let whole = taken(dialect, &[recording.as_bytes()]);
        prop_assert_eq!(taken(dialect, &cut(recording.as_bytes(), &places)), whole);
    }

    #[test]
    fn a_stream_that_ends_anywhere_is_whole_or_unfinished_and_never_garbled(end in any::<usize>(), which in any::<bool>()) {
        let (dialect, recording) = if which { (Dialect::OpenAi, OPEN_AI) } else { (Dialect::Anthropic, ANTHROPIC) };
        let whole = taken(dialect, &[recording.as_bytes()]);
        let part = taken(dialect, &[&recording.as_bytes()[..end % recording.len()]]);
        prop_assert!(part.fault.is_none(), "{:?}", part.fault);
        let garbled = part.text.contains(char::REPLACEMENT_CHARACTER);
        prop_assert!(whole.text.starts_with(&part.text) && !garbled, "{:?}", part.text);
        prop_assert!(part.finish.is_none() || (part.finish == whole.finish && part.tool_calls == whole.tool_calls));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..400), which in any::<bool>()) {
        taken(if which { Dialect::OpenAi } else { Dialect::Anthropic }, &[&bytes]);
    }

    #[test]
    fn no_json_makes_it_panic(
        which in any::<bool>(),
        keys in vec(prop::sample::select(vec![
            "choices", "delta", "message", "content", "tool_calls", "function", "arguments", "usage", "error", "finish_reason",
            "type", "index", "content_block", "stop_reason", "text", "id", "name", "reasoning", "code",
        ]), 1..8),
        leaf in prop::sample::select(vec!["null", "1", "-1.5", "true", "\"content_block_delta\"", "\"x\"", "[]", "{}", "[{}]", "[[null]]"]),
    ) {
        let json = keys.iter().enumerate().fold(leaf.to_string(), |inner, (depth, key)| {
            if depth % 2 == 0 { format!("{{\"{key}\":{inner}}}") } else { format!("{{\"{key}\":[{inner}]}}") }
        });
        let dialect = if which { Dialect::OpenAi } else { Dialect::Anthropic };
        taken(dialect, &[format!("data: {json}\n\n").as_bytes()]);
        taken(dialect, &[json.as_bytes()]);
    }
}
