//! The browser's accessibility tree, read into what is needed of it.

use std::collections::HashMap;

use serde_json::Value;

/// The tree of one frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Where each element is among the nodes.
    pub(super) by_element: HashMap<i64, usize>,
    pub(super) root: Option<usize>,
}

/// A node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) ignored: bool,
    pub(super) role: String,
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) description: Option<String>,
    /// In the order that they are told: `disabled`, `level=2`.
    pub(super) states: Vec<String>,
    pub(super) focusable: bool,
    /// The browser's own number of the element.
    pub(super) element: Option<i64>,
    pub(super) children: Vec<usize>,
}

impl Tree {
    /// Reads the browser's list of nodes.
    pub(super) fn read(nodes: &Value) -> Tree {
        let empty = Vec::new();
        let listed = nodes.as_array().unwrap_or(&empty);
        let places: HashMap<&str, usize> =
            listed.iter().enumerate().filter_map(|(place, node)| Some((node["nodeId"].as_str()?, place))).collect();
        let mut tree = Tree::default();
        for (place, node) in listed.iter().enumerate() {
            let read = Node::read(node, &places);
            if let Some(element) = read.element {
                // Several nodes may stand for one element; the first is the outermost.
                tree.by_element.entry(element).or_insert(place);
            }
            if tree.root.is_none() && node.get("parentId").is_none() {
                tree.root = Some(place);
            }
            tree.nodes.push(read);
        }
        tree
    }
}

impl Node {
    fn read(node: &Value, places: &HashMap<&str, usize>) -> Node {
        let children = node["childIds"].as_array().into_iter().flatten();
        let mut read = Node {
            ignored: node["ignored"] == true,
            role: said(&node["role"]).unwrap_or_default(),
            name: squeezed(&said(&node["name"]).unwrap_or_default()),
            value: said(&node["value"]).map(|value| squeezed(&value)).filter(|value| !value.is_empty()),
            description: said(&node["description"]).map(|text| squeezed(&text)).filter(|text| !text.is_empty()),
            element: node["backendDOMNodeId"].as_i64(),
            children: children.filter_map(|id| places.get(id.as_str()?).copied()).collect(),
            ..Node::default()
        };
        for property in node["properties"].as_array().into_iter().flatten() {
            read.add(property["name"].as_str().unwrap_or_default(), &property["value"]["value"]);
        }
        read
    }

    fn add(&mut self, name: &str, value: &Value) {
        let on = value == true || value == "true";
        let state = match name {
            "focusable" => {
                self.focusable = on;
                return;
            }
            "disabled" | "required" | "readonly" | "selected" | "focused" | "modal" | "busy" if on => name.to_owned(),
            "checked" | "pressed" if on => name.to_owned(),
            "checked" | "pressed" if value == "mixed" => format!("{name}=mixed"),
            "checked" if value == "false" => "unchecked".to_owned(),
            "expanded" => if on { "expanded" } else { "collapsed" }.to_owned(),
            "level" => format!("level={value}"),
            "invalid" if value != "false" && value != false => "invalid".to_owned(),
            _ => return,
        };
        self.states.push(state);
    }
}

fn said(value: &Value) -> Option<String> {
    match &value["value"] {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// A text on one line.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
