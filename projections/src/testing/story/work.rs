//! The part of the story that is about work and its time: jobs, nodes, schedules, services, files, tokens, MCP servers.

use super::digest_of;
use crate::event::file::{Put, Shared, Unshared};
use crate::event::home::{ClockAdvanced, NodesHeard, PricesSet, QueueSet};
use crate::event::job::{
    AfterLoss, Backoff, CancelRequested, Cancelled, Claimed, Completed, Effect, Expired, Failed, JobKind, LeaseLost,
    Occasion, Released, Requirements, Retried, Submitted,
};
use crate::event::schedule::{Added, Edited, Misfire, Missed, Occurred, Paused, Plan, WhyMissed};
use crate::event::vault::{Scope, TokenCreated, TokenRevoked};
use crate::event::{Event, file, mcp, node, schedule, service};
use crate::ids::{Category, FileId, JobId, McpServerId, NodeId, ScheduleId, ServiceId, StreamId, TokenId};
use crate::time::Timestamp;

/// The story's time: seconds behind its beginning.
fn second(second: i64) -> Timestamp {
    Timestamp(1_700_000_000_000 + 1000 * second)
}

fn submitted(queue: &str) -> Submitted {
    Submitted { queue: queue.to_owned(), ..Submitted::default() }
}

fn required() -> Requirements {
    Requirements {
        labels: vec!["fast".to_owned(), "linux".to_owned()],
        region: Some("eu".to_owned()),
        gpu: Some("a100".to_owned()),
        max_price_micros: Some(3_000_000),
        node: None,
    }
}

fn all_of_a_job() -> Submitted {
    Submitted {
        kind: JobKind::Http,
        effect: Effect::Once,
        priority: -5,
        not_before: Some(second(1000)),
        deadline: Some(second(2000)),
        unique: Some(digest_of("key")),
        after: vec![JobId(1), JobId(2)],
        max_attempts: 7,
        backoff: Backoff { first_ms: 10, longest_ms: 20 },
        timeout_ms: Some(60_000),
        requires: Requirements { node: Some("far".to_owned()), ..required() },
        batch: Some(JobId(1)),
        occasion: Some(Occasion { schedule: ScheduleId(1), due: second(130) }),
        ..submitted("slow")
    }
}

fn joined(name: &str, local: bool) -> node::Joined {
    node::Joined {
        name: name.to_owned(),
        capacity: 2,
        labels: vec!["fast".to_owned(), "linux".to_owned()],
        region: Some("eu".to_owned()),
        gpu: (!local).then(|| "a100".to_owned()),
        price_micros: 1_000_000,
        local,
        token: None,
    }
}

fn claimed(node: u128, attempt: u32, until: Option<Timestamp>) -> Claimed {
    Claimed { node: NodeId(node), attempt, until }
}

fn plan(rule: &str, misfire: Misfire) -> Plan {
    Plan {
        rule: format!("DTSTART;TZID=Europe/Berlin:20231114T231320\nRRULE:{rule}"),
        zone: "Europe/Berlin".to_owned(),
        misfire,
        kind: JobKind::Memorize,
        check_in: false,
    }
}

fn put(name: &str, text: &str) -> Put {
    Put { name: name.to_owned(), size: 5, digest: digest_of(text), media_type: "text/html".to_owned() }
}

fn shared(name: &str) -> Shared {
    Shared { name: name.to_owned(), hash: [7; 32], site: name.ends_with('/'), expires_at: Some(second(5000)) }
}

fn token(name: &str) -> TokenCreated {
    let (name, hash) = (name.to_owned(), [9; 32]);
    TokenCreated { name, hash, scopes: vec![Scope::Ask, Scope::Read], expires_at: Some(second(5000)) }
}

fn occurred(due: i64, job: u128, by_hand: bool) -> Occurred {
    Occurred { due: second(due), job: JobId(job), next: Some(second(9000)), by_hand }
}

fn missed(from: i64) -> Missed {
    let (from, to) = (second(from), second(from + 60));
    Missed { from, to, count: 2, why: WhyMissed::Policy, next: Some(second(9999)) }
}

fn lost(node: u128, attempt: u32, then: AfterLoss) -> LeaseLost {
    LeaseLost { node: NodeId(node), attempt, then }
}

fn exited(code: Option<i32>) -> service::Exited {
    service::Exited { code, signal: code.is_none().then_some(9), restart_at: code.map(|_| second(300)) }
}

/// What happens, each with its stream and the version it has there.
pub(super) fn events() -> Vec<(StreamId, u32, Event)> {
    let home = StreamId::new(Category::Home, 0);
    let job = |id: u128| StreamId::from(JobId(id));
    let node = |id: u128| StreamId::from(NodeId(id));
    let schedule = |id: u128| StreamId::from(ScheduleId(id));
    let service = |id: u128| StreamId::from(ServiceId(id));
    let file = |id: u128| StreamId::from(FileId(id));
    let token_stream = |id: u128| StreamId::from(TokenId(id));
    let server = |id: u128| StreamId::from(McpServerId(id));
    let tenth = Submitted { not_before: Some(second(118)), deadline: Some(second(500)), ..submitted("slow") };
    vec![
        (node(1), 1, joined("here", true).into()),
        (node(2), 1, joined("far", false).into()),
        (home, 12, QueueSet { queue: "slow".to_owned(), limit: Some(1), paused: false }.into()),
        (home, 13, PricesSet { gpus: vec![("a100".to_owned(), 2500)], regions: vec![("eu".to_owned(), 1100)] }.into()),
        (job(11), 1, submitted("default").into()),
        (job(12), 1, Submitted { requires: required(), priority: 9, ..submitted("default") }.into()),
        (job(13), 1, Submitted { after: vec![JobId(11)], unique: Some(digest_of("one")), ..tenth }.into()),
        (job(14), 1, Submitted { effect: Effect::Once, ..submitted("slow") }.into()),
        (job(11), 2, claimed(1, 1, None).into()),
        (job(12), 2, claimed(2, 1, Some(second(200))).into()),
        (job(11), 3, Failed { node: NodeId(1), attempt: 1, retry_at: Some(second(115)), not_begun: false }.into()),
        (home, 14, NodesHeard { nodes: vec![NodeId(2)], until: second(400) }.into()),
        (job(12), 3, Released { node: NodeId(2), attempt: 1 }.into()),
        (job(14), 2, claimed(1, 1, None).into()),
        (job(14), 3, lost(1, 1, AfterLoss::Interrupted).into()),
        (job(14), 4, Retried {}.into()),
        (node(2), 2, node::Draining {}.into()),
        (node(2), 3, node::Resumed {}.into()),
        (node(2), 4, node::Lost {}.into()),
        (node(2), 5, node::Left {}.into()),
        (home, 15, ClockAdvanced {}.into()),
        (job(11), 4, claimed(1, 2, None).into()),
        (job(11), 5, Completed { node: NodeId(1), attempt: 2 }.into()),
        (job(14), 5, claimed(1, 2, None).into()),
        (job(14), 6, CancelRequested {}.into()),
        (job(14), 7, Cancelled {}.into()),
        (job(13), 2, Expired {}.into()),
        (node(3), 1, joined("gone", false).into()),
        (node(3), 2, node::Removed {}.into()),
        (schedule(1), 1, Added { plan: plan("FREQ=DAILY", Misfire::Once), next: Some(second(110)) }.into()),
        (schedule(2), 1, Added { plan: plan("FREQ=WEEKLY", Misfire::Skip), next: Some(second(120)) }.into()),
        (job(21), 1, Submitted { kind: JobKind::Memorize, ..all_of_a_schedule(110) }.into()),
        (schedule(1), 2, occurred(110, 21, false).into()),
        (job(22), 1, Submitted { kind: JobKind::Memorize, ..all_of_a_schedule(125) }.into()),
        (schedule(1), 3, occurred(125, 22, true).into()),
        (schedule(2), 2, missed(120).into()),
        (schedule(2), 3, Edited { plan: plan("FREQ=HOURLY", Misfire::All(5)), next: Some(second(300)) }.into()),
        (schedule(2), 4, Paused {}.into()),
        (schedule(2), 5, schedule::Resumed { next: Some(second(301)) }.into()),
        (job(21), 2, claimed(1, 1, None).into()),
        (job(21), 3, Failed { node: NodeId(1), attempt: 1, retry_at: None, not_begun: false }.into()),
        (job(22), 2, claimed(1, 1, None).into()),
        (job(22), 3, Completed { node: NodeId(1), attempt: 1 }.into()),
        (schedule(3), 1, Added { plan: plan("FREQ=YEARLY", Misfire::Once), next: None }.into()),
        (schedule(3), 2, schedule::Removed {}.into()),
        (service(1), 1, service::Added { label: "web".to_owned(), port: Some(8000), wanted: true }.into()),
        (service(1), 2, service::Spawned { port: Some(8000) }.into()),
        (service(1), 3, service::HealthChanged { healthy: true }.into()),
        (service(1), 4, exited(Some(3)).into()),
        (service(1), 5, service::StopRequested {}.into()),
        (service(1), 6, service::StartRequested {}.into()),
        (service(1), 7, service::RestartRequested {}.into()),
        (service(2), 1, service::Added { label: "gone".to_owned(), port: None, wanted: false }.into()),
        (service(2), 2, service::Removed {}.into()),
        (file(1), 1, put("site/index.html", "one").into()),
        (file(1), 2, put("site/index.html", "two").into()),
        (file(2), 1, put("notes.txt", "three").into()),
        (file(2), 2, file::Removed {}.into()),
        (file(3), 1, shared("site/").into()),
        (file(4), 1, shared("site/index.html").into()),
        (file(4), 2, Unshared {}.into()),
        (token_stream(1), 1, token("laptop").into()),
        (token_stream(2), 1, token("gone").into()),
        (token_stream(2), 2, TokenRevoked {}.into()),
        (node(4), 1, joined("near", false).into()),
        (job(31), 1, submitted("default").into()),
        (job(31), 2, claimed(4, 1, Some(second(600))).into()),
        (home, 16, NodesHeard { nodes: vec![NodeId(4)], until: second(900) }.into()),
        (job(32), 1, Submitted { after: vec![JobId(31)], ..submitted("default") }.into()),
        (job(33), 1, Submitted { not_before: Some(second(8000)), ..submitted("slow") }.into()),
        (job(34), 1, Submitted { kind: JobKind::Agent, priority: 3, ..submitted("default") }.into()),
        (job(35), 1, all_of_a_schedule(140).into()),
        (schedule(1), 4, occurred(140, 35, true).into()),
        (job(35), 2, claimed(1, 1, None).into()),
        (job(35), 3, Failed { node: NodeId(1), attempt: 1, retry_at: None, not_begun: false }.into()),
        (job(36), 1, Submitted { effect: Effect::Once, ..submitted("default") }.into()),
        (job(36), 2, claimed(1, 1, None).into()),
        (job(36), 3, lost(1, 1, AfterLoss::Interrupted).into()),
        (job(37), 1, submitted("default").into()),
        (job(37), 2, claimed(1, 1, None).into()),
        (job(37), 3, CancelRequested {}.into()),
        (job(38), 1, submitted("default").into()),
        (job(38), 2, claimed(1, 1, None).into()),
        (job(38), 3, Failed { node: NodeId(1), attempt: 1, retry_at: None, not_begun: false }.into()),
        (job(38), 4, Retried {}.into()),
        (node(5), 1, joined("drains", false).into()),
        (node(5), 2, node::Draining {}.into()),
        (node(6), 1, joined("resumed", false).into()),
        (node(6), 2, node::Draining {}.into()),
        (node(6), 3, node::Resumed {}.into()),
        (node(7), 1, joined("lost", false).into()),
        (node(7), 2, node::Lost {}.into()),
        (schedule(4), 1, Added { plan: plan("FREQ=DAILY", Misfire::Once), next: Some(second(9000)) }.into()),
        (schedule(4), 2, Paused {}.into()),
        (service(3), 1, service::Added { label: "stopped".to_owned(), port: None, wanted: true }.into()),
        (service(3), 2, service::StopRequested {}.into()),
        (service(4), 1, service::Added { label: "api".to_owned(), port: None, wanted: false }.into()),
        (service(4), 2, service::StartRequested {}.into()),
        (service(4), 3, service::Spawned { port: Some(8001) }.into()),
        (service(4), 4, service::HealthChanged { healthy: false }.into()),
        (server(1), 1, mcp::ServerAdded { name: "files".to_owned() }.into()),
        (server(2), 1, mcp::ServerAdded { name: "gone".to_owned() }.into()),
        (server(2), 2, mcp::ServerRemoved {}.into()),
    ]
}

fn all_of_a_schedule(due: i64) -> Submitted {
    Submitted { occasion: Some(Occasion { schedule: ScheduleId(1), due: second(due) }), ..Submitted::default() }
}

/// Events of every kind; of those with optional fields one with all and one with none.
pub(super) fn samples() -> Vec<Event> {
    let kinds = JobKind::ALL.map(|kind| Submitted { kind, ..Submitted::default() }.into());
    let misfires = [Misfire::Skip, Misfire::Once, Misfire::All(3)];
    let added = misfires.map(|misfire| Added { plan: plan("FREQ=DAILY", misfire), next: Some(second(1)) }.into());
    let whys = [WhyMissed::Policy, WhyMissed::BackOff, WhyMissed::Inactive, WhyMissed::Busy];
    let missed = whys.map(|why| Missed { why, ..missed(1) }.into());
    let lost = [AfterLoss::Ready, AfterLoss::Interrupted, AfterLoss::Dead].map(|then| lost(3, 4, then).into());
    let one_by_one = vec![
        QueueSet { queue: "slow".to_owned(), limit: Some(1), paused: false }.into(),
        QueueSet { queue: "slow".to_owned(), limit: None, paused: true }.into(),
        ClockAdvanced {}.into(),
        NodesHeard { nodes: vec![NodeId(1), NodeId(2)], until: second(9) }.into(),
        PricesSet { gpus: vec![("a100".to_owned(), 2500)], regions: vec![("eu".to_owned(), 1100)] }.into(),
        PricesSet::default().into(),
        all_of_a_job().into(),
        claimed(1, 2, None).into(),
        claimed(1, u32::MAX, Some(second(3))).into(),
        Completed { node: NodeId(1), attempt: 2 }.into(),
        Failed { node: NodeId(1), attempt: 1, retry_at: Some(second(4)), not_begun: false }.into(),
        Failed { node: NodeId(1), attempt: 1, retry_at: None, not_begun: true }.into(),
        Released { node: NodeId(2), attempt: 1 }.into(),
        CancelRequested {}.into(),
        Cancelled {}.into(),
        Retried {}.into(),
        Expired {}.into(),
        joined("far", false).into(),
        node::Joined { name: "bare".to_owned(), capacity: 1, ..node::Joined::default() }.into(),
        node::Joined { token: Some(TokenId(7)), ..joined("bound", false) }.into(),
        node::Draining {}.into(),
        node::Resumed {}.into(),
        node::Left {}.into(),
        node::Lost {}.into(),
        node::Removed {}.into(),
        Added { plan: Plan { check_in: true, ..plan("FREQ=DAILY", Misfire::Once) }, next: None }.into(),
        Edited { plan: plan("FREQ=DAILY", Misfire::Skip), next: Some(second(2)) }.into(),
        Paused {}.into(),
        schedule::Resumed { next: Some(second(2)) }.into(),
        schedule::Resumed { next: None }.into(),
        schedule::Removed {}.into(),
        occurred(5, 6, false).into(),
        Occurred { next: None, ..occurred(5, 6, true) }.into(),
        service::Added { label: "web".to_owned(), port: Some(8000), wanted: true }.into(),
        service::Added { label: "any".to_owned(), port: None, wanted: false }.into(),
        service::StartRequested {}.into(),
        service::StopRequested {}.into(),
        service::RestartRequested {}.into(),
        service::Spawned { port: Some(8000) }.into(),
        service::Spawned { port: None }.into(),
        service::HealthChanged { healthy: true }.into(),
        service::HealthChanged { healthy: false }.into(),
        exited(Some(3)).into(),
        exited(None).into(),
        service::Removed {}.into(),
        put("site/index.html", "one").into(),
        file::Removed {}.into(),
        shared("site/").into(),
        Shared { expires_at: None, ..shared("a.txt") }.into(),
        Unshared {}.into(),
        token("laptop").into(),
        TokenCreated { scopes: vec![Scope::Admin, Scope::Node], expires_at: None, ..token("all") }.into(),
        TokenRevoked {}.into(),
        mcp::ServerAdded { name: "files".to_owned() }.into(),
        mcp::ServerRemoved {}.into(),
    ];
    kinds.into_iter().chain(added).chain(missed).chain(lost).chain(one_by_one).collect()
}
