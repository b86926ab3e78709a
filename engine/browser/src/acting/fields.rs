//! Fields of forms: fill, select, check, upload.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::aim::{Aimed, Wants};
use super::keys;
use super::{Acting, Came};
use crate::act::{Check, Fill, MouseButton, Select, Upload};
use crate::error::{ActError, ActErrorKind};
use crate::target::Target;

/// How long what is clicked may take to ask for files.
const CHOOSER: Duration = Duration::from_secs(3);

/// Whether the element, or the field that it labels, is for files.
const IS_FILE: &str = "function() { const field = zo.control(this); return field instanceof HTMLInputElement && field.type === 'file' ? \
                       (field.multiple ? 'many' : 'one') : null }";

impl Acting<'_> {
    /// The value of the field after it comes back, which pages may have changed.
    pub(super) async fn fill(&self, act: &Fill) -> Result<Came, ActError> {
        let aimed = self.aim_at_field(&act.target).await?;
        let prepared = "function(text) { return zo.prepare(this, text) }";
        let prepared = self.page.call_on(&aimed.element, prepared, &[json!(act.text)]).await?;
        if let Some(wrong) = prepared["wrong"].as_str() {
            return Err(ActError::new(ActErrorKind::Invalid, format!("{}: {wrong}", act.target))
                .hint("dates are written 2026-12-31, times 23:59, colours #d0006f"));
        }
        if prepared["set"] != true {
            if !act.text.is_empty() {
                self.insert(&act.text).await?;
            } else if prepared["empty"] != true {
                let presses = keys::presses("Delete").map_err(|error| ActError::new(ActErrorKind::Invalid, error))?;
                self.input("Input.dispatchKeyEvent", presses.iter().flat_map(keys::Press::events).collect()).await?;
            }
        }
        self.value_of(&aimed).await
    }

    /// A field that can be written into; for a label, the field that it labels.
    async fn aim_at_field(&self, target: &Target) -> Result<Aimed, ActError> {
        if let Some(element) = self.find_one(target).await.ok().flatten() {
            let of_label = "function() { return zo.control(this) !== this && zo.editable(zo.control(this)) && !zo.disabled(zo.control(this)) }";
            if self.page.call_on(&element, of_label, &[]).await.is_ok_and(|is| is == true) {
                return self.aim(target, Wants { enabled: true, editable: false }).await;
            }
        }
        self.aim(target, Wants { enabled: true, editable: true }).await
    }

    /// Whether what is written into an element, or where the cursor is, is not shown: a field for a password.
    pub(crate) async fn conceals(&self, target: Option<&Target>) -> Result<bool, ActError> {
        let conceals = match target {
            Some(target) => {
                let Some(element) = self.find_one(target).await? else { return Ok(false) };
                self.page.call_on(&element, "function() { const field = zo.control(this); return field.type === 'password' || /password/.test(field.autocomplete || '') }", &[]).await?
            }
            None => {
                let (id, frame) = self.main_frame()?;
                self.page.evaluate(&id, &frame, "document.activeElement?.type === 'password' || /password/.test(document.activeElement?.autocomplete || '')").await?
            }
        };
        Ok(conceals == true)
    }

    async fn value_of(&self, aimed: &Aimed) -> Result<Came, ActError> {
        // The page may have gone elsewhere because of what was written.
        let value = self.page.call_on(&aimed.element, "function() { return zo.value(this) }", &[]).await;
        Ok(Came::to(value.unwrap_or(Value::Null)))
    }

    pub(super) async fn select(&self, act: &Select) -> Result<Came, ActError> {
        let aimed = self.aim(&act.target, Wants { enabled: true, editable: false }).await?;
        let select = "function(values) { return zo.select(this, values) }";
        let chosen = self.page.call_on(&aimed.element, select, &[json!(act.values)]).await?;
        if let Some(missing) = chosen["missing"].as_str() {
            let options: Vec<&str> =
                chosen["options"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            return Err(ActError::new(ActErrorKind::NotFound, format!("{} has no option {missing:?}", act.target))
                .hint(format!("it has {}", options.join(", "))));
        }
        if let Some(wrong) = chosen["wrong"].as_str() {
            let kind = if chosen["disabled"] == true { ActErrorKind::Disabled } else { ActErrorKind::Invalid };
            return Err(ActError::new(kind, format!("{}: {wrong}", act.target)));
        }
        Ok(Came::to(chosen["chosen"].clone()))
    }

    /// Clicks only if it is not so yet, and looks whether it is so then.
    pub(super) async fn check(&self, act: &Check) -> Result<Came, ActError> {
        let element = self.element(&act.target).await?;
        let state = "function() { return zo.checked(this) }";
        let before = self.page.call_on(&element, state, &[]).await?;
        let Some(before) = before.as_bool() else {
            return Err(ActError::new(ActErrorKind::Invalid, format!("{} cannot be checked", act.target))
                .hint("it is no box, radio button or switch; `click` clicks anything"));
        };
        if before == act.checked {
            return Ok(Came::to(json!(before)));
        }
        let aimed = match self.aim_at_box(&act.target).await? {
            Some(point) => point,
            None => {
                let aimed = self.aim(&act.target, Wants { enabled: true, editable: false }).await?;
                (aimed.x, aimed.y)
            }
        };
        self.mouse(aimed.0, aimed.1, MouseButton::Left, 1, 0).await?;
        let after = self.page.call_on(&element, state, &[]).await?;
        if after.as_bool() == Some(!act.checked) {
            let word = if act.checked { "checked" } else { "unchecked" };
            return Err(ActError::new(
                ActErrorKind::Disabled,
                format!("{} was clicked, and is not {word} by that", act.target),
            )
            .hint("a radio button cannot be unchecked: check another one of its group"));
        }
        Ok(Came::to(json!(act.checked)))
    }

    /// Where the label of a box is, if the box itself is hidden because the page draws its own.
    async fn aim_at_box(&self, target: &Target) -> Result<Option<(f64, f64)>, ActError> {
        let element = self.element(target).await?;
        let label = "function() { const label = !zo.visible(this) && [...(this.labels || [])].find(zo.visible); \
                     return label ? zo.aim(label, {}) : null }";
        let seen = self.page.call_on(&element, label, &[]).await?;
        let point = seen["x"].as_f64().zip(seen["y"].as_f64());
        Ok(point.filter(|_| {
            seen["state"] == "ok" && element.frame == self.main_frame().map_or(String::new(), |(id, _)| id)
        }))
    }

    pub(super) async fn upload(&self, act: &Upload) -> Result<Came, ActError> {
        for file in &act.files {
            let path = Path::new(file);
            if !path.is_absolute() {
                return Err(ActError::new(ActErrorKind::Invalid, format!("{file} is no absolute path")));
            }
            match fs::metadata(path) {
                Ok(found) if found.is_file() => {}
                Ok(_) => return Err(ActError::new(ActErrorKind::Io, format!("{file} is no file"))),
                Err(error) => return Err(ActError::new(ActErrorKind::Io, format!("{file} cannot be read: {error}"))),
            }
        }
        let element = self.element(&act.target).await?;
        let takes = self.page.call_on(&element, IS_FILE, &[]).await?;
        let (session, mut params) = match takes.as_str() {
            Some(takes) => {
                too_many(act, takes == "many")?;
                let field = self.page.field_of(&element).await?;
                (field.session.clone(), json!({ "objectId": field.object }))
            }
            None => self.click_for_files(act).await?,
        };
        params["files"] = json!(act.files);
        let given = self.page.wire.call(Some(&session), "DOM.setFileInputFiles", params).await;
        given.map_err(|error| self.page.explain(&error))?;
        Ok(Came::to(json!(act.files.len())))
    }

    /// Clicks what asks for files, and returns the field that it asks for.
    async fn click_for_files(&self, act: &Upload) -> Result<(String, Value), ActError> {
        let aimed = self.aim(&act.target, Wants { enabled: true, editable: false }).await?;
        self.page.wire.tracker().chooser = None;
        self.mouse(aimed.x, aimed.y, MouseButton::Left, 1, 0).await?;
        let until = Instant::now() + CHOOSER;
        let asked = self.page.wire.until(|tracker| tracker.chooser.take());
        let Ok(asked) = tokio::time::timeout_at(until.into(), asked).await else {
            return Err(ActError::new(
                ActErrorKind::Invalid,
                format!("{} was clicked, and asks for no files", act.target),
            )
            .hint("name the field for files itself: css=input[type=file]"));
        };
        let chooser = asked.map_err(|error| self.page.explain(&error))?;
        too_many(act, chooser.many)?;
        Ok((chooser.session, json!({ "backendNodeId": chooser.node })))
    }
}

fn too_many(act: &Upload, many: bool) -> Result<(), ActError> {
    if act.files.len() > 1 && !many {
        let message = format!("{} takes one file, and {} are given", act.target, act.files.len());
        return Err(ActError::new(ActErrorKind::Invalid, message));
    }
    Ok(())
}
