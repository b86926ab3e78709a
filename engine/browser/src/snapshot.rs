//! What is on a page, as assistive technology is told: one line for each thing, with a reference for what can be acted upon.
//!
//! ```text
//! - heading "Sign in" [e1] level=1
//! - textbox "Email" [e2] required: "ada@example.org"
//! - button "Send" [e3] disabled
//! ```
//!
//! - [`tree`]: the browser's answer, read. - [`listing`]: the lines. Both are pure.

mod listing;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::HashMap;

use serde_json::json;

use crate::act::Snapshot;
use crate::acting::{Acting, Came};
use crate::error::ActError;
use crate::page::Page;
use crate::tracker::Frame;
use crate::wire::{WireError, locked};
use listing::{FrameTree, Lines};
use tree::Tree;

/// The lines that were asked for; the value says how many there are.
pub(crate) async fn snapshot(acting: &Acting<'_>, act: &Snapshot) -> Result<Came, ActError> {
    let page = &acting.page;
    let root = match &act.target {
        Some(target) => {
            let element = acting.element(target).await?;
            let node =
                page.wire.call(Some(&element.session), "DOM.describeNode", json!({ "objectId": element.object })).await;
            let node = node.map_err(|error| page.explain(&error))?;
            Some((element.frame, node["node"]["backendNodeId"].as_i64()))
        }
        None => None,
    };
    let frames = page.frames()?;
    let mut trees = HashMap::new();
    for (id, frame) in &frames {
        if let Some(tree) = frame_tree(page, id, frame).await? {
            trees.insert(id.clone(), tree);
        }
    }
    let main = frames.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let (start, node) = root.unwrap_or((main, None));
    let document = page.look(|tab| tab.document().to_owned())?;
    let mut references = locked(acting.references);
    let numbers = references.of(page.number, &document);
    let lines = Lines::list(&trees, &start, node, numbers);
    numbers.set_interactive(lines.interactive_numbers());
    let (text, counts) = lines.page(act.interactive, act.offset, act.max_nodes);
    Ok(Came::read(counts, text))
}

/// What a frame shows, and where it is in the frame around it. None if it went away, or has nothing yet.
async fn frame_tree(page: &Page<'_>, id: &str, frame: &Frame) -> Result<Option<FrameTree>, ActError> {
    let owner = match &frame.parent {
        None => None,
        Some(parent) => {
            let session = page.look(|tab| tab.frames.get(parent).map(|parent| parent.session.clone()))?;
            let Some(session) = session else { return Ok(None) };
            match page.wire.call(Some(&session), "DOM.getFrameOwner", json!({ "frameId": id })).await {
                Ok(owner) => owner["backendNodeId"].as_i64().map(|node| (parent.clone(), node)),
                Err(WireError::Gone) => return Err(page.explain(&WireError::Gone)),
                Err(_) => return Ok(None),
            }
        }
    };
    match page.wire.call(Some(&frame.session), "Accessibility.getFullAXTree", json!({ "frameId": id })).await {
        Ok(answer) => Ok(Some(FrameTree { loader: frame.loader.clone(), owner, tree: Tree::read(&answer["nodes"]) })),
        Err(error @ (WireError::Gone | WireError::Detached)) if frame.parent.is_none() => Err(page.explain(&error)),
        Err(error) => {
            tracing::debug!(%error, "a frame cannot be listed");
            Ok(None)
        }
    }
}
