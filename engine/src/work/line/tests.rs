//! Who waits for a job: called in the order in which they came, if there is one for them, and no more of them than there are.

use serde_json::{Value, json};

use super::*;
use crate::service::testing::{Desk, NOON};

/// Waits at once, or fails the test.
const AT_ONCE: Duration = Duration::from_millis(1);

/// Calls those in the line, as behind a commit.
fn call(desk: &Desk, line: &Line) {
    desk.engine.writer.glance(|views| line.call(views, NOON));
}

fn called(places: &[&Place<'_>]) -> Vec<bool> {
    places.iter().map(|place| place.was_called()).collect()
}

fn requiring(label: &str) -> Value {
    json!({ "options": { "requires": { "labels": [label] } } })
}

#[test]
fn those_who_came_first_are_called_and_not_more_than_there_are_jobs() {
    let desk = Desk::new();
    let (one, other) = (desk.join("one"), desk.join("other"));
    let line = Line::default();
    let places = [line.join(one, &[]), line.join(other, &[]), line.join(one, &[])];
    let told = || called(&places.each_ref());
    call(&desk, &line);
    assert_eq!(told(), [false, false, false], "there is nothing");
    desk.submit(1, json!({}));
    call(&desk, &line);
    assert_eq!(told(), [true, false, false]);
    // Nobody has taken it yet: the next one is called for it as well, and looks for nothing. That is cheaper than a lost job.
    call(&desk, &line);
    assert_eq!(told(), [true, true, false]);
    assert_eq!(desk.claim("one", 1), [(1, 1)]);
    call(&desk, &line);
    assert_eq!((told(), line.is_empty()), (vec![true, true, false], false));
}

#[test]
fn nobody_is_called_for_a_job_that_is_not_for_him() {
    let desk = Desk::new();
    let node = desk.join("one");
    let line = Line::default();
    let (any, mail) = (line.join(node, &[]), line.join(node, &["mail".to_owned()]));
    desk.submit(1, requiring("fast"));
    call(&desk, &line);
    assert_eq!(called(&[&any, &mail]), [false, false], "the node has no such label");
    desk.submit(2, json!({ "options": { "queue": "mail" } }));
    drop(any);
    call(&desk, &line);
    assert!(mail.was_called());

    let (busy, other) = (line.join(node, &["other".to_owned()]), line.join(node, &["mail".to_owned()]));
    desk.told("drain_node", json!({ "node": "one", "resume": false }));
    call(&desk, &line);
    assert_eq!(called(&[&busy, &other]), [false, false], "it takes no more jobs");
    desk.told("remove_node", json!({ "node": "one" }));
    call(&desk, &line);
    assert_eq!(called(&[&busy, &other]), [true, true], "who is gone is told so when he looks");
}

#[test]
fn who_has_left_is_in_nobodys_way() {
    let desk = Desk::new();
    let node = desk.join("one");
    let line = Line::default();
    assert!(line.is_empty());
    let (first, second) = (line.join(node, &[]), line.join(node, &[]));
    drop(first);
    desk.submit(1, json!({}));
    call(&desk, &line);
    assert!(second.was_called());
    drop(second);
    assert!(line.is_empty());
}

#[test]
fn who_is_called_wakes_up_and_who_is_not_when_he_is_tired_of_it() {
    let desk = Desk::new();
    let node = desk.join("one");
    let line = Line::default();
    let place = line.join(node, &[]);
    place.wait(AT_ONCE);
    assert!(!place.was_called());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let begun = Instant::now();
            place.wait(Duration::from_secs(60));
            begun.elapsed()
        });
        desk.submit(1, json!({}));
        call(&desk, &line);
        assert!(waiting.join().expect("it does not panic") < Duration::from_secs(30));
    });
    assert!(place.was_called());
    place.wait(Duration::from_secs(60));
}
