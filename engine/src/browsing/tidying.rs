//! What nobody needs any more.

use zo_projections::views::browsers::Browser;
use zo_projections::{Actor, BrowserId, RunId};

use crate::engine::Engine;
use crate::service::browsing::forget;
use crate::tools::browsing::run_of_session;

impl Engine {
    /// Ends browsers in which nothing was done for long, and forgets the sessions that agents had of their own when they have ended.
    pub(crate) fn tidy_browsers(&self) {
        self.browsers.end_idle();
        let forgotten = self.writer.read(|views| {
            let has_ended = |run: RunId| !views.agents.running().contains_key(&run);
            let of_ended = |browser: &Browser| run_of_session(&browser.name).is_some_and(has_ended);
            let sessions = views.browsers.iter().filter(|(_, browser)| browser.guarded && of_ended(browser));
            sessions.map(|(id, browser)| (id, browser.clone())).collect::<Vec<(BrowserId, Browser)>>()
        });
        for (id, browser) in forgotten.unwrap_or_default() {
            if let Err(failure) = forget(self, id, &browser, Actor::Engine) {
                tracing::warn!("browser session {} stays: {failure}", browser.name);
            }
        }
    }
}
