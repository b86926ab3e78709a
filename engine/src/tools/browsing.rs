//! A browser for agents: sessions that reach no private address unless a rule names it.
//!
//! What a page says is untrusted, in whatever form it comes. An agent has a session of its own unless it names another; that one goes
//! when the agent has ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zo_projections::event::run::agent::Effect;

use super::rules::Subject;
use super::workspace::Workspace;
use super::{Doing, Output, Tool, Usually};
use crate::browsing::{self, Wish};
use crate::protocol::{BrowseInput, Browsed, FailureKind};

/// Lines of a snapshot that a model is given at once.
const SNAPSHOT_LINES: u32 = 150;
/// Characters of a page that a model is given at once.
const READ_CHARS: u32 = 12_000;
/// The folder of the workspace that downloads and pictures go to.
const DOWNLOADS: &str = "downloads";

/// The session of an agent's own.
pub(crate) fn own_session(run: zo_projections::RunId) -> String {
    format!("agent-{run}")
}

/// The agent whose own session this is.
pub(crate) fn run_of_session(name: &str) -> Option<zo_projections::RunId> {
    name.strip_prefix("agent-")?.parse().ok()
}

/// Which session; the same in every tool.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Session(Option<String>);

/// Arguments of `browse_open`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BrowseOpen {
    /// The address: `https://…`.
    url: String,
    /// In a new tab.
    #[serde(default)]
    new_tab: bool,
    /// The browser session; one of your own if not said.
    #[serde(default)]
    session: Session,
}

impl Tool for BrowseOpen {
    const NAME: &'static str = "browse_open";
    const DESCRIPTION: &'static str = "Opens a page in a real browser, and lists what can be acted upon, with references such as @e12. \
                                       For pages that need scripts, logins or clicks; `http_fetch` is quicker for others.";
    const EFFECT: Effect = Effect::Idempotent;
    const USUALLY: Usually = Usually::Ask;

    fn subject(&self) -> Result<Subject, String> {
        let url = url::Url::parse(&self.url).map_err(|error| format!("{:?} is no address: {error}", self.url))?;
        Ok(Subject::text(Self::NAME, url.as_str()))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let open = serde_json::json!({"act": "open", "url": self.url, "new_tab": self.new_tab});
        match act(doing, &self.session, &open) {
            Ok(opened) => {
                let mut text = told(&opened, "");
                let snapshot = serde_json::json!({"act": "snapshot", "interactive": true, "max_nodes": SNAPSHOT_LINES});
                match act(doing, &self.session, &snapshot) {
                    Ok(snapshot) => text.push_str(snapshot.text.as_deref().unwrap_or_default()),
                    Err(output) => text.push_str(&output.text),
                }
                Output::untrusted(text)
            }
            Err(output) => output,
        }
    }
}

/// Arguments of `browse_snapshot`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BrowseSnapshot {
    /// Only what can be acted upon.
    #[serde(default)]
    interactive: bool,
    /// Only this part of the page.
    #[serde(default)]
    target: Option<String>,
    /// From this line on, where there were more.
    #[serde(default)]
    offset: u32,
    /// The browser session; one of your own if not said.
    #[serde(default)]
    session: Session,
}

impl Tool for BrowseSnapshot {
    const NAME: &'static str = "browse_snapshot";
    const DESCRIPTION: &'static str =
        "Lists what is on the open page in its order, with references such as @e12 to act upon.";
    const EFFECT: Effect = Effect::Pure;
    const USUALLY: Usually = Usually::Allow;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, "the open page"))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let snapshot = serde_json::json!({
            "act": "snapshot", "interactive": self.interactive, "offset": self.offset, "max_nodes": SNAPSHOT_LINES,
            "target": self.target,
        });
        looked(act(doing, &self.session, &snapshot))
    }
}

/// Arguments of `browse_read`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BrowseRead {
    /// Only the headings.
    #[serde(default)]
    outline: bool,
    /// Only this part of the page.
    #[serde(default)]
    target: Option<String>,
    /// From this character on, where there was more.
    #[serde(default)]
    offset: u32,
    /// The browser session; one of your own if not said.
    #[serde(default)]
    session: Session,
}

impl Tool for BrowseRead {
    const NAME: &'static str = "browse_read";
    const DESCRIPTION: &'static str = "Reads the open page as Markdown.";
    const EFFECT: Effect = Effect::Pure;
    const USUALLY: Usually = Usually::Allow;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, "the open page"))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let format = if self.outline { "outline" } else { "markdown" };
        let read = serde_json::json!({
            "act": "read", "format": format, "offset": self.offset, "max_chars": READ_CHARS, "target": self.target,
        });
        looked(act(doing, &self.session, &read))
    }
}

/// Arguments of `browse_screenshot`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BrowseScreenshot {
    /// The file in the workspace that it is written to: `page.png`.
    path: String,
    /// The whole page, not only what is seen.
    #[serde(default)]
    full: bool,
    /// With the references of the snapshot in it.
    #[serde(default)]
    annotate: bool,
    /// The browser session; one of your own if not said.
    #[serde(default)]
    session: Session,
}

impl Tool for BrowseScreenshot {
    const NAME: &'static str = "browse_screenshot";
    const DESCRIPTION: &'static str =
        "Takes a picture of the open page, as a PNG file in the workspace; you are shown it if you can see.";
    const EFFECT: Effect = Effect::Idempotent;
    const USUALLY: Usually = Usually::Allow;
    const IN_WORKSPACE: bool = true;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, &self.path))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let screenshot = serde_json::json!({"act": "screenshot", "full": self.full, "annotate": self.annotate});
        let taken = match act(doing, &self.session, &screenshot) {
            Ok(taken) => taken,
            Err(output) => return output,
        };
        let Some(picture) = taken.artifacts.first() else { return Output::failed("the browser gave no picture") };
        let written = doing
            .workspace()
            .map(|folder| Workspace::open(folder).and_then(|workspace| workspace.write(&self.path, &picture.bytes)));
        match written {
            Err(output) => output,
            Ok(Err(error)) => Output::failed(error),
            Ok(Ok(())) => {
                let (size, path) = (picture.bytes.len(), &self.path);
                let text = told(&taken, &format!("the picture ({size} bytes) is in {path} of the workspace"));
                let pictures = Vec::from_iter(can_be_shown(&picture.bytes).then_some(picture.position));
                Output { pictures, ..Output::untrusted(text) }
            }
        }
    }
}

/// Whether a model that sees takes a picture: providers refuse larger ones.
fn can_be_shown(bytes: &[u8]) -> bool {
    const MOST_BYTES: usize = 3_500_000;
    const MOST_PIXELS: u64 = 8_000;
    let fits = |(width, height): (u64, u64)| width.max(height) <= MOST_PIXELS;
    bytes.len() <= MOST_BYTES && zo_models::image_size(bytes).is_some_and(fits)
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Verb {
    /// Click `target`.
    Click,
    /// Put `text` into the field `target`, in place of what is there.
    Fill,
    /// Type `text`.
    Type,
    /// Press `keys`: `Enter`, `Control+A`.
    Press,
    /// Move the mouse over `target`.
    Hover,
    /// Choose `values` of the list `target`.
    Select,
    /// Check or uncheck the box `target`.
    Check,
    /// Scroll `to` the top or bottom.
    Scroll,
    /// Give `files` of the workspace to the field `target`.
    Upload,
    /// Download what `target` leads to, or `url`, into the workspace.
    Download,
    /// Wait until the page has `text`, or `selector` is there.
    Wait,
    /// Go back.
    Back,
    /// Go forward.
    Forward,
    /// Load the page again.
    Reload,
    /// List tabs, or switch to or close the one of `tab`.
    Tabs,
}

/// Arguments of `browse_act`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BrowseAct {
    /// What is done.
    act: Verb,
    /// What it is done to: a reference of the last snapshot (`@e12`), `role=button[name=Send]`, `label=…`, `text=…`, or CSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// A text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<String>,
    /// Options of a list, by value or label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<String>>,
    /// Whether a box is to be checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checked: Option<bool>,
    /// `top` or `bottom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Files of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<Vec<String>>,
    /// An address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
    /// `list`, `switch` or `close`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    op: Option<String>,
    /// A tab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tab: Option<u32>,
    /// The browser session; one of your own if not said.
    #[serde(default, skip_serializing)]
    session: Session,
}

impl BrowseAct {
    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Tool for BrowseAct {
    const NAME: &'static str = "browse_act";
    const DESCRIPTION: &'static str =
        "Does something on the open page: click, fill, type, press, select, upload, download …";
    const EFFECT: Effect = Effect::Once;
    const USUALLY: Usually = Usually::Ask;

    /// Clicks and keys may send something; a field that is filled in twice is filled in.
    fn effect(&self) -> Effect {
        match self.act {
            Verb::Click | Verb::Type | Verb::Press | Verb::Select | Verb::Check | Verb::Upload | Verb::Download => {
                Effect::Once
            }
            Verb::Fill | Verb::Hover | Verb::Scroll | Verb::Back | Verb::Forward | Verb::Reload | Verb::Tabs => {
                Effect::Idempotent
            }
            Verb::Wait => Effect::Pure,
        }
    }

    fn subject(&self) -> Result<Subject, String> {
        let value = self.value();
        // What does not fit together is told to the model before anybody is asked.
        zo_browser::Act::from_value(value.clone()).map_err(|error| match error.hint {
            Some(hint) => format!("{}: {hint}", error.message),
            None => error.message,
        })?;
        let fields = value.as_object().into_iter().flatten();
        let words = fields.map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Ok(Subject::text(Self::NAME, &words.collect::<Vec<_>>().join(" ")))
    }

    fn call(mut self, doing: &Doing<'_>) -> Output {
        if let Some(files) = &self.files {
            match uploaded(doing, files) {
                Ok(files) => self.files = Some(files),
                Err(output) => return output,
            }
        }
        if self.act == Verb::Download
            && let Err(output) = doing.workspace()
        {
            return output;
        }
        let done = match act(doing, &self.session, &self.value()) {
            Ok(done) => done,
            Err(output) => return output,
        };
        let mut text = told(&done, done.text.as_deref().unwrap_or_default());
        for download in &done.downloads {
            match take_into_workspace(doing, &download.path, &download.name) {
                Ok(path) => text.push_str(&format!("\ndownloaded {path} ({} bytes)", download.size)),
                Err(error) => {
                    text.push_str(&format!("\n{} was downloaded, and could not be kept: {error}", download.name))
                }
            }
        }
        Output::untrusted(text)
    }
}

/// Copies of files of the workspace, which are given to a page: nothing of what lies elsewhere can be reached by a link.
fn uploaded(doing: &Doing<'_>, files: &[String]) -> Result<Vec<String>, Output> {
    let workspace = Workspace::open(doing.workspace()?).map_err(Output::failed)?;
    let folder = doing.engine.home().browsers().join(own_session(doing.run)).join("uploads").join(doing.id.to_string());
    std::fs::create_dir_all(&folder).map_err(|error| Output::failed(format!("{}: {error}", folder.display())))?;
    let copy = |named: &String| {
        let bytes = workspace.read(named)?;
        let name = std::path::Path::new(named).file_name().ok_or_else(|| format!("{named} names no file"))?;
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|error| format!("{named}: {error}"))?;
        path.into_os_string().into_string().map_err(|_| format!("{named} is no UTF-8"))
    };
    files.iter().map(copy).collect::<Result<_, String>>().map_err(Output::failed)
}

/// Moves what was downloaded into the workspace, under a name that nothing there has.
fn take_into_workspace(doing: &Doing<'_>, from: &str, name: &str) -> Result<String, String> {
    let workspace = Workspace::open(doing.workspace().map_err(|output| output.text)?)?;
    let bytes = std::fs::read(from).map_err(|error| error.to_string())?;
    let mut paths = zo_browser::numbered(name).map(|name| format!("{DOWNLOADS}/{name}"));
    let path = paths.find(|path| workspace.read(path).is_err()).expect("there is always one number more");
    workspace.write(&path, &bytes)?;
    // What is left is the session's to remove.
    let _ = std::fs::remove_file(from);
    Ok(path)
}

/// Does something in the session that is meant.
fn act(doing: &Doing<'_>, session: &Session, act: &Value) -> Result<Browsed, Output> {
    let mut act = act.clone();
    if let Some(fields) = act.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let session = session.0.clone().unwrap_or_else(|| own_session(doing.run));
    let input = BrowseInput { session, act: act.to_string(), guarded: true, ..BrowseInput::default() };
    let wish = Wish { input: &input, run: Some(doing.run), rules: doing.rules, stop: doing.stop };
    let clean = |text: String| doing.engine.browsers.without_secrets(text);
    let browsed = browsing::act(doing.engine, &wish).map(|mut browsed| {
        // What is told to the agent is recorded too.
        browsed.text = browsed.text.map(clean);
        browsed.value = browsed.value.map(clean);
        browsed
    });
    browsed.map_err(|failure| {
        let text = match &failure.hint {
            Some(hint) => format!("{}\nhint: {hint}", failure.message),
            None => failure.message.clone(),
        };
        let cancelled = failure.kind == FailureKind::Refused && (doing.stop)();
        // What failed may say what the page says.
        let output = if cancelled { Output::cancelled(text) } else { Output::failed(text) };
        Output { trust: Output::untrusted("").trust, ..output }
    })
}

/// What a look at the page gave.
fn looked(browsed: Result<Browsed, Output>) -> Output {
    match browsed {
        Ok(browsed) => Output::untrusted(told(&browsed, browsed.text.as_deref().unwrap_or_default())),
        Err(output) => output,
    }
}

/// Where the page is, what happened besides, and what is to be said of it.
fn told(browsed: &Browsed, text: &str) -> String {
    let mut told = format!("{} ({})\n", browsed.url, browsed.title);
    for note in &browsed.notes {
        told.push_str(&format!("note: {note}\n"));
    }
    told.push_str(text);
    told
}

#[cfg(test)]
mod tests;
