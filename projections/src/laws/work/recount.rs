//! What a log and its views must say of work, counted anew and slowly.

use super::*;
use crate::views::nodes::{Node, NodeState, WHOLE};

/// The law of attempts, from a log alone: each begins when none is under way and with the next number; whoever ends one
/// names the one that is under way; a job that has ended stays so.
pub(in crate::laws) fn check_attempts(log: &[Recorded]) {
    #[derive(Default)]
    struct Told {
        last: u32,
        under_way: Option<(NodeId, u32)>,
        ended: bool,
    }
    let mut jobs: BTreeMap<JobId, Told> = BTreeMap::new();
    for Recorded { header, event } in log {
        if header.stream.category != Category::Job || matches!(event, Event::Placeholder(_)) {
            continue;
        }
        let id = JobId(header.stream.id);
        if matches!(event, Event::JobSubmitted(_)) {
            assert!(jobs.insert(id, Told::default()).is_none(), "job {id} is submitted twice");
            continue;
        }
        let job = jobs.get_mut(&id).expect("it was submitted");
        assert!(!job.ended, "{} of job {id}, which has ended", event.name());
        let ends = match event {
            Event::JobClaimed(event) => {
                assert_eq!((job.under_way, job.last + 1), (None, event.attempt), "job {id}");
                (job.last, job.under_way) = (event.attempt, Some((event.node, event.attempt)));
                continue;
            }
            Event::JobCompleted(event) => Some((event.node, event.attempt)),
            Event::JobFailed(event) => Some((event.node, event.attempt)),
            Event::JobReleased(event) => Some((event.node, event.attempt)),
            Event::JobLeaseLost(event) => Some((event.node, event.attempt)),
            Event::JobExpired(_) | Event::JobRetried(_) => None,
            Event::JobCancelled(_) => job.under_way,
            _ => continue,
        };
        assert_eq!(job.under_way, ends, "{} of job {id}", event.name());
        job.under_way = None;
        job.ended = matches!(event, Event::JobCompleted(_) | Event::JobCancelled(_));
    }
}

/// A node that has whatever is required here.
fn capable(local: bool) -> Node {
    let joined = joined(0, local);
    Node {
        name: joined.name,
        capacity: 1,
        labels: joined.labels,
        region: None,
        gpu: None,
        price_micros: 0,
        local,
        token: None,
        state: NodeState::Up,
        joined: Position(1),
        heard_at: Timestamp(0),
        reputation: WHOLE,
        completed: 0,
        failed: 0,
        lost: 0,
    }
}

/// Counts jobs anew, slowly, and asks every index of them.
fn recount_jobs(views: &Views) {
    let jobs = &views.jobs;
    let open: BTreeMap<JobId, &Job> = jobs.open().collect();
    let in_state = |name: &str| open.values().filter(|job| job.state.name() == name).count() as u64;
    let counts = jobs.counts();
    for (name, count) in [
        ("blocked", counts.blocked),
        ("waiting", counts.waiting),
        ("ready", counts.ready),
        ("running", counts.running),
        ("interrupted", counts.interrupted),
        ("dead", counts.dead),
    ] {
        assert_eq!(in_state(name), count, "{name}");
    }
    assert_eq!(jobs.ended_newest_first().count() as u64, counts.done + counts.cancelled);
    for (id, _) in jobs.ended_newest_first() {
        assert!(!open.contains_key(&id) && jobs.is_known(id) && jobs.get(id).is_none());
    }
    let in_batches = |job: &Job, id: JobId| job.batch.is_none_or(|batch| jobs.batch(batch).contains(&id));
    assert!(open.iter().all(|(id, job)| in_batches(job, *id)), "a batch lacks a job of its");
    for job in (0..12).map(JobId).flat_map(|batch| jobs.batch(batch)) {
        assert!(jobs.is_known(*job), "a batch has a job that there never was");
    }
    for (_, ended) in jobs.ended_newest_first() {
        assert!(jobs.queues().contains_key(jobs.queue_of_ended(ended)), "the queue of what has ended is known");
    }
    let mut queues: BTreeMap<&str, (u32, u64)> = BTreeMap::new();
    let mut running: BTreeMap<NodeId, Vec<JobId>> = BTreeMap::new();
    let (mut due, mut doomed) = (Vec::new(), Vec::new());
    for (id, job) in &open {
        let queue = queues.entry(&jobs.class(job).queue).or_default();
        queue.1 += u64::from(job.state.is_pending());
        if let JobState::Running { node, until, .. } = job.state {
            queue.0 += 1;
            running.entry(node).or_default().push(*id);
            due.extend(until);
        }
        due.extend(job.deadline.filter(|_| job.state.is_pending()));
        due.extend(if let JobState::Waiting { due } = job.state { Some(due) } else { None });
        if job.after.iter().any(|other| !open.contains_key(other)) {
            doomed.push(*id);
        }
        assert!(job.after.is_empty() || matches!(job.state, JobState::Blocked | JobState::Dead), "{id}: {job:?}");
        assert!(job.state != JobState::Blocked || !job.after.is_empty(), "{id}: {job:?}");
        if let Some(unique) = job.unique {
            assert_eq!(jobs.by_unique(unique), Some(*id), "one open job of a key at a time");
        }
    }
    for (name, queue) in jobs.queues() {
        assert_eq!((queue.running, queue.pending), queues.remove(name.as_str()).unwrap_or_default(), "{name}");
    }
    assert_eq!(queues.len(), 0, "every queue that has a job is known");
    for node in (0..4).map(NodeId) {
        let expected = running.remove(&node).unwrap_or_default();
        assert_eq!((jobs.load_of(node), jobs.running_on(node).collect()), (expected.len(), expected));
    }
    for unique in (0..4).map(Digest) {
        let holder = jobs.by_unique(unique).map(|id| open[&id].unique);
        assert!(holder.is_none_or(|held| held == Some(unique)));
    }
    assert_eq!(jobs.doomed(usize::MAX), doomed);
    let next = if doomed.is_empty() { due.into_iter().min() } else { Some(Timestamp(i64::MIN)) };
    assert_eq!(jobs.next_due(), next);
    let now = views.at;
    for local in [true, false] {
        let node = capable(local);
        let can_begin = |(_, job): &(&JobId, &&Job)| {
            let class = jobs.class(job);
            let queue = &jobs.queues()[&class.queue];
            job.state == JobState::Ready
                && (local || !class.local)
                && !queue.paused
                && queue.limit.is_none_or(|limit| queue.running < limit)
                && job.deadline.is_none_or(|deadline| deadline > now)
        };
        let first = open.iter().filter(can_begin).min_by_key(|(_, job)| (-i32::from(job.priority), job.submitted));
        assert_eq!(jobs.next_for(&node, 0, &[], now), first.map(|(id, _)| *id));
    }
}

/// Counts everything of work anew.
pub(in crate::laws) fn recount_work(views: &Views) {
    recount_jobs(views);
    let schedules = &views.schedules;
    let mut due: Vec<(Timestamp, ScheduleId)> =
        schedules.iter().filter_map(|(id, schedule)| schedule.due().map(|due| (due, id))).collect();
    due.sort_unstable();
    assert_eq!(schedules.next_due(), due.first().map(|(due, _)| *due));
    assert_eq!(schedules.due(Timestamp(i64::MAX), usize::MAX), due);
    assert_eq!(schedules.len(), schedules.iter().count());
    let outstanding =
        schedules.iter().flat_map(|(id, schedule)| schedule.outstanding.iter().map(move |job| (*job, id)));
    let outstanding: BTreeMap<JobId, ScheduleId> = outstanding.collect();
    for job in (0..12).chain(1000..1100).map(JobId) {
        assert_eq!(schedules.of_job(job), outstanding.get(&job).copied());
    }
    let files = &views.files;
    let named: BTreeMap<&str, FileId> =
        files.iter().filter(|(_, file)| file.current().is_some()).map(|(id, file)| (file.name.as_str(), id)).collect();
    assert_eq!(files.len(), files.iter().filter(|(_, file)| file.current().is_some()).count());
    assert_eq!(files.list("", None).map(|file| &*file.name).collect::<Vec<_>>(), Vec::from_iter(named.keys().copied()));
    for (name, id) in named {
        assert_eq!((files.id_of(name), files.by_name(name)), (Some(id), files.get(id)));
    }
    assert_eq!(views.nodes.len(), views.nodes.iter().count());
}

/// An occurrence and its job are one commit, and no occurrence happens twice.
pub(super) fn check_occurrences(log: &[Recorded]) {
    let mut seen = BTreeSet::new();
    for (before, Recorded { header, event }) in log.iter().zip(log.iter().skip(1)) {
        let Event::ScheduleOccurred(occurred) = event else { continue };
        assert_eq!(before.header.stream, occurred.job.into(), "its job is submitted just before");
        let Event::JobSubmitted(submitted) = &before.event else { panic!("{before:?}") };
        let occasion = submitted.occasion.expect("it says what it is for");
        assert_eq!((occasion.schedule.0, occasion.due), (header.stream.id, occurred.due));
        // An edit may make the same moment due again.
        assert!(seen.insert((header.stream, occurred.job)), "{occurred:?} twice");
    }
}
