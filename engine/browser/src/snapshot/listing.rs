//! The lines of a snapshot: what is only there for layout is left out, what is inside it moves up.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use serde_json::{Value, json};

use super::tree::{Node, Tree};
use crate::references::{OfDocument, Place};

/// Characters of a name, a text or a value that are shown.
const SHOWN: usize = 200;

/// Frames inside frames that are listed, and levels of nodes; no page that is meant to be read has more.
const DEEPEST: usize = 400;

/// The deepest indentation; a page that nests deeper is listed as if it did not.
const INDENTED: usize = 20;

/// What can be acted upon, by role.
const INTERACTIVE: [&str; 27] = [
    "button",
    "checkbox",
    "ColorWell",
    "combobox",
    "Date",
    "DateTime",
    "DisclosureTriangle",
    "gridcell",
    "InputTime",
    "link",
    "listbox",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "MenuListOption",
    "option",
    "PopUpButton",
    "radio",
    "scrollbar",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "ToggleButton",
    "treeitem",
];

/// What has a reference though it cannot be acted upon: it is often looked at.
const REFERRED: [&str; 5] = ["heading", "image", "img", "Iframe", "dialog"];

/// What is shown only if it has a name.
const LAYOUT: [&str; 22] = [
    "generic",
    "none",
    "presentation",
    "group",
    "GenericContainer",
    "Section",
    "LayoutTable",
    "LayoutTableRow",
    "LayoutTableCell",
    "MenuListPopup",
    "LabelText",
    "Legend",
    "EmbeddedObject",
    "PluginObject",
    "strong",
    "emphasis",
    "mark",
    "superscript",
    "subscript",
    "time",
    "Abbr",
    "rowgroup",
];

/// What is never shown.
const NEVER: [&str; 3] = ["InlineTextBox", "LineBreak", "ListMarker"];

/// A frame's tree, and where it is.
#[derive(Clone, Debug)]
pub(super) struct FrameTree {
    /// The document that is in it.
    pub(super) loader: String,
    /// The frame around it, and the element there that it is in.
    pub(super) owner: Option<(String, i64)>,
    pub(super) tree: Tree,
}

/// The lines of a page.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    depth: usize,
    text: String,
    /// The number of what can be acted upon.
    interactive: Option<u32>,
}

/// What is needed on the way down.
struct Lister<'a> {
    frames: &'a HashMap<String, FrameTree>,
    /// The frame that an element is the place of.
    inside: HashMap<(&'a str, i64), &'a str>,
    numbers: &'a mut OfDocument,
    lines: Vec<Line>,
}

impl Lines {
    /// The lines of a frame and the frames inside it, or of one element; numbers are given in this order.
    pub(super) fn list(
        frames: &HashMap<String, FrameTree>,
        start: &str,
        element: Option<i64>,
        numbers: &mut OfDocument,
    ) -> Lines {
        let owned = |(id, frame): (&'_ String, &'_ FrameTree)| frame.owner.is_some().then_some(()).map(|()| id.clone());
        let ids: Vec<String> = frames.iter().filter_map(owned).collect();
        let mut inside = HashMap::new();
        for id in &ids {
            let Some((key, frame)) = frames.get_key_value(id) else { continue };
            if let Some((parent, node)) = &frame.owner {
                inside.insert((parent.as_str(), *node), key.as_str());
            }
        }
        let mut lister = Lister { frames, inside, numbers, lines: Vec::new() };
        lister.frame(start, element, 0, 0);
        Lines { lines: lister.lines }
    }

    /// The numbers of what can be acted upon.
    pub(super) fn interactive_numbers(&self) -> HashSet<u32> {
        self.lines.iter().filter_map(|line| line.interactive).collect()
    }

    /// A part of the lines as text, and how many there are.
    pub(super) fn page(&self, interactive: bool, offset: usize, most: usize) -> (String, Value) {
        let wanted: Vec<&Line> = self.lines.iter().filter(|line| !interactive || line.interactive.is_some()).collect();
        let shown = wanted.iter().skip(offset).take(most);
        let mut text = String::new();
        let mut count = 0;
        for line in shown {
            let depth = if interactive { 0 } else { line.depth.min(INDENTED) };
            let _ = writeln!(text, "{:indent$}- {}", "", line.text, indent = depth * 2);
            count += 1;
        }
        let after = wanted.len().saturating_sub(offset + count);
        if after > 0 {
            let _ = writeln!(text, "… {after} more: go on with offset {}", offset + count);
        }
        (text, json!({ "lines": wanted.len(), "offset": offset, "shown": count, "more": after }))
    }
}

impl<'a> Lister<'a> {
    fn frame(&mut self, id: &'a str, element: Option<i64>, depth: usize, level: usize) {
        let frames = self.frames;
        let Some(frame) = frames.get(id) else { return };
        let start = match element {
            Some(element) => frame.tree.by_element.get(&element).copied(),
            None => frame.tree.root,
        };
        if let Some(start) = start {
            self.node(id, frame, start, depth, level, "");
        }
    }

    /// Lists a node and what is in it; `above` is the name of the nearest thing that is listed above it.
    fn node(&mut self, id: &'a str, frame: &'a FrameTree, index: usize, depth: usize, level: usize, above: &str) {
        let Some(node) = frame.tree.nodes.get(index).filter(|_| level < DEEPEST) else { return };
        let role = node.role.as_str();
        if NEVER.contains(&role) {
            return;
        }
        let within = node.element.and_then(|element| self.inside.get(&(id, element)).copied());
        if role == "StaticText" {
            if !node.ignored && !node.name.is_empty() && !covers(above, &node.name) {
                self.lines.push(Line { depth, text: format!("text {}", quoted(&node.name)), interactive: None });
            }
            return;
        }
        let listed = !node.ignored && (within.is_some() || is_listed(node));
        let mut deeper = depth;
        let mut name = above;
        let text = only_text(&frame.tree, node);
        if listed {
            self.line(id, frame, node, depth, text.as_deref());
            deeper += 1;
            name = if node.name.is_empty() { text.as_deref().unwrap_or("") } else { &node.name };
        }
        let shown = listed && text.is_some();
        for child in node.children.iter().filter(|_| !shown) {
            self.node(id, frame, *child, deeper, level + 1, name);
        }
        if let Some(within) = within {
            self.frame(within, None, deeper, level + 1);
        }
    }

    fn line(&mut self, id: &str, frame: &FrameTree, node: &Node, depth: usize, only_text: Option<&str>) {
        let role = role_said(&node.role);
        let mut text = role.to_owned();
        let name = if node.name.is_empty() { only_text.unwrap_or_default() } else { &node.name };
        if !name.is_empty() {
            let _ = write!(text, " {}", quoted(name));
        }
        let acts = INTERACTIVE.contains(&node.role.as_str()) || (node.focusable && node.role != "RootWebArea");
        let mut interactive = None;
        if let Some(element) = node.element.filter(|_| acts || REFERRED.contains(&node.role.as_str())) {
            let place = Place { frame: id.to_owned(), loader: frame.loader.clone(), node: element };
            let number = self.numbers.number(place);
            let _ = write!(text, " [e{number}]");
            interactive = acts.then_some(number);
        }
        for state in &node.states {
            let _ = write!(text, " {state}");
        }
        if let Some(value) = node.value.as_ref().filter(|value| *value != name) {
            let _ = write!(text, ": {}", quoted(value));
        }
        if let Some(description) = node.description.as_ref().filter(|text| *text != name) {
            let _ = write!(text, " ({})", cut(description));
        }
        self.lines.push(Line { depth, text, interactive });
    }
}

/// Whether a thing has a line of its own.
fn is_listed(node: &Node) -> bool {
    let role = node.role.as_str();
    if role == "RootWebArea" || role.is_empty() {
        return false;
    }
    !LAYOUT.contains(&role) || !node.name.is_empty() || node.focusable
}

/// The text of what has nothing but text in it: a paragraph, a cell.
fn only_text(tree: &Tree, node: &Node) -> Option<String> {
    let mut text = String::new();
    for child in &node.children {
        let child = tree.nodes.get(*child)?;
        match child.role.as_str() {
            "StaticText" => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&child.name);
            }
            "ListMarker" | "LineBreak" => {}
            _ => return None,
        }
    }
    // What is already said by the name is not said again.
    (!text.is_empty() && (node.name.is_empty() || covers(&node.name, &text))).then_some(text)
}

/// Whether a name says what a text says.
fn covers(name: &str, text: &str) -> bool {
    !name.is_empty() && name.contains(text)
}

/// Roles by the names that ARIA has for them, where the browser has others.
fn role_said(role: &str) -> &str {
    match role {
        "PopUpButton" => "combobox",
        "MenuListOption" => "option",
        "ToggleButton" => "button",
        "DisclosureTriangle" => "summary",
        "Iframe" => "iframe",
        "image" => "img",
        "ColorWell" => "color",
        "Date" => "date",
        "DateTime" => "datetime",
        "InputTime" => "time",
        "DescriptionListTerm" => "term",
        "DescriptionListDetail" => "definition",
        "DescriptionList" => "list",
        "contentinfo" => "footer",
        other => other,
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text of a length that can be read.
fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).collect::<String>() + "…"
}
