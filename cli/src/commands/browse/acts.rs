//! What can be done in a browser, as one types it. Each is an [`Act`] of the engine's; `zo browse run` takes the same lines.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use zo_browser::act::{
    Act, Check, Click, Cookies, CookiesOp, Dialog, Download, Eval, Fill, Get, GetWhat, Hover, ImageFormat, Is, IsState,
    LoadState, Modifier, MouseButton, Open, Paper, Pdf, Press, Read, ReadFormat, Screenshot, Scroll, ScrollTo, Select,
    Snapshot, Storage, StorageKind, StorageOp, Tabs, TabsOp, Type, Upload, Wait,
};
use zo_browser::{DialogPolicy, Target};

use crate::error::CliError;

#[derive(Subcommand, Debug)]
pub(super) enum Acts {
    /// Go to a page, and wait until it has loaded
    ///
    /// Examples:
    ///   zo browse open https://example.org
    ///   zo browse open localhost:3000 --until dom
    #[command(verbatim_doc_comment)]
    Open {
        /// Its address; https:// is put in front if nothing is
        url: String,
        /// In a tab of its own
        #[arg(long)]
        new_tab: bool,
        /// How far it must have loaded
        #[arg(long, value_name = "STATE", default_value = "load")]
        until: Loaded,
    },
    /// Go back
    ///
    /// Examples:
    ///   zo browse back
    #[command(verbatim_doc_comment)]
    Back,
    /// Go forward
    ///
    /// Examples:
    ///   zo browse forward
    #[command(verbatim_doc_comment)]
    Forward,
    /// Load the page again
    ///
    /// Examples:
    ///   zo browse reload
    #[command(verbatim_doc_comment)]
    Reload,
    /// Print the text of the page, or of a part of it
    ///
    /// Examples:
    ///   zo browse read
    ///   zo browse read --format outline
    ///   zo browse read 'role=main' --max-chars 4000
    #[command(verbatim_doc_comment)]
    Read {
        /// A part of it
        target: Option<Target>,
        /// How
        #[arg(long, value_name = "FORMAT", default_value = "markdown")]
        format: Format,
        /// At most so many characters
        #[arg(long, value_name = "N")]
        max_chars: Option<usize>,
        /// From this character on
        #[arg(long, value_name = "N", default_value_t = 0)]
        offset: usize,
    },
    /// List what is on the page, with references to act upon
    ///
    /// Examples:
    ///   zo browse snapshot
    ///   zo browse snapshot --interactive --offset 200
    #[command(verbatim_doc_comment)]
    Snapshot {
        /// A part of it
        target: Option<Target>,
        /// Only what can be acted upon
        #[arg(long, short)]
        interactive: bool,
        /// At most so many lines
        #[arg(long, value_name = "N")]
        max_nodes: Option<usize>,
        /// From this line on
        #[arg(long, value_name = "N", default_value_t = 0)]
        offset: usize,
    },
    /// Click something
    ///
    /// Examples:
    ///   zo browse click @e12
    ///   zo browse click 'role=button[name=Send]'
    ///   zo browse click text=Next --with control
    #[command(verbatim_doc_comment)]
    Click {
        /// What
        target: Target,
        /// Twice
        #[arg(long)]
        double: bool,
        /// With another button
        #[arg(long, value_name = "BUTTON", default_value = "left")]
        button: Button,
        /// While a key is held; can be given several times
        #[arg(long = "with", value_name = "KEY")]
        with: Vec<Key>,
    },
    /// Put a text into a field, in place of what is there
    ///
    /// Examples:
    ///   zo browse fill label=Search 'sled database'
    ///   zo browse fill label=Password --secret
    #[command(verbatim_doc_comment)]
    Fill {
        /// The field
        target: Target,
        #[command(flatten)]
        text: Text,
    },
    /// Type a text, at the end of what is there
    ///
    /// Examples:
    ///   zo browse type 'hello there'
    ///   zo browse type Grüße --into @e3
    #[command(verbatim_doc_comment)]
    Type {
        #[command(flatten)]
        text: Text,
        /// Into this field; where the cursor is if not said
        #[arg(long = "into", value_name = "TARGET")]
        target: Option<Target>,
    },
    /// Press keys: Enter, Control+A
    ///
    /// Examples:
    ///   zo browse press Enter
    ///   zo browse press Control+A
    #[command(verbatim_doc_comment)]
    Press {
        /// The keys
        keys: String,
    },
    /// Move the mouse over something
    ///
    /// Examples:
    ///   zo browse hover text=More
    #[command(verbatim_doc_comment)]
    Hover {
        /// What
        target: Target,
    },
    /// Choose options of a list, by value or label
    ///
    /// Examples:
    ///   zo browse select label=Country Iceland
    #[command(verbatim_doc_comment)]
    Select {
        /// The list
        target: Target,
        /// The options
        #[arg(required = true)]
        values: Vec<String>,
    },
    /// Check a box
    ///
    /// Examples:
    ///   zo browse check 'label=I agree'
    #[command(verbatim_doc_comment)]
    Check {
        /// The box
        target: Target,
    },
    /// Uncheck a box
    ///
    /// Examples:
    ///   zo browse uncheck @e4
    #[command(verbatim_doc_comment)]
    Uncheck {
        /// The box
        target: Target,
    },
    /// Scroll the page, or something in it
    ///
    /// Examples:
    ///   zo browse scroll
    ///   zo browse scroll top
    ///   zo browse scroll --down 600
    #[command(verbatim_doc_comment)]
    Scroll {
        /// To its beginning or its end
        #[arg(value_name = "top|bottom")]
        to: Option<Edge>,
        /// Something in it
        #[arg(long = "in", value_name = "TARGET")]
        target: Option<Target>,
        /// By so many pixels down; up if negative
        #[arg(long, value_name = "PIXELS", allow_negative_numbers = true, conflicts_with = "to")]
        down: Option<f64>,
        /// By so many pixels to the right
        #[arg(long, value_name = "PIXELS", allow_negative_numbers = true, conflicts_with = "to")]
        right: Option<f64>,
    },
    /// Give files to a field for files
    ///
    /// Examples:
    ///   zo browse upload label=Picture photo.png
    #[command(verbatim_doc_comment)]
    Upload {
        /// The field
        target: Target,
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Download what something leads to, or an address
    ///
    /// Examples:
    ///   zo browse download text=Receipt
    ///   zo browse download https://example.org/report.pdf -o report.pdf
    #[command(verbatim_doc_comment)]
    Download {
        /// What to click, or an address that begins with https:// or http://
        what: String,
        #[command(flatten)]
        out: Out,
    },
    /// Take a picture of what is seen
    ///
    /// Examples:
    ///   zo browse screenshot
    ///   zo browse screenshot --full -o page.png
    ///   zo browse screenshot --annotate -o - | wc -c
    #[command(verbatim_doc_comment)]
    Screenshot {
        /// Of this alone
        target: Option<Target>,
        /// Of the whole page
        #[arg(long, conflicts_with = "target")]
        full: bool,
        /// With the references of the snapshot in it
        #[arg(long)]
        annotate: bool,
        /// As what
        #[arg(long, value_name = "FORMAT", default_value = "png")]
        format: Image,
        #[command(flatten)]
        out: Out,
    },
    /// Print the page into a PDF
    ///
    /// Examples:
    ///   zo browse pdf -o page.pdf
    ///   zo browse pdf --landscape --letter
    #[command(verbatim_doc_comment)]
    Pdf {
        /// Across
        #[arg(long)]
        landscape: bool,
        /// With its background
        #[arg(long)]
        background: bool,
        /// On Letter instead of A4
        #[arg(long)]
        letter: bool,
        /// Only these pages: 1-3
        #[arg(long, value_name = "PAGES")]
        pages: Option<String>,
        #[command(flatten)]
        out: Out,
    },
    /// Run a script in the page, and print what it gives; promises are awaited
    ///
    /// Examples:
    ///   zo browse eval 'document.title'
    ///   zo browse eval 'fetch("/api").then(answer => answer.json())'
    ///   zo browse eval 'element => element.value' --on @e3
    #[command(verbatim_doc_comment)]
    Eval {
        /// An expression; or a function of an element, with --on
        script: String,
        /// The element
        #[arg(long = "on", value_name = "TARGET")]
        target: Option<Target>,
    },
    /// Print one thing of the page or of something in it
    ///
    /// Examples:
    ///   zo browse get title
    ///   zo browse get attribute text=Download --name href
    #[command(verbatim_doc_comment)]
    Get {
        /// Which
        what: What,
        /// Of what
        target: Option<Target>,
        /// The name of the attribute
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Ask whether something is visible, enabled, checked …; exits with 1 if not
    ///
    /// Examples:
    ///   zo browse is visible 'text=Thank you'
    ///   zo browse is checked @e4
    #[command(verbatim_doc_comment)]
    Is {
        /// How
        state: State,
        /// What
        target: Target,
    },
    /// Wait until something is so
    ///
    /// Examples:
    ///   zo browse wait --text 'Thank you'
    ///   zo browse wait --url '*/done' --timeout 10
    ///   zo browse wait @e12
    #[command(verbatim_doc_comment)]
    #[command(group(clap::ArgGroup::new("until").required(true)))]
    Wait {
        /// Until this is there and visible
        #[arg(group = "until")]
        target: Option<Target>,
        /// Until this is gone or hidden
        #[arg(long, value_name = "TARGET", group = "until")]
        hidden: Option<Target>,
        /// Until the page has this text
        #[arg(long, value_name = "TEXT", group = "until")]
        text: Option<String>,
        /// Until the address has this in it; * stands for anything
        #[arg(long, value_name = "URL", group = "until")]
        url: Option<String>,
        /// Until the page has loaded so far
        #[arg(long, value_name = "STATE", group = "until")]
        load: Option<Loaded>,
        /// Until this expression is true
        #[arg(long, value_name = "EXPRESSION", group = "until")]
        script: Option<String>,
    },
    /// List tabs, open, switch to or close one
    ///
    /// Examples:
    ///   zo browse tabs
    ///   zo browse tabs --open https://example.org
    ///   zo browse tabs --switch 2
    #[command(verbatim_doc_comment)]
    Tabs {
        /// Open one
        #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", group = "op")]
        open: Option<String>,
        /// Switch to this one
        #[arg(long, value_name = "TAB", group = "op")]
        switch: Option<u32>,
        /// Close this one
        #[arg(long, value_name = "TAB", group = "op")]
        close: Option<u32>,
    },
    /// List, set or clear cookies
    ///
    /// Examples:
    ///   zo browse cookies
    ///   zo browse cookies --clear
    ///   zo browse cookies --set session --url https://example.org
    #[command(verbatim_doc_comment)]
    Cookies(CookieArgs),
    /// List, set or clear what the page has stored
    ///
    /// Examples:
    ///   zo browse storage
    ///   zo browse storage --get theme
    ///   zo browse storage --clear
    #[command(verbatim_doc_comment)]
    Storage(StorageArgs),
    /// Say how dialogs are answered from now on
    ///
    /// Examples:
    ///   zo browse dialog accept
    ///   zo browse dialog accept --text Ada
    ///   zo browse dialog dismiss
    #[command(verbatim_doc_comment)]
    Dialog {
        /// With yes or no
        answer: Answer,
        /// What is written where a text is asked for
        #[arg(long, value_name = "TEXT")]
        text: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(super) struct CookieArgs {
    /// Set one
    #[arg(long, value_name = "NAME", group = "op")]
    set: Option<String>,
    /// Remove them all, or the one of --name
    #[arg(long, group = "op")]
    clear: bool,
    /// Only this one
    #[arg(long, value_name = "NAME", conflicts_with = "set")]
    name: Option<String>,
    /// Those of this address; that of the page if not said
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// For this domain and what is below it
    #[arg(long, value_name = "DOMAIN", requires = "set")]
    domain: Option<String>,
    /// Not for scripts
    #[arg(long, requires = "set")]
    http_only: bool,
    /// Over https alone
    #[arg(long, requires = "set")]
    secure: bool,
}

#[derive(Args, Debug)]
pub(super) struct StorageArgs {
    /// What is kept for the tab, not what is kept for good
    #[arg(long)]
    session_storage: bool,
    /// Print the value of one key
    #[arg(long, value_name = "KEY", group = "op")]
    get: Option<String>,
    /// Set a key, to the value on stdin
    #[arg(long, value_name = "KEY", group = "op")]
    set: Option<String>,
    /// Remove one key, or all
    #[arg(long, value_name = "KEY", num_args = 0..=1, default_missing_value = "", group = "op")]
    clear: Option<String>,
}

/// A text that may be a secret.
#[derive(Args, Debug)]
pub(super) struct Text {
    /// The text
    #[arg(required_unless_present_any = ["secret", "secret_file"])]
    text: Option<String>,
    /// Ask for it, or read it from stdin, and write it down nowhere
    #[arg(long, conflicts_with = "text")]
    secret: bool,
    /// Read it from a file, and write it down nowhere
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "secret"])]
    secret_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Out {
    /// Write it here; `-` is stdout [default: a name of its own, in this folder]
    #[arg(long = "out", short, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

/// Where a text comes from.
pub(super) enum Secret<'a> {
    No,
    Asked,
    File(&'a Path),
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident = $kind:ident { $($variant:ident),* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, ValueEnum)]
            pub(super) enum $name { $($variant),* }
            impl From<$name> for $kind {
                fn from(choice: $name) -> Self {
                    match choice { $($name::$variant => Self::$variant),* }
                }
            }
        )*
    };
}
choices! {
    /// How a page is read.
    Format = ReadFormat { Markdown, Text, Outline }
    /// A button of the mouse.
    Button = MouseButton { Left, Right, Middle }
    /// A key that is held.
    Key = Modifier { Alt, Control, Meta, Shift }
    /// An end of the page.
    Edge = ScrollTo { Top, Bottom }
    /// What a picture is.
    Image = ImageFormat { Png, Jpeg, Webp }
    /// What can be asked of an element.
    What = GetWhat { Text, Html, Value, Attribute, Title, Url, Count, Box }
    /// How an element can be.
    State = IsState { Visible, Hidden, Enabled, Disabled, Checked, Editable }
    /// How far a page can have loaded.
    Loaded = LoadState { Dom, Load, Idle }
}

/// How a dialog is answered.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Answer {
    Accept,
    Dismiss,
}

impl Acts {
    /// What it is for the engine.
    ///
    /// # Errors
    /// If it contradicts itself, or a file it names cannot be.
    pub(super) fn act(&self) -> Result<Act, CliError> {
        let act = match self {
            Self::Open { url, new_tab, until } => {
                Act::Open(Open { url: url.clone(), new_tab: *new_tab, until: (*until).into() })
            }
            Self::Back => Act::Back {},
            Self::Forward => Act::Forward {},
            Self::Reload => Act::Reload {},
            Self::Read { target, format, max_chars, offset } => {
                let usual =
                    Read { target: target.clone(), format: (*format).into(), offset: *offset, ..Read::default() };
                Act::Read(Read { max_chars: max_chars.unwrap_or(usual.max_chars), ..usual })
            }
            Self::Snapshot { target, interactive, max_nodes, offset } => {
                let (target, interactive) = (target.clone(), *interactive);
                let usual = Snapshot { target, interactive, offset: *offset, ..Snapshot::default() };
                Act::Snapshot(Snapshot { max_nodes: max_nodes.unwrap_or(usual.max_nodes), ..usual })
            }
            Self::Click { target, double, button, with } => Act::Click(Click {
                target: target.clone(),
                button: (*button).into(),
                count: if *double { 2 } else { 1 },
                modifiers: with.iter().map(|key| (*key).into()).collect(),
            }),
            Self::Fill { target, text } => Act::Fill(Fill { target: target.clone(), text: text.shown() }),
            Self::Type { text, target } => Act::Type(Type { text: text.shown(), target: target.clone() }),
            Self::Press { keys } => Act::Press(Press { keys: keys.clone() }),
            Self::Hover { target } => Act::Hover(Hover { target: target.clone() }),
            Self::Select { target, values } => Act::Select(Select { target: target.clone(), values: values.clone() }),
            Self::Check { target } => Act::Check(Check { target: target.clone(), checked: true }),
            Self::Uncheck { target } => Act::Check(Check { target: target.clone(), checked: false }),
            Self::Scroll { to, target, down, right } => {
                let to = to.map(Into::into).or((down.is_none() && right.is_none()).then_some(ScrollTo::Bottom));
                Act::Scroll(Scroll { target: target.clone(), to, x: *right, y: *down })
            }
            Self::Upload { target, files } => {
                let files = files.iter().map(|file| absolute(file)).collect::<Result<_, _>>()?;
                Act::Upload(Upload { target: target.clone(), files })
            }
            Self::Download { what, .. } => Act::Download(download(what)?),
            Self::Screenshot { target, full, annotate, format, .. } => Act::Screenshot(Screenshot {
                full: *full,
                target: target.clone(),
                annotate: *annotate,
                format: (*format).into(),
            }),
            Self::Pdf { landscape, background, letter, pages, .. } => Act::Pdf(Pdf {
                landscape: *landscape,
                background: *background,
                paper: if *letter { Paper::Letter } else { Paper::A4 },
                pages: pages.clone(),
                ..Pdf::default()
            }),
            Self::Eval { script, target } => Act::Eval(Eval { script: script.clone(), target: target.clone() }),
            Self::Get { what, target, name } => {
                Act::Get(Get { what: (*what).into(), target: target.clone(), name: name.clone() })
            }
            Self::Is { state, target } => Act::Is(Is { target: target.clone(), state: (*state).into() }),
            Self::Wait { target, hidden, text, url, load, script } => Act::Wait(Wait {
                selector: target.clone(),
                hidden: hidden.clone(),
                text: text.clone(),
                url: url.clone(),
                load: load.map(Into::into),
                script: script.clone(),
                deadline_ms: None,
            }),
            Self::Tabs { open, switch, close } => Act::Tabs(tabs(open.as_deref(), *switch, *close)),
            Self::Cookies(cookies) => Act::Cookies(cookies.act()?),
            Self::Storage(storage) => Act::Storage(storage.act()?),
            Self::Dialog { answer, text } => Act::Dialog(Dialog {
                policy: match answer {
                    Answer::Accept => DialogPolicy::Accept { text: text.clone() },
                    Answer::Dismiss => DialogPolicy::Dismiss {},
                },
            }),
        };
        act.check().map_err(|error| {
            let usage = CliError::usage(error.message);
            error.hint.into_iter().fold(usage, CliError::hint)
        })?;
        Ok(act)
    }

    /// Whether its text is a secret, and where that comes from.
    pub(super) fn secret(&self) -> Secret<'_> {
        match self {
            Self::Fill { text, .. } | Self::Type { text, .. } => match &text.secret_file {
                Some(file) => Secret::File(file),
                None if text.secret => Secret::Asked,
                None => Secret::No,
            },
            _ => Secret::No,
        }
    }

    /// Where what it gives is written.
    pub(super) fn out(&self) -> Option<&Path> {
        match self {
            Self::Download { out, .. } | Self::Screenshot { out, .. } | Self::Pdf { out, .. } => out.out.as_deref(),
            _ => None,
        }
    }
}

impl Text {
    fn shown(&self) -> String {
        self.text.clone().unwrap_or_default()
    }
}

impl CookieArgs {
    fn act(&self) -> Result<Cookies, CliError> {
        let op = match (&self.set, self.clear) {
            (Some(_), _) => CookiesOp::Set,
            (None, true) => CookiesOp::Clear,
            (None, false) => CookiesOp::List,
        };
        let value = if op == CookiesOp::Set { Some(crate::secret::from_stdin()?.0) } else { None };
        Ok(Cookies {
            op,
            value,
            url: self.url.clone(),
            name: self.set.clone().or_else(|| self.name.clone()),
            domain: self.domain.clone(),
            http_only: self.http_only,
            secure: self.secure,
            ..Cookies::default()
        })
    }
}

impl StorageArgs {
    fn act(&self) -> Result<Storage, CliError> {
        let kind = if self.session_storage { StorageKind::Session } else { StorageKind::Local };
        let whole = |key: &String| (!key.is_empty()).then(|| key.clone());
        let (op, key, value) = match (&self.get, &self.set, &self.clear) {
            (Some(key), ..) => (StorageOp::Get, Some(key.clone()), None),
            (_, Some(key), _) => (StorageOp::Set, Some(key.clone()), Some(crate::secret::from_stdin()?.0)),
            (.., Some(key)) => (StorageOp::Clear, whole(key), None),
            _ => (StorageOp::List, None, None),
        };
        Ok(Storage { kind, op, key, value })
    }
}

fn tabs(open: Option<&str>, switch: Option<u32>, close: Option<u32>) -> Tabs {
    let (op, tab) = match (open, switch, close) {
        (Some(_), ..) => (TabsOp::Open, None),
        (_, Some(tab), _) => (TabsOp::Switch, Some(tab)),
        (.., Some(tab)) => (TabsOp::Close, Some(tab)),
        _ => (TabsOp::List, None),
    };
    Tabs { op, tab, url: open.filter(|url| !url.is_empty()).map(str::to_owned) }
}

fn download(what: &str) -> Result<Download, CliError> {
    if what.starts_with("https://") || what.starts_with("http://") {
        return Ok(Download { target: None, url: Some(what.to_owned()) });
    }
    let target = Target::parse(what).map_err(|error| CliError::usage(error.to_string()))?;
    Ok(Download { target: Some(target), url: None })
}

/// The path of a file that is to be read by whoever has the browser.
fn absolute(file: &Path) -> Result<String, CliError> {
    let path = file.canonicalize().map_err(|error| CliError::io(format!("cannot read {}", file.display()), &error))?;
    path.into_os_string()
        .into_string()
        .map_err(|path| CliError::invalid(format!("{} is no UTF-8", Path::new(&path).display())))
}

#[cfg(test)]
mod tests;
