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
use crate::error::{ActError, ActErrorKind};
use crate::page::{Element, Page};
use crate::tracker::Frame;
use crate::wire::{WireError, locked};
use listing::{FrameTree, Lines};
use tree::Tree;

/// Elements that a page may have to be listed whole: beyond them the browser takes minutes, for its time grows with their square.
const MOST_ELEMENTS: u64 = 30_000;

/// How many elements a document has.
const COUNT: &str = "document.getElementsByTagName('*').length";

/// The lines that were asked for; the value says how many there are.
pub(crate) async fn snapshot(acting: &Acting<'_>, act: &Snapshot) -> Result<Came, ActError> {
    let page = &acting.page;
    let root = match &act.target {
        Some(target) => Some(root(page, acting.element(target).await?).await?),
        None => None,
    };
    let frames = page.frames()?;
    match &root {
        None => refuse_huge(page, &frames).await?,
        Some(root) => {
            let count = page.call_on(&root.element, "function() { return this.getElementsByTagName('*').length }", &[]);
            check_size("that part", count.await.ok().and_then(|count| count.as_u64()).unwrap_or_default())?;
        }
    }
    let mut trees = HashMap::new();
    for (id, frame) in &frames {
        let part = root.as_ref().filter(|root| root.element.frame == *id).map(|root| &root.element);
        if let Some(tree) = frame_tree(page, id, frame, part).await? {
            trees.insert(id.clone(), tree);
        }
    }
    let main = frames.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let (start, node) = root.map_or((main, None), |root| (root.element.frame, root.node));
    let document = page.look(|tab| tab.document().to_owned())?;
    let mut references = locked(acting.references);
    let numbers = references.of(page.number, &document);
    let lines = Lines::list(&trees, &start, node, numbers);
    numbers.set_interactive(lines.interactive_numbers());
    let (text, counts) = lines.page(act.interactive, act.offset, act.max_nodes);
    Ok(Came::read(counts, text))
}

/// The part of a page that is listed.
struct Root {
    element: Element,
    /// The browser's own number of it.
    node: Option<i64>,
}

async fn root(page: &Page<'_>, element: Element) -> Result<Root, ActError> {
    let object = json!({ "objectId": element.object });
    let node = page.wire.call(Some(&element.session), "DOM.describeNode", object).await;
    let node = node.map_err(|error| page.explain(&error))?;
    Ok(Root { node: node["node"]["backendNodeId"].as_i64(), element })
}

/// Says at once what would take too long.
async fn refuse_huge(page: &Page<'_>, frames: &[(String, Frame)]) -> Result<(), ActError> {
    for (id, frame) in frames {
        // A frame that cannot be asked is left out of the list as well.
        let count = page.evaluate(id, frame, COUNT).await.ok().and_then(|count| count.as_u64()).unwrap_or_default();
        check_size("the page", count)?;
    }
    Ok(())
}

fn check_size(what: &str, elements: u64) -> Result<(), ActError> {
    if elements <= MOST_ELEMENTS {
        return Ok(());
    }
    let message = format!("{what} has {elements} elements; up to {MOST_ELEMENTS} are listed at once");
    Err(ActError::new(ActErrorKind::TooLarge, message)
        .hint("take a snapshot of a smaller part, such as `#results`, or read it"))
}

/// What a frame shows, or a part of it, and where it is in the frame around it. None if it went away, or has nothing yet.
async fn frame_tree(
    page: &Page<'_>,
    id: &str,
    frame: &Frame,
    part: Option<&Element>,
) -> Result<Option<FrameTree>, ActError> {
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
    let answer = match part {
        Some(part) => {
            let part_of = json!({ "objectId": part.object });
            page.wire.call(Some(&part.session), "Accessibility.queryAXTree", part_of).await
        }
        None => page.wire.call(Some(&frame.session), "Accessibility.getFullAXTree", json!({ "frameId": id })).await,
    };
    match answer {
        Ok(answer) => Ok(Some(FrameTree { loader: frame.loader.clone(), owner, tree: Tree::read(&answer["nodes"]) })),
        Err(error @ (WireError::Gone | WireError::Detached)) if frame.parent.is_none() => Err(page.explain(&error)),
        Err(error) => {
            tracing::debug!(%error, "a frame cannot be listed");
            Ok(None)
        }
    }
}
