use std::fs;
use std::io::{BufReader, Cursor};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::elements::Elements;
use super::{content, conversation_in, open};
use crate::error::ImportError;
use crate::item::{Imported, ImportedConversation, Role};

/// The elements of a text, read through a buffer of `capacity` bytes.
fn elements(text: &[u8], capacity: usize) -> Elements<BufReader<Cursor<Vec<u8>>>> {
    Elements::new(BufReader::with_capacity(capacity, Cursor::new(text.to_vec())), "c.json".to_string(), 32 << 20)
}

fn read(text: &str) -> Vec<Result<ImportedConversation, String>> {
    let mut elements = elements(text.as_bytes(), 1 << 12);
    let mut found = Vec::new();
    while let Some(element) = elements.next_element() {
        found.push(match element.and_then(|element| conversation_in(element, "c.json")) {
            Ok(Imported::Conversation(conversation)) => Ok(conversation),
            Ok(other) => panic!("not a conversation: {other:?}"),
            Err(error) => Err(error.to_string()),
        });
    }
    found
}

/// A node with a text of the user's.
fn node(id: &str, parent: Option<&str>, children: &[&str], text: &str) -> (String, Value) {
    let message = json!({"author": {"role": "user"}, "content": {"content_type": "text", "parts": [text]}});
    (id.to_string(), json!({"id": id, "parent": parent, "children": children, "message": message}))
}

/// The messages of a conversation as `id<-parent text`, with `*` for the active branch.
fn shape(nodes: &[(String, Value)], current_node: &str) -> Vec<String> {
    let mapping: serde_json::Map<String, Value> = nodes.iter().cloned().collect();
    let text = json!([{"id": "c", "mapping": mapping, "current_node": current_node}]).to_string();
    let conversation = read(&text).remove(0).expect("a good conversation");
    conversation
        .messages
        .iter()
        .map(|message| {
            let active = if message.on_active_branch { "*" } else { "" };
            format!("{}<-{} {}{active}", message.external_id, message.parent.as_deref().unwrap_or("-"), message.content)
        })
        .collect()
}

#[test]
fn a_conversation_is_taken_with_all_it_says() {
    let text = json!([{
        "title": " Tea ", "create_time": 1_714_558_830.5, "update_time": null, "conversation_id": "c-1", "current_node": "b",
        "mapping": {
            "root": {"id": "root", "message": null, "parent": null, "children": ["sys"]},
            "sys": {"id": "sys", "parent": "root", "children": ["a"], "message": {
                "author": {"role": "system"}, "content": {"content_type": "text", "parts": [""]}, "weight": 0.0}},
            "a": {"id": "a", "parent": "sys", "children": ["b"], "message": {
                "id": "a", "author": {"role": "user", "name": null}, "create_time": 1_714_558_831.25,
                "content": {"content_type": "text", "parts": ["How hot?"]}, "recipient": "all", "weight": 1.0,
                "metadata": {"attachments": [{"name": "pot.png"}]}}},
            "b": {"id": "b", "parent": "a", "children": [], "message": {
                "author": {"role": "tool", "name": "python"}, "create_time": null, "channel": "final",
                "content": {"content_type": "execution_output", "text": "80\n"}, "status": "in_progress",
                "metadata": {"model_slug": "gpt-x"}}},
        },
    }]);
    let found = read(&text.to_string()).remove(0).expect("good");
    assert_eq!((found.external_id.as_str(), found.title.as_deref()), ("c-1", Some("Tea")));
    assert_eq!(found.created_at_ms, Some(1_714_558_830_500));
    let [user, tool] = found.messages.as_slice() else { panic!("{:?}", found.messages) };
    assert_eq!((user.role, user.parent.as_deref(), user.content.as_str()), (Role::User, None, "How hot?"));
    assert_eq!(user.occurred_at_ms, Some(1_714_558_831_250));
    assert_eq!(json!(user.meta), json!({"attachments": ["pot.png"]}));
    assert_eq!((tool.role, tool.parent.as_deref(), tool.author.as_deref()), (Role::Tool, Some("a"), Some("python")));
    assert_eq!(tool.content, "```\n80\n```");
    assert_eq!(
        json!(tool.meta),
        json!({"content_type": "execution_output", "model": "gpt-x", "status": "in_progress"})
    );
    assert!(user.on_active_branch && tool.on_active_branch);
}

#[test]
fn all_branches_are_walked_and_the_active_one_is_marked() {
    let nodes = [
        node("a", None, &["b", "d"], "1"),
        node("b", Some("a"), &["c"], "2"),
        node("c", Some("b"), &[], "3"),
        node("d", Some("a"), &["e"], "2'"),
        node("e", Some("d"), &[], "3'"),
    ];
    assert_eq!(shape(&nodes, "c"), ["a<-- 1*", "b<-a 2*", "c<-b 3*", "d<-a 2'", "e<-d 3'"]);
    assert_eq!(shape(&nodes, "d"), ["a<-- 1*", "b<-a 2", "c<-b 3", "d<-a 2'*", "e<-d 3'"]);
    assert_eq!(shape(&nodes, "gone"), ["a<-- 1*", "b<-a 2", "c<-b 3", "d<-a 2'*", "e<-d 3'*"]);
}

#[test]
fn without_a_current_node_the_newest_message_is_active() {
    let mut nodes = [node("a", None, &[], "1"), node("b", Some("a"), &[], "2"), node("c", Some("a"), &[], "3")];
    nodes[1].1["message"]["create_time"] = json!(200.0);
    nodes[2].1["message"]["create_time"] = json!(100.0);
    assert_eq!(shape(&nodes, ""), ["a<-- 1*", "b<-a 2*", "c<-a 3"]);
}

#[test]
fn empty_and_hidden_nodes_go_and_their_children_move_up() {
    let mut nodes = vec![
        node("a", None, &["b"], "1"),
        node("b", Some("a"), &["c"], " \n"),
        node("c", Some("b"), &["d"], "secret"),
        node("d", Some("c"), &["e"], "weightless"),
        node("e", Some("d"), &["f"], "5"),
        ("f".to_string(), json!({"parent": "e", "children": ["g"], "message": null})),
        ("g".to_string(), json!({"parent": "f", "message": {"author": {"role": "user"}}})),
        ("h".to_string(), json!(null)),
        node("i", Some("g"), &[], "9"),
    ];
    nodes[2].1["message"]["metadata"] = json!({"is_visually_hidden_from_conversation": true});
    nodes[3].1["message"]["weight"] = json!(0);
    assert_eq!(shape(&nodes, "i"), ["a<-- 1*", "e<-a 5*", "i<-e 9*"]);
}

#[test]
fn rings_missing_parents_and_wrong_links_are_survived() {
    assert_eq!(
        shape(&[node("a", Some("b"), &["b"], "1"), node("b", Some("a"), &["a"], "2")], "a"),
        ["a<-- 1*", "b<-a 2*"]
    );
    assert_eq!(shape(&[node("a", Some("a"), &["a"], "1")], "a"), ["a<-- 1*"]);
    assert_eq!(
        shape(&[node("b", Some("gone"), &[], "2"), node("a", None, &["b", "gone"], "1")], "b"),
        ["a<-- 1*", "b<-a 2*"]
    );
    assert_eq!(shape(&[node("b", Some("gone"), &[], "2"), node("a", None, &[], "1")], "b"), ["b<-- 2*", "a<-- 1"]);
    // Two claim the same child: the child's own word counts.
    let nodes = [node("a", None, &["c"], "1"), node("b", None, &["c"], "2"), node("c", Some("b"), &[], "3")];
    assert_eq!(shape(&nodes, "c"), ["a<-- 1", "b<-- 2*", "c<-b 3*"]);
    // A tail that leads into a ring.
    let nodes = [node("a", Some("b"), &[], "1"), node("b", Some("c"), &[], "2"), node("c", Some("b"), &[], "3")];
    let found = shape(&nodes, "a");
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|message| message.ends_with('*')));
}

#[test]
fn parents_always_come_first() {
    let nodes: Vec<_> = (0..5000)
        .rev()
        .map(|index| {
            let parent = (index > 0).then(|| format!("n{}", index / 2));
            node(&format!("n{index}"), parent.as_deref().filter(|_| index > 0), &[], "x")
        })
        .collect();
    let mut met = std::collections::HashSet::new();
    for message in shape(&nodes, "n4999") {
        let (id, rest) = message.split_once("<-").expect("has a parent");
        let parent = rest.split(' ').next().expect("has one");
        assert!(parent == "-" || met.contains(parent), "{message}");
        met.insert(id.to_string());
    }
    assert_eq!(met.len(), 5000);
}

#[test]
fn a_long_chain_does_not_overflow() {
    let nodes: Vec<_> =
        (0..20_000).map(|i: i32| node(&format!("n{i}"), Some(&format!("n{}", i - 1)), &[], "x")).collect();
    assert_eq!(shape(&nodes, "n19999").len(), 20_000);
}

#[test]
fn odd_conversations_are_conversations_or_named_errors() {
    let items = read(
        "[{},\n null, 7, \"x\",\n{\"id\": \"a\", \"mapping\": null}, {\"id\":\"b\",\"mapping\":[]},\n{\"title\": \"t\"}]",
    );
    let errors: Vec<String> = items.iter().filter_map(|item| item.as_ref().err().cloned()).collect();
    assert_eq!(
        errors,
        [
            "c.json:2: expected a conversation, found null",
            "c.json:2: expected a conversation, found a number",
            "c.json:2: expected a conversation, found a string",
            "c.json:3: expected an object in `mapping`, found an array",
        ]
    );
    let good: Vec<ImportedConversation> = items.into_iter().filter_map(Result::ok).collect();
    assert_eq!(good.len(), 3);
    assert!(good.iter().all(|conversation| conversation.messages.is_empty()));
    assert_eq!(good[0].external_id.len(), 64, "named by its digest");
    assert_ne!(good[0].external_id, good[2].external_id);
}

#[test]
fn damage_is_named_and_the_next_conversation_is_read() {
    let items = read("[\n {\"id\": \"a\"},\n {\"id\":\n  nope},\n {\"id\": \"b\"}\n]\n");
    let ids: Vec<String> =
        items.into_iter().map(|item| item.map_or_else(|error| error, |found| found.external_id)).collect();
    assert_eq!(ids, ["a", "c.json:4:4: expected JSON: expected ident", "b"]);
}

#[test]
fn what_is_no_array_is_one_error() {
    let only_error = |text: &str| {
        let items = read(text);
        assert_eq!(items.len(), 1, "{items:?}");
        items[0].clone().expect_err("an error")
    };
    assert_eq!(only_error(""), "c.json:1:1: expected a JSON array of conversations, found the end of the file");
    assert_eq!(only_error("\n  x"), "c.json:2:3: expected a JSON array of conversations, found x");
    assert_eq!(only_error("["), "c.json:1:2: expected a conversation or ], found the end of the file");
    assert_eq!(only_error("[,"), "c.json:1:2: expected a conversation or ], found ,");
    assert_eq!(
        only_error("[{\"id\": \"a\""),
        "c.json:1: expected the end of what begins here, found the end of the file"
    );
    assert_eq!(
        only_error("PK\u{3}\u{4}"),
        "c.json:1:1: expected a JSON array of conversations, found a zip archive; unpack it first"
    );
    assert_eq!(read("[]"), []);
    assert_eq!(read(" \n\u{feff}[]").len(), 1);
    assert_eq!(read("\u{feff} [ ] \n"), []);
    assert_eq!(read("{\"id\": \"single\"}")[0].as_ref().expect("good").external_id, "single");
    assert_eq!(read("[{\"id\":\"a\"}] x")[1], Err("c.json:1:14: expected the end of the file, found x".to_string()));
    assert_eq!(read("[{\"id\":\"a\"} {}]")[1], Err("c.json:1:13: expected , or ], found {".to_string()));
}

#[test]
fn elements_are_the_same_through_any_buffer() {
    let text = "\u{feff}[ {\"a\": \"]}\\\"\\\\\"},\n[1,[2]] , 12 ,\"x,]\", null,{\"ü\": {}}, true]".as_bytes();
    for capacity in 4..40 {
        let mut elements = elements(text, capacity);
        let mut found = Vec::new();
        while let Some(element) = elements.next_element() {
            found.push(String::from_utf8(element.expect("good").bytes).expect("text"));
        }
        assert_eq!(found, ["{\"a\": \"]}\\\"\\\\\"}", "[1,[2]]", "12", "\"x,]\"", "null", "{\"ü\": {}}", "true"]);
        assert_eq!(elements.bytes_read(), text.len() as u64);
    }
}

#[test]
fn a_giant_element_is_skipped() {
    let text = format!("[{{\"id\":\"{}\"}},\n{{\"id\":\"b\"}}]", "x".repeat(40 << 20));
    let mut elements = elements(text.as_bytes(), 1 << 16);
    let first = elements.next_element().expect("there").err().expect("too long");
    assert!(matches!(first, ImportError::TooLong { .. }), "{first}");
    assert_eq!(elements.next_element().expect("there").expect("good").bytes, b"{\"id\":\"b\"}");
    assert!(elements.next_element().is_none());
}

#[test]
fn half_an_emoji_does_not_cost_the_conversation() {
    let items = read(r#"[{"id":"a","title":"x \ud83d y \ude00 \ud83d\ude00 \\ud83d \u0041"}]"#);
    assert_eq!(items[0].as_ref().expect("good").title.as_deref(), Some("x \u{fffd} y \u{fffd} 😀 \\ud83d A"));
}

#[test]
fn contents_of_all_types_become_text() {
    let check = |content: Value, expected: &str| assert_eq!(content::text_of(&content), expected, "{content}");
    check(json!({"content_type": "text", "parts": ["a", "", null, "b"]}), "a\n\nb");
    check(json!({"parts": ["no type"]}), "no type");
    check(json!({"content_type": "code", "language": "python", "text": "print(1)\n"}), "```python\nprint(1)\n```");
    check(json!({"content_type": "code", "language": "unknown", "text": "a ``` b"}), "````\na ``` b\n````");
    check(json!({"content_type": "execution_output", "text": "1"}), "```\n1\n```");
    check(
        json!({"content_type": "multimodal_text", "parts": [
            {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}, "What is it?",
            {"content_type": "audio_transcription", "text": "spoken"}, {"content_type": "audio_asset_pointer"},
            {"content_type": "real_time_user_audio_video_asset_pointer"}, {"content_type": "new_thing_asset_pointer"}, 7]}),
        "[image]\n\nWhat is it?\n\nspoken\n\n[audio]\n\n[audio]\n\n[new thing]",
    );
    check(json!({"content_type": "tether_quote", "title": "T", "url": "u", "text": "q"}), "T — u\n\nq");
    check(json!({"content_type": "tether_browsing_display", "result": "r", "summary": null}), "r");
    check(
        json!({"content_type": "thoughts", "thoughts": [{"summary": "S", "content": "c"}, {"content": "d"}, 1]}),
        "S\nc\n\nd",
    );
    check(json!({"content_type": "reasoning_recap", "content": "Thought for 3s"}), "Thought for 3s");
    check(json!({"content_type": "system_error", "name": "E", "text": "t"}), "E: t");
    check(json!({"content_type": "user_editable_context", "user_profile": "p", "user_instructions": ""}), "p");
    check(json!({"content_type": "brand_new"}), "[brand new]");
    check(json!({"content_type": "brand_new", "parts": ["p"]}), "p");
    check(json!({"content_type": "text", "parts": null}), "");
    check(json!("bare"), "bare");
    check(json!(null), "");
    check(json!({"content_type": "text", "parts": ["n\u{0}l \u{e200}cite\u{e202}turn0\u{e201}."]}), "n\u{fffd}l .");
    check(
        json!({"parts": ["\u{e200}entity\u{e202}[\"company\",\"Acme\"]\u{e201} \u{e200}url\u{e202}Site\u{e202}x\u{e201} \u{e200}x"]}),
        "Acme Site x",
    );
}

#[test]
fn folders_and_files_are_opened() {
    let root = TempDir::new().expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(root.path().join(name), text).expect("writes");
    let ids = || -> Vec<String> {
        let mut export = open(root.path()).expect("opens");
        let ids = export
            .by_ref()
            .map(|item| match item {
                Ok(Imported::Conversation(conversation)) => conversation.external_id,
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(export.bytes_read(), export.bytes_total());
        ids
    };
    let empty = open(root.path()).err().expect("nothing there").to_string();
    assert!(empty.ends_with("expected conversations.json in the folder, found none"), "{empty}");
    write("conversations-001.json", "[{\"id\":\"c\"}]");
    write("conversations-000.json", "[{\"id\":\"a\"},{\"id\":\"b\"}]");
    assert_eq!(ids(), ["a", "b", "c"]);
    write("conversations.json", "[{\"id\":\"only\"}]");
    assert_eq!(ids(), ["only"]);
    assert!(open(&root.path().join("gone.json")).is_err());
    assert_eq!(open(&root.path().join("conversations-001.json")).expect("opens").count(), 1);
}
