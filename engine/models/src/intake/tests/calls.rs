//! Tool calls, in every way in which they come.

use zo_model_server::{anthropic, openai};

use super::*;

/// Id, name and arguments of the calls of a stream.
fn calls(dialect: Dialect, stream: &str) -> Vec<(String, String, String)> {
    let outcome = taken(dialect, &[stream.as_bytes()]);
    assert_eq!(outcome.fault, None, "{stream}");
    outcome.tool_calls.into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
}

fn open_ai(frames: &[String]) -> Vec<(String, String, String)> {
    calls(Dialect::OpenAi, &format!("{}{}", frames.concat(), openai::finish("tool_calls")))
}

fn claude(frames: &[String]) -> Vec<(String, String, String)> {
    let start = anthropic::message_start("m", 1);
    let end = format!("{}{}", anthropic::message_delta("tool_use", 1), anthropic::message_stop());
    calls(Dialect::Anthropic, &format!("{start}{}{end}", frames.concat()))
}

fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
    (id.to_string(), name.to_string(), arguments.to_string())
}

#[test]
fn no_two_calls_have_the_same_id() {
    // The first keeps it; those who have none are never given one that another has.
    let frames = [
        openai::tool_call_chunk(Some(0), Some("a"), Some("look"), "{\"x\":1}"),
        openai::tool_call_chunk(Some(1), Some("a"), Some("hear"), "{}"),
        openai::tool_call_chunk(Some(2), None, Some("feel"), "{}"),
        openai::tool_call_chunk(Some(3), Some("call_2"), Some("taste"), "{}"),
    ];
    let expected = [
        call("a", "look", "{\"x\":1}"),
        call("call_1", "hear", "{}"),
        call("call_3", "feel", "{}"),
        call("call_2", "taste", "{}"),
    ];
    assert_eq!(open_ai(&frames), expected);
    let frames = [
        anthropic::tool_start(0, "a", "look") + &anthropic::tool_delta(0, "{\"x\":1}") + &anthropic::stop_block(0),
        anthropic::tool_start(1, "a", "hear") + &anthropic::stop_block(1),
        anthropic::tool_start(2, "", "feel") + &anthropic::stop_block(2),
        anthropic::tool_start(3, "call_2", "taste") + &anthropic::stop_block(3),
    ];
    assert_eq!(claude(&frames), expected);
}

#[test]
fn pieces_without_an_index_go_to_the_call_of_their_id() {
    let frames = [
        openai::tool_call_chunk(None, Some("a"), Some("look"), "{\"x\""),
        openai::tool_call_chunk(None, Some("b"), Some("hear"), "{\"y\""),
        openai::tool_call_chunk(None, Some("a"), None, ":1}"),
        openai::tool_call_chunk(None, Some("b"), None, ":2}"),
    ];
    assert_eq!(open_ai(&frames), [call("a", "look", "{\"x\":1}"), call("b", "hear", "{\"y\":2}")]);
}

#[test]
fn arguments_that_are_no_json_arrive_as_they_are() {
    for arguments in ["{\"x\": ", "look at it", "[1]", "null", "{\"x\": 1}}", "\u{1F408} {"] {
        let frames = [openai::tool_call_chunk(Some(0), Some("a"), Some("look"), arguments)];
        assert_eq!(open_ai(&frames), [call("a", "look", arguments)]);
        let block = anthropic::tool_delta(0, arguments) + &anthropic::stop_block(0);
        assert_eq!(claude(&[anthropic::tool_start(0, "a", "look"), block]), [call("a", "look", arguments)]);
    }
    for nothing in ["", "  "] {
        let frames = [openai::tool_call_chunk(Some(0), Some("a"), Some("look"), nothing)];
        assert_eq!(open_ai(&frames), [call("a", "look", "{}")]);
        let block = anthropic::tool_delta(0, nothing) + &anthropic::stop_block(0);
        assert_eq!(claude(&[anthropic::tool_start(0, "a", "look"), block]), [call("a", "look", "{}")]);
    }
}

proptest! {
    /// Calls whose arguments are cut anywhere and come in any order among each other.
    #[test]
    fn interleaved_pieces_are_put_together(
        arguments in vec("[a-z{}\":ü]{1,12}", 1..5),
        order in vec(any::<usize>(), 0..60),
        sizes in vec(1..4_usize, 1..8),
    ) {
        let mut left: Vec<std::collections::VecDeque<char>> = arguments.iter().map(|text| text.chars().collect()).collect();
        let (mut open_ai_frames, mut claude_frames) = (Vec::new(), Vec::new());
        for (number, _) in arguments.iter().enumerate() {
            let (index, id) = (number as u32, format!("id{number}"));
            open_ai_frames.push(openai::tool_call_chunk(Some(index), Some(&id), Some("look"), ""));
            claude_frames.push(anthropic::tool_start(index, &id, "look"));
        }
        // What the order leaves over comes at the end, call by call.
        let rest = (0..arguments.len()).flat_map(|number| std::iter::repeat_n(number, 12));
        let order = order.iter().map(|at| at % arguments.len()).chain(rest);
        for (number, size) in order.zip(sizes.iter().cycle()) {
            let length = left[number].len().min(*size);
            let piece: String = left[number].drain(..length).collect();
            if !piece.is_empty() {
                open_ai_frames.push(openai::tool_call_chunk(Some(number as u32), None, None, &piece));
                claude_frames.push(anthropic::tool_delta(number as u32, &piece));
            }
        }
        claude_frames.extend((0..arguments.len()).map(|number| anthropic::stop_block(number as u32)));
        let expected: Vec<_> =
            arguments.iter().enumerate().map(|(number, text)| call(&format!("id{number}"), "look", text)).collect();
        prop_assert_eq!(open_ai(&open_ai_frames), expected.clone());
        prop_assert_eq!(claude(&claude_frames), expected);
    }

    /// Nobody can take a call whose arguments are cut for a whole one: there is no finish.
    #[test]
    fn a_stream_cut_within_a_call_has_no_finish(end in any::<usize>(), which in any::<bool>()) {
        let (dialect, stream) = if which {
            let frames = [
                openai::tool_call_chunk(Some(0), Some("a"), Some("look"), "{\"x\""),
                openai::tool_call_chunk(Some(0), None, None, ":1}"),
            ];
            (Dialect::OpenAi, frames.concat())
        } else {
            let block = anthropic::tool_delta(0, "{\"x\"") + &anthropic::tool_delta(0, ":1}");
            (Dialect::Anthropic, anthropic::message_start("m", 1) + &anthropic::tool_start(0, "a", "look") + &block)
        };
        let part = taken(dialect, &[&stream.as_bytes()[..end % (stream.len() + 1)]]);
        prop_assert_eq!((part.finish, part.fault), (None, None));
    }
}
