//! Laws of work and its time: jobs, nodes, schedules, services, files, tokens; and what random sequences of them are made
//! of: nonsense, and what somebody would ask who knows what is going on.

mod recount;

pub(super) use self::recount::{check_attempts, recount_work};

use self::recount::check_occurrences;
use super::*;
use crate::decide::job::Attempt;
use crate::decide::schedule::Occurrence;
use crate::decide::service::ServiceNews;
use crate::event::home::{ClockAdvanced, NodesHeard, PricesSet, QueueSet};
use crate::event::job::{
    AfterLoss, Backoff, CancelRequested, Cancelled, Claimed, Completed, Effect, Expired, Failed, JobBody, JobKind,
    LeaseLost, Released, Requirements, Retried, Submitted,
};
use crate::event::schedule::{Misfire, Missed, Occurred, Plan, PlanBody, WhyMissed};
use crate::event::vault::{Scope, TokenCreated, TokenRevoked};
use crate::event::{file, mcp, node, schedule, service};
use crate::ids::{FileId, JobId, McpServerId, NodeId, ScheduleId, ServiceId, TokenId};
use crate::views::jobs::{Job, JobState};

/// A moment of the writer's time, in which each event takes a millisecond.
fn moment(number: u8) -> Timestamp {
    Timestamp(1_700_000_000_000 + i64::from(number))
}

fn job_id(number: u8) -> JobId {
    JobId(u128::from(number % 12))
}

fn node_id(number: u8) -> NodeId {
    NodeId(u128::from(number % 3))
}

fn some<T>(number: u8, value: T) -> Option<T> {
    number.is_multiple_of(4).then_some(value)
}

fn queue_name(number: u8) -> String {
    ["default", "slow", ""][usize::from(number / 3 % 3).min(usize::from(number % 8))].to_owned()
}

fn requires(number: u8) -> Requirements {
    Requirements {
        labels: if number.is_multiple_of(8) { vec!["fast".to_owned()] } else { Vec::new() },
        max_price_micros: some(number / 8, u64::from(number)),
        ..Requirements::default()
    }
}

fn submitted([a, b, c, d]: [u8; 4]) -> Submitted {
    Submitted {
        kind: JobKind::ALL[usize::from(a % 5)],
        effect: [Effect::Pure, Effect::Idempotent, Effect::Once][usize::from(b % 3)],
        queue: queue_name(b),
        priority: i16::from(c % 3) - 1,
        not_before: some(a, moment(d)),
        deadline: some(b, moment(c)),
        unique: some(c, Digest(u128::from(d % 3))),
        after: if d % 4 == 0 { vec![job_id(a), job_id(b)] } else { Vec::new() },
        max_attempts: u16::from(d % 4),
        backoff: Backoff { first_ms: u32::from(a), longest_ms: 20 },
        requires: requires(c ^ a),
        batch: some(a ^ b, job_id(d)),
        ..Submitted::default()
    }
}

fn attempt([a, b, c]: [u8; 3]) -> Attempt {
    Attempt { job: job_id(a), node: node_id(b), attempt: u32::from(c % 3) }
}

fn joined(number: u8, local: bool) -> node::Joined {
    node::Joined {
        name: text(number % 3),
        capacity: u32::from(number % 4),
        labels: if number.is_multiple_of(2) { vec!["fast".to_owned()] } else { Vec::new() },
        region: some(number, "eu".to_owned()),
        gpu: some(number / 2, "a100".to_owned()),
        price_micros: number.into(),
        local,
        token: some(number / 4, TokenId(u128::from(number % 3))),
    }
}

fn prices(a: u8, b: u8) -> PricesSet {
    let row = |number: u8| vec![(text(number % 3), u32::from(number))];
    PricesSet { gpus: row(a), regions: if b.is_multiple_of(2) { row(b) } else { Vec::new() } }
}

fn plan(number: u8) -> Plan {
    Plan {
        rule: text(number),
        zone: "Europe/Berlin".to_owned(),
        misfire: [Misfire::Skip, Misfire::Once, Misfire::All(3)][usize::from(number % 3)],
        ..Plan::default()
    }
}

fn missed(from: Timestamp, a: u8, next: Option<Timestamp>) -> Missed {
    Missed { from, to: Timestamp(from.0 + 1), count: a.into(), why: WhyMissed::Policy, next }
}

fn put(number: u8) -> file::Put {
    let name = ["a.txt", "site/index.html", "../up", "b//c"][usize::from(number % 4)].to_owned();
    file::Put { name, size: number.into(), digest: Digest(u128::from(number / 8)), media_type: "text/plain".to_owned() }
}

fn shared(number: u8) -> file::Shared {
    let name = ["a.txt", "site/", "", "nobody's"][usize::from(number % 4)].to_owned();
    file::Shared { name, hash: [number; 32], site: number.is_multiple_of(2), expires_at: some(number, moment(number)) }
}

fn token(a: u8, b: u8) -> TokenCreated {
    let scopes = if b.is_multiple_of(8) { vec![Scope::Node, Scope::Ask] } else { vec![Scope::ALL[usize::from(b % 4)]] };
    TokenCreated { name: text(a), hash: [a; 32], scopes, expires_at: some(b, moment(b)) }
}

fn service_news(a: u8, b: u8) -> ServiceNews {
    match a % 3 {
        0 => ServiceNews::Spawned(service::Spawned { port: some(b, b.into()) }),
        1 => ServiceNews::HealthChanged(service::HealthChanged { healthy: b.is_multiple_of(2) }),
        _ => ServiceNews::Exited(exited(b)),
    }
}

fn exited(number: u8) -> service::Exited {
    service::Exited { code: some(number, number.into()), signal: None, restart_at: some(number, moment(number)) }
}

fn server_added(number: u8) -> mcp::ServerAdded {
    mcp::ServerAdded { name: ["files", "web", "", "a_b"][usize::from(number % 4)].to_owned() }
}

fn service_added(a: u8, b: u8) -> service::Added {
    service::Added { label: text(a % 3), port: some(b, u16::from(b) + 1), wanted: a.is_multiple_of(2) }
}

fn occurrence(schedule: ScheduleId, due: Timestamp, job: JobId, [a, b, c, d]: [u8; 4]) -> Command {
    let submitted = Submitted { max_attempts: 2, after: Vec::new(), ..submitted([a, b, c, d]) };
    let (next, by_hand, body) = (Some(Timestamp(due.0 + 1 + i64::from(c))), d % 4 == 0, JobBody::default());
    Command::Occur(Box::new(Occurrence { schedule, due, next, by_hand, job, submitted, body }))
}

/// Commands of work; most of them are refused, for there is no such thing.
pub(super) fn work_command(kind: u8, [thing, a, b, c, d]: [u8; 5]) -> Command {
    let (job, node) = (job_id(thing), node_id(thing));
    let schedule = ScheduleId(u128::from(thing % 3));
    let service = ServiceId(u128::from(thing % 3));
    let file = FileId(u128::from(a % 4));
    let share = FileId(u128::from(thing % 3) + 100);
    let token_id = TokenId(u128::from(thing % 4) + 1);
    let next = some(c, moment(d)).or(Some(moment(c)));
    let server = McpServerId(u128::from(thing % 3));
    match kind % 32 {
        0..6 => Command::SubmitJob { job, submitted: Box::new(submitted([a, b, c, d])), body: JobBody::default() },
        6..10 => Command::ClaimJob {
            node,
            lease_ms: (a % 2 == 0).then(|| u64::from(b % 16)),
            queues: if c % 4 == 0 { vec![queue_name(d)] } else { Vec::new() },
        },
        10 => Command::CompleteJob { attempt: attempt([a, b, c]), body: None },
        11 => Command::FailJob {
            attempt: attempt([a, b, c]),
            again: d % 4 != 0,
            not_begun: d % 8 == 1,
            jitter: u32::MAX / 3,
            body: None,
        },
        12 => match d % 3 {
            0 => Command::ReleaseJob { attempt: attempt([a, b, c]) },
            1 => Command::RecordJobStopped { attempt: attempt([a, b, c]), body: None },
            _ => Command::LoseJob { attempt: attempt([a, b, c]), body: None },
        },
        13 => Command::CancelJob { job, reason: some(a, text(b)) },
        14 => Command::RetryJob { job },
        15 => Command::AdvanceClock,
        16 => Command::SetQueue {
            set: QueueSet { queue: queue_name(a), limit: some(b, u32::from(c % 3)), paused: d % 8 == 0 },
        },
        17 => Command::JoinNode { node, joined: joined(a, node.0 == 0), running: vec![(job_id(b), u32::from(c % 3))] },
        18 if a % 2 == 0 => Command::DrainNode { node },
        18 => Command::ResumeNode { node },
        19 if a % 2 == 0 => Command::LeaveNode { node },
        19 => Command::RemoveNode { node },
        20 => Command::HearNodes { nodes: vec![node, node_id(a), node], lease_ms: b.into() },
        21 => Command::SetPrices { prices: prices(a, b) },
        22 => Command::AddSchedule { schedule, plan: plan(a), body: PlanBody::default(), next },
        23 => match a % 4 {
            0 => Command::EditSchedule { schedule, plan: plan(b), body: PlanBody::default(), next },
            1 => Command::PauseSchedule { schedule },
            2 => Command::ResumeSchedule { schedule, next },
            _ => Command::RemoveSchedule { schedule },
        },
        24 => occurrence(schedule, moment(a), job_id(b), [a, b, c, d]),
        25 => Command::MissOccurrences { schedule, missed: missed(moment(a), b, next) },
        26 => Command::AddService { service, added: service_added(thing, b), body: service::ServiceBody::default() },
        27 => match a % 5 {
            0 => Command::StartService { service },
            1 => Command::StopService { service },
            2 => Command::RestartService { service },
            3 => Command::RemoveService { service },
            _ => Command::RecordService { service, news: service_news(b, c) },
        },
        28 if b % 3 == 0 => Command::RemoveFile { file, name: put(a).name },
        // Sometimes the stream is not that of the name.
        28 => Command::PutFile { file, put: put(if b % 16 == 1 { c } else { a }), body: file::ContentBody::default() },
        29 if b % 2 == 0 => Command::UnshareFile { share },
        29 => Command::ShareFile { share, shared: shared(a), body: file::ShareBody::default() },
        30 if d % 4 == 0 => Command::AddMcpServer { server, added: server_added(b), body: mcp::ServerBody::default() },
        30 if d % 4 == 1 => Command::RemoveMcpServer { server },
        30 => Command::CreateToken { token: token_id, created: token(a, b) },
        _ => Command::RevokeToken { token: token_id },
    }
}

/// A command that somebody who knows what is going on would give: about a job that is running, a schedule that is due.
fn likely_command([kind, thing, a, b, c, d, ..]: Dice, views: &Views) -> Command {
    let pick = |length: usize| usize::from(thing) % length.max(1);
    let fresh = u128::from(views.position.0) + 1000;
    let mut running: Vec<(JobId, &Job)> = views.jobs.open().collect();
    running.sort_unstable_by_key(|(id, _)| *id);
    running.retain(|(_, job)| matches!(job.state, JobState::Running { .. }));
    let attempt = running.get(pick(running.len())).and_then(|(id, job)| match job.state {
        JobState::Running { node, .. } => Some(Attempt { job: *id, node, attempt: job.attempt }),
        _ => None,
    });
    let due = views.schedules.due(Timestamp(i64::MAX), usize::MAX);
    match (kind % 16, attempt, due.get(pick(due.len()))) {
        (0..2, ..) => {
            let submitted = Submitted { max_attempts: 2, ..submitted([a, b, c, d | 1]) };
            Command::SubmitJob { job: JobId(fresh), submitted: Box::new(submitted), body: JobBody::default() }
        }
        (2, Some(attempt), _) => Command::CompleteJob { attempt, body: None },
        (3, Some(attempt), _) => {
            Command::FailJob { attempt, again: a % 2 == 0, not_begun: a % 4 == 1, jitter: 0, body: None }
        }
        (4, Some(attempt), _) => match a % 4 {
            0 => Command::ReleaseJob { attempt },
            1 => Command::CancelJob { job: attempt.job, reason: None },
            2 => Command::RecordJobStopped { attempt, body: None },
            _ => Command::LoseJob { attempt, body: None },
        },
        (5 | 6, _, Some((due, schedule))) => occurrence(*schedule, *due, JobId(fresh), [a, b, c, d]),
        (7, _, Some((due, schedule))) => {
            Command::MissOccurrences { schedule: *schedule, missed: missed(*due, a, Some(Timestamp(due.0 + 5))) }
        }
        _ => work_command((kind / 16) ^ a, [thing, a, b, c, d]),
    }
}

/// A log as the writer makes it, of work alone.
pub(super) fn written_work(dice: &[Dice]) -> Writer {
    let mut writer = Writer::default();
    for &dice in dice {
        writer.ahead_ms += i64::from(dice[7] % 4);
        let _ = writer.run(likely_command(dice, &writer.views));
    }
    writer
}

/// An event of work.
pub(super) fn work_event(kind: u8, [thing, a, b, c, d]: [u8; 5]) -> Event {
    let (node, attempt) = (node_id(a), u32::from(b % 3));
    let next = some(c, Timestamp(i64::from(d) * 86_400_000 / 16));
    let due = Timestamp(i64::from(b) * 86_400_000 / 16);
    match kind {
        // Jobs have small ids: their streams are those of the numbers 0 to 3.
        28 | 29 => Submitted {
            after: if d % 4 == 0 { vec![JobId(u128::from(b % 4))] } else { Vec::new() },
            not_before: some(a, due),
            deadline: some(b, due),
            ..submitted([a, b, c, 1])
        }
        .into(),
        30 if thing % 3 == 0 => {
            Claimed { node, attempt: if b == 255 { u32::MAX } else { attempt }, until: next }.into()
        }
        30 => Claimed { node, attempt: 1, until: next }.into(),
        31 => match d % 8 {
            0 => Completed { node, attempt }.into(),
            1 | 2 => Failed { node, attempt, retry_at: next, not_begun: c % 4 == 1 }.into(),
            3 => LeaseLost {
                node,
                attempt,
                then: [AfterLoss::Ready, AfterLoss::Interrupted, AfterLoss::Dead][usize::from(c % 3)],
            }
            .into(),
            4 => Released { node, attempt }.into(),
            5 => CancelRequested {}.into(),
            6 => Retried {}.into(),
            _ if c % 2 == 0 => Expired {}.into(),
            _ => Cancelled {}.into(),
        },
        32 => match d % 4 {
            0 => QueueSet { queue: queue_name(a), limit: some(b, c.into()), paused: c % 2 == 0 }.into(),
            1 => ClockAdvanced {}.into(),
            2 => NodesHeard { nodes: vec![node, node_id(b)], until: due }.into(),
            _ => prices(a, b).into(),
        },
        33 => match d % 8 {
            0..3 => joined(a, b % 2 == 0).into(),
            3 => node::Draining {}.into(),
            4 => node::Resumed {}.into(),
            5 => node::Left {}.into(),
            6 => node::Lost {}.into(),
            _ => node::Removed {}.into(),
        },
        34 => match d % 4 {
            0 | 1 => schedule::Added { plan: plan(a), next: Some(due) }.into(),
            2 => schedule::Edited { plan: plan(a), next }.into(),
            _ if c % 3 == 0 => schedule::Paused {}.into(),
            _ if c % 3 == 1 => schedule::Resumed { next }.into(),
            _ => schedule::Removed {}.into(),
        },
        35 if d % 4 == 0 => missed(due, c, next).into(),
        35 => Occurred { due, job: JobId(u128::from(a % 4)), next, by_hand: d % 2 == 0 }.into(),
        36 => match d % 8 {
            0 | 1 => service_added(a, b).into(),
            2 => service::StartRequested {}.into(),
            3 => service::StopRequested {}.into(),
            4 => service::RestartRequested {}.into(),
            5 => service::Removed {}.into(),
            _ => match service_news(b, c) {
                ServiceNews::Spawned(event) => event.into(),
                ServiceNews::HealthChanged(event) => event.into(),
                ServiceNews::Exited(event) => event.into(),
            },
        },
        37 if d % 3 == 0 => file::Removed {}.into(),
        37 => put(a).into(),
        38 if d % 3 == 0 => file::Unshared {}.into(),
        38 => shared(a).into(),
        _ if d % 3 == 0 && c % 2 == 0 => TokenRevoked {}.into(),
        _ if d % 3 == 0 && c % 4 == 1 => mcp::ServerRemoved {}.into(),
        _ if d % 3 == 0 => server_added(b).into(),
        _ => token(a, b).into(),
    }
}

proptest! {
    #![proptest_config(config())]

    /// What is decided about work is always possible, and its attempts and occurrences keep their laws.
    #[test]
    fn work_keeps_its_laws(dice in vec(any::<Dice>(), 0..200)) {
        let writer = written_work(&dice);
        prop_assert_eq!(&writer.views.anomalies, &[]);
        check_attempts(&writer.log);
        check_occurrences(&writer.log);
        recount_work(&writer.views);
        check_against_a_naive_fold(&writer.views, &writer.log);
        prop_assert!(reread(&writer) == writer.log);
    }

    #[test]
    fn work_can_be_resumed_at_every_position(dice in vec(any::<Dice>(), 0..60)) {
        check_every_cut(&written_work(&dice).log);
    }
}
