use std::collections::HashMap;

use serde_json::{Value, json};

use super::listing::{FrameTree, Lines};
use super::tree::Tree;
use crate::references::References;

/// A node with its number as id and element.
fn node(id: i64, parent: i64, role: &str, name: &str, children: &[i64]) -> Value {
    let mut node = json!({
        "nodeId": id.to_string(), "ignored": role == "none", "role": { "value": role }, "name": { "value": name },
        "backendDOMNodeId": id, "childIds": children.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    if parent > 0 {
        node["parentId"] = json!(parent.to_string());
    }
    node
}

fn with(mut node: Value, properties: &[(&str, Value)], value: Option<&str>) -> Value {
    let list = properties.iter().map(|(name, value)| json!({ "name": name, "value": { "value": value } }));
    node["properties"] = list.collect();
    if let Some(value) = value {
        node["value"] = json!({ "value": value });
    }
    node
}

fn frame(owner: Option<(&str, i64)>, nodes: Vec<Value>) -> FrameTree {
    let owner = owner.map(|(frame, node)| (frame.to_owned(), node));
    FrameTree { loader: "l".to_owned(), owner, tree: Tree::read(&Value::Array(nodes)) }
}

fn page() -> HashMap<String, FrameTree> {
    let main = vec![
        node(1, 0, "RootWebArea", "Shop", &[2, 3, 5, 7, 9, 12, 13]),
        with(node(2, 1, "heading", "Buy", &[20]), &[("level", json!(1))], None),
        node(20, 2, "StaticText", "Buy", &[21]),
        node(21, 20, "InlineTextBox", "Buy", &[]),
        node(3, 1, "paragraph", "", &[4]),
        node(4, 3, "StaticText", "Good  things.", &[]),
        node(5, 1, "none", "", &[6]),
        with(
            node(6, 5, "textbox", "Email", &[]),
            &[("focusable", json!(true)), ("required", json!(true))],
            Some("a@b"),
        ),
        with(node(7, 1, "button", "Send", &[8]), &[("disabled", json!(true))], None),
        node(8, 7, "StaticText", "Send", &[]),
        node(9, 1, "generic", "", &[10]),
        node(10, 9, "link", "a \"b\"", &[]),
        with(node(12, 1, "checkbox", "Yes", &[]), &[("checked", json!("false"))], None),
        node(13, 1, "Iframe", "", &[]),
    ];
    let inner = vec![node(1, 0, "RootWebArea", "", &[2]), node(2, 1, "button", "Pay", &[])];
    HashMap::from([("main".to_owned(), frame(None, main)), ("inner".to_owned(), frame(Some(("main", 13)), inner))])
}

#[test]
fn what_matters_is_listed_in_document_order_with_frames_in_their_place() {
    let mut references = References::default();
    let lines = Lines::list(&page(), "main", None, references.of(1, "d"));
    let (text, counts) = lines.page(false, 0, 100);
    let expected = r#"- heading "Buy" [e1] level=1
- paragraph "Good things."
- textbox "Email" [e2] required: "a@b"
- button "Send" [e3] disabled
- link "a \"b\"" [e4]
- checkbox "Yes" [e5] unchecked
- iframe [e6]
  - button "Pay" [e7]
"#;
    assert_eq!(text, expected);
    assert_eq!(counts, json!({ "lines": 8, "offset": 0, "shown": 8, "more": 0 }));
}

#[test]
fn a_part_can_be_asked_for_and_keeps_its_numbers() {
    let mut references = References::default();
    let numbers = references.of(1, "d");
    let all = Lines::list(&page(), "main", None, numbers);
    let (text, _) = all.page(true, 1, 2);
    assert_eq!(text, "- button \"Send\" [e3] disabled\n- link \"a \\\"b\\\"\" [e4]\n… 2 more: go on with offset 3\n");
    let one = Lines::list(&page(), "main", Some(9), numbers);
    assert_eq!(one.page(false, 0, 10).0, "- link \"a \\\"b\\\"\" [e4]\n");
    let within = Lines::list(&page(), "inner", None, numbers);
    assert_eq!(within.page(false, 0, 10).0, "- button \"Pay\" [e7]\n");
}

#[test]
fn a_tree_that_is_no_tree_is_no_panic() {
    for nodes in [json!(null), json!([]), json!([1, null, {}]), json!([node(1, 0, "generic", "", &[1])])] {
        let frames = HashMap::from([("main".to_owned(), frame(None, nodes.as_array().cloned().unwrap_or_default()))]);
        let mut references = References::default();
        assert_eq!(Lines::list(&frames, "main", None, references.of(1, "d")).page(false, 0, 10).0, "");
    }
}
