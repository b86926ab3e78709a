//! Nodes: where they stand, what they cost, and how far they can be relied upon.

use super::*;
use crate::event::home::NodesHeard;
use crate::event::job::{AfterLoss, Completed, Failed, LeaseLost, Requirements};
use crate::event::node::{Draining, Joined, Left, Lost, Removed, Resumed};
use crate::ids::{Category, JobId, StreamId};
use crate::testing::{assert_lines, fold};

fn joined_as(name: &str, local: bool) -> Event {
    Joined { name: name.to_owned(), capacity: 2, local, ..Joined::default() }.into()
}

fn joined() -> Event {
    joined_as("far", false)
}

fn done() -> Event {
    Completed { node: NodeId(1), attempt: 1 }.into()
}

fn failed() -> Event {
    Failed { node: NodeId(1), attempt: 1, retry_at: None, not_begun: false }.into()
}

fn not_begun() -> Event {
    Failed { node: NodeId(1), attempt: 1, retry_at: None, not_begun: true }.into()
}

fn lost() -> Event {
    LeaseLost { node: NodeId(1), attempt: 1, then: AfterLoss::Ready }.into()
}

fn heard(nodes: &[u128]) -> Event {
    NodesHeard { nodes: nodes.iter().copied().map(NodeId).collect(), until: Timestamp(99) }.into()
}

/// Folds events: those of nodes are about node 1, those of jobs about one of its jobs.
fn folded(events: &[Event]) -> (Nodes, String) {
    let stream = |event: &Event| match event.name().split('.').next() {
        Some("node") => NodeId(1).into(),
        Some("job") => JobId(5).into(),
        _ => StreamId::new(Category::Home, 0),
    };
    fold(&events.iter().map(|event| (stream(event), event.clone())).collect::<Vec<_>>())
}

/// What is known of the nodes, and the anomalies.
fn check(events: &[Event], expected: &str) {
    let (nodes, anomalies) = folded(events);
    let mut text = String::new();
    for (id, node) in nodes.iter() {
        assert_eq!(nodes.get(id), Some(node));
        text += &format!("{}: {} {:?}, joined@{}, heard@{}", id.0, node.name, node.state, node.joined, node.heard_at.0);
        text += &format!(", {} of {}/{}/{}\n", node.reputation, node.completed, node.failed, node.lost);
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_node_stands_where_it_was_said_last() {
    check(&[joined()], "1: far Up, joined@1, heard@1, 1000000 of 0/0/0");
    check(&[joined(), Draining {}.into()], "1: far Draining, joined@1, heard@1, 1000000 of 0/0/0");
    check(&[joined(), Draining {}.into(), Resumed {}.into()], "1: far Up, joined@1, heard@1, 1000000 of 0/0/0");
    check(&[joined(), Left {}.into()], "1: far Left, joined@1, heard@1, 1000000 of 0/0/0");
    check(&[joined(), Lost {}.into()], "1: far Lost, joined@1, heard@1, 1000000 of 0/0/0");
    check(&[joined(), Removed {}.into()], "");
    let events = [Draining {}.into(), Resumed {}.into(), Left {}.into(), Lost {}.into(), Removed {}.into()];
    let lines: Vec<String> = (1..=5).map(|position| format!("!{position} there is no node 1")).collect();
    check(&events, &lines.join("\n"));
}

#[test]
fn one_that_was_lost_is_there_again_when_it_is_heard_from() {
    check(&[joined(), Lost {}.into(), heard(&[7, 1])], "1: far Up, joined@1, heard@3, 1000000 of 0/0/0");
    check(&[joined(), Draining {}.into(), heard(&[1])], "1: far Draining, joined@1, heard@3, 1000000 of 0/0/0");
    // Who has left joins again.
    check(&[joined(), Left {}.into(), heard(&[1])], "1: far Left, joined@1, heard@3, 1000000 of 0/0/0");
    check(&[joined(), Left {}.into(), joined()], "1: far Up, joined@3, heard@3, 1000000 of 0/0/0");
}

#[test]
fn reputation_decays_with_losses_and_recovers_with_successes() {
    check(&[joined(), done(), lost(), lost()], "1: far Up, joined@1, heard@1, 810000 of 1/0/2");
    // What a command of the user's says of itself is not about the node.
    check(&[joined(), done(), failed(), lost()], "1: far Up, joined@1, heard@1, 900000 of 1/1/1");
    // That the node could not even begin it is.
    check(&[joined(), not_begun(), failed(), not_begun()], "1: far Up, joined@1, heard@1, 810000 of 0/3/0");
    let here = [joined_as("here", true), not_begun(), failed()];
    check(&here, "1: here Up, joined@1, heard@1, 900000 of 0/2/0");
    let after = |losses: usize, successes: usize| {
        let events: Vec<Event> = std::iter::once(joined())
            .chain(std::iter::repeat_n(lost(), losses))
            .chain(std::iter::repeat_n(done(), successes))
            .collect();
        let (nodes, _) = folded(&events);
        let node = nodes.get(NodeId(1)).expect("it joined");
        (node.reputation, node.is_reliable())
    };
    assert_eq!(after(6, 0), (531_441, true));
    assert_eq!(after(7, 0), (478_296, false));
    assert_eq!(after(7, 1), (530_466, true));
    assert_eq!(after(500, 0), (0, false));
    assert_eq!(after(500, 6), (468_559, false));
    assert_eq!(after(500, 7), (521_703, true));
    // However long, it never is above one.
    assert_eq!(after(0, 500), (WHOLE, true));
    assert!(after(500, 500).0 > WHOLE - 10);
}

#[test]
fn a_node_that_joins_again_has_the_reputation_it_had_and_one_that_was_removed_a_new_one() {
    check(&[joined(), lost(), joined_as("new", false)], "1: new Up, joined@3, heard@3, 900000 of 0/0/1");
    check(&[joined(), lost(), Removed {}.into(), joined()], "1: far Up, joined@4, heard@4, 1000000 of 0/0/0");
    // What is heard of one that is not there is nobody's.
    check(&[failed(), lost(), done(), heard(&[1])], "");
}

#[test]
fn the_local_node_is_not_judged_by_its_end_and_always_gets_what_is_urgent() {
    check(&[joined_as("here", true), lost(), lost()], "1: here Up, joined@1, heard@1, 1000000 of 0/0/2");
    let (nodes, _) = folded(&[joined_as("here", true)]);
    let node = Node { reputation: 0, ..nodes.get(NodeId(1)).expect("it joined").clone() };
    assert!(node.is_reliable() && !Node { local: false, ..node }.is_reliable());
}

fn node(labels: &[&str], region: Option<&str>, gpu: Option<&str>) -> Node {
    let (nodes, _) = folded(&[Joined {
        name: "far".to_owned(),
        capacity: 2,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        region: region.map(str::to_owned),
        gpu: gpu.map(str::to_owned),
        price_micros: 1_000_001,
        local: false,
        token: None,
    }
    .into()]);
    nodes.get(NodeId(1)).expect("it joined").clone()
}

#[test]
fn a_price_is_base_times_tier_times_region() {
    let row = |name: &str, by: u32| (name.to_owned(), by);
    let prices = PricesSet { gpus: vec![row("a100", 2500), row("free", 0)], regions: vec![row("eu", 1100)] };
    let (nodes, _) = folded(&[prices.clone().into()]);
    assert_eq!(nodes.prices(), prices);
    assert_eq!(nodes.price_of(&node(&[], None, None)), 1_000_001);
    assert_eq!(nodes.price_of(&node(&[], Some("eu"), None)), 1_100_001);
    assert_eq!(nodes.price_of(&node(&[], Some("eu"), Some("a100"))), 2_750_002);
    assert_eq!(nodes.price_of(&node(&[], Some("us"), Some("t4"))), 1_000_001);
    assert_eq!(nodes.price_of(&node(&[], None, Some("free"))), 0);
    // A new table takes the place of the old one.
    let (nodes, _) = folded(&[prices.into(), PricesSet::default().into()]);
    assert_eq!(nodes.price_of(&node(&[], Some("eu"), Some("a100"))), 1_000_001);
    let most = PricesSet { gpus: vec![row("a100", u32::MAX)], regions: vec![row("eu", u32::MAX)] };
    let (nodes, _) = folded(&[most.into()]);
    let dear = Node { price_micros: u64::MAX, ..node(&[], Some("eu"), Some("a100")) };
    assert_eq!(nodes.price_of(&dear), u64::MAX);
}

#[test]
fn a_node_can_run_what_it_has_all_of() {
    let rich = node(&["fast", "linux"], Some("eu"), Some("a100"));
    let can = |node: &Node, requires: Requirements, local: bool| {
        node.can_run(&Class { queue: "default".to_owned(), requires, local }, 5)
    };
    let some = |text: &str| Some(text.to_owned());
    let none = Requirements::default;
    assert!(can(&rich, none(), false) && !can(&rich, none(), true));
    assert!(can(&Node { local: true, ..rich.clone() }, none(), true));
    let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    for (requires, expected) in [
        (Requirements { labels: labels(&["fast"]), ..none() }, true),
        (Requirements { labels: labels(&["fast", "linux"]), ..none() }, true),
        (Requirements { labels: labels(&["fast", "new"]), ..none() }, false),
        (Requirements { region: some("eu"), ..none() }, true),
        (Requirements { region: some("us"), ..none() }, false),
        (Requirements { gpu: some("a100"), ..none() }, true),
        (Requirements { gpu: some("h100"), ..none() }, false),
        (Requirements { node: some("far"), ..none() }, true),
        (Requirements { node: some("near"), ..none() }, false),
        (Requirements { max_price_micros: Some(5), ..none() }, true),
        (Requirements { max_price_micros: Some(4), ..none() }, false),
    ] {
        assert_eq!(can(&rich, requires.clone(), false), expected, "{requires:?}");
    }
}

#[test]
fn what_no_node_has_is_told() {
    let (mut nodes, _) =
        folded(
            &[Joined { labels: vec!["fast".to_owned()], region: Some("eu".to_owned()), ..Joined::default() }.into()],
        );
    let class = |labels: &[&str], region: Option<&str>, gpu: Option<&str>, local: bool| Class {
        queue: "default".to_owned(),
        requires: Requirements {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            region: region.map(str::to_owned),
            gpu: gpu.map(str::to_owned),
            ..Requirements::default()
        },
        local,
    };
    let why = |nodes: &Nodes, class: &Class| nodes.why_none_runs(class, false, |_, _| true);
    assert_eq!(why(&nodes, &class(&["fast"], Some("eu"), None, false)), None);
    assert_eq!(why(&nodes, &class(&["big"], None, None, false)).as_deref(), Some("no node has the label big"));
    let both = class(&["big", "fast"], Some("us"), Some("a100"), false);
    assert_eq!(why(&nodes, &both).as_deref(), Some("no node has the label big, nor the region us, nor the GPU a100"));
    assert_eq!(why(&nodes, &class(&[], None, None, true)).as_deref(), Some("no node has the home"));
    // Each has what the other lacks.
    let other =
        Node { labels: vec!["big".to_owned()], region: Some("us".to_owned()), ..nodes.nodes[&NodeId(1)].clone() };
    nodes.nodes.insert(NodeId(2), other);
    let apart = class(&["big"], Some("eu"), None, false);
    assert_eq!(why(&nodes, &apart).as_deref(), Some("no node has all that it needs"));
    assert_eq!(nodes.why_none_runs(&apart, false, |_, _| false).as_deref(), Some("no node is there that takes jobs"));
    // Work of a high priority needs a node that can be relied upon.
    for node in nodes.nodes.values_mut() {
        node.reputation = 0;
    }
    let plain = class(&[], None, None, false);
    assert_eq!(why(&nodes, &plain), None);
    let urgent = nodes.why_none_runs(&plain, true, |_, _| true);
    assert_eq!(urgent.as_deref(), Some("no node has the reputation that work of a high priority needs"));
}
