//! Services: which are to run, and what the log says of their processes.

use super::*;
use crate::event::service::{
    Added, Exited, HealthChanged, Removed, RestartRequested, Spawned, StartRequested, StopRequested,
};
use crate::ids::StreamId;
use crate::testing::{assert_lines, fold};

fn added(label: &str, wanted: bool) -> Event {
    Added { label: label.to_owned(), port: Some(80), wanted }.into()
}

fn spawned() -> Event {
    Spawned { port: Some(80) }.into()
}

fn healthy(healthy: bool) -> Event {
    HealthChanged { healthy }.into()
}

fn exited() -> Event {
    Exited { code: Some(3), signal: None, restart_at: Some(Timestamp(9)) }.into()
}

/// Folds events of one service; what is known of it, and the anomalies.
fn check(events: &[Event], expected: &str) {
    let events: Vec<_> = events.iter().map(|event| (StreamId::from(ServiceId(1)), event.clone())).collect();
    let (services, anomalies) = fold::<Services>(&events);
    let mut text = String::new();
    for (id, service) in services.iter() {
        assert_eq!((services.get(id), service.port), (Some(service), Some(80)));
        text += &format!("{}, defined@{}", service.label, service.defined);
        text += if service.wanted { ", wanted" } else { "" };
        text += &service.restart.map_or(String::new(), |at| format!(", restart@{at}"));
        text += &match service.process {
            Process::None => String::new(),
            Process::Spawned { port, at, healthy } => {
                assert_eq!(port, Some(80));
                format!(", spawned@{}{}", at.0, healthy.map_or(String::new(), |healthy| format!(" healthy={healthy}")))
            }
            Process::Exited { code, signal, at, restart_at } => {
                assert_eq!((code, signal, restart_at), (Some(3), None, Some(Timestamp(9))));
                format!(", exited@{}", at.0)
            }
        };
        text += &format!(", {} exits\n", service.exits);
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_service_is_wanted_as_was_said_last() {
    check(&[added("web", true)], "web, defined@1, wanted, restart@1, 0 exits");
    check(&[added("web", true), StopRequested {}.into()], "web, defined@1, restart@1, 0 exits");
    check(&[added("web", false), StartRequested {}.into()], "web, defined@1, wanted, restart@1, 0 exits");
    check(&[added("web", false), RestartRequested {}.into()], "web, defined@1, wanted, restart@2, 0 exits");
    check(&[added("web", true), Removed {}.into()], "");
}

#[test]
fn its_process_is_as_was_heard_of_it_last() {
    let first = [added("web", true), spawned(), healthy(true)];
    check(&first, "web, defined@1, wanted, restart@1, spawned@2 healthy=true, 0 exits");
    let down = [&first[..], &[exited()]].concat();
    check(&down, "web, defined@1, wanted, restart@1, exited@4, 1 exits");
    // A new process has yet to answer.
    let again = [&down[..], &[spawned()]].concat();
    check(&again, "web, defined@1, wanted, restart@1, spawned@5, 1 exits");
    // Other properties are for the next process; this one goes on until it is ended.
    let edited = [&again[..], &[added("web", true)]].concat();
    check(&edited, "web, defined@6, wanted, restart@6, spawned@5, 1 exits");
}

#[test]
fn what_is_not_possible_changes_nothing() {
    let events = [
        StartRequested {}.into(),
        StopRequested {}.into(),
        RestartRequested {}.into(),
        spawned(),
        healthy(true),
        exited(),
        Removed {}.into(),
    ];
    let lines: Vec<String> = (1..=7).map(|position| format!("!{position} there is no service 1")).collect();
    check(&events, &lines.join("\n"));
    check(
        &[added("web", true), healthy(false)],
        "web, defined@1, wanted, restart@1, 0 exits
         !2 it has no process",
    );
}
