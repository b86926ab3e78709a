//! Tabs: list, open, switch, close.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::Driver;
use crate::act::{LoadState, Tabs, TabsOp};
use crate::acting::Came;
use crate::address;
use crate::done::Tab;
use crate::error::{ActError, ActErrorKind};
use crate::page;

impl Driver {
    pub(super) async fn tabs(&mut self, act: &Tabs, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        match act.op {
            TabsOp::List => Ok(self.list()),
            TabsOp::Open => {
                let url = act.url.as_deref().map(address::parse).transpose()?;
                let number = self.new_tab(None).await?;
                match url {
                    Some(url) => self.go(url.as_str(), LoadState::Load, waits).await,
                    None => Ok(Came::to(json!({ "tab": number }))),
                }
            }
            TabsOp::Switch => self.switch(act.tab.unwrap_or_default()).await,
            TabsOp::Close => self.close_tab(act.tab).await,
        }
    }

    fn list(&self) -> Came {
        let tabs: Vec<Tab> = self.browser.as_ref().map(|browser| browser.wire.tracker().list()).unwrap_or_default();
        let line = |tab: &Tab| {
            let mark = if tab.active { "*" } else { " " };
            format!("{mark} {} {} {}\n", tab.tab, tab.url, tab.title)
        };
        let text = tabs.iter().map(line).collect();
        Came::read(serde_json::to_value(tabs).unwrap_or(Value::Null), text)
    }

    async fn switch(&mut self, number: u32) -> Result<Came, ActError> {
        let Some(browser) = &self.browser else { return Err(page::explain(&crate::wire::WireError::Gone)) };
        let target = browser.wire.tracker().tabs.get(&number).map(|tab| tab.target.clone());
        let Some(target) = target else { return Err(no_tab(number)) };
        let shown = browser.wire.call(None, "Target.activateTarget", json!({ "targetId": target })).await;
        shown.map_err(|error| page::explain(&error))?;
        super::browser::prepare(&browser.wire, number).await.map_err(|error| page::explain(&error))?;
        browser.wire.tracker().active = Some(number);
        Ok(Came::to(json!({ "tab": number })))
    }

    async fn close_tab(&mut self, number: Option<u32>) -> Result<Came, ActError> {
        let Some(browser) = &self.browser else { return Err(page::explain(&crate::wire::WireError::Gone)) };
        let Some(number) = number.or(browser.wire.tracker().active) else { return Err(no_tab(0)) };
        let (last, target) = {
            let tracker = browser.wire.tracker();
            (tracker.tabs.len() == 1, tracker.tabs.get(&number).map(|tab| tab.target.clone()))
        };
        let Some(target) = target else { return Err(no_tab(number)) };
        if last {
            // Without a tab the browser would end.
            self.new_tab(None).await?;
        }
        let Some(browser) = &self.browser else { return Err(page::explain(&crate::wire::WireError::Gone)) };
        browser.wire.tracker().forget(number);
        let closed = browser.wire.call(None, "Target.closeTarget", json!({ "targetId": target })).await;
        closed.map_err(|error| page::explain(&error))?;
        Ok(Came::to(json!({ "closed": number })))
    }
}

fn no_tab(number: u32) -> ActError {
    ActError::new(ActErrorKind::NotFound, format!("there is no tab {number}")).hint("`tabs` lists those that are there")
}
