//! A conversation of ChatGPT, from its tree of nodes to a list of messages.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::content::{content_type_of, string, text_of};
use crate::error::{ImportError, Place, kind_of};
use crate::item::{ImportedConversation, ImportedMessage, Role};
use crate::time::instant_of_json;

/// Reads one conversation; `digest` names one that has no id.
///
/// # Errors
/// [`ImportError::Unexpected`] for what is not an object, or whose `mapping` is none. Without a `mapping` a conversation
/// is one without messages.
pub(super) fn conversation_of(
    value: Value,
    place: Place,
    digest: impl FnOnce() -> String,
) -> Result<ImportedConversation, ImportError> {
    let Value::Object(mut fields) = value else {
        return Err(ImportError::unexpected(place, "a conversation", kind_of(&value)));
    };
    let mapping = match fields.shift_remove("mapping") {
        Some(Value::Object(mapping)) => mapping,
        None | Some(Value::Null) => Map::new(),
        Some(other) => return Err(ImportError::unexpected(place, "an object in `mapping`", kind_of(&other))),
    };
    let external_id = ["conversation_id", "id"].iter().map(|name| string(&fields, name)).find(|id| !id.is_empty());
    let messages = Tree::of(mapping).messages(string(&fields, "current_node"));
    let created_at_ms = fields
        .get("create_time")
        .and_then(instant_of_json)
        .or_else(|| messages.iter().filter_map(|message| message.occurred_at_ms).min());
    let title = string(&fields, "title").trim();
    let mut meta = Map::new();
    for (name, source) in [("model", "default_model_slug"), ("gizmo", "gizmo_id"), ("project", "project_title")] {
        let value = string(&fields, source);
        if !value.is_empty() {
            meta.insert(name.to_string(), Value::from(value));
        }
    }
    if fields.get("is_archived") == Some(&Value::Bool(true)) {
        meta.insert("archived".to_string(), Value::Bool(true));
    }
    Ok(ImportedConversation {
        external_id: external_id.map_or_else(digest, str::to_string),
        title: (!title.is_empty()).then(|| title.to_string()),
        created_at_ms,
        meta,
        messages,
    })
}

/// The nodes of a conversation. Nodes are named by their index in `nodes`.
struct Tree {
    nodes: Vec<Node>,
    by_id: HashMap<String, usize>,
}

struct Node {
    id: String,
    parent: Option<usize>,
    children: Vec<usize>,
    message: Option<Map<String, Value>>,
}

impl Tree {
    /// Links the nodes. A node's own `parent` counts first, then whoever lists it among its `children`; ids that lead
    /// nowhere or to the node itself do not count.
    fn of(mapping: Map<String, Value>) -> Tree {
        let by_id: HashMap<String, usize> = mapping.keys().enumerate().map(|(index, id)| (id.clone(), index)).collect();
        let mut listed: Vec<Vec<usize>> = Vec::with_capacity(mapping.len());
        let mut nodes: Vec<Node> = Vec::with_capacity(mapping.len());
        for (index, (id, value)) in mapping.into_iter().enumerate() {
            let mut fields = match value {
                Value::Object(fields) => fields,
                _ => Map::new(),
            };
            let index_of = |id: &Value| by_id.get(id.as_str()?).copied().filter(|other| *other != index);
            let parent = fields.get("parent").and_then(index_of);
            listed.push(
                fields.get("children").and_then(Value::as_array).into_iter().flatten().filter_map(index_of).collect(),
            );
            let message = match fields.shift_remove("message") {
                Some(Value::Object(message)) => Some(message),
                _ => None,
            };
            nodes.push(Node { id, parent, children: Vec::new(), message });
        }
        for (parent, children) in listed.iter().enumerate() {
            for child in children {
                nodes[*child].parent.get_or_insert(parent);
            }
        }
        let mut placed = vec![false; nodes.len()];
        for (parent, children) in listed.iter().enumerate() {
            for &child in children {
                if nodes[child].parent == Some(parent) && !std::mem::replace(&mut placed[child], true) {
                    nodes[parent].children.push(child);
                }
            }
        }
        for child in 0..nodes.len() {
            if let Some(parent) = nodes[child].parent
                && !placed[child]
            {
                nodes[parent].children.push(child);
            }
        }
        Tree { nodes, by_id }
    }

    /// The messages that say something, parents before children and each branch in one piece.
    fn messages(mut self, current_node: &str) -> Vec<ImportedMessage> {
        let order = self.order();
        let mut messages: Vec<(usize, ImportedMessage)> = Vec::new();
        // For each node the message that its children answer: its own, or the one it would have answered.
        let mut answered: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for (index, parent) in order {
            answered[index] = parent.and_then(|parent| answered[parent]);
            let node = &mut self.nodes[index];
            let Some(mut message) = node.message.take().and_then(|message| message_of(&node.id, &message)) else {
                continue;
            };
            message.parent = answered[index].map(|parent: usize| messages[parent].1.external_id.clone());
            answered[index] = Some(messages.len());
            messages.push((index, message));
        }
        let newest = || {
            // The last one of those that came at the same time; without times the last one of all.
            messages.iter().max_by_key(|(_, message)| message.occurred_at_ms).map(|(index, _)| *index)
        };
        let mut next = self.by_id.get(current_node).copied().or_else(newest);
        let mut active = vec![false; self.nodes.len()];
        while let Some(index) = next.filter(|index| !active[*index]) {
            active[index] = true;
            next = self.nodes[index].parent;
        }
        messages
            .into_iter()
            .map(|(index, mut message)| {
                message.on_active_branch = active[index];
                message
            })
            .collect()
    }

    /// Every node once, with the parent under which it was met; a ring of nodes begins at its first one.
    fn order(&self) -> Vec<(usize, Option<usize>)> {
        let mut met = vec![false; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        let roots = (0..self.nodes.len()).filter(|index| self.nodes[*index].parent.is_none());
        for start in roots.chain(0..self.nodes.len()) {
            let mut open = vec![(start, None)];
            while let Some((index, parent)) = open.pop() {
                if std::mem::replace(&mut met[index], true) {
                    continue;
                }
                order.push((index, parent));
                open.extend(self.nodes[index].children.iter().rev().map(|child| (*child, Some(index))));
            }
        }
        order
    }
}

/// A message without its parent and branch; `None` for what was never shown or says nothing.
fn message_of(id: &str, message: &Map<String, Value>) -> Option<ImportedMessage> {
    let no_fields = Map::new();
    let object = |name: &str| message.get(name).and_then(Value::as_object).unwrap_or(&no_fields);
    let (author, details) = (object("author"), object("metadata"));
    let hidden = details.get("is_visually_hidden_from_conversation").and_then(Value::as_bool).unwrap_or(false);
    let weightless = message.get("weight").and_then(Value::as_f64) == Some(0.0);
    if hidden || weightless {
        return None;
    }
    let mut content = text_of(message.get("content")?);
    let attachments: Vec<&str> = details
        .get("attachments")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|attachment| attachment.get("name")?.as_str())
        .collect();
    if content.is_empty() && !attachments.is_empty() {
        content = format!("[{}]", attachments.join(", "));
    }
    if content.is_empty() {
        return None;
    }
    let role_name = string(author, "role");
    let role = Role::named(role_name);
    let mut meta = Map::new();
    let mut note = |name: &str, value: &str, usual: &str| {
        if !value.is_empty() && value != usual {
            meta.insert(name.to_string(), Value::from(value));
        }
    };
    note("content_type", content_type_of(object("content")), "text");
    note("model", string(details, "model_slug"), "");
    note("recipient", string(message, "recipient"), "all");
    note("channel", string(message, "channel"), "final");
    note("status", string(message, "status"), "finished_successfully");
    if role.is_none() {
        note("role", role_name, "");
    }
    if !attachments.is_empty() {
        meta.insert("attachments".to_string(), Value::from(attachments));
    }
    let name = string(author, "name");
    Some(ImportedMessage {
        external_id: id.to_string(),
        parent: None,
        role: role.unwrap_or(Role::Assistant),
        author: (!name.is_empty()).then(|| name.to_string()),
        content,
        meta,
        occurred_at_ms: message.get("create_time").and_then(instant_of_json).filter(|instant| *instant > 0),
        on_active_branch: false,
    })
}
