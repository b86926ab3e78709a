//! What can be told of services.

use super::*;
use crate::command::Command;
use crate::testing::{assert_lines, told};

fn add_as(id: u128, label: &str, port: Option<u16>, wanted: bool) -> Command {
    let added = Added { label: label.to_owned(), port, wanted };
    Command::AddService { service: ServiceId(id), added, body: ServiceBody { spec: "{}".to_owned() } }
}

fn add(wanted: bool) -> Command {
    add_as(1, "web", Some(8000), wanted)
}

const START: Command = Command::StartService { service: ServiceId(1) };
const STOP: Command = Command::StopService { service: ServiceId(1) };
const RESTART: Command = Command::RestartService { service: ServiceId(1) };
const REMOVE: Command = Command::RemoveService { service: ServiceId(1) };

fn news(news: ServiceNews) -> Command {
    Command::RecordService { service: ServiceId(1), news }
}

fn spawned() -> Command {
    news(ServiceNews::Spawned(Spawned { port: Some(8000) }))
}

fn healthy() -> Command {
    news(ServiceNews::HealthChanged(HealthChanged { healthy: true }))
}

fn exited() -> Command {
    news(ServiceNews::Exited(Exited { code: Some(3), signal: None, restart_at: None }))
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_service_is_added_and_given_other_properties() {
    check(&[add(true)], "1 service/1 v1 service.added label=web port=8000 wanted=true | spec={}");
    check(&[add(true), add(false)], "2 service/1 v2 service.added label=web port=8000 | spec={}");
    check(&[add_as(1, "", None, true)], "rejected: the label: it is empty");
}

#[test]
fn a_port_is_for_one_service() {
    check(&[add(true), add_as(2, "api", Some(8000), true)], "rejected: port 8000: service web has it");
    check(&[add(true), add_as(2, "api", None, true)], "2 service/2 v1 service.added label=api wanted=true | spec={}");
    check(
        &[add(true), REMOVE, add_as(2, "api", Some(8000), true)],
        "3 service/2 v1 service.added label=api port=8000 wanted=true | spec={}",
    );
}

#[test]
fn a_service_is_started_stopped_and_restarted() {
    check(&[add(true), START], "already: service/1 at 1");
    check(&[add(true), STOP], "2 service/1 v2 service.stop_requested");
    check(&[add(true), STOP, STOP], "already: service/1 at 1");
    check(&[add(false), START], "2 service/1 v2 service.start_requested");
    check(&[add(true), RESTART], "2 service/1 v2 service.restart_requested");
    check(&[add(true), STOP, RESTART, START], "already: service/1 at 1");
    check(&[add(true), REMOVE], "2 service/1 v2 service.removed");
}

#[test]
fn what_becomes_of_its_process_is_recorded() {
    check(&[add(true), spawned()], "2 service/1 v2 service.spawned port=8000");
    check(&[add(true), spawned(), healthy()], "3 service/1 v3 service.health_changed healthy=true");
    check(&[add(true), spawned(), exited()], "3 service/1 v3 service.exited code=3");
    check(&[add(true), healthy()], "rejected: service web has no process");
    check(&[add(true), spawned(), exited(), healthy()], "rejected: service web has no process");
}

#[test]
fn of_a_service_that_is_not_there_nothing_can_be_told() {
    for command in [START, STOP, RESTART, REMOVE, spawned(), healthy(), exited()] {
        check(std::slice::from_ref(&command), "rejected: there is no service 1");
        check(&[add(true), REMOVE, command], "rejected: there is no service 1");
    }
}
