//! What can be told of nodes.

use super::*;
use crate::command::Command;
use crate::event::job::{JobBody, Submitted};
use crate::testing::{assert_lines, told};

fn joined(name: &str) -> Joined {
    Joined { name: name.to_owned(), capacity: 2, price_micros: 5, ..Joined::default() }
}

fn join_with(joined: Joined, running: &[(u128, u32)]) -> Command {
    let running = running.iter().map(|(job, attempt)| (JobId(*job), *attempt)).collect();
    Command::JoinNode { node: NodeId(1), joined, running }
}

fn join() -> Command {
    join_with(joined("far"), &[])
}

/// Submits a job, which the node then claims.
fn take(job: u128) -> [Command; 2] {
    let submitted = Box::new(Submitted { max_attempts: 1, ..Submitted::default() });
    let submit = Command::SubmitJob { job: JobId(job), submitted, body: JobBody::default() };
    [submit, Command::ClaimJob { node: NodeId(1), lease_ms: Some(100), queues: Vec::new() }]
}

fn with_two_jobs(last: Command) -> Vec<Command> {
    let mut commands = vec![join()];
    commands.extend(take(7));
    commands.extend(take(8));
    commands.push(last);
    commands
}

const DRAIN: Command = Command::DrainNode { node: NodeId(1) };
const RESUME: Command = Command::ResumeNode { node: NodeId(1) };
const LEAVE: Command = Command::LeaveNode { node: NodeId(1) };
const REMOVE: Command = Command::RemoveNode { node: NodeId(1) };

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_node_joins_and_joins_again_where_something_is_other_than_before() {
    check(&[join()], "1 node/1 v1 node.joined name=far capacity=2 price_micros=5");
    check(&[join(), join()], "already: node/1 at 1");
    let more = Joined { capacity: 3, ..joined("far") };
    check(&[join(), join_with(more, &[])], "2 node/1 v2 node.joined name=far capacity=3 price_micros=5");
    check(&[join(), LEAVE, join()], "3 node/1 v3 node.joined name=far capacity=2 price_micros=5");
}

#[test]
fn what_a_node_does_not_run_any_more_is_lost_when_it_joins_again() {
    let line = "node.joined name=far capacity=2 price_micros=5";
    check(&with_two_jobs(join_with(joined("far"), &[(7, 1), (8, 1)])), "already: node/1 at 1");
    check(
        &with_two_jobs(join_with(joined("far"), &[(8, 1), (99, 1)])),
        &format!("6 job/7 v3 job.lease_lost node=1 attempt=1 then=dead\n7 node/1 v2 {line}"),
    );
    // Another attempt of the same job is another one's.
    check(
        &with_two_jobs(join_with(joined("far"), &[(7, 2), (8, 1)])),
        &format!("6 job/7 v3 job.lease_lost node=1 attempt=1 then=dead\n7 node/1 v2 {line}"),
    );
}

#[test]
fn what_a_node_cannot_have_is_refused() {
    check(&[join_with(joined(""), &[])], "rejected: the node: it is empty");
    for capacity in [0, MAX_CAPACITY + 1] {
        let joined = Joined { capacity, ..joined("far") };
        check(&[join_with(joined, &[])], "rejected: its capacity: it is none of 1 to 4096");
    }
    let labels =
        |labels: &[&str]| Joined { labels: labels.iter().map(|it| (*it).to_owned()).collect(), ..joined("far") };
    check(&[join_with(labels(&["b", "a"]), &[])], "rejected: its labels: they are not sorted");
    check(&[join_with(labels(&[""]), &[])], "rejected: what it has: it is empty");
    check(
        &[join_with(labels(&["a"; MAX_LABELS + 1]), &[])],
        "rejected: its labels: 33 are more than the 32 that there may be",
    );
}

/// Makes a token, and joins with it.
fn token(id: u128, scope: Scope, expires_at: Option<Timestamp>) -> Command {
    let name = format!("token {id}");
    let created = crate::event::vault::TokenCreated { name, hash: [0; 32], scopes: vec![scope], expires_at };
    Command::CreateToken { token: TokenId(id), created }
}

fn join_by(token: Option<u128>) -> Command {
    join_with(Joined { token: token.map(TokenId), ..joined("far") }, &[])
}

const REFUSED: &str = "rejected: node far joined with another token";

#[test]
fn a_node_is_joined_again_with_its_token_alone_or_by_an_admin() {
    let (one, other, admin) = (token(1, Scope::Node, None), token(2, Scope::Node, None), token(3, Scope::Admin, None));
    let joined = "node.joined name=far capacity=2 price_micros=5";
    check(&[one.clone(), join_by(Some(1))], &format!("2 node/1 v1 {joined} token=1"));
    check(&[one.clone(), join_by(Some(1)), join_by(Some(1))], "already: node/1 at 2");
    check(&[one.clone(), other.clone(), join_by(Some(1)), join_by(Some(2))], REFUSED);
    check(&[one.clone(), other.clone(), join_by(Some(1)), LEAVE, join_by(Some(2))], REFUSED);
    check(&[one.clone(), admin, join_by(Some(1)), join_by(Some(3))], &format!("4 node/1 v2 {joined} token=3"));
    check(&[one.clone(), join_by(Some(1)), join_by(None)], &format!("3 node/1 v2 {joined}"));
    check(&[one.clone(), other, join_by(Some(1)), REMOVE, join_by(Some(2))], &format!("5 node/1 v3 {joined} token=2"));
    // One that joined when nothing was known of tokens is bound by the next one.
    check(&[one, join_by(None), join_by(Some(1))], &format!("3 node/1 v2 {joined} token=1"));
}

#[test]
fn a_node_whose_token_holds_no_more_may_join_with_another() {
    let joined = "node.joined name=far capacity=2 price_micros=5 token=2";
    let other = token(2, Scope::Node, None);
    let revoke = Command::RevokeToken { token: TokenId(1) };
    let one = token(1, Scope::Node, None);
    check(&[one, other.clone(), join_by(Some(1)), revoke, join_by(Some(2))], &format!("5 node/1 v2 {joined}"));
    // The fifth event is at five milliseconds past the begin of the story's time.
    let until = |ms: i64| token(1, Scope::Node, Some(Timestamp(1_700_000_000_000 + ms)));
    check(&[until(0), other.clone(), join_by(Some(1)), join_by(Some(2))], &format!("4 node/1 v2 {joined}"));
    check(&[until(60_000), other, join_by(Some(1)), join_by(Some(2))], REFUSED);
}

#[test]
fn who_speaks_for_a_node_has_its_token_or_an_admins() {
    let mut writer = crate::testing::Writer::default();
    for command in [token(1, Scope::Node, None), token(2, Scope::Node, None), token(3, Scope::Admin, None)] {
        writer.run(command).expect("they are made");
    }
    writer.run(join_by(Some(1))).expect("it joins");
    let speaks = |writer: &crate::testing::Writer, token: Option<u128>| {
        check_speaker(&writer.views, NodeId(1), token.map(TokenId)).map_err(|rejection| rejection.to_string())
    };
    for token in [Some(1), Some(3), None] {
        assert_eq!(speaks(&writer, token), Ok(()), "{token:?}");
    }
    assert_eq!(speaks(&writer, Some(2)), Err("node far joined with another token".to_owned()));
    // Until it joins anew, a token that was revoked still is the only one.
    writer.run(Command::RevokeToken { token: TokenId(1) }).expect("it is there");
    assert!(speaks(&writer, Some(2)).is_err());
    writer.run(join_by(Some(2))).expect("the other one does not hold any more");
    assert_eq!(speaks(&writer, Some(2)), Ok(()));
    assert!(speaks(&writer, Some(1)).is_err());
    // A node of an older log is bound to none.
    writer.run(join_by(None)).expect("from this machine");
    assert_eq!(speaks(&writer, Some(1)), Ok(()));
}

#[test]
fn there_are_no_more_nodes_than_one_event_can_name() {
    let join = |node: u128| Command::JoinNode { node: NodeId(node), joined: joined("far"), running: Vec::new() };
    let mut writer = crate::testing::Writer::default();
    for node in 0..MAX_NODES as u128 {
        writer.run(join(node)).expect("there is room");
    }
    let why = writer.run(join(MAX_NODES as u128)).expect_err("there is none").to_string();
    assert_eq!(why, "the nodes: 2049 are more than the 2048 that there may be");
    // Those that are there may join again, and all of them be heard from.
    writer.run(Command::DrainNode { node: NodeId(3) }).expect("it is there");
    writer.run(join(3)).expect("it is there");
    let nodes = (0..MAX_NODES as u128).map(NodeId).collect();
    writer.run(Command::HearNodes { nodes, lease_ms: 1 }).expect("they are there");
    let event = &writer.log.last().expect("they were heard").event;
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    assert_eq!(crate::event::Event::decode(event.kind(), event.schema(), &bytes).as_ref(), Ok(event));
}

#[test]
fn a_node_drains_and_resumes() {
    check(&[join(), DRAIN], "2 node/1 v2 node.draining");
    check(&[join(), DRAIN, DRAIN], "already: node/1 at 1");
    check(&[join(), DRAIN, RESUME], "3 node/1 v3 node.resumed");
    check(&[join(), RESUME], "already: node/1 at 1");
    check(&[join(), LEAVE, DRAIN], "rejected: node far is not there");
    check(&[join(), LEAVE, RESUME], "rejected: node far is not there");
    for command in [DRAIN, RESUME, LEAVE, REMOVE] {
        check(&[command], "rejected: there is no node 1");
    }
}

#[test]
fn who_leaves_or_is_removed_leaves_its_jobs() {
    let lost =
        "6 job/7 v3 job.lease_lost node=1 attempt=1 then=dead\n7 job/8 v3 job.lease_lost node=1 attempt=1 then=dead";
    check(&with_two_jobs(LEAVE), &format!("{lost}\n8 node/1 v2 node.left"));
    check(&with_two_jobs(REMOVE), &format!("{lost}\n8 node/1 v2 node.removed"));
    check(&[join(), LEAVE, LEAVE], "already: node/1 at 1");
    let local = Joined { local: true, ..joined("here") };
    check(&[join_with(local, &[]), REMOVE], "rejected: node here is the process that has the home");
    check(&[join(), REMOVE, join()], "3 node/1 v3 node.joined name=far capacity=2 price_micros=5");
}

#[test]
fn nodes_that_are_known_are_heard_from() {
    let hear =
        |nodes: &[u128], lease_ms| Command::HearNodes { nodes: nodes.iter().copied().map(NodeId).collect(), lease_ms };
    check(&[join(), hear(&[9, 1, 1], 1000)], "2 home/0 v1 home.nodes_heard nodes=[1] until=2023-11-14T22:13:21.001Z");
    check(&[join(), hear(&[9], 1000)], "already: home/0 at 1");
    // However long, it is a moment.
    let mut writer = crate::testing::Writer::default();
    writer.run(join()).expect("it joins");
    writer.run(hear(&[1], u64::MAX)).expect("it is heard");
    let Some(crate::event::Event::NodesHeard(heard)) = writer.log.last().map(|it| it.event.clone()) else {
        panic!("it was heard");
    };
    assert_eq!(heard.until, Timestamp(i64::MAX));
}

#[test]
fn a_table_of_prices_has_each_name_once_and_room_in_one_event() {
    let table = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 1500)).collect::<Vec<_>>();
    let set = |gpus: &[&str], regions: &[&str]| Command::SetPrices {
        prices: PricesSet { gpus: table(gpus), regions: table(regions) },
    };
    check(&[set(&["b", "a"], &["eu"])], "1 home/0 v1 home.prices_set gpus=[[a,1500],[b,1500]] regions=[[eu,1500]]");
    check(&[set(&["b", "a"], &[]), set(&["a", "b"], &[])], "already: home/0 at 1");
    check(&[set(&[], &[])], "already: home/0 at 0");
    check(&[set(&["a", "a"], &[])], "rejected: the table: a is in it twice");
    check(&[set(&[""], &[])], "rejected: a name in the table: it is empty");
    check(
        &[set(&[&"x".repeat(129)], &[])],
        "rejected: a name in the table: 129 bytes are more than the 128 that one may have",
    );
    let many: Vec<String> = (0..=MAX_PRICES).map(|number| format!("{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(&[set(&many, &[])], "rejected: the rows of the table: 257 are more than the 256 that there may be");
}
