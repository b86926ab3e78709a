//! Laws of browser sessions, and what random sequences of them are made of.

use proptest::prelude::*;

use super::{Dice, config, text};
use crate::command::Command;
use crate::event::Event;
use crate::event::browser::{
    ActBegun, ActBody, ActOutcome, Acted, ActedBody, ArtifactBody, ArtifactKept, Closed, Opened, Removed,
};
use crate::ids::{BrowserId, Position, RunId};
use crate::testing::Writer;
use crate::views::Views;

fn opened(thing: u8, guarded: bool, hosts: u8) -> Opened {
    let deny_hosts = vec![text(hosts % 2); usize::from(hosts % 3 / 2)];
    Opened { name: text(thing % 3), guarded, only_hosts: Vec::new(), deny_hosts }
}

fn begun(a: u8, b: u8) -> ActBegun {
    ActBegun { act: text(a), changes: b.is_multiple_of(2), run: b.is_multiple_of(3).then(|| RunId(u128::from(a % 4))) }
}

fn acted(begun: u64, a: u8) -> Acted {
    let outcome = [ActOutcome::Done, ActOutcome::Failed, ActOutcome::Interrupted][usize::from(a % 3)];
    Acted { begun: Position(begun), outcome, took_ms: a.into(), pages: u32::from(a % 3) }
}

fn artifacts(number: u8) -> Vec<(String, ArtifactBody)> {
    let picture = ("image/png".to_owned(), ArtifactBody { name: "page.png".to_owned(), bytes: vec![number] });
    vec![picture; usize::from(number % 3)]
}

/// Commands about sessions; of those that end something some are about what is really under way.
pub(super) fn browsing_command(kind: u8, [thing, a, b, c, d]: [u8; 5], views: Option<&Views>) -> Command {
    let browser = BrowserId(u128::from(thing % 3));
    let under_way = views.and_then(|views| views.browsers.get(browser)?.under_way());
    let position = under_way.map_or(u64::from(d), |position| position.0);
    match kind % 8 {
        0 | 1 => Command::OpenBrowser { browser, opened: opened(thing, a % 8 == 0, b) },
        2..4 => Command::BeginAct { browser, begun: begun(a, b), body: ActBody::default() },
        4..6 => {
            let body = Box::new(ActedBody::default());
            Command::EndAct { browser, acted: acted(position, b), body, artifacts: artifacts(c) }
        }
        6 => Command::CloseBrowser { browser },
        _ => Command::RemoveBrowser { browser },
    }
}

/// An event of a session.
pub(super) fn browsing_event([thing, a, b, c, d]: [u8; 5]) -> Event {
    match d % 8 {
        0 | 1 => opened(thing, a % 2 == 0, b).into(),
        2 => begun(a, b).into(),
        3 | 4 => acted(u64::from(c % 16), b).into(),
        5 => ArtifactKept { begun: Position(c.into()), media_type: text(a), size: b.into() }.into(),
        6 => Closed {}.into(),
        _ => Removed {}.into(),
    }
}

/// A log as the writer makes it, of browsing alone.
pub(super) fn written_browsing(dice: &[Dice]) -> Writer {
    let mut writer = Writer::default();
    for &[kind, thing, a, b, c, d, ..] in dice {
        let command = browsing_command(kind, [thing, a, b, c, d], Some(&writer.views));
        let _ = writer.run(command);
    }
    writer
}

proptest! {
    #![proptest_config(config())]

    /// Of what is done in a session one thing at a time is under way, each has one end, and nothing is done in one that is closed.
    #[test]
    fn sessions_keep_their_laws(dice in proptest::collection::vec(any::<Dice>(), 0..100)) {
        let writer = written_browsing(&dice);
        prop_assert_eq!(writer.views.anomaly_count, 0);
        for (id, browser) in writer.views.browsers.iter() {
            let (last, before) = match browser.acts.split_last() {
                Some((last, before)) => (Some(last), before),
                None => (None, &[][..]),
            };
            prop_assert!(before.iter().all(|act| act.ended.is_some()), "{} has two things under way", id);
            for act in before.iter().chain(last) {
                prop_assert!(act.ended.is_none_or(|(ended, _)| ended > act.begun));
            }
            prop_assert!(browser.pages.is_none_or(|pages| browser.open && pages > browser.closed));
        }
    }
}
