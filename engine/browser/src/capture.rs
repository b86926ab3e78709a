//! Pictures and documents of a page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::act::{ImageFormat, Paper, Pdf, Screenshot, Snapshot};
use crate::acting::{Acting, Came};
use crate::done::Artifact;
use crate::error::{ActError, ActErrorKind};
use crate::page::Element;
use crate::wire::locked;

/// The most pixels of a picture of a whole page in each direction; what is longer is cut off, as the browser itself would.
const LONGEST: f64 = 16_384.0;

/// References that are marked in one picture.
const MARKS: usize = 500;

/// A picture; the value says how large it is in pixels.
pub(crate) async fn screenshot(acting: &Acting<'_>, act: &Screenshot) -> Result<Came, ActError> {
    let marked = if act.annotate { mark(acting, act.full).await? } else { 0 };
    let taken = take(acting, act).await;
    if act.annotate {
        let (id, frame) = acting.main_frame()?;
        acting.page.evaluate(&id, &frame, "zo.unmark()").await?;
    }
    let (bytes, size) = taken?;
    let (name, media_type) = match act.format {
        ImageFormat::Png => ("screenshot.png", "image/png"),
        ImageFormat::Jpeg => ("screenshot.jpeg", "image/jpeg"),
        ImageFormat::Webp => ("screenshot.webp", "image/webp"),
    };
    let artifact = Artifact { name: name.to_owned(), media_type: media_type.to_owned(), bytes };
    let mut value = size;
    if act.annotate {
        value["marked"] = json!(marked);
    }
    Ok(Came { value, text: None, artifacts: vec![artifact] })
}

async fn take(acting: &Acting<'_>, act: &Screenshot) -> Result<(Vec<u8>, Value), ActError> {
    let metrics = acting.page.call("Page.getLayoutMetrics", json!({})).await?;
    let view = &metrics["cssVisualViewport"];
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let (x, y, width, height, beyond) = if act.full {
        let all = &metrics["cssContentSize"];
        (0.0, 0.0, number(&all["width"]), number(&all["height"]), true)
    } else if let Some(target) = &act.target {
        let element = acting.element(target).await?;
        let at = place(acting, &element).await?;
        if number(&at["width"]) < 1.0 || number(&at["height"]) < 1.0 {
            return Err(ActError::new(ActErrorKind::NotVisible, format!("{target} takes up no room")));
        }
        let beyond = true;
        let (left, top) = (number(&view["pageX"]), number(&view["pageY"]));
        (number(&at["x"]) + left, number(&at["y"]) + top, number(&at["width"]), number(&at["height"]), beyond)
    } else {
        (
            number(&view["pageX"]),
            number(&view["pageY"]),
            number(&view["clientWidth"]),
            number(&view["clientHeight"]),
            false,
        )
    };
    let (width, height) = (width.min(LONGEST), height.min(LONGEST));
    let format = match act.format {
        ImageFormat::Png => "png",
        ImageFormat::Jpeg => "jpeg",
        ImageFormat::Webp => "webp",
    };
    let mut params = json!({
        "format": format, "captureBeyondViewport": beyond, "optimizeForSpeed": false,
        "clip": { "x": x, "y": y, "width": width, "height": height, "scale": 1 },
    });
    if act.format != ImageFormat::Png {
        params["quality"] = json!(80);
    }
    let picture = acting.page.call("Page.captureScreenshot", params).await?;
    Ok((decode(&picture["data"])?, json!({ "width": width.round(), "height": height.round() })))
}

/// Where an element is in the tab's window, through its frames.
async fn place(acting: &Acting<'_>, element: &Element) -> Result<Value, ActError> {
    let into = "function() { this.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' }); return zo.box(this) }";
    let mut at = acting.page.call_on(element, into, &[]).await?;
    let mut frame = element.frame.clone();
    while let Some(owner) = acting.page.owner(&frame).await? {
        let outside = "function(x, y) { return zo.through(this, x, y) }";
        let outside = acting.page.call_on(&owner, outside, &[at["x"].clone(), at["y"].clone()]).await?;
        at["x"] = outside["x"].clone();
        at["y"] = outside["y"].clone();
        frame = owner.frame;
    }
    Ok(at)
}

/// Draws a box with its reference around everything in the main frame that can be acted upon. Returns how many.
async fn mark(acting: &Acting<'_>, full: bool) -> Result<usize, ActError> {
    crate::snapshot::snapshot(acting, &Snapshot { interactive: true, max_nodes: MARKS, ..Snapshot::default() }).await?;
    let (id, frame) = acting.main_frame()?;
    let document = acting.page.look(|tab| tab.document().to_owned())?;
    let known = locked(acting.references).of(acting.page.number, &document).interactive(&id, MARKS);
    let mut marks = Vec::new();
    for (number, node) in known {
        let Ok(element) = acting.page.resolve(&id, &frame, &node.into()).await else { continue };
        let at = "function() { if (!zo.visible(this)) return null; const box = zo.box(this); \
                  return { ...box, x: box.x + scrollX, y: box.y + scrollY, \
                  seen: box.x < innerWidth && box.y < innerHeight && box.x + box.width > 0 && box.y + box.height > 0 } }";
        let Ok(mut at) = acting.page.call_on(&element, at, &[]).await else { continue };
        if at.is_object() && (full || at["seen"] == true) {
            at["name"] = json!(format!("e{number}"));
            marks.push(at);
        }
    }
    let marks_json = Value::Array(marks.clone());
    acting.page.evaluate(&id, &frame, &format!("zo.mark({marks_json})")).await?;
    Ok(marks.len())
}

/// A document of all pages of paper.
pub(crate) async fn pdf(acting: &Acting<'_>, act: &Pdf) -> Result<Came, ActError> {
    let (width, height) = match act.paper {
        Paper::A4 => (8.27, 11.69),
        Paper::Letter => (8.5, 11.0),
    };
    let mut params = json!({
        "landscape": act.landscape, "printBackground": act.background, "scale": act.scale.unwrap_or(1.0),
        "paperWidth": width, "paperHeight": height, "transferMode": "ReturnAsBase64",
    });
    if let Some(pages) = &act.pages {
        params["pageRanges"] = json!(pages);
    }
    let printed = acting.page.call("Page.printToPDF", params).await.map_err(|error| match act.pages {
        Some(ref pages) if error.message.contains("age range") => {
            ActError::new(ActErrorKind::Invalid, format!("the pages {pages:?} cannot be printed: {}", error.message))
        }
        _ => error,
    })?;
    let bytes = decode(&printed["data"])?;
    let artifact = Artifact { name: "page.pdf".to_owned(), media_type: "application/pdf".to_owned(), bytes };
    Ok(Came { value: Value::Null, text: None, artifacts: vec![artifact] })
}

fn decode(data: &Value) -> Result<Vec<u8>, ActError> {
    let broken = |why: String| ActError::new(ActErrorKind::Io, format!("the browser's picture cannot be read: {why}"));
    STANDARD.decode(data.as_str().unwrap_or_default()).map_err(|error| broken(error.to_string()))
}
