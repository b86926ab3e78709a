//! Acts that are about one page: each is carried out here, and nothing else is decided here.
//!
//! - [`aim`]: waits until an element can be acted upon, and says where. - [`input`], [`keys`]: mouse and keyboard, as a person's.
//! - [`fields`]: fill, select, check, upload. - [`asking`]: get, is, wait, eval. - [`stored`]: cookies and storage.

mod aim;
mod asking;
mod fields;
mod input;
mod keys;
mod stored;

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::act::{Act, Scroll};
use crate::done::Artifact;
use crate::error::ActError;
use crate::page::Page;
use crate::references::References;
use crate::wire::locked;
pub(crate) use asking::loaded;

/// What an act needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acting<'a> {
    pub(crate) page: Page<'a>,
    pub(crate) references: &'a Mutex<References>,
    /// What the act waits for, in case it is broken off: what was in its way, or else what it did.
    pub(crate) waits: &'a Mutex<Option<ActError>>,
}

/// What an act came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Came {
    pub(crate) value: Value,
    pub(crate) text: Option<String>,
    pub(crate) artifacts: Vec<Artifact>,
}

impl Came {
    pub(crate) fn to(value: Value) -> Self {
        Came { value, ..Came::default() }
    }

    pub(crate) fn read(value: Value, text: String) -> Self {
        Came { value, text: Some(text), artifacts: Vec::new() }
    }
}

impl Acting<'_> {
    /// Carries out an act that is about the page and nothing around it.
    pub(crate) async fn perform(&self, act: &Act) -> Result<Came, ActError> {
        match act {
            Act::Read(act) => crate::reading::read(self, act).await,
            Act::Snapshot(act) => crate::snapshot::snapshot(self, act).await,
            Act::Screenshot(act) => crate::capture::screenshot(self, act).await,
            Act::Pdf(act) => crate::capture::pdf(self, act).await,
            Act::Click(act) => self.click(act).await,
            Act::Hover(act) => self.hover(&act.target).await,
            Act::Type(act) => self.type_text(act).await,
            Act::Press(act) => self.press(&act.keys).await,
            Act::Scroll(act) => self.scroll(act).await,
            Act::Fill(act) => self.fill(act).await,
            Act::Select(act) => self.select(act).await,
            Act::Check(act) => self.check(act).await,
            Act::Upload(act) => self.upload(act).await,
            Act::Eval(act) => self.eval(act).await,
            Act::Get(act) => self.get(act).await,
            Act::Is(act) => self.is(act).await,
            Act::Wait(act) => self.wait(act).await,
            Act::Cookies(act) => self.cookies(act).await,
            Act::Storage(act) => self.storage(act).await,
            Act::Open(_)
            | Act::Back {}
            | Act::Forward {}
            | Act::Reload {}
            | Act::Download(_)
            | Act::Tabs(_)
            | Act::Dialog(_) => unreachable!("the driver carries these out itself"),
        }
    }

    async fn scroll(&self, act: &Scroll) -> Result<Came, ActError> {
        let how = json!({ "to": act.to, "x": act.x, "y": act.y });
        let place = match &act.target {
            Some(target) => {
                let element = self.element(target).await?;
                if act.to.is_none() && act.x.is_none() && act.y.is_none() {
                    let into = "function() { this.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' }); return zo.box(this) }";
                    self.page.call_on(&element, into, &[]).await?
                } else {
                    self.page.call_on(&element, "function(how) { return zo.scroll(this, how) }", &[how]).await?
                }
            }
            None => {
                let (id, frame) = self.main_frame()?;
                self.page.evaluate(&id, &frame, &format!("zo.scroll(document.body, {how})")).await?
            }
        };
        Ok(Came::to(place))
    }

    /// The main frame with its id.
    pub(crate) fn main_frame(&self) -> Result<(String, crate::tracker::Frame), ActError> {
        self.page.frames()?.into_iter().next().ok_or_else(|| crate::page::gone(self.page.number))
    }

    /// Remembers what the act waits for.
    pub(crate) fn waits_for(&self, obstacle: ActError) {
        *locked(self.waits) = Some(obstacle);
    }
}
