//! The fields of each act.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Act;
use crate::options::DialogPolicy;
use crate::target::Target;

/// Goes to a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// Where to; of http or https, or `about:blank`. `https://` is put before what has no scheme, `http://` before a name of this
    /// machine.
    pub url: String,
    /// Whether in a new tab, which is then the active one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub new_tab: bool,
    /// How far it has to load.
    #[serde(default = "load", skip_serializing_if = "is_load")]
    pub until: LoadState,
}

impl Default for Open {
    fn default() -> Self {
        Open { url: String::new(), new_tab: false, until: load() }
    }
}

/// Reads the page, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// As what.
    #[serde(default, skip_serializing_if = "is_default")]
    pub format: ReadFormat,
    /// Which part; the main content where it is clear, else the whole page, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Characters that are returned at most; 20,000 if not said.
    #[serde(default = "read_chars", skip_serializing_if = "is_read_chars")]
    pub max_chars: usize,
    /// Characters that are left out at the beginning.
    #[serde(default, skip_serializing_if = "is_default")]
    pub offset: usize,
}

impl Default for Read {
    fn default() -> Self {
        Read { format: ReadFormat::default(), target: None, max_chars: read_chars(), offset: 0 }
    }
}

/// What a page is read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadFormat {
    /// Markdown: headings, links, lists, tables, code.
    #[default]
    Markdown,
    /// Plain text.
    Text,
    /// Its headings, indented by their level.
    Outline,
}

/// Lists what is on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Lines that are returned at most; 400 if not said.
    #[serde(default = "snapshot_nodes", skip_serializing_if = "is_snapshot_nodes")]
    pub max_nodes: usize,
    /// Lines that are left out at the beginning.
    #[serde(default, skip_serializing_if = "is_default")]
    pub offset: usize,
    /// Whether only what can be acted upon is listed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interactive: bool,
    /// Which part; the whole page if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Snapshot { max_nodes: snapshot_nodes(), offset: 0, interactive: false, target: None }
    }
}

/// Clicks an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Click {
    /// Which element.
    pub target: Target,
    /// With which button.
    #[serde(default, skip_serializing_if = "is_default")]
    pub button: MouseButton,
    /// How often: 2 is a double click. From 1 to 3; 1 if not said.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u32,
    /// Keys that are held down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
}

/// A button of a mouse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MouseButton {
    /// The usual one.
    #[default]
    Left,
    /// The one for context menus.
    Right,
    /// The one that opens links in new tabs.
    Middle,
}

/// A key that is held down while others are pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Modifier {
    /// Alt, or Option.
    Alt,
    /// Control.
    Control,
    /// Command, Windows, or Super.
    Meta,
    /// Shift.
    Shift,
}

/// Puts text into a field in place of what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// Which field: an input, a text area, or something editable.
    pub target: Target,
    /// The text; the empty one clears the field.
    pub text: String,
}

/// Types text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Type {
    /// The text; a line break presses Enter.
    pub text: String,
    /// Where; wherever the focus is, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// Presses keys, wherever the focus is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Press {
    /// One key, with the ones that are held down before it: `Enter`, `Control+A`, `Shift+Tab`, `é`. Several are parted by spaces.
    pub keys: String,
}

/// Moves the mouse over an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hover {
    /// Which element.
    pub target: Target,
}

/// Chooses options of a list; what else was chosen is not any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Which list: a `select` element.
    pub target: Target,
    /// The options, each by its value or by its label.
    pub values: Vec<String>,
}

/// Checks or unchecks a box, radio button or switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Which one.
    pub target: Target,
    /// Whether it is checked after; yes if not said.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub checked: bool,
}

/// Scrolls. With a target alone, until that is in sight; else the page, or what the target scrolls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scroll {
    /// Which element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// To where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ScrollTo>,
    /// By how many pixels to the right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// By how many pixels down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
}

/// Where to scroll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScrollTo {
    /// The beginning.
    Top,
    /// The end.
    Bottom,
}

/// Gives files to a file field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Which field; also its label, or a button that opens the choice of files.
    pub target: Target,
    /// The files, by absolute path.
    pub files: Vec<String>,
}

/// Downloads, and waits until it is there. Either `target` or `url`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// What is clicked to begin it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What is downloaded, with the cookies of this session; of http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Takes a picture: of what is in sight, if nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Screenshot {
    /// Whether of the whole page, to 16,384 pixels down.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full: bool,
    /// Of which element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Whether what can be acted upon is marked with its reference.
    #[serde(default, skip_serializing_if = "is_false")]
    pub annotate: bool,
    /// As what.
    #[serde(default, skip_serializing_if = "is_default")]
    pub format: ImageFormat,
}

/// How a picture is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageFormat {
    /// PNG.
    #[default]
    Png,
    /// JPEG, of quality 80.
    Jpeg,
    /// WebP, of quality 80.
    Webp,
}

/// Prints the page into a PDF. Not possible in a visible window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pdf {
    /// Whether it lies on its side.
    #[serde(default, skip_serializing_if = "is_false")]
    pub landscape: bool,
    /// Whether colours and pictures behind the text are printed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub background: bool,
    /// How large it is printed, from 0.1 to 2; 1 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// The size of the paper.
    #[serde(default, skip_serializing_if = "is_default")]
    pub paper: Paper,
    /// Which pages: `1-3, 5`; all if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<String>,
}

/// A size of paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// 210 × 297 mm.
    #[default]
    A4,
    /// 8.5 × 11 inches.
    Letter,
}

/// Runs a script in the page. The value of its last expression is the result, a promise's the value it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Eval {
    /// The script. If its value is a function, that is called, with the element if one is said.
    pub script: String,
    /// The element that the function is called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// Gets one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Get {
    /// What.
    pub what: GetWhat,
    /// Of which element; `value`, `attribute`, `count` and `box` need one, `text` and `html` are the page's without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Which attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What can be got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GetWhat {
    /// The text as it is seen.
    Text,
    /// The HTML, the element's own tag included.
    Html,
    /// The value of a field; of a list that takes several, all of them.
    Value,
    /// An attribute, null if there is none.
    Attribute,
    /// The title of the page.
    Title,
    /// The URL of the page.
    Url,
    /// How many elements there are.
    Count,
    /// Where it is in the window and how large: `x`, `y`, `width`, `height` in CSS pixels.
    Box,
}

/// Asks whether an element is in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Is {
    /// Which element. What is not there is hidden.
    pub target: Target,
    /// Which state.
    pub state: IsState,
}

/// A state of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsState {
    /// It takes up room and is not hidden; it may have to be scrolled to.
    Visible,
    /// It is not visible, or not there.
    Hidden,
    /// It can be acted upon.
    Enabled,
    /// It cannot be acted upon.
    Disabled,
    /// It is checked, switched on or chosen.
    Checked,
    /// It can be written into.
    Editable,
}

/// Waits until something is so: exactly one of the conditions, each looked at until it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// An element is visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Target>,
    /// An element is not visible, or gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Target>,
    /// The page shows a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The page's URL contains this, or matches it if there is a `*` in it, which is any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The page has loaded so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadState>,
    /// A script's value is true, or what JavaScript takes for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// How long at most, in milliseconds; as long as the act may take, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// How far a page has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadState {
    /// Its document is there.
    Dom,
    /// With pictures, styles and frames.
    Load,
    /// And nothing was requested or received for half a second.
    Idle,
}

/// Lists, opens, switches or closes tabs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tabs {
    /// What to do.
    #[serde(default)]
    pub op: TabsOp,
    /// Which tab, by its number; to close: the active one if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab: Option<u32>,
    /// What the new one shows; an empty page if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What to do with tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TabsOp {
    /// List them.
    #[default]
    List,
    /// Open one, and make it the active one.
    Open,
    /// Make one the active one.
    Switch,
    /// Close one. When the last is closed, an empty one takes its place.
    Close,
}

/// Lists, sets or clears cookies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cookies {
    /// What to do.
    #[serde(default)]
    pub op: CookiesOp,
    /// Only those that are sent to this URL; to list: all if not said; to set: the page's if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The cookie's name; to clear: all if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its domain; the URL's host alone if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Its path; `/` if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// When it ends, in seconds since 1970; with the browser, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<f64>,
    /// Whether scripts cannot read it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub http_only: bool,
    /// Whether it is sent only over https.
    #[serde(default, skip_serializing_if = "is_false")]
    pub secure: bool,
    /// Whether it is sent with requests from other sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<SameSite>,
}

/// What to do with cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CookiesOp {
    /// List them.
    #[default]
    List,
    /// Set one.
    Set,
    /// Clear them.
    Clear,
}

/// Whether a cookie is sent with requests from other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when a link is followed.
    Lax,
    /// Always; it has to be `secure`.
    None,
}

/// Lists, gets, sets or clears what the page stores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Which storage.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: StorageKind,
    /// What to do.
    #[serde(default)]
    pub op: StorageOp,
    /// The key; to clear: all if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A storage of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageKind {
    /// `localStorage`: kept in the profile.
    #[default]
    Local,
    /// `sessionStorage`: kept as long as the tab.
    Session,
}

/// What to do with a storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageOp {
    /// List all keys and values.
    #[default]
    List,
    /// Get one value, null if there is none.
    Get,
    /// Set one.
    Set,
    /// Clear one, or all.
    Clear,
}

/// Says how dialogs are answered from now on. That a page asks whether it may be left is always answered with yes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dialog {
    /// How.
    #[serde(default)]
    pub policy: DialogPolicy,
}

/// Whether the parts of an act fit together; a message and a hint if not.
pub(super) fn check(act: &Act) -> Result<(), (String, String)> {
    let no = |message: &str, hint: &str| Err((message.to_owned(), hint.to_owned()));
    match act {
        Act::Click(act) if !(1..=3).contains(&act.count) => {
            no(&format!("count is {}, and has to be from 1 to 3", act.count), "2 is a double click")
        }
        Act::Read(act) if act.max_chars == 0 => no("max_chars is 0", "leave it out for the usual 20,000"),
        Act::Snapshot(act) if act.max_nodes == 0 => no("max_nodes is 0", "leave it out for the usual 400"),
        Act::Scroll(act) if act.to.is_some() && (act.x.is_some() || act.y.is_some()) => {
            no("both `to` and `x` or `y` are given", "say either where to, or by how far")
        }
        Act::Scroll(act) if act.target.is_none() && act.to.is_none() && act.x.is_none() && act.y.is_none() => {
            no("it is not said where to", "give a target, `to`, or `x` and `y`")
        }
        Act::Upload(act) if act.files.is_empty() => no("no file is given", "name at least one in `files`"),
        Act::Download(act) if act.target.is_some() == act.url.is_some() => {
            no("exactly one of `target` and `url` is needed", "a target is clicked, a URL is fetched")
        }
        Act::Screenshot(act) if act.full && act.target.is_some() => {
            no("both `full` and `target` are given", "say either the whole page, or an element")
        }
        Act::Pdf(Pdf { scale: Some(scale), .. }) if !(0.1..=2.0).contains(scale) => {
            no(&format!("scale is {scale}, and has to be from 0.1 to 2"), "1 is the usual size")
        }
        Act::Get(act) => check_get(act),
        Act::Wait(act) => check_wait(act),
        Act::Tabs(act) if act.op == TabsOp::Switch && act.tab.is_none() => {
            no("it is not said which tab", "give its number in `tab`; `op: list` lists them")
        }
        Act::Tabs(act) if act.url.is_some() && act.op != TabsOp::Open => {
            no("`url` is only for `op: open`", "switch first, and then open the URL")
        }
        Act::Cookies(act) if act.op == CookiesOp::Set && (act.name.is_none() || act.value.is_none()) => {
            no("a cookie needs `name` and `value`", "to remove one, `op: clear` with its name")
        }
        Act::Storage(act) if act.op == StorageOp::Get && act.key.is_none() => {
            no("it is not said which `key`", "`op: list` lists all")
        }
        Act::Storage(act) if act.op == StorageOp::Set && (act.key.is_none() || act.value.is_none()) => {
            no("`key` and `value` are needed", "to remove one, `op: clear` with its key")
        }
        _ => Ok(()),
    }
}

fn check_get(act: &Get) -> Result<(), (String, String)> {
    let needs_target = matches!(act.what, GetWhat::Value | GetWhat::Attribute | GetWhat::Count | GetWhat::Box);
    if needs_target && act.target.is_none() {
        return Err(("it is not said of which element".to_owned(), "give a `target`".to_owned()));
    }
    if (act.what == GetWhat::Attribute) != act.name.is_some() {
        return Err(("`name` is for `what: attribute`, which needs it".to_owned(), "such as `name: href`".to_owned()));
    }
    Ok(())
}

fn check_wait(act: &Wait) -> Result<(), (String, String)> {
    let given = [
        act.selector.is_some(),
        act.hidden.is_some(),
        act.text.is_some(),
        act.url.is_some(),
        act.load.is_some(),
        act.script.is_some(),
    ];
    let count = given.iter().filter(|&&given| given).count();
    if count == 1 {
        return Ok(());
    }
    let hint = "exactly one of selector, hidden, text, url, load, script";
    Err((format!("{count} conditions are given"), hint.to_owned()))
}

fn read_chars() -> usize {
    20_000
}

fn is_read_chars(chars: &usize) -> bool {
    *chars == read_chars()
}

fn snapshot_nodes() -> usize {
    400
}

fn is_snapshot_nodes(nodes: &usize) -> bool {
    *nodes == snapshot_nodes()
}

fn load() -> LoadState {
    LoadState::Load
}

fn is_load(until: &LoadState) -> bool {
    *until == load()
}

fn one() -> u32 {
    1
}

fn is_one(count: &u32) -> bool {
    *count == 1
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_false(value: &bool) -> bool {
    !*value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
